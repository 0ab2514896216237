"""The published corruptions are what their definitions say, by hand and by the libraries that define them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from samples import make_images
from scipy import ndimage

from radapt.errors import AskedWrongly
from radapt.shift.chain import Chain, OneOf
from radapt.shift.counter_rng import image_keys
from radapt.shift.expression import at, parse_shift
from radapt.shift.presets import CHEXPHOTO, MEDMNIST_C, PRESETS, SUITES
from radapt.shift.published import KernelBlur, Power
from radapt.shift.shifted import shift_images

SIZE = 224
IMAGE = np.clip(
    ndimage.gaussian_filter(np.random.default_rng(0).normal(128, 900, (SIZE, SIZE)), 5) * 1.2, 0, 255
).astype(np.uint8)
FLAT = np.full((SIZE, SIZE), 128, dtype=np.uint8)


def shifted(text, image=IMAGE, images=1, seed=0):
    shift = parse_shift(text)
    pixels = torch.from_numpy(np.repeat(image[None], images, axis=0))
    return shift.apply(pixels, shift.draw(image_keys([f"f{row}" for row in range(images)]), seed)).numpy()


def in_colour(damage, image=IMAGE, images=8):
    """Damage an image as MedMNIST-C does: as three equal channels between 0 and 1, made grey again."""
    rng = np.random.default_rng(0)
    coloured = np.repeat(image[..., None], 3, axis=2) / 255
    damaged = [(np.clip(damage(coloured, rng), 0, 1) * 255).astype(np.uint8) for _ in range(images)]
    return np.stack([np.asarray(Image.fromarray(colour).convert("L")) for colour in damaged])


def salted(colour, rng):
    hit, white = rng.random(colour.shape) <= 0.02, rng.random(colour.shape) <= 0.5
    return np.where(hit, white, colour)


NOISES = {
    "gaussian_noise@3": lambda x, rng: x + rng.normal(0, 0.06, x.shape),
    "speckle_noise@5": lambda x, rng: x + x * rng.normal(0, 0.20, x.shape),
    "shot_noise@3": lambda x, rng: rng.poisson(x * 150) / 150,
    "impulse_noise@5": salted,
}


def test_there_are_thirteen_of_medmnist_c_by_their_own_names():
    assert len(MEDMNIST_C) == len(SUITES["medmnist-c"]) == 13
    assert str(at("jpeg_compression", 2)) == "jpeg(quality=30)"
    assert str(at("shot_noise", 1)) == "shot(events=300)"
    assert str(at("gaussian_noise", 5)) == "white-noise(sigma=0.08)"


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("name", "enhance"), [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast)]
)
@pytest.mark.parametrize("side", ["up", "down"])
def test_brightness_and_contrast_are_pillows(name, enhance, side, severity):
    shift = at(f"{name}_{side}", severity)
    factor = shift.corruptions[0].factor
    expected = np.asarray(enhance(Image.fromarray(IMAGE)).enhance(factor)).astype(int)
    difference = np.abs(shifted(f"{name}_{side}@{severity}")[0] - expected)
    assert difference.max() <= 1
    assert (difference == 0).mean() > 0.999  # a sum and a product in one may round otherwise


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("side", ["up", "down"])
def test_gamma_is_torchvisions_table(side, severity):
    ramp = np.arange(256, dtype=np.uint8)[None]
    exponent = at(f"gamma_corr_{side}", severity).corruptions[0].exponent
    expected = [int((255 + 1 - 1e-3) * (level / 255) ** exponent) for level in range(256)]
    assert shifted(f"gamma_corr_{side}@{severity}", ramp)[0, 0].tolist() == expected
    assert parse_shift("gamma_corr_down@5") == Chain((Power(0.4),))


def test_jpeg_is_pillows_of_that_quality():
    held, in_three = io.BytesIO(), io.BytesIO()
    Image.fromarray(IMAGE).save(held, "JPEG", quality=7)
    Image.fromarray(IMAGE).convert("RGB").save(in_three, "JPEG", quality=7)
    made = shifted("jpeg_compression@5")[0]
    assert np.array_equal(made, np.asarray(Image.open(held)))
    assert np.abs(made - np.asarray(Image.open(in_three).convert("L")).astype(int)).max() <= 1


def test_pixelate_is_pillows_box_down_and_up():
    small = Image.fromarray(IMAGE).resize((int(SIZE * 0.4),) * 2, Image.Resampling.BOX)
    expected = np.asarray(small.resize((SIZE, SIZE), Image.Resampling.BOX))
    assert np.array_equal(shifted("pixelate@5")[0], expected)


@pytest.mark.parametrize(("severity", "kernel"), [(1, 3), (3, 7), (5, 11)])
def test_the_blur_is_the_kernel_that_torchvision_gives(severity, kernel):
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    places = np.arange(kernel) - kernel // 2
    weights = np.exp(-((places / sigma) ** 2) / 2)
    weights /= weights.sum()
    expected = IMAGE.astype(float)
    for axis in (0, 1):
        expected = ndimage.convolve1d(expected, weights, axis=axis, mode="mirror")
    assert parse_shift(f"gaussian_blur@{severity}") == Chain((KernelBlur(kernel),))
    assert np.abs(shifted(f"gaussian_blur@{severity}")[0] - expected).max() <= 0.51


def test_the_blur_grows_with_the_image():
    small = shifted("kernel-blur(9)", np.asarray(Image.fromarray(IMAGE).resize((112, 112)), dtype=np.uint8))
    half = np.asarray(Image.fromarray(shifted("kernel-blur(9)")[0]).resize((112, 112))).astype(int)
    assert np.abs(small[0] - half).mean() < 1.5


@pytest.mark.parametrize("text", NOISES)
def test_noises_are_spread_as_in_three_channels_made_grey(text):
    images = 8
    ours, theirs = (
        shifted(text, images=images).astype(int),
        in_colour(NOISES[text], images=images).astype(int),
    )
    kept = (IMAGE > 60) & (IMAGE < 190)  # little is cut off at black and white
    spread = [np.std((noisy - IMAGE)[:, kept]) for noisy in (ours, theirs)]
    assert spread[0] == pytest.approx(spread[1], rel=0.02)
    assert (ours - IMAGE).mean() == pytest.approx((theirs - IMAGE).mean(), abs=0.15)
    counts = [np.bincount(noisy.ravel(), minlength=256) / noisy.size for noisy in (ours, theirs)]
    assert np.abs(np.cumsum(counts[0] - counts[1])).max() < 0.003


def test_noise_in_three_channels_is_two_thirds_of_what_is_named():
    noisy = shifted("gaussian_noise@3", FLAT, images=8).astype(float)
    left = np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    assert noisy.std() == pytest.approx(left * 0.06 * 255, rel=0.01)
    assert (shifted("shot_noise@5", np.zeros_like(FLAT)) == 0).all(), "no light, no photons"


def test_impulses_hit_each_channel_for_itself():
    noisy = shifted("impulse_noise@5", FLAT, images=8)
    assert (noisy == 128).mean() == pytest.approx(0.98**3, abs=0.001)
    green = round(0.299 * 128 + 0.587 * 255 + 0.114 * 128)
    assert (noisy == green).mean() == pytest.approx(0.01 * 0.98**2, abs=0.0006)


def test_a_suite_as_a_preset_gives_each_image_one_of_its_corruptions():
    images = make_images(200, size=32)
    mixed = at("medmnist-c", 3)
    assert isinstance(mixed, OneOf)
    out, drawn = shift_images(images, mixed, seed=0)
    which = drawn["which"].astype(int)
    assert set(which.tolist()) == set(range(13))
    own, _ = shift_images(images.take(which == 0), at("pixelate", 3), seed=0)
    assert np.array_equal(out.pixels[which == 0], own.pixels)
    with pytest.raises(AskedWrongly, match="stands alone"):
        parse_shift("medmnist-c@3 + noise(3)")


@pytest.mark.parametrize("name", [*PRESETS, *MEDMNIST_C, *CHEXPHOTO])
@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_every_composition_is_written_as_it_can_be_asked_for_again(name, severity):
    shift = at(name, severity)
    assert isinstance(shift, Chain)
    assert shift.corruptions
    assert parse_shift(str(shift)) == shift


def test_exposure_of_chexphoto_is_an_s_shaped_curve_alike_at_all_levels():
    ramp = np.arange(256, dtype=np.uint8)[None]
    expected = (255 / (1 + np.exp(5 * (0.5 - ramp / 255)))).astype(np.uint8)
    for level in (1, 5):
        assert np.array_equal(shifted(f"chexphoto_exposure@{level}", ramp)[0], expected)
