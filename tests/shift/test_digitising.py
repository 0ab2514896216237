"""Image scans: each defect is where, and as strong, as was drawn."""

from itertools import permutations

import numpy as np
import pytest
import torch
from corruptions import KEYS, check_neutral, check_refused
from PIL import Image
from samples import random_pixels
from scipy import ndimage

from radapt.shift.chain import Chain
from radapt.shift.counter_rng import image_keys
from radapt.shift.digitising import Border, Dust, Fax, Scratches, Skew, Tint, Vignette
from radapt.shift.draws import Draws
from radapt.shift.expression import parse_shift
from radapt.shift.filters import averaged
from radapt.shift.screenshot import Screenshot

NEUTRAL = [
    "scratches(count=0)",
    "scratches(contrast=0)",
    "dust(specks=0)",
    "dust(contrast=0)",
    "vignette(0)",
    "tint(1)",
    "skew(0, 0)",
    "border(0)",
    "fax(dot=0.1, greys=256, lost=0)",
    "screenshot(0, 0)",
]


def table(**columns: float) -> Draws:
    return {name.replace("_", "-"): np.array([value], dtype=np.float64) for name, value in columns.items()}


@pytest.mark.parametrize("text", NEUTRAL)
@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_an_option_that_does_nothing_changes_no_bit(text, size):
    check_neutral(text, size)


@pytest.mark.parametrize(
    "text",
    [
        "scratches(13)",
        "scratches(contrast=1.5)",
        "dust(-1)",
        "vignette(1)",
        "tint(0.5)",
        "skew(50)",
        "border(0.5)",
        "fax(greys=1)",
        "fax(lost=2)",
        "screenshot(0.9)",
    ],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


def test_scratches_are_thin_and_of_both_kinds():
    grey = torch.full((64, 224, 224), 120.0)
    corruption = Scratches(6, 1.0, 1.0)
    drawn = corruption.draw(KEYS, 0)
    assert set(drawn["count"]) <= {3, 4, 5, 6}
    changed = corruption.transform(grey, drawn)
    assert changed.max() > 250
    assert changed.min() < 5
    share = (changed != 120).float().mean(dim=(1, 2))
    assert share.min() > 0
    assert share.max() < 0.06
    # in no image a scratch is thicker than its width of one pixel and the pixels that it cuts
    eroded = ndimage.binary_erosion((changed != 120).numpy(), np.ones((1, 4, 4)))
    assert eroded.mean() < 1e-4


def test_the_first_scratches_stay_where_they_are_when_more_are_asked_for():
    few, many = Scratches(2, 1.0), Scratches(10, 1.0)
    grain = few.draw(KEYS, 0)["grain"]
    assert np.array_equal(many.draw(KEYS, 0)["grain"], grain)
    two = {"count": np.full(64, 2.0), "grain": grain}
    grey = torch.full((64, 50, 40), 120.0)
    assert torch.equal(few.transform(grey.clone(), two), many.transform(grey.clone(), two))


def test_dust_is_white_from_the_plate_and_black_from_the_scanner():
    grey = torch.full((64, 100, 100), 120.0)
    corruption = Dust(60, 1.0, 4.0)
    drawn = corruption.draw(KEYS, 0)
    changed = corruption.transform(grey, drawn)
    white = torch.from_numpy(drawn["white"] == 1)
    assert 20 < white.sum() < 44
    assert (changed[white] >= 120).all()
    assert (changed[~white] <= 120).all()
    assert (changed != 120).any(dim=(1, 2)).all()


def test_a_speck_counts_once():
    corruption = Dust(10, 1.0, 3.0)  # without a fibre, which 15 specks come with
    drawn = corruption.draw(KEYS, 0) | {"white": np.ones(64)}
    changed = corruption.transform(torch.zeros(64, 400, 400), drawn).numpy()
    found = np.array([ndimage.label(image > 0, np.ones((3, 3)))[1] for image in changed])
    assert (found <= drawn["specks"]).all()
    assert (found == drawn["specks"]).mean() > 0.8  # others touch, or lie at the edge


def test_light_falls_off_as_the_fourth_power_of_the_cosine():
    white = torch.full((1, 61, 81), 200.0)
    shaded = Vignette().transform(white, table(falloff=0.4, x=0.0, y=0.0))[0].numpy()
    y, x = np.mgrid[-30:31, -40:41]
    half_diagonal = np.hypot(61, 81) / 2
    widest = np.arccos(0.6**0.25)
    angle = np.arctan(np.tan(widest) * np.hypot(x, y) / half_diagonal)
    assert np.allclose(shaded, 200 * np.cos(angle) ** 4, atol=1e-3)
    assert shaded[30, 40] == 200


def test_a_tint_is_as_bright_as_it_was_up_to_where_a_channel_is_white():
    levels = torch.tensor([[0.0, 100.0, 200.0, 255.0]])
    grey = Tint().map_intensity(levels, table(red=2, green=1, blue=0.5))[0].tolist()
    bright = 0.299 * 2 + 0.587 * 1 + 0.114 * 0.5  # so red is 1.61, green 0.805, blue 0.403 of the level
    light = [0.299 * 255 + (0.587 * 1 + 0.114 * 0.5) * level / bright for level in (200, 255)]
    assert grey == pytest.approx([0, 100, *light], abs=1e-3)


def test_a_tint_is_no_change_of_exposure():
    ramp = torch.arange(256, dtype=torch.float32)[None].repeat(64, 1)
    cast = Tint(2).map_intensity(ramp, Tint(2).draw(KEYS, 0))
    assert torch.allclose(cast[:, :60], ramp[:, :60], atol=1e-3), "dark greys stay"
    assert (cast.diff(dim=1) > 0).all()
    assert (cast <= ramp + 1e-3).all()
    assert cast[:, 255].mean() < 230


def test_a_image_that_slid_shows_the_scanner_where_it_was():
    pixels = random_pixels(1, 20, 40)
    drawn = {f"skew.{name}": values for name, values in table(degrees=0, x=0.1, y=-0.05, grey=250).items()}
    shifted = Chain((Skew(),)).apply(pixels, drawn)
    assert (shifted[0, :, :4] == 250).all()
    assert (shifted[0, -1] == 250).all()
    assert torch.equal(shifted[0, :19, 4:], pixels[0, 1:, :36])


def test_a_image_that_was_turned_is_scipys_with_the_scanner_around_it():
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).uniform(0, 255, (60, 50)), 3)
    pixels = torch.from_numpy(smooth.round().astype(np.uint8))[None]
    drawn = {f"skew.{name}": values for name, values in table(degrees=9, x=0, y=0, grey=10).items()}
    shifted = Chain((Skew(),)).apply(pixels, drawn)[0].numpy()
    sine, cosine = np.sin(np.deg2rad(9)), np.cos(np.deg2rad(9))
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array([29.5, 24.5])
    expected = ndimage.affine_transform(
        pixels[0].numpy().astype(float), matrix, centre - matrix @ centre, order=1, cval=-1000
    )
    outside = ndimage.binary_erosion(expected == -1000, np.ones((3, 3)), border_value=1)
    assert outside.sum() > 100
    assert (shifted[outside] == 10).all()
    assert np.abs(shifted - expected)[expected > 0].max() < 1


