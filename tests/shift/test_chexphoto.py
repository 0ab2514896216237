"""CheXphoto's changes are what its definitions say, computed by hand."""

import numpy as np
import pytest
import torch
from corruptions import check_refused
from PIL import Image, ImageFilter
from scipy import ndimage

from radapt.shift import geometry
from radapt.shift.chexphoto import GRATINGS, PHOTOGRAPHIC
from radapt.shift.counter_rng import image_keys
from radapt.shift.expression import at, parse_shift
from radapt.shift.filters import box_weights
from radapt.shift.presets import CHEXPHOTO

LEVELS = (1, 2, 3, 4)  # those that it has itself
SIZE = 249  # a fifth of the width that its pixels are for
IMAGE = np.clip(
    ndimage.gaussian_filter(np.random.default_rng(0).normal(128, 900, (SIZE, SIZE)), 5) * 1.2, 0, 255
).astype(np.uint8)


def shifted(text, image=IMAGE, images=1, **fixed):
    """Shift an image, with some of what is drawn replaced: `tilt__left_upper_x`."""
    shift = parse_shift(text)
    drawn = shift.draw(image_keys([f"f{row}" for row in range(images)]), 0)
    names = {name.partition(".")[2]: name for name in drawn}
    for name, value in fixed.items():
        drawn[names[name.replace("_", "-")]] = np.full(images, float(value))
    return shift.apply(torch.from_numpy(np.repeat(image[None], images, axis=0)), drawn).numpy()


def drawn(text, images=400):
    return parse_shift(text).draw(image_keys([f"f{row}" for row in range(images)]), 0)


def test_every_change_of_its_list_is_there_at_its_own_numbers():
    assert len(CHEXPHOTO) == 13
    numbers = {
        "motion": ("pixels", [2, 10, 25, 45]),
        "glare_matte": ("radius", [50, 100, 150, 200]),
        "glare_glossy": ("share", [0.1, 0.2, 0.3, 0.4]),
        "tilt": ("share", [0.05, 0.1, 0.15, 0.2]),
        "moire": ("gap", [20, 4.5, 2.5, 1]),
        "rotation": ("degrees", [5, 10, 15, 20]),
        "translation": ("pixels", [20, 40, 60, 80]),
    }
    for name, (option, values) in numbers.items():
        corruptions = [at(f"chexphoto_{name}", level).corruptions for level in LEVELS]
        assert [getattr(corruption, option) for (corruption,) in corruptions] == values
    matte = [at("chexphoto_glare_matte", level).corruptions[0] for level in LEVELS]
    assert [(corruption.peak, corruption.most) for corruption in matte] == [
        (100, 170),
        (200, 190),
        (300, 210),
        (400, 230),
    ]
    glossy = [at("chexphoto_glare_glossy", level).corruptions[0].white for level in LEVELS]
    assert glossy == [170, 190, 210, 230]
    moire = [at("chexphoto_moire", level).corruptions[0].opacity for level in LEVELS]
    assert moire == [0.05, 0.15, 0.35, 0.5]


@pytest.mark.parametrize("name", ["brightness", "contrast"])
def test_brightness_and_contrast_are_about_those_of_its_levels(name):
    for level, factor in zip(LEVELS, (0.5, 2, 3, 4), strict=True):
        up, down = (drawn(f"chexphoto_{name}_{side}@{level}")[f"{name}.factor"] for side in ("up", "down"))
        for found, expected in ((up - 0.2 * factor, 1), (1 / down - 0.4 * factor, 1)):
            assert found.min() == pytest.approx(expected - 0.01, abs=2e-4)
            assert found.max() == pytest.approx(expected + 0.01, abs=2e-4)


@pytest.mark.parametrize(("level", "radius"), [(1, 1.5), (2, 3), (3, 6), (4, 10)])
def test_its_blur_is_pillows_on_a_image_1245_wide(level, radius):
    wide = np.asarray(Image.fromarray(IMAGE).resize((1245, 300), Image.Resampling.BICUBIC))
    expected = np.asarray(Image.fromarray(wide).filter(ImageFilter.GaussianBlur(radius))).astype(int)
    inner = (slice(40, -40), slice(40, -40))  # Pillow's are three even averages, each with its own edges
    difference = np.abs(shifted(f"chexphoto_blur@{level}", wide)[0] - expected)[inner]
    assert difference.max() <= 4
    assert difference.mean() < 1


