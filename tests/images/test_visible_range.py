"""An image that shows nothing, or little of itself, is marked; one that can be seen is not."""

import numpy as np
import pytest
from rare import tiff

from radapt.images.pixels import read_image
from radapt.images.preprocessing import Preprocessing
from radapt.images.visible_range import mark_of

RAMP = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
NOISE = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(np.uint8)


@pytest.mark.parametrize(
    ("pixels", "outside", "mark"),
    [
        (np.zeros((64, 64), np.uint8), 0, "shows nothing: it is all black"),
        (NOISE, 0, "shows nothing: it is all black"),
        (np.full((64, 64), 255, np.uint8), 0, "shows nothing: it is all white"),
        (255 - NOISE, 0, "shows nothing: it is all white"),
        (np.pad(np.full((32, 64), 255, np.uint8), ((16, 16), (0, 0))), 0, "shows nothing: it is all white"),
        (np.full((64, 64), 97, np.uint8), 0, "shows nothing: it is all one grey"),
        (RAMP, 0.83, "lies mostly outside its window: 83% of it is cut off"),
        (RAMP // 32, 0, "shows next to nothing: nearly all of it lies within 7 grey levels of 256"),
        (np.where(RAMP > 90, np.uint8(255), RAMP), 0, "is mostly white: 65% of it"),
        (RAMP, 0.4, ""),
    ],
)
def test_what_cannot_be_seen_is_marked(pixels, outside, mark):
    assert mark_of(pixels, outside) == mark


def test_a_few_bright_pixels_on_black_are_no_picture():
    letter = np.zeros((100, 100), np.uint8)
    letter[0, :20] = letter[99, 80:] = 200  # at the corners: they are no bars
    letter[:, 0] = letter[:, 99] = 1
    assert mark_of(letter).startswith("shows next to nothing")


def test_floats_that_are_spread_over_their_own_values_are_told(tmp_path, radapt):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(9):
            values = rng.normal(0, 1, (32, 32)) if number else rng.random((32, 32))
            (tmp_path / "images" / name / f"{number}.tif").write_bytes(tiff(values.astype(np.float32)))
    code, told, _ = radapt("audit", tmp_path / "images")
    assert code == 0
    said = " ".join(told.split())
    assert "Images of floats beyond 0 to 1, each spread over its own values: 16, the first from -" in said


def test_images_that_show_nothing_are_marked(shared):
    folder = shared / "cases" / "reading"
    for name, colour in (("08_alpha0.png", "black"), ("08_white.png", "white")):
        image = read_image(folder / name, Preprocessing(32))
        assert mark_of(image.pixels, image.outside) == f"shows nothing: it is all {colour}"
    decoded = read_image(folder / "06_bits12.dcm", Preprocessing(32))
    assert mark_of(decoded.pixels, decoded.outside) == ""