def test_a_border_has_its_width_on_each_side():
    pixels = torch.full((1, 40, 20), 128, dtype=torch.uint8)
    sides = table(left=0.25, right=0.1, top=0.05, bottom=0.3, grey=0)
    shifted = Chain((Border(),)).apply(pixels, {f"border.{side}": share for side, share in sides.items()})[0]
    assert (shifted[2:28, 5:18] == 128).all()
    shifted[2:28, 5:18] = 0
    assert not shifted.any()


def chained(text: str, pixels: torch.Tensor, **fixed: float) -> torch.Tensor:
    """Shift images with some draws replaced; `border__grey` is the grey of the corruption `border`."""
    shift = parse_shift(text)
    drawn = shift.draw(KEYS[: len(pixels)], 0)
    for name, value in fixed.items():
        column = name.replace("__", ".").replace("_", "-")
        assert column in drawn
        drawn[column] = np.full(len(pixels), float(value))
    return shift.apply(pixels, drawn)


def test_a_border_is_turned_by_what_turns_the_image_after_it():
    sides = {"border__left": 0.3, "border__right": 0.1, "border__top": 0.2, "border__bottom": 0.2}
    pixels = torch.full((1, 101, 101), 128, dtype=torch.uint8)
    turned = chained("border(0.3) + rotation(40)", pixels, **sides, border__grey=250, rotation__degrees=10)
    sine, cosine = np.sin(np.deg2rad(10)), np.cos(np.deg2rad(10))
    y, x = np.mgrid[:101, :101] - 50.0
    column, row = cosine * x - sine * y, sine * x + cosine * y  # where the bordered image was
    left, right, high = column - (0.3 - 0.5) * 101, (0.5 - 0.1) * 101 - column, 0.3 * 101 - np.abs(row)
    apart = np.minimum(np.minimum(left, right), high)
    assert (turned[0].numpy()[apart > 0.5] == 128).all()
    assert (turned[0].numpy()[apart < -0.5] == 250).all()
    upright = chained("rotation(40) + border(0.3)", pixels, **sides, border__grey=250, rotation__degrees=10)
    assert (upright[0, :20] == 250).all()
    assert (upright[0, 21:80, 31:90] != 250).all()