@pytest.mark.parametrize("pixels", [25, 45])
def test_its_motion_is_the_mean_of_so_many_in_a_row_mirrored_at_the_edge(pixels):
    wide = np.random.default_rng(1).integers(0, 256, (3, 1245), dtype=np.uint8)
    half = pixels // 2
    padded = np.pad(wide.astype(float), ((0, 0), (half, half)), mode="reflect")
    expected = np.stack([padded[:, step : step + 1245] for step in range(pixels)]).mean(axis=0)
    assert np.abs(shifted(f"photo-motion({pixels})", wide)[0] - expected).max() <= 0.51


@pytest.mark.parametrize("variance", [0, 0.008, 0.25, 2 / 3, 1.9, 5.46, 52])
def test_an_even_average_spreads_as_widely_as_is_asked(variance):
    weights = np.array(box_weights(variance))
    places = np.arange(len(weights))
    assert 2 * weights.sum() - weights[0] == pytest.approx(1)
    assert 2 * (weights * places**2).sum() == pytest.approx(variance, abs=2e-4)
    assert len(set(weights[:-1].tolist())) <= 1
    if variance == 2 / 3:
        assert weights.tolist() == pytest.approx([1 / 3, 1 / 3])


def test_matte_glare_is_a_normal_curve_cut_off():
    black, grey = np.zeros((SIZE, SIZE), np.uint8), np.full((SIZE, SIZE), 100, np.uint8)
    place = {"x": 100 / SIZE, "y": 100 / SIZE}
    glare = shifted("chexphoto_glare_matte@3", black, **place)[0]
    # 150 of 1245 pixels are 30 here; 300 exp(-r^2 / 2) to 210 of 255
    assert glare[100, 100] == glare[100, 110] == 210
    assert glare[100, 130] == glare[130, 100] == int(300 * np.exp(-0.5)) == 181
    assert glare[100, 160] == int(300 * np.exp(-2)) == 40
    assert shifted("chexphoto_glare_matte@3", grey, **place)[0, 100, 130] == round(100 + 155 * 181 / 255)
    assert shifted("chexphoto_glare_matte@1", black, **place)[0].max() == 100


