"""Grey levels go by an image's percentiles, and even borders are trimmed, where a reading asks for it."""

import io

import numpy as np
import pytest
from dicoms import make_dicom
from pictures import deep, saved
from PIL import Image

from radapt.images.borders import inside_borders
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.pixels import decode, read_image
from radapt.images.preprocessing import Preprocessing

PERCENTILE = Preprocessing(None, intensity="percentile")
TRIMMED = Preprocessing(None, trim=True)
LEVELS = np.arange(1000)  # of which the 5 lowest and the 5 highest are left out


def radiograph(height=400, width=400, seed=0):
    """A picture that is even nowhere."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 220, (height // 20, width // 20), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def framed(picture, *, level=0, top=0, bottom=0, left=0, right=0):
    return np.pad(picture, ((top, bottom), (left, right)), constant_values=level)


def expected(values, low, high):
    return np.rint(np.clip((values - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "DICOM", "floats"])
def test_the_half_percent_at_each_end_is_cut_off_and_the_rest_is_spread(kind):
    values = np.random.default_rng(0).permutation(LEVELS + 2000).reshape(20, 50).astype(np.uint16)
    data = {
        "PNG": lambda: saved(Image.fromarray(values), "PNG"),
        "TIFF": lambda: saved(Image.fromarray(values), "TIFF"),
        "DICOM": lambda: make_dicom(values, bits=12),
        "floats": lambda: saved(Image.fromarray(values.astype(np.float32)), "TIFF"),
    }[kind]()
    decoded = decode(data, PERCENTILE)
    assert (decoded.low, decoded.high, decoded.outside, decoded.bits) == (2005, 2994, 0.01, 12)
    assert np.array_equal(decoded.pixels, expected(values.astype(float), 2005, 2994))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_a_image_of_8_bits_is_spread_too(kind):
    values = np.full((100, 100), 100, dtype=np.uint8)
    values[:50] = 140
    values[:2, :20] = (3, 250) * 10  # 20 pixels each of 10,000: less than half a percent
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(saved(Image.fromarray(values).convert("RGB"), kind, **options), PERCENTILE)
    assert (decoded.low, decoded.high, decoded.outside, decoded.bits) == (100, 140, 0.004, 8)
    assert np.array_equal(decoded.pixels, expected(values.astype(float), 100, 140))


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_deep_ramp_stays_a_ramp(bits):
    decoded = decode(saved(Image.fromarray(deep(bits)), "PNG"), PERCENTILE)
    levels = decoded.pixels.ravel().astype(int)
    assert (np.diff(levels) >= 0).all()
    assert (levels[0], levels[-1], len(np.unique(levels)), decoded.bits) == (0, 255, 256, bits)


def test_where_one_value_has_nearly_all_pixels_nothing_is_cut_off():
    values = np.zeros((100, 100), dtype=np.uint8)
    values[0, :3] = (10, 100, 200)
    decoded = decode(saved(Image.fromarray(values), "PNG"), PERCENTILE)
    assert (decoded.low, decoded.high, decoded.outside) == (0, 200, 0)
    assert decoded.pixels[0, :3].tolist() == [13, 128, 255]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_image_of_one_value_is_black(kind):
    values = np.full((9, 9), 77, dtype=kind)
    for data in (saved(Image.fromarray(values), "PNG"), make_dicom(values)):
        decoded = decode(data, PERCENTILE)
        assert (decoded.low, decoded.high, decoded.outside, decoded.pixels.max()) == (77, 77, 0, 0)


def test_percentiles_take_the_place_of_a_window_and_of_a_table_but_not_of_rescaling():
    values = (LEVELS + 500).reshape(20, 50).astype(np.uint16)
    tags = {"WindowCenter": 600, "WindowWidth": 50, "RescaleSlope": 2, "RescaleIntercept": -1000}
    decoded = decode(make_dicom(values, bits=12, **tags), PERCENTILE)
    assert (decoded.low, decoded.high, decoded.outside) == (10, 1988, 0.01)
    assert np.array_equal(decoded.pixels, expected(2.0 * values - 1000, 10, 1988))
    falling = decode(make_dicom(values, bits=12, RescaleSlope=-1, RescaleIntercept=4095), PERCENTILE)
    assert (falling.low, falling.high) == (2601, 3590)
    assert np.array_equal(falling.pixels, expected(4095.0 - values, 2601, 3590))
    signed = decode(make_dicom((LEVELS - 700).reshape(20, 50).astype(np.int16)), PERCENTILE)
    assert (signed.low, signed.high) == (-695, 294)


def test_monochrome1_is_turned_round_after_the_percentiles_and_padding_is_no_part_of_them():
    values = (LEVELS + 500).reshape(20, 50).astype(np.uint16)
    padded = np.vstack([values, np.full((30, 50), 4095, dtype=np.uint16)])
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        tags = {"PhotometricInterpretation": photometric, "PixelPaddingValue": 4095}
        decoded = decode(make_dicom(padded, bits=12, **tags), PERCENTILE)
        spread = np.clip((values - 505.0) * (255 / 989), 0, 255)
        turned = 255 - spread if photometric == "MONOCHROME1" else spread
        assert np.abs(decoded.pixels[:20] - turned).max() <= 0.5001
        assert (decoded.pixels[20:] == 0).all()
        assert (decoded.low, decoded.high, decoded.outside) == (505, 1494, 0.01)


def test_a_tiff_in_which_white_is_zero_is_turned_round_after_the_percentiles():
    values = (LEVELS + 500).reshape(20, 50).astype(np.uint16)
    upright = decode(saved(Image.fromarray(values), "TIFF"), PERCENTILE)
    turned = decode(saved(Image.fromarray(values), "TIFF", tiffinfo={262: 0}), PERCENTILE)
    assert (turned.low, turned.high) == (upright.low, upright.high)
    assert np.abs(turned.pixels.astype(int) - (255 - upright.pixels.astype(int))).max() <= 1


FRAMES = {
    "letter-boxed": {"top": 60, "bottom": 60},
    "pillar-boxed": {"left": 70, "right": 50},
    "on one side": {"right": 90},
    "all round": {"top": 30, "bottom": 40, "left": 50, "right": 60},
    "white": {"top": 44, "left": 30, "level": 255},
    "grey": {"bottom": 50, "level": 90},
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("container", ["PNG", "JPEG", "deep", "DICOM"])
def test_an_even_border_is_trimmed_to_within_a_pixel_and_its_file_stays_as_large(kind, container):
    whole = framed(radiograph(), **FRAMES[kind])
    data = {
        "PNG": lambda: saved(Image.fromarray(whole), "PNG"),
        "JPEG": lambda: saved(Image.fromarray(whole), "JPEG", quality=60),
        "deep": lambda: saved(Image.fromarray(whole.astype(np.uint16) * 16), "PNG"),
        "DICOM": lambda: make_dicom(whole.astype(np.uint16) * 16, bits=12),
    }[container]()
    decoded = decode(data, TRIMMED)
    assert (decoded.height, decoded.width) == whole.shape
    assert np.abs(np.array(decoded.pixels.shape) - 400).max() <= 2  # a JPEG's blocks blur the edge
    if container == "PNG":
        assert np.array_equal(decoded.pixels, radiograph())


def test_what_is_trimmed_has_no_say_in_the_grey_levels():
    values = (LEVELS.reshape(20, 50) + 500).astype(np.uint16)
    values = np.random.default_rng(0).permutation(values.ravel()).reshape(20, 50)
    whole = framed(values, level=65535, top=4, bottom=4)
    for data in (saved(Image.fromarray(whole), "PNG"), make_dicom(whole)):
        decoded = decode(data, Preprocessing(None, intensity="percentile", trim=True))
        assert (decoded.pixels.shape, decoded.low, decoded.high, decoded.outside) == (
            (20, 50),
            505,
            1494,
            0.01,
        )
    assert decode(saved(Image.fromarray(whole), "PNG"), TRIMMED).bits == 12


def test_pad_keeps_the_aspect_of_what_is_left():
    data = saved(Image.fromarray(framed(radiograph(200, 400), top=100, bottom=100)), "PNG")
    padded = decode(data, Preprocessing(100, "pad", trim=True)).pixels
    assert (padded[:25] == 0).all()
    assert (padded[75:] == 0).all()
    assert padded[25:75].min() > 0
    squashed = decode(data, Preprocessing(100, trim=True)).pixels
    whole = decode(saved(Image.fromarray(radiograph(200, 400)), "PNG"), Preprocessing(100)).pixels
    assert np.array_equal(squashed, whole)


@pytest.mark.parametrize("size", [None, 32, 100])
@pytest.mark.parametrize("quality", [None, 50])
def test_a_image_without_a_border_is_untouched_to_the_bit(size, quality):
    image = Image.fromarray(radiograph())
    data = saved(image, "PNG") if quality is None else saved(image, "JPEG", quality=quality)
    for mode in ("squash", "pad"):
        trimmed = decode(data, Preprocessing(size, mode, trim=True))
        assert np.array_equal(trimmed.pixels, decode(data, Preprocessing(size, mode)).pixels)


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_image_of_one_value_is_left_alone(level):
    noise = np.zeros((400, 400), dtype=np.uint8)
    noise[100, 100:110] = 255  # a mark on an empty plate
    for values in (np.full((400, 400), level, dtype=np.uint8), noise):
        assert decode(saved(Image.fromarray(values), "PNG"), TRIMMED).pixels.shape == (400, 400)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (5, 3)])
def test_the_smallest_pictures_are_read(shape):
    values = np.arange(shape[0] * shape[1]).reshape(shape).astype(np.uint8)
    for reading in (TRIMMED, PERCENTILE, Preprocessing(8, "pad", "percentile", trim=True)):
        assert decode(saved(Image.fromarray(values), "PNG"), reading).width == shape[1]


def test_no_more_than_half_of_a_side_is_trimmed():
    whole = framed(radiograph(100, 100), top=200, bottom=100, left=150, right=150)
    height, width = decode(saved(Image.fromarray(whole), "PNG"), TRIMMED).pixels.shape
    assert 200 <= height <= 204
    assert 200 <= width <= 204


def test_letters_in_a_border_go_with_it_and_those_on_the_image_stay():
    whole = framed(radiograph(), top=80, left=60).copy()
    whole[20:40, 100:180] = 250  # letters, over more of a row than may be uneven
    whole[300:330, 10:40] = 250
    assert np.array_equal(decode(saved(Image.fromarray(whole), "PNG"), TRIMMED).pixels, radiograph())
    marked = radiograph().copy()
    marked[20:40, 100:180] = 250
    assert np.array_equal(decode(saved(Image.fromarray(marked), "PNG"), TRIMMED).pixels, marked)


def overexposed():
    """An image whose lower part fades into even white, as soft tissue may."""
    ends = np.linspace(120, 255, 120)[:, None]
    fading = radiograph(120, 400)[::-1] * 0.2 + ends * 0.8
    whole = np.vstack([radiograph(300, 400), fading, np.full((80, 400), 240)])
    return np.clip(np.rint(whole), 0, 255).astype(np.uint8)


def test_a_white_border_ends_in_an_edge_and_soft_tissue_does_not():
    assert inside_borders(Image.fromarray(overexposed())) is None
    assert inside_borders(Image.fromarray(framed(radiograph(), bottom=80, level=240))) == (0, 0, 400, 400)
    black = np.vstack([radiograph(300, 400), np.zeros((200, 400), dtype=np.uint8)])
    assert inside_borders(Image.fromarray(black)) == (0, 0, 400, 300)


def test_what_is_white_is_found_after_a_tiff_is_turned_round():
    values = overexposed().astype(np.uint16)
    for stored, options in ((values, {}), (255 - values, {"tiffinfo": {262: 0}})):
        decoded = decode(saved(Image.fromarray(stored * 16 + 15), "TIFF", **options), TRIMMED)
        assert decoded.pixels.shape == (500, 400)


def test_an_orientation_is_obeyed_after_trimming():
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its left side
    whole = framed(radiograph(200, 400), left=100)
    decoded = decode(saved(Image.fromarray(whole), "PNG", exif=exif), TRIMMED)
    assert (decoded.width, decoded.height) == (200, 500)
    assert np.array_equal(decoded.pixels, np.rot90(radiograph(200, 400), -1))


def test_a_jpeg_decoded_at_a_fraction_is_trimmed_as_one_decoded_whole():
    whole = framed(radiograph(800, 1000), top=120, right=200)
    data = saved(Image.fromarray(whole), "JPEG", quality=90)
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (200, 200))
        assert image.size == (300, 230)
    fast = decode(data, Preprocessing(100, trim=True)).pixels.astype(int)
    slow = decode(saved(Image.fromarray(radiograph(800, 1000)), "PNG"), Preprocessing(100)).pixels.astype(int)
    assert np.abs(fast - slow).mean() < 2


def test_real_images_lose_their_bars_and_keep_their_corners(shared):
    folder = shared / "data/nih_originals"
    seen = {path.stem: read_image(path, TRIMMED) for path in sorted(folder.rglob("*.png"))}
    shares = {
        name: np.array(radiograph.pixels.shape) / (radiograph.height, radiograph.width)
        for name, radiograph in seen.items()
    }
    assert sum(share.min() < 1 for share in shares.values()) >= 8
    assert min(share.min() for share in shares.values()) > 0.8


def test_a_data_set_is_read_as_asked_and_each_way_has_its_own_store(tmp_path):
    for label in ("A", "B"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(10):
            picture = framed(radiograph(100, 100, seed=number) // 2, top=30, bottom=30)
            Image.fromarray(picture).save(tmp_path / "images" / label / f"{number}.png")
    read = {
        (intensity, trim): load_dataset(
            tmp_path / "images",
            LoadOptions(size=32, intensity=intensity, trim=trim, patient_regex="file"),
            cache=tmp_path / "cache",
        )
        for intensity in ("window", "percentile")
        for trim in (False, True)
    }
    assert len({data["train"].pixels.tobytes() for data in read.values()}) == 4
    assert len({data.origin.fingerprint for data in read.values()}) == 4
    brightest = {how: int(data["train"].pixels.max()) for how, data in read.items()}
    assert brightest["window", True] < 130 < 250 < brightest["percentile", True]
    assert (read["window", False]["train"].pixels[:, 0] == 0).all()
    assert (read["window", True]["train"].pixels[:, 0] > 0).all()


def test_a_file_of_medmnist_is_read_as_asked(tmp_path):
    pictures = np.stack(
        [framed(radiograph(40, 40, seed=number) // 2, left=10, right=10) for number in range(4)]
    )
    arrays = {"train_images": pictures, "train_labels": np.array([[0], [1], [0], [1]])}
    np.savez(tmp_path / "images.npz", **arrays)
    asked = load_dataset(tmp_path / "images.npz", LoadOptions(size=40, intensity="percentile", trim=True))[
        "train"
    ].pixels
    reading = Preprocessing(40, intensity="percentile", trim=True)
    assert np.array_equal(asked[0], decode(saved(Image.fromarray(pictures[0]), "PNG"), reading).pixels)
    assert asked[0].min() == 0 < asked[0, :, 0].max()