SURROUNDED = ["border(0.2)", "skew(8, 0.1)", "screenshot(0.3, 12)"]


@pytest.mark.parametrize("text", SURROUNDED)
def test_what_is_beside_a_image_is_mirrored_and_laid_on_its_side_with_it(text):
    pixels = random_pixels(12, 64, 64)
    plain = chained(text, pixels)
    assert torch.equal(chained(f"{text} + flip(1)", pixels), plain.flip(2))
    quarters = chained(f"{text} + quarter-turn(1)", pixels, quarter_turn__quarters=1)
    assert (quarters.int() - torch.rot90(plain, 1, (1, 2)).int()).abs().max() <= 1


@pytest.mark.parametrize("order", list(permutations(range(5), 5))[::7])
def test_movements_and_what_is_beside_the_image_come_in_any_order(order):
    parts = [*SURROUNDED, "perspective(30)", "rotation(25)"]
    pixels = random_pixels(6, 48, 40)
    shift = parse_shift(" + ".join(parts[each] for each in order))
    drawn = shift.draw(KEYS[:6], 0)
    shifted = shift.apply(pixels, drawn)
    assert shifted.shape == pixels.shape
    assert torch.equal(
        shift.apply(pixels[2:3], {name: each[2:3] for name, each in drawn.items()})[0], shifted[2]
    )
    flat = torch.full((6, 48, 40), 128, dtype=torch.uint8)
    seen = (shift.apply(flat, drawn) == 128).float().mean(dim=(1, 2))
    assert (seen > 0.15).all()
    assert (seen < 0.85).all()


def test_a_border_stays_clean_of_what_came_before_it_and_not_of_what_comes_after():
    pixels = torch.full((1, 60, 60), 128, dtype=torch.uint8)
    clean = chained("noise(20) + border(0.2) + rotation(5)", pixels, border__grey=250)
    noisy = chained("border(0.2) + rotation(5) + noise(20)", pixels, border__grey=250)
    assert clean[0, 0].unique().tolist() == [250]
    assert len(noisy[0, 0].unique()) > 5


def test_scanners_are_black_or_white():
    grey = Skew().draw(image_keys([str(number) for number in range(400)]), 0)["grey"]
    assert ((grey <= 20) | (grey >= 235)).all()
    assert 0.4 < (grey > 128).mean() < 0.6


def test_a_fax_has_no_more_greys_than_it_says_and_keeps_the_mean():
    corruption = Fax(1, 3, 0)
    for level in (30.0, 100.0, 127.5, 200.0):
        sent = corruption.transform(torch.full((1, 224, 224), level), corruption.draw(KEYS[:1], 0))
        assert set(sent.unique().tolist()) <= {0, 127.5, 255}
        assert float(sent.mean()) == pytest.approx(level, abs=255 / 2 / 16)  # 16 thresholds


def test_a_lost_line_is_white_to_its_end():
    corruption = Fax(1, 2, 0.1)
    sent = corruption.transform(torch.zeros(64, 224, 224), corruption.draw(KEYS, 0))
    lost = sent[:, :, -1] == 255
    assert 0.08 < lost.float().mean() < 0.12
    assert not sent[~lost].any()
    assert (sent[lost].diff(dim=1) >= 0).all()


@pytest.mark.parametrize("parts", [(60, 50), (20, 10), (41, 17), (1, 1)])
def test_a_coarse_image_is_what_pillow_averages(parts):
    pixels = random_pixels(1, 60, 50)
    coarse = averaged(averaged(pixels.float(), parts[1], 2), parts[0], 1)[0].numpy()
    image = Image.fromarray(pixels[0].numpy().astype(np.float32))
    expected = np.asarray(image.resize(parts[::-1], Image.Resampling.BOX))
    if 60 % parts[0] or 50 % parts[1]:  # Pillow weighs a cut pixel wholly or not at all
        assert np.abs(coarse - expected).mean() < 20
        assert coarse.mean() == pytest.approx(float(pixels.float().mean()), abs=1e-2)
    else:
        assert np.allclose(coarse, expected, atol=1e-2)


def test_a_screenshot_has_bars_at_two_sides_and_a_title_above():
    pixels = torch.full((1, 224, 224), 128, dtype=torch.uint8)
    corruption = Screenshot(0.5, 20)
    drawn = corruption.draw(KEYS[:1], 0) | table(bars=0.5, upright=1, grey=200)
    shifted = Chain((corruption,)).apply(
        pixels, {f"screenshot.{name}": values for name, values in drawn.items()}
    )[0]
    assert (shifted[20:, 56:168] == 128).all()
    assert not shifted[20:, :56].any()
    assert not shifted[20:, 168:].any()
    assert (shifted[:20] == 200).float().mean() > 0.7
    assert (shifted[:20] == 30).any()
