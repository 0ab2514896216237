"""The grey levels of a DICOM image go by what it declares, never by its brightest pixel."""

import numpy as np
import pytest
from dicoms import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    JPEG2000_LOSSLESS,
    JPEG_EXTENDED,
    RLE,
    lut,
    make_dicom,
    pydicoms,
)
from pictures import deep
from pydicom.dataset import Dataset
from rare import jpeg12

from radapt.errors import BadImage
from radapt.images.pixels import decode
from radapt.images.preprocessing import Preprocessing

RAMP = deep(12)  # (64, 64), 0 to 4095


def grey(data):
    return decode(data, Preprocessing(None)).pixels


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, RLE])
@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_values_beyond_the_bits_that_are_stored_are_refused_and_do_not_wrap(syntax, kind):
    for beyond in (1024, 4095):
        values = np.zeros((16, 16), kind)
        values[3, 3] = beyond
        with pytest.raises(BadImage, match="beyond the 10 bits it declares"):
            decode(make_dicom(values, syntax=syntax, bits=10), Preprocessing(None))


@pytest.mark.parametrize("bits", range(9, 17))
@pytest.mark.parametrize("syntax", [EXPLICIT, RLE, JPEG2000_LOSSLESS])
def test_grey_levels_go_by_the_bits_that_are_stored_and_not_by_the_brightest_pixel(bits, syntax):
    values = np.linspace(0, (2**bits - 1) / 2, 1024).astype(np.uint16).reshape(32, 32)
    plain = decode(make_dicom(values, bits=bits, syntax=syntax), Preprocessing(None))
    values[0, 0] = 2**bits - 1
    bright = decode(make_dicom(values, bits=bits, syntax=syntax), Preprocessing(None))
    assert np.array_equal(plain.pixels.ravel()[1:], bright.pixels.ravel()[1:])
    assert (plain.low, plain.bits) == (0, bits)
    assert bits == 16 or plain.pixels.max() == 127  # of 16 bits of 16, half may be all that the image has


def test_a_full_container_of_16_bits_is_spread_by_what_nearly_all_pixels_hold():
    values = RAMP.copy()
    assert decode(make_dicom(values), Preprocessing(None)).high == 4095
    values[:2, :2] = 65535
    image = decode(make_dicom(values), Preprocessing(None))
    assert (image.high, image.outside) == (4095, 4 / values.size)


def test_a_full_container_of_16_bits_with_a_sign_goes_to_its_largest_value():
    values = np.linspace(0, 30000, 4096).astype(np.int16).reshape(64, 64)
    image = decode(make_dicom(values), Preprocessing(None))
    assert (image.low, image.high, image.pixels.max()) == (0, 32767, round(30000 / 32767 * 255))
    values[0, 0] = -32000
    assert decode(make_dicom(values), Preprocessing(None)).high == 32767


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_an_inverse_shape_turns_the_image_once(photometric):
    tags = {"PhotometricInterpretation": photometric, "PresentationLUTShape": "INVERSE"}
    assert np.array_equal(grey(make_dicom(RAMP, bits=12, **tags)), np.rint(255 - RAMP * (255 / 4095)))
    tags["PresentationLUTShape"] = "IDENTITY"
    upright = photometric == "MONOCHROME2"
    seen = grey(make_dicom(RAMP, bits=12, **tags))
    assert seen[0, 0] == (0 if upright else 255)


@pytest.mark.parametrize("width", [0, -5, 0.5])
def test_a_window_without_a_width_is_passed_over(width):
    image = grey(make_dicom(RAMP, bits=12, WindowCenter=100, WindowWidth=width))
    assert np.array_equal(image, grey(make_dicom(RAMP, bits=12)))


def test_a_table_that_says_more_bits_than_it_holds_is_white_at_its_own_largest_entry():
    entries = np.arange(4096).tolist()
    for bits in (0, 12, 14, 16):
        image = grey(make_dicom(RAMP, bits=12, VOILUTSequence=lut(0, entries, bits)))
        assert np.array_equal(image, np.rint(RAMP * (255 / 4095)))
    nearly = grey(
        make_dicom(RAMP, bits=12, VOILUTSequence=lut(0, (np.arange(4096) // 2 + 1500).tolist(), 12))
    )
    assert nearly.max() == round(3547 / 4095 * 255)  # of the 12 bits it says


@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_without_entries_is_passed_over(name):
    bare = Dataset()
    bare.add_new("LUTDescriptor", "US", [16, 0, 12])
    for items in ([], [Dataset()], [bare]):
        assert np.array_equal(
            grey(make_dicom(RAMP, bits=12, **{name: items})), grey(make_dicom(RAMP, bits=12))
        )


def test_a_lossy_jpeg_of_12_bits_is_read_or_its_refusal_says_what_to_install():
    blocks = np.linspace(0, 4095, 64).astype(int).reshape(8, 8)
    whole = blocks.repeat(8, axis=0).repeat(8, axis=1).astype(np.uint16)
    image = grey(make_dicom(whole, syntax=JPEG_EXTENDED, bits=12, code=jpeg12(blocks)))
    assert np.array_equal(image, grey(make_dicom(whole, bits=12)))
    dataset, code = pydicoms("JPEG-lossy.dcm")  # whose scan says that it ends where it begins
    values = np.zeros((dataset.Rows, dataset.Columns), np.uint16)
    with pytest.raises(BadImage, match=r"lossy JPEG of 12 bits is not read here. Install DCMTK"):
        decode(make_dicom(values, syntax=JPEG_EXTENDED, bits=12, code=code), Preprocessing(None))


MEANS = {"06_bits11": 123, "06_bits12": 123, "06_12bit_max1023": 30, "06_12bit_max1024": 30}
MEANS |= {"07_inverse_shape": 123, "07_lut_empty_item": 123, "07_lut_says_16_has_12": 123, "07_window_0": 123}


@pytest.mark.parametrize("name", MEANS)
def test_a_file_that_was_misread_is_read_right(name, shared):
    image = decode((shared / "cases" / "reading" / f"{name}.dcm").read_bytes(), Preprocessing(None))
    assert abs(image.pixels.mean() - MEANS[name]) < 1


def test_a_file_whose_values_wrapped_round_is_refused(shared):
    data = (shared / "cases" / "reading" / "07_bits10_says_values_4095.dcm").read_bytes()
    with pytest.raises(BadImage, match="beyond the 10 bits"):
        decode(data, Preprocessing(None))
