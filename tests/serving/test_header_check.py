"""Sizes are read from the first bytes of a file, and images refused by them."""

import io
import struct

import numpy as np
import pytest
from dicoms import make_dicom
from PIL import Image

from radapt.serving.header_check import check_kind, check_size
from radapt.serving.limits import Refused


def saved(kind: str, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((30, 40), dtype=np.uint8)).save(out, kind, **options)
    return out.getvalue()


FILES = {
    "png": saved("PNG"),
    "jpeg": saved("JPEG"),
    "progressive": saved("JPEG", progressive=True),
    "dicom": make_dicom(np.zeros((30, 40), dtype=np.uint16)),
}


@pytest.mark.parametrize("name", FILES)
def test_the_size_is_that_of_the_header(name):
    check_kind(FILES[name])
    check_size(FILES[name], 1200)
    with pytest.raises(Refused) as refused:
        check_size(FILES[name], 1199)
    assert refused.value.status == 413


@pytest.mark.parametrize("name", FILES)
def test_a_header_that_is_cut_off_is_left_to_the_decoder(name):
    for length in range(0, len(FILES[name]), 7):
        check_size(FILES[name][:length], 1200)


def test_a_png_says_its_size_once_at_its_beginning():
    head, rest = FILES["png"][:8], FILES["png"][8:]
    text = struct.pack(">I4s8sI", 8, b"tEXt", bytes(8), 0)
    small = struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 1, 1, 8, 0, 0, 0, 0, 0)
    for data in (head + text + rest, head + small + rest, head + small + text + rest):
        with pytest.raises(Refused, match="does not say its size once") as refused:
            check_size(data, 1200)
        assert refused.value.status == 422
    with pytest.raises(Refused, match="more than 100,000 chunks"):
        check_size(head + small + 100_001 * text, 1200)


def test_a_jpeg_of_many_scans_is_refused():
    with pytest.raises(Refused, match="more than 100 scans"):
        check_size(FILES["jpeg"] + b"\xff\xda" * 200, 1200)


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "GIF", "WEBP"])
def test_other_kinds_of_files_are_refused(kind):
    with pytest.raises(Refused) as refused:
        check_kind(saved(kind))
    assert refused.value.status == 415
