"""An image takes less than a gigabyte to read, or is refused before it is decoded."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from dicoms import BIG, make_dicom
from pictures import saved
from PIL import Image

from radapt.errors import BadImage
from radapt.images.depth import Range, middle_of, middle_range
from radapt.images.pixels import decode
from radapt.images.preprocessing import Preprocessing

MEASURE = """
import sys
from pathlib import Path
from radapt.images.pixels import read_image
from radapt.images.preprocessing import Preprocessing
read_image(Path(sys.argv[1]), Preprocessing(None if sys.argv[2] == "whole" else 224, intensity=sys.argv[3]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
SIDE = 10_000
LARGEST = {
    "floats": lambda: saved(Image.new("F", (SIDE, SIDE), 7), "TIFF", compression="tiff_deflate"),
    "whole numbers of 32 bits": lambda: saved(
        Image.new("I", (SIDE, SIDE), 7), "TIFF", compression="tiff_deflate"
    ),
    "inks": lambda: saved(Image.new("CMYK", (SIDE, SIDE)), "TIFF", compression="tiff_deflate"),
    "16 bits": lambda: saved(Image.new("I;16", (SIDE, SIDE), 7), "PNG", compress_level=1),
    "webp": lambda: saved(Image.new("RGB", (7200, 7300), 7), "WEBP", quality=1, method=0),
    "dicom": lambda: make_dicom(np.full((SIDE, SIDE), 7, dtype=np.uint16), bits=12, syntax=BIG),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LARGEST)
def test_the_largest_images_that_are_read_take_less_than_a_gigabyte(tmp_path, kind):
    image = tmp_path / "image"
    image.write_bytes(LARGEST[kind]())
    for options in (("224", "window"), ("whole", "percentile")):
        command = [sys.executable, "-c", MEASURE, str(image), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        assert 100_000_000 < int(done.stdout) * 1024 < 1_000_000_000


def test_a_webp_that_would_take_more_is_refused_by_its_header():
    image = saved(Image.new("RGB", (8_000, 7_000)), "WEBP", lossless=True, quality=0, method=0)
    with pytest.raises(
        BadImage, match=r"would take 896 MB of memory to read, and 850 MB are the most; save it"
    ):
        decode(image, Preprocessing(8))


def tiled(width, height):
    """Write a TIFF of 64 x 64 whose one tile is of this size (TIFF 6.0, section 15)."""
    data = zlib.compress(bytes(width * min(height, 64)))
    shorts = {258: 8, 259: 8, 262: 1, 277: 1}
    tags = {256: 64, 257: 64, **shorts, 322: width, 323: height, 324: 8, 325: len(data)}
    entries = b"".join(
        struct.pack("<HHII", number, 3 if number in shorts else 4, 1, value)
        for number, value in sorted(tags.items())
    )
    start = struct.pack("<I", 8 + len(data))
    return b"II*\0" + start + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_a_small_tiff_of_one_huge_tile_is_refused():
    assert decode(tiled(64, 64), Preprocessing(None)).pixels.shape == (64, 64)
    with pytest.raises(BadImage, match=r"would take 4,[89]\d\d MB of memory"):
        decode(tiled(40_000, 30_000), Preprocessing(8))


def test_what_a_reading_does_with_a_image_counts():
    image = saved(
        Image.new("I;16", (200_000, 450)), "PNG", compress_level=1
    )  # too low to be looked at in small
    assert decode(image, Preprocessing(8)).width == 200_000
    with pytest.raises(BadImage, match=r"would take 90\d MB of memory"):
        decode(image, Preprocessing(8, trim=True))


@pytest.mark.parametrize("kind", ["<u2", "<i4", "<f4"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (20, 10), (61, 73), (300, 200)])
@pytest.mark.parametrize("levels", [2, 9, 2000])
def test_percentiles_without_sorting_are_those_of_all_values(kind, shape, levels):
    rng = np.random.default_rng(shape[0] * levels)
    values = (rng.normal(0.6, 0.1, shape).clip(0) * levels).round().astype(kind)
    low, high, outside = middle_of(*np.unique(values, return_counts=True))
    found = middle_range(values)
    assert found == Range(low, high - low, found.bits, outside)
