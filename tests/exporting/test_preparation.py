"""The preprocessing in a file gives the very grey levels that Pillow gives radapt."""

import numpy as np
import pytest
import torch
from PIL import Image
from samples import random_pixels, smooth_pixels

from radapt.errors import AskedWrongly
from radapt.exporting.preparation import Preparation, check_expressible, spread_percentiles
from radapt.images.pixels import fitted
from radapt.images.preprocessing import Preprocessing

# Larger, smaller, four times as large and more, one axis only, taller than Pillow begins with rows for.
SIZES = [(1, 1), (3, 200), (40, 40), (41, 39), (77, 31), (160, 161), (200, 90), (399, 640), (640, 12)]


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("intensity", ["window", "percentile"])
@pytest.mark.parametrize("size", [18, 40])
def test_images_of_any_size_are_what_pillow_makes_of_them(size, resize, intensity):
    reading = Preprocessing(size=size, resize=resize, intensity=intensity)
    prepare = Preparation(reading)
    for height, width in SIZES:
        images = torch.cat([random_pixels(1, height, width), smooth_pixels(1, height, width)])
        made = prepare(images.unsqueeze(1)).numpy()
        for image, own in zip(images.numpy(), made, strict=True):
            np.testing.assert_array_equal(own, fitted(Image.fromarray(image), reading))


def test_real_images_are_too(shared):
    for path in sorted((shared / "data/chest_xray/test").glob("*/*"))[::150]:
        image = np.asarray(Image.open(path).convert("L"))
        for reading in (
            Preprocessing(size=24),
            Preprocessing(size=100, resize="pad", intensity="percentile"),
        ):
            made = Preparation(reading)(torch.from_numpy(image.copy())[None, None])[0].numpy()
            np.testing.assert_array_equal(made, fitted(Image.fromarray(image), reading))


def test_what_is_prepared_already_is_left_alone():
    pixels = smooth_pixels(2, 32, 32)
    prepare = Preparation(Preprocessing(size=32, intensity="percentile"))
    assert torch.equal(prepare(pixels.unsqueeze(1), torch.tensor(True)).byte(), pixels)
    assert not torch.equal(prepare(pixels.unsqueeze(1)).byte(), pixels)


def test_an_image_of_one_value_becomes_black():
    assert not spread_percentiles(torch.full((1, 9, 9), 77, dtype=torch.uint8)).any()


def test_what_a_file_cannot_carry_is_refused():
    with pytest.raises(AskedWrongly, match="without --trim"):
        check_expressible(Preprocessing(trim=True))
    with pytest.raises(AskedWrongly, match="one size"):
        Preparation(Preprocessing(size=None))