@pytest.mark.parametrize(
    ("place", "columns", "rows"),
    [
        (0, (0, 32), (0, 24)),
        (1, (0, 32), (36, 60)),
        (2, (0, 32), (56, 80)),
        (3, (34, 66), (0, 24)),
        (4, (34, 66), (36, 60)),
        (5, (34, 66), (56, 80)),
        (6, (68, 100), (0, 24)),
        (8, (68, 100), (56, 80)),
    ],
)
def test_glossy_glare_is_an_even_box_in_one_of_nine_places(place, columns, rows):
    image = np.full((80, 100), 55, np.uint8)
    fixed = {"place": place, "wide": 0.32, "high": 0.3, "x": 0.5, "y": 0.6, "white": 204}
    box = shifted("photo-glossy(0.3)", image, **fixed)[0]
    inside = np.zeros_like(image, dtype=bool)
    inside[slice(*rows), slice(*columns)] = True
    assert (box[inside] == 55 + 200 * 204 // 255).all()
    assert (box[~inside] == 55).all()


def test_glossy_glare_is_drawn_as_its_levels_say():
    draws = drawn("chexphoto_glare_glossy@2", 2000)
    assert set(draws["photo-glossy.place"]) == set(range(9))
    for side in ("wide", "high"):
        assert 0.2 <= draws[f"photo-glossy.{side}"].min() < 0.201
        assert 0.249 < draws[f"photo-glossy.{side}"].max() <= 0.25
    assert set(draws["photo-glossy.white"]) == set(range(190, 210))


def test_a_tilted_image_has_its_corners_where_they_were_drawn():
    corruption = parse_shift("photo-tilt(0.2)").corruptions[0]
    table = corruption.draw(image_keys([f"f{row}" for row in range(50)]), 0)
    matrices = corruption.matrix(table, 60, 100)
    for corner, (right, fall) in {
        "left-upper": (-1, -1),
        "right-lower": (1, 1),
        "left-lower": (-1, 1),
    }.items():
        across, down = table[f"{corner}-x"], table[f"{corner}-y"]
        assert across.min() >= 0
        assert 0.18 < across.max() <= 0.2
        shown = np.stack([right * (50 - 100 * across), fall * (30 - 60 * down), np.ones(50)], axis=1)
        read = np.einsum("nij,nj->ni", matrices, shown)
        assert np.allclose(read[:, :2] / read[:, 2:], [right * 50, fall * 30])


def test_a_image_with_all_corners_in_alike_is_smaller_within_black():
    corners = ("left_upper", "right_upper", "right_lower", "left_lower")
    fixed = {f"{corner}_{axis}": 0.1 for corner in corners for axis in "xy"}
    tilted = shifted("photo-tilt(0.2)", np.full((100, 50), 200, np.uint8), **fixed)[0]
    assert (tilted[10:90, 5:45] == 200).all()
    assert int(tilted.sum()) == 200 * 80 * 40


def test_four_places_are_read_where_four_others_are_shown():
    rng = np.random.default_rng(0)
    square = np.array([[-10, -10], [10, -10], [10, 10], [-10, 10.0]])
    shown, read = (square + rng.uniform(-4, 4, (20, 4, 2)) for _ in range(2))
    matrices = geometry.between(shown, read)
    found = np.einsum("nij,nkj->nki", matrices, np.concatenate([shown, np.ones((20, 4, 1))], axis=2))
    assert np.allclose(found[..., :2] / found[..., 2:], read)


def test_a_turned_image_is_shown_whole_with_black_in_the_corners():
    assert set(drawn("chexphoto_rotation@3")["photo-rotation.degrees"]) == {-15, 15}
    white = np.full((200, 100), 255, np.uint8)
    for degrees in (15, 45, -20):
        sine, cosine = abs(np.sin(np.deg2rad(degrees))), np.cos(np.deg2rad(degrees))
        turned = shifted("photo-rotation(45)", white, degrees=degrees)[0] / 255
        canvas = (100 * cosine + 200 * sine) * (200 * cosine + 100 * sine)
        assert turned.mean() == pytest.approx(100 * 200 / canvas, rel=0.01)
        assert turned[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
        assert (turned[0].max(), turned[:, -1].max()) > (0.1, 0.1), "it reaches every side"


def test_a_moved_image_is_smaller_by_a_hundred_pixels_to_each_side():
    draws = drawn("chexphoto_translation@3")
    assert {tuple(pair) for pair in np.stack(list(draws.values()), axis=1).tolist()} == {
        (60, 60),
        (60, -60),
        (-60, 60),
        (-60, -60),
    }
    white = np.full((SIZE, SIZE), 255, np.uint8)
    moved = shifted("photo-translation(60)", white, right=60, down=-60)[0]  # a fifth of each here
    assert (moved[20 - 12 : SIZE - 20 - 12, 20 + 12 : SIZE - 20 + 12] == 255).all()
    assert int((moved > 0).sum()) == (SIZE - 40) ** 2


# a level's opacity cut to a 255th, the share of rows that lines take, and the contrast that is left 224 wide,
# as measured on gratings that Pillow turned
MOIRE = {1: (12, 1 / 21, 0.0042), 2: (38, 2 / 11, 0.0123), 3: (89, 2 / 7, 0.0272), 4: (127, 1 / 2, 0.0725)}


@pytest.mark.parametrize("level", LEVELS)
def test_gratings_take_as_much_light_as_their_lines_and_leave_bands(level):
    opacity, share, contrast = MOIRE[level]
    grey = np.full((224, 224), 250, np.uint8)
    corruption = at("chexphoto_moire", level).corruptions[0]
    seen = corruption.transform(
        torch.full((GRATINGS, 224, 224), 250.0), {"pair": np.arange(GRATINGS, dtype=float)}
    )
    assert float(seen.mean()) / 250 == pytest.approx((1 - opacity / 255 * share) ** 2, abs=0.002)
    spread = seen.std(dim=(1, 2)) / seen.mean(dim=(1, 2))
    assert float(spread.median()) == pytest.approx(contrast, rel=0.35)
    assert len({image.numpy().tobytes() for image in seen}) == GRATINGS
    assert shifted(f"chexphoto_moire@{level}", grey, images=9).max() <= 250


def test_the_lines_of_a_fine_grating_are_told_one_by_one_on_a_large_image():
    corruption = parse_shift("photo-moire(20, 0.5)").corruptions[0]
    seen = corruption.transform(torch.full((1, 1245, 1245), 255.0), {"pair": np.zeros(1)})[0].numpy()
    spectrum = np.abs(np.fft.rfft(seen[622] - seen[622].mean()))
    # 2490 / 21 lines, of which two thirds are seen at half of the way from 1/2 to all, as perspective has it
    assert np.argmax(spectrum[:100]) == pytest.approx(2 / 3 * 2490 / 21, abs=1)
    assert seen[:, 600:640].std(axis=1).mean() > 3 * seen[:, 600:640].mean(axis=1).std()


@pytest.mark.parametrize(
    "text",
    ["photo-motion(0)", "photo-matte(0)", "photo-glossy(0.6)", "photo-tilt(0.5)", "photo-moire(-1)"],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


@pytest.mark.parametrize("corruption", PHOTOGRAPHIC)
def test_a_cause_may_be_asked_for_by_its_name(corruption):
    assert parse_shift(f"{corruption.name}()").corruptions == (corruption(),)
