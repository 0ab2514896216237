"""A map comes back to where in the file the model looked, however the file was trimmed, turned or resized."""

import io

import numpy as np
import pytest
from dicoms import make_dicom
from PIL import Image

from radapt.explaining.placement import placed
from radapt.images.preprocessing import Preprocessing

SIZE = 64


def picture() -> np.ndarray:
    """Noise of 220 x 140 with a bright spot, within black bars of 40 at the left and 20 at the top."""
    grey = np.zeros((160, 260), dtype=np.uint8)
    grey[20:, 40:] = np.random.default_rng(0).integers(60, 140, (140, 220), dtype=np.uint8)
    grey[60:90, 200:230] = 255
    return grey


def encoded(grey: np.ndarray, kind: str = "PNG", **how) -> bytes:
    file = io.BytesIO()
    Image.fromarray(grey).save(file, kind, **how)
    return file.getvalue()


def exif(turn: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = turn
    return made


def check_spot(found, spot: np.ndarray) -> None:
    """The brightest part as the model sees it comes back to the brightest part of the original."""
    drawn = np.where(found.pixels > 200, 1.0, 0.0).astype(np.float32)
    back = found.bring_back(drawn)
    assert back.shape == found.original.shape
    marked = np.nan_to_num(back) > 0.5
    assert (marked & spot).sum() / (marked | spot).sum() > 0.75
    assert found.overlay(drawn).shape == (*spot.shape, 3)


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_spot_comes_back_to_itself(turn, trim, resize):
    found = placed(encoded(picture(), exif=exif(turn)), Preprocessing(SIZE, resize, trim=trim))
    check_spot(found, found.original == 255)
    assert np.isnan(found.bring_back(np.zeros((SIZE, SIZE), dtype=np.float32))).any() == trim


def test_so_it_does_where_a_jpeg_is_decoded_at_a_fraction_of_its_size():
    large = np.asarray(Image.fromarray(picture()).resize((1041, 641), Image.Resampling.NEAREST))
    found = placed(encoded(large, "JPEG", quality=95), Preprocessing(SIZE, "pad", trim=True))
    assert found.original.shape == (641, 1041)
    check_spot(found, large == 255)


@pytest.mark.parametrize("trim", [False, True])
def test_so_it_does_in_16_bits_and_in_dicom(trim):
    reading = Preprocessing(SIZE, trim=trim)
    found = placed(encoded(picture().astype(np.uint16) * 257), reading)
    check_spot(found, picture() == 255)
    found = placed(make_dicom(picture().astype(np.uint16) * 16, bits=12), reading)
    check_spot(found, picture() == 255)


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_so_it_does_over_a_smaller_original(resize):
    found = placed(encoded(picture()), Preprocessing(SIZE, resize, trim=True)).shrunk(130)
    assert found.original.shape == (80, 130)
    check_spot(found, found.original > 200)
