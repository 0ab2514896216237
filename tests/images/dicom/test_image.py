"""A DICOM image is read as it is meant to be seen, or named with a reason that names no patient."""

import io
import logging
import subprocess
import sys
import warnings

import numpy as np
import pydicom
import pytest
from dicoms import (
    BIG,
    CT,
    DEFLATED,
    DX,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG2000,
    JPEG2000_LOSSLESS,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_FIRST,
    JPEG_LS,
    JPEG_LS_NEAR,
    RAW,
    RLE,
    SECONDARY,
    jpeg,
    lossless_jpeg,
    lut,
    make_dataset,
    make_dicom,
    pydicoms,
    saved,
)
from pictures import RAMP as RAMP8
from pictures import deep
from pictures import saved as saved_picture
from PIL import Image
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from radapt.errors import BadImage
from radapt.images.pixels import decode, read_image
from radapt.images.preprocessing import Preprocessing

RAMP = deep(12)  # (64, 64), 0 to 4095


def grey(data):
    return decode(data, Preprocessing(None)).pixels


def levels(values, low, high):
    return np.clip((values.astype(float) - low) * (255 / (high - low)), 0, 255)


LOSSLESS = {
    "implicit": {"syntax": IMPLICIT},
    "explicit": {"syntax": EXPLICIT},
    "big-endian": {"syntax": BIG},
    "RLE": {"syntax": RLE},
    "JPEG 2000": {"syntax": JPEG2000_LOSSLESS},
    "JPEG 2000, which may lose": {"syntax": JPEG2000, "from": JPEG2000_LOSSLESS},
    "JPEG lossless": {"syntax": JPEG_LOSSLESS, "from": lossless_jpeg},
    "JPEG lossless, first order": {"syntax": JPEG_LOSSLESS_FIRST, "from": lossless_jpeg},
}


def written(values, bits, *, syntax, **options):
    """Write an image in a transfer syntax."""
    made = options.pop("from", None)
    if made is lossless_jpeg:
        options["code"] = lossless_jpeg(values, bits)
    elif made is not None:  # the same codestream, said to be of another syntax
        other = pydicom.dcmread(io.BytesIO(make_dicom(values, bits=bits, syntax=made)))
        options["code"] = next(pydicom.encaps.generate_frames(other.PixelData, number_of_frames=1))
    return make_dicom(values, bits=bits, syntax=syntax, **options)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_ramp_in_any_transfer_syntax_is_read_as_the_same_ramp_in_a_png(kind, bits):
    ramp = deep(bits).astype(np.uint8 if bits == 8 else np.uint16)
    image = decode(written(ramp, bits, **LOSSLESS[kind]), Preprocessing(None))
    assert np.array_equal(image.pixels, grey(saved_picture(Image.fromarray(deep(bits)), "PNG")))
    assert (image.width, image.height, image.bits) == (64, 64, bits)
    assert (image.low, image.high, image.outside) == (0, 2**bits - 1, 0)


@pytest.mark.parametrize("kind", ["implicit", "explicit", "big-endian", "RLE", "JPEG 2000"])
def test_values_below_zero_are_kept_in_order(kind):
    ramp = np.linspace(-1024, 3071, 4096).astype(np.int16).reshape(64, 64)
    image = decode(written(ramp, 16, **LOSSLESS[kind]), Preprocessing(None))
    assert np.array_equal(image.pixels, np.rint(levels(ramp, -1024, 3071)))
    assert (image.low, image.high) == (-1024, 3071)


def test_bytes_that_lie_in_big_endian_words_are_read_in_their_order():
    swapped = RAMP8.reshape(-1, 2)[:, ::-1].reshape(RAMP8.shape)
    data = make_dicom(swapped, syntax=BIG).replace(b"\x7f\xe0\0\x10OB", b"\x7f\xe0\0\x10OW")
    assert np.array_equal(grey(data), RAMP8)
    assert np.array_equal(grey(make_dicom(RAMP8, syntax=BIG)), RAMP8)


