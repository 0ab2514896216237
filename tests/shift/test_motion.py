"""Movement during the exposure: a point becomes a line, the same to the bit in any batch."""

import numpy as np
import pytest
import torch
from corruptions import KEYS
from samples import random_pixels
from scipy import ndimage
from torch.nn import functional

from radapt.errors import AskedWrongly
from radapt.shift.counter_rng import image_keys
from radapt.shift.draws import Draws
from radapt.shift.expression import parse_shift
from radapt.shift.filters import convolved
from radapt.shift.motion import MotionBlur


def towards(degrees: float) -> Draws:
    return {"degrees": np.array([float(degrees)])}


def point(size: int = 224) -> torch.Tensor:
    image = torch.zeros(1, 81, size)
    image[0, 40, 100] = 240
    return image


@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_who_keeps_still_is_not_blurred_by_a_bit(size):
    shift, pixels = parse_shift("motion-blur(0)"), random_pixels(8, *size)
    assert torch.equal(shift.apply(pixels, shift.draw(KEYS[:8], 0)), pixels)


@pytest.mark.parametrize("text", ["motion-blur(-1)", "motion-blur(100)"])
def test_a_length_out_of_range_is_refused(text):
    with pytest.raises(AskedWrongly, match="^motion-blur: The option 'length' is 0 to 60 pixels"):
        parse_shift(text)


@pytest.mark.parametrize("length", [3, 8, 15])
@pytest.mark.parametrize("degrees", [0, 30, 90, 137])
def test_a_point_becomes_a_line_of_its_length_and_angle(length, degrees):
    line = MotionBlur(length).transform(point(), towards(degrees))[0].numpy() / 240
    assert line.sum() == pytest.approx(1, abs=1e-6)
    y, x = np.mgrid[:81, :224] - np.array([40, 100])[:, None, None]
    angle = np.deg2rad(degrees)
    along, beside = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    # an even line has a twelfth of its squared length, and being shared by pixels adds up to a quarter
    assert (line * along**2).sum() == pytest.approx(length**2 / 12 + 0.15, abs=0.16)
    assert (line * beside**2).sum() < 0.26
    assert not line[np.abs(along) > length / 2 + 1.5].any()
    assert not line[np.abs(beside) > 1.5].any()


def test_a_way_along_the_rows_is_an_even_mean_whose_ends_are_shared():
    image = random_pixels(1, 9, 224).float()
    got = MotionBlur(5).transform(image.clone(), towards(0))[0].numpy()
    weights = np.array([0.125, 0.875, 1, 1, 1, 0.875, 0.125]) / 5
    assert np.abs(got - ndimage.correlate1d(image[0].numpy(), weights, axis=1, mode="nearest")).max() < 0.3


def test_a_way_grows_with_the_image():
    small, large = (MotionBlur(8).transform(point(width), towards(0))[0, 40] > 0 for width in (112, 448))
    assert small.sum() < 8
    assert large.sum() > 14


def test_each_image_is_averaged_over_its_own_kernel():
    image = random_pixels(3, 20, 30)
    kernels = np.random.default_rng(0).uniform(size=(3, 5, 5))
    kernels += kernels[:, ::-1, ::-1]
    kernels /= kernels.sum(axis=(1, 2), keepdims=True)
    got = convolved(image.float(), kernels).numpy()
    for row in range(3):
        expected = ndimage.convolve(image[row].numpy().astype(float), kernels[row], mode="nearest")
        assert np.abs(got[row] - expected).max() < 0.3


def test_a_mean_over_a_kernel_is_exact_and_the_same_in_every_batch():
    image = random_pixels(64, 50, 40).float() / 16
    kernels = np.random.default_rng(1).multinomial(4096, np.full(81, 1 / 81), 64).reshape(64, 9, 9) / 4096
    together = convolved(image, kernels)
    padded = functional.pad(image.double()[None], (4,) * 4, mode="replicate")
    expected = functional.conv2d(padded, torch.from_numpy(kernels)[:, None], groups=64)[0]
    assert torch.equal(together.double(), expected)
    for count in (1, 2, 3, 17, 33):
        assert torch.equal(convolved(image[:count], kernels[:count]), together[:count])


def test_ways_point_everywhere():
    degrees = MotionBlur().draw(image_keys([str(number) for number in range(2000)]), 0)["degrees"]
    counts, _ = np.histogram(degrees, bins=4, range=(0, 180))
    assert counts.sum() == 2000
    assert counts.min() > 430
