"""The published corruptions are what their definitions say, by hand and by the libraries that define them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy import ndimage

from conftest import make_images
from radapt.errors import AskedWrongly
from radapt.shift.chain import Chain, OneOf
from radapt.shift.expression import at, parse_shift
from radapt.shift.keys import image_keys
from radapt.shift.presets import CHEXPHOTO, MEDMNIST_C, PRESETS, SUITES
from radapt.shift.published import KernelBlur, Power
from radapt.shift.shifted import shift_images

SIZE = 224
FILM = np.clip(
    ndimage.gaussian_filter(np.random.default_rng(0).normal(128, 900, (SIZE, SIZE)), 5) * 1.2, 0, 255
).astype(np.uint8)
FLAT = np.full((SIZE, SIZE), 128, dtype=np.uint8)


def shifted(text, film=FILM, films=1, seed=0):
    shift = parse_shift(text)
    pixels = torch.from_numpy(np.repeat(film[None], films, axis=0))
    return shift.apply(pixels, shift.draw(image_keys([f"f{row}" for row in range(films)]), seed)).numpy()


def test_there_are_thirteen_of_medmnist_c_by_their_own_names():
    assert len(MEDMNIST_C) == len(SUITES["medmnist-c"]) == 13
    assert str(at("jpeg_compression", 2)) == "jpeg(quality=30)"
    assert str(at("shot_noise", 1)) == "shot(events=300)"


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize(
    ("name", "enhance"), [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast)]
)
@pytest.mark.parametrize("side", ["up", "down"])
def test_brightness_and_contrast_are_pillows(name, enhance, side, severity):
    shift = at(f"{name}_{side}", severity)
    factor = shift.causes[0].factor
    expected = np.asarray(enhance(Image.fromarray(FILM)).enhance(factor)).astype(int)
    assert np.abs(shifted(f"{name}_{side}@{severity}")[0] - expected).max() <= 1


def test_gamma_is_a_power_of_the_share_of_white():
    expected = np.rint(255 * (FILM / 255) ** 1.6)
    assert np.abs(shifted("gamma_corr_up@5")[0] - expected).max() <= 1
    assert parse_shift("gamma_corr_down@5") == Chain((Power(0.4),))


def test_jpeg_is_pillows_of_that_quality():
    held = io.BytesIO()
    Image.fromarray(FILM).save(held, "JPEG", quality=7)
    assert np.array_equal(shifted("jpeg_compression@5")[0], np.asarray(Image.open(held)))


def test_pixelate_is_pillows_box_down_and_up():
    small = Image.fromarray(FILM).resize((int(SIZE * 0.4),) * 2, Image.Resampling.BOX)
    expected = np.asarray(small.resize((SIZE, SIZE), Image.Resampling.BOX))
    assert np.array_equal(shifted("pixelate@5")[0], expected)


def test_the_blur_is_the_kernel_that_torchvision_gives():
    kernel, sigma = 7, 0.3 * ((7 - 1) * 0.5 - 1) + 0.8
    places = np.arange(kernel) - kernel // 2
    weights = np.exp(-((places / sigma) ** 2) / 2)
    weights /= weights.sum()
    expected = FILM.astype(float)
    for axis in (0, 1):
        expected = ndimage.convolve1d(expected, weights, axis=axis, mode="nearest")
    assert parse_shift("gaussian_blur@3") == Chain((KernelBlur(kernel),))
    assert np.abs(shifted("gaussian_blur@3")[0] - expected).max() <= 0.51


def test_noises_have_the_spread_and_the_mean_of_their_definition():
    films = 8
    gaussian = shifted("gaussian_noise@3", FLAT, films).astype(float)
    assert abs(gaussian.std() - 0.06 * 255) < 0.1
    speckle = shifted("speckle_noise@3", FLAT, films).astype(float)
    assert abs(speckle.std() - 0.10 * 128) < 0.1
    shot = shifted("shot_noise@3", FLAT, films).astype(float)
    assert abs(shot.std() - 255 * np.sqrt(128 / 255 * 150) / 150) < 0.1
    for noisy in (gaussian, speckle, shot):
        assert abs(noisy.mean() - 128) < 0.1
    assert (shifted("shot_noise@5", np.zeros_like(FLAT)) == 0).all(), "no light, no photons"


def test_impulses_are_half_black_and_half_white():
    noisy = shifted("impulse_noise@5", FLAT, films=8)
    salt, pepper = (noisy == 255).mean(), (noisy == 0).mean()
    assert abs(salt - 0.01) < 0.0005
    assert abs(pepper - 0.01) < 0.0005
    assert ((noisy == 128) | (noisy == 0) | (noisy == 255)).all()


def test_a_suite_as_a_preset_gives_each_film_one_of_its_corruptions():
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
    assert shift.causes
    assert parse_shift(str(shift)) == shift