def test_runs_that_go_on_into_the_next_row_are_read():
    values = np.repeat(np.arange(30, dtype=np.uint8), 100).reshape(50, 60)
    runs = b"".join(bytes([257 - 100, value]) for value in range(30))
    code = np.array([1, 64, *[0] * 14], "<u4").tobytes() + runs
    assert np.array_equal(grey(make_dicom(values, syntax=RLE, code=code)), values)
    with pytest.raises(BadImage, match="is truncated"):
        grey(make_dicom(values, syntax=RLE, code=code[:-2]))


def test_a_baseline_jpeg_is_read():
    image = decode(make_dicom(RAMP8, syntax=JPEG, code=jpeg(RAMP8)), Preprocessing(None))
    assert np.abs(image.pixels.astype(int) - RAMP8).max() <= 3


@pytest.mark.parametrize(
    ("name", "syntax", "known"),  # some of their values, by row and column
    [
        ("MR_small_jpeg_ls_lossless.dcm", JPEG_LS, {(0, 31): 422, (31, 0): 366, (63, 63): 862}),
        ("JPEGLSNearLossless_16.dcm", JPEG_LS_NEAR, {(0, 0): 65535, (20, 0): 1025, (25, 0): 255}),
        ("JPEGLSNearLossless_08.dcm", JPEG_LS_NEAR, {(0, 0): 255, (5, 0): 125, (10, 0): 65, (15, 0): 30}),
        ("JPGExtended.dcm", JPEG_EXTENDED, {(420, 140): 244, (230, 120): 95}),
    ],
)
def test_codestreams_that_others_made_are_read(name, syntax, known):
    file, code = pydicoms(name)
    assert file.file_meta.TransferSyntaxUID == syntax
    values = file.pixel_array
    assert {place: int(values[place]) for place in known} == known
    if syntax == JPEG_LS:  # which loses nothing
        assert np.array_equal(values, pydicoms_values("MR_small.dcm"))
    image = decode(make_dicom(values, syntax=syntax, bits=file.BitsStored, code=code), Preprocessing(None))
    low = min(int(values.min()), 0)
    assert image.low == low
    assert np.array_equal(image.pixels, np.rint(levels(values, low, image.high)))


def pydicoms_values(name):
    return pydicom.dcmread(pydicom.data.get_testdata_file(name, download=False)).pixel_array


def test_a_window_is_applied_as_pydicom_does_and_its_range_is_recorded():
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID", None):
        tags = {"WindowCenter": [2000, 100], "WindowWidth": [1000, 50]}  # the first of the two
        tags |= {"VOILUTFunction": function} if function else {}
        image = decode(make_dicom(RAMP, bits=12, **tags), Preprocessing(None))
        expected = apply_voi_lut(RAMP, make_dataset(RAMP, 12, **tags)) / 4095 * 255
        assert np.abs(image.pixels - expected).max() <= 0.5001
        assert (np.diff(image.pixels.ravel().astype(int)) >= 0).all()
        if function != "SIGMOID":
            assert (image.low, image.high) == ((1500, 2500) if function == "LINEAR_EXACT" else (1500, 2499))
            assert image.outside == np.mean((image.low > RAMP) | (image.high < RAMP)) > 0.7
        else:
            assert image.outside == 0


def test_a_window_one_value_wide_is_a_threshold():
    image = decode(make_dicom(RAMP, bits=12, WindowCenter=2000, WindowWidth=1), Preprocessing(None))
    assert np.array_equal(image.pixels, np.where(RAMP <= 1999, 0, 255))


def test_without_a_window_nothing_is_cut_off():
    image = decode(make_dicom(RAMP, bits=12), Preprocessing(None))
    assert (image.pixels.min(), image.pixels.max(), image.outside) == (0, 255, 0)
    half = decode(
        make_dicom(RAMP, bits=12, WindowCenter=100), Preprocessing(None)
    )  # a centre alone is no window
    assert np.array_equal(half.pixels, image.pixels)


def test_rescaling_comes_before_the_window():
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 3000, "WindowWidth": 1000}
    image = decode(make_dicom(RAMP, bits=12, **tags), Preprocessing(None))
    assert np.abs(image.pixels - levels(2.0 * RAMP - 1000, 2500, 3499)).max() <= 0.5001
    assert (image.low, image.high) == (2500, 3499)
    plain = decode(make_dicom(RAMP, bits=12, RescaleSlope=0.5, RescaleIntercept=-1000), Preprocessing(None))
    assert (plain.low, plain.high) == (-1000, 1047.5)  # what 12 bits can hold, rescaled
    falling = grey(make_dicom(RAMP, bits=12, RescaleSlope=-1, RescaleIntercept=4095)).astype(int)
    assert np.abs(falling - (255 - levels(RAMP, 0, 4095))).max() <= 0.5001


CURVE = (np.linspace(0, 1, 2000) ** 2 * 1023).astype(int).tolist()


@pytest.mark.parametrize("kind", ["US", "OW"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_table_of_the_values_of_interest_goes_before_a_window(kind, syntax):
    tags = {"VOILUTSequence": lut(1000, CURVE, 10, kind), "WindowCenter": 10, "WindowWidth": 20}
    image = decode(make_dicom(RAMP, bits=12, syntax=syntax, **tags), Preprocessing(None))
    expected = apply_voi_lut(RAMP, make_dataset(RAMP, 12, VOILUTSequence=lut(1000, CURVE, 10))) / 1023 * 255
    assert np.abs(image.pixels - expected).max() <= 0.5001
    assert (image.low, image.high, image.bits) == (1000, 2999, 12)
    assert image.outside == np.mean((RAMP < 1000) | (RAMP > 2999))


def test_a_modality_table_takes_the_place_of_rescaling():
    table = np.arange(4096)[::-1].tolist()
    tags = {"ModalityLUTSequence": lut(0, table, 16)}
    tags["ModalityLUTSequence"][0].ModalityLUTType = "US"
    expected = apply_modality_lut(RAMP, make_dataset(RAMP, 12, **tags))
    assert np.array_equal(grey(make_dicom(RAMP, bits=12, **tags)), np.rint(levels(expected, 0, 4095)))


def test_a_table_may_begin_below_zero_whether_or_not_its_sign_was_lost():
    ramp = np.linspace(-2000, 2000, 256).astype(np.int16).reshape(16, 16)
    for first in (-1000, 2**16 - 1000):
        image = decode(make_dicom(ramp, VOILUTSequence=lut(first, CURVE, 10)), Preprocessing(None))
        assert (image.low, image.high) == (-1000, 999)
        assert (image.pixels[ramp <= -1000] == 0).all()
        assert (image.pixels[ramp >= 999] == 255).all()


def test_monochrome1_is_turned_round_after_the_window():
    # In the other order the window would fall on other values: this one shows the low ones alone.
    tags = {"WindowCenter": 500, "WindowWidth": 1000}
    upright = decode(make_dicom(RAMP, bits=12, **tags), Preprocessing(None))
    turned = decode(
        make_dicom(RAMP, bits=12, PhotometricInterpretation="MONOCHROME1", **tags), Preprocessing(None)
    )
    assert np.abs(turned.pixels.astype(int) - (255 - upright.pixels.astype(int))).max() <= 1
    assert (turned.pixels[RAMP >= 1000] == 0).all()
    assert (turned.low, turned.high) == (upright.low, upright.high)
    plain = grey(make_dicom(RAMP, bits=12, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(plain, np.rint(255 - RAMP * (255 / 4095)))


def test_bits_above_those_stored_are_no_part_of_the_value_where_overlays_lie_in_them():
    overlay = RAMP | np.uint16(0xF000)
    dataset = make_dataset(overlay, 12)
    for group, place in ((0x6000, 12), (0x6002, 13), (0x6004, 14), (0x601E, 15)):
        dataset.add_new((group, 0x0100), "US", 16)
        dataset.add_new((group, 0x0102), "US", place)
    dataset.file_meta.TransferSyntaxUID, dataset.PixelData = EXPLICIT, overlay.tobytes()
    dataset["PixelData"].VR = "OW"
    assert np.array_equal(grey(saved(dataset)), grey(make_dicom(RAMP, bits=12)))
    signed = RAMP.astype(np.int16) - 2048
    bare = (signed & 0x0FFF).astype(np.int16)  # the sign is bit 11
    assert np.array_equal(grey(make_dicom(bare, bits=12)), grey(make_dicom(signed, bits=12)))


def test_padding_is_black_and_does_not_stretch_the_range():
    padded = RAMP.copy()
    padded[:8] = 65535
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        image = decode(
            make_dicom(padded, PixelPaddingValue=65535, PhotometricInterpretation=photometric),
            Preprocessing(None),
        )
        assert (image.pixels[:8] == 0).all()
        assert image.high == 4095
    ranged = decode(
        make_dicom(padded, PixelPaddingValue=65535, PixelPaddingRangeLimit=4000), Preprocessing(None)
    )
    assert (ranged.pixels[padded >= 4000] == 0).all()
    assert ranged.pixels.max() == 249
    signed = np.array([[-2000, 0, 1000, 1023]], dtype=np.int16)
    image = decode(make_dicom(signed, PixelPaddingValue=-2000), Preprocessing(None))
    assert (image.low, image.high, image.pixels[0, 0], image.pixels[0, 3]) == (0, 1023, 0, 255)


@pytest.mark.parametrize("kind", [DX, SECONDARY])
def test_other_radiographs_are_read(kind):
    assert grey(make_dicom(RAMP8, SOPClassUID=kind)).tolist() == RAMP8.tolist()


def test_a_image_is_resized_as_other_formats_are(tmp_path):
    (tmp_path / "image").write_bytes(make_dicom(RAMP, bits=12))
    (tmp_path / "image.png").write_bytes(saved_picture(Image.fromarray(RAMP), "PNG"))
    for mode in ("squash", "pad"):
        for size in (16, 20, 100):
            one, other = (
                read_image(tmp_path / name, Preprocessing(size, mode)) for name in ("image", "image.png")
            )
            assert np.array_equal(one.pixels, other.pixels)


def nested(depth):
    dataset = make_dataset(RAMP8)
    dataset.PixelData = RAMP8.tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    opened = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * depth
    data = saved(dataset)
    place = data.index(b"\x10\x00\x10\x00PN")
    return data[:place] + opened + closed + data[place:]


def without_pixels():
    dataset = make_dataset(RAMP8)
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    return saved(dataset)


def half_a_table():
    items = lut(0, CURVE, 10)
    items[0].LUTData = CURVE[:1000]
    return items


def another_size():
    return make_dicom(RAMP8, syntax=JPEG, code=jpeg(np.zeros((480, 640), np.uint8)))


BAD = {
    "another kind of picture": (make_dicom(RAMP8, SOPClassUID=CT), "not a radiograph .CT Image Storage"),
    "raw values": (make_dicom(RAMP8, SOPClassUID=RAW), "For Processing"),
    "text burned in": (make_dicom(RAMP8, BurnedInAnnotation="YES"), "is left out"),
    "two frames": (make_dicom(RAMP8, NumberOfFrames=2), "2 frames"),
    "two frames unsaid": (make_dicom(np.vstack([RAMP8] * 2), Rows=48), "more than the one frame"),
    "colour": (make_dicom(RAMP8, PhotometricInterpretation="RGB", SamplesPerPixel=3), "in colour"),
    "a palette": (make_dicom(RAMP8, PhotometricInterpretation="PALETTE COLOR"), "in colour"),
    "no photometric": (make_dicom(RAMP8, PhotometricInterpretation=None), "does not say that it is grey"),
    "no rows": (make_dicom(RAMP8, Rows=None), "Rows is missing"),
    "rows that are text": (make_dicom(RAMP8).replace(b"(\0\x10\0US", b"(\0\x10\0LO"), "damaged"),
    "four billion pixels": (make_dicom(RAMP8, Rows=65535, Columns=65535), "more than 100 million pixels"),
    "pixels of 32 bits": (make_dicom(RAMP8.astype(np.uint32)), "32 of 32 bits"),
    "bits that end elsewhere": (make_dicom(RAMP, bits=12, HighBit=15), "end at bit 15"),
    "more bits than there is room for": (make_dicom(RAMP8, BitsStored=12, HighBit=11), "12 of 8 bits"),
    "no pixels": (without_pixels(), "holds no pixels"),
    "cut short": (make_dicom(RAMP)[:-50], "is truncated"),
    "cut short in its header": (make_dicom(RAMP)[:600], "holds no pixels|damaged"),
    "a jpeg cut short": (make_dicom(RAMP8, syntax=JPEG, code=jpeg(RAMP8)[:-60]), "is truncated"),
    "a jpeg of another size": (another_size(), "of another size"),
    "no such window": (
        make_dicom(RAMP, WindowCenter=10, WindowWidth=9, VOILUTFunction="CUBIC"),
        "--intensity percentile",
    ),
    "rescaled to nothing": (make_dicom(RAMP, RescaleSlope=0, RescaleIntercept=1), "rescale slope is 0"),
    "half a table": (make_dicom(RAMP, VOILUTSequence=half_a_table()), "table of grey levels is not whole"),
    "deflated": (make_dicom(RAMP8, syntax=DEFLATED), "transfer syntax .Deflated Explicit VR"),
    "no transfer syntax": (
        make_dicom(RAMP8).replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b""),
        "syntax .unknown",
    ),
    "sequences without an end": (nested(2000), "nested too deep"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_no_image_is_named_with_its_reason(kind):
    data, reason = BAD[kind]
    with pytest.raises(BadImage, match=reason):
        decode(data, Preprocessing(16))


def test_nesting_that_python_bears_is_read():
    assert grey(nested(20)).tolist() == RAMP8.tolist()


def test_nothing_in_a_file_reaches_a_message_a_warning_or_a_log(caplog):
    names = ("Doe", "Jane", "4711")
    images = [
        make_dicom(RAMP8, PatientID="MRN-4711" * 8, StudyID="S" * 16).replace(b"SSSSMRN", b"MRN4711"),
        make_dicom(RAMP).replace(b"DS", b"LO"),
        make_dicom(RAMP, WindowCenter=4711, WindowWidth=4711).replace(b"4711", b"Doe^"),
        make_dicom(RAMP8, SOPClassUID="1.2.4711"),
        make_dicom(RAMP8).replace(b"Doe^Jane", b"Doe\xff\xffane"),
        make_dicom(RAMP8).replace(b"MONOCHROME2", b"Doe^Jane^II"),
    ]
    said = []
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for image in images:
            try:
                grey(image)
            except BadImage as error:
                said.append(str(error))
    assert len(said) >= 3
    said += [str(each.message) for each in warned] + [record.getMessage() for record in caplog.records]
    assert not [text for text in said if any(name in text for name in names)]


def test_pydicom_is_loaded_when_a_dicom_file_is_met_and_missing_it_is_said(tmp_path):
    (tmp_path / "image.dcm").write_bytes(make_dicom(RAMP8))
    (tmp_path / "image.png").write_bytes(saved_picture(Image.fromarray(RAMP8), "PNG"))
    code = """
import sys
from pathlib import Path
from radapt.errors import BadImage
from radapt.images.pixels import read_grey
from radapt.images.preprocessing import Preprocessing
read_grey(Path(sys.argv[1]) / "image.png", Preprocessing(8))
print("pydicom" in sys.modules)
read_grey(Path(sys.argv[1]) / "image.dcm", Preprocessing(8))
print("pydicom" in sys.modules)
sys.modules["openjpeg"] = None
try:
    read_grey(Path(sys.argv[1]) / "image.dcm", Preprocessing(8))
except BadImage as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["False", "True"]
    assert "pip install 'radapt[dicom]'" in lines[2]
