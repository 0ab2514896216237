"""Grey levels of files that say little of them, rare layouts, and whole pictures with a damaged remark."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from pictures import RAMP, chunk, deep, png, saved
from PIL import Image
from rare import jpeg12, tiff

from radapt.errors import BadImage
from radapt.images.pixels import decode
from radapt.images.preprocessing import Preprocessing

DRAWN = np.linspace(0, 0.9, 4096).reshape(64, 64)  # of the largest value


def read(data, **options):
    return decode(data, Preprocessing(None, **options))


def grey16(values):
    return saved(Image.fromarray(values), "PNG")


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("write", [grey16, lambda values: png(np.stack([values] * 3, -1), 2), tiff])
def test_one_pixel_has_no_say_in_the_grey_levels(write, bits):
    values = deep(bits)
    plain = read(write(values))
    values[0, 0] = 65535
    image = read(write(values))
    assert (
        (image.bits, image.low, image.high) == (plain.bits, plain.low, plain.high) == (bits, 0, 2**bits - 1)
    )
    assert image.outside == 1 / 4096
    assert image.pixels[0, 0] == 255
    assert np.array_equal(image.pixels.ravel()[1:], plain.pixels.ravel()[1:])


def test_what_more_than_one_in_a_thousand_pixels_hold_is_no_accident():
    values = deep(12)
    values.ravel()[:40] = 16000
    image = read(grey16(values))
    assert (image.bits, image.outside) == (14, 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["i2", "u2", "i4", "f4"])
def test_a_tiff_of_any_order_and_kind_gives_the_same_levels(kind, packed, order):
    largest = {"i2": 2**15 - 1, "u2": 2**16 - 1, "i4": 2**20 - 1, "f4": 1}[kind]
    image = read(tiff((DRAWN * largest).astype(kind), order=order, packed=packed))
    assert np.abs(image.pixels - DRAWN * 255).max() <= 0.6
    assert image.high == largest


def test_signed_values_below_zero_shift_the_range_unless_they_are_a_few():
    values = (DRAWN * 4095).astype(np.int16)
    plain = read(tiff(values))
    values[5, 5] = -30000
    image = read(tiff(values))
    assert (image.low, image.high, image.outside, image.pixels[5, 5]) == (0, 4095, 1 / 4096, 0)
    assert np.delete(image.pixels.ravel(), 325).tolist() == np.delete(plain.pixels.ravel(), 325).tolist()
    assert read(tiff(values - 1000)).low < -950


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1)])
def test_floats_from_0_or_from_minus_1_go_to_1(low, high):
    values = (low + DRAWN * (high - low)).astype(np.float32)
    image = read(tiff(values))
    assert (image.low, image.high, image.bits) == (low, high, 32)
    assert np.abs(image.pixels - DRAWN * 255).max() <= 0.51


def test_other_floats_are_spread_over_what_is_there_and_one_pixel_has_no_say():
    for scale, shift in ((5, -2), (2.6, 0), (0.4, -0.1), (1e-3, -1e-3), (2048, -1024.5)):
        values = (shift + DRAWN / 0.9 * scale).astype(np.float32)
        plain = read(tiff(values))
        assert np.abs(plain.pixels - DRAWN / 0.9 * 255).max() <= 0.6 or 0 <= values.min() <= values.max() <= 1
        values[9, 9] = 1e6
        image = read(tiff(values))
        assert np.abs(image.pixels.astype(int) - plain.pixels).max(initial=0, where=values < 1e6) <= 4
        assert image.outside > 0


def test_floats_that_were_whole_numbers_keep_their_depth():
    values = (DRAWN * 4095).astype(np.float32)
    assert (read(tiff(values)).bits, read(tiff(np.rint(values))).bits) == (12, 12)


REFUSED = {
    "signed bytes": (tiff((DRAWN * 100).astype(np.int8)), "signed 8-bit values"),
    "signed bytes in colour": (
        tiff(np.stack([DRAWN * 100] * 3, -1).astype(np.int8), photometric=2),
        "signed 8-bit|read",
    ),
    "double floats": (tiff(DRAWN), "64-bit floats, which radapt does not read"),
    "half floats": (tiff(DRAWN.astype(np.float16)), "16-bit floats, which radapt does not read"),
    "64-bit numbers": (tiff((DRAWN * 100).astype(np.int64)), "64-bit signed whole numbers"),
    "separate planes": (
        tiff(np.stack([deep(16)] * 3, -1), photometric=2, planar=2),
        "16-bit colours in separate planes",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_read_wrongly_is_refused_by_name(kind):
    data, reason = REFUSED[kind]
    with pytest.raises(BadImage, match=reason):
        read(data)


def test_unsigned_values_of_32_bits_are_read_right_to_the_largest():
    image = read(tiff((DRAWN * (2**32 - 1)).astype(np.uint32)))
    assert np.abs(image.pixels - DRAWN * 255).max() <= 0.6
    assert (image.bits, image.outside) == (32, 0)


def test_the_largest_value_that_a_tiff_or_a_pgm_declares_is_white():
    dark = (DRAWN * 1000).astype(np.uint16)
    assert read(tiff(dark, extra=[(281, [4095])])).high == 4095
    assert read(tiff(dark, extra=[(281, [900])])).high == 1023  # of this picture, and no declaration
    image = read(b"P5 64 64 4095 " + dark.astype(">u2").tobytes())
    assert np.abs(image.pixels - dark / 4095 * 255).max() <= 0.6


@pytest.mark.parametrize("layout", ["565", "555"])
def test_a_bmp_of_16_bits_a_pixel_is_read(layout):
    red, green, blue = (0xF800, 0x7E0, 0x1F) if layout == "565" else (0x7C00, 0x3E0, 0x1F)
    grey = RAMP.astype(np.uint16)
    places = (11, 5) if layout == "565" else (10, 5)
    words = (grey >> 3 << places[0]) | (grey >> (2 if layout == "565" else 3) << places[1]) | grey >> 3
    header = struct.pack("<IiiHHIIiiII", 40, 64, -48, 1, 16, 3, 0, 0, 0, 0, 0)
    header += struct.pack("<III", red, green, blue)
    data = b"BM" + struct.pack("<IHHI", 66 + 48 * 128, 0, 0, 66) + header + words.astype("<u2").tobytes()
    assert np.abs(read(data).pixels.astype(int) - RAMP).max() <= 8


def broken_exif(orientation):
    """Give EXIF data that say more tags than they hold."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 9) + entry + b"\0\0"


@pytest.mark.parametrize("orientation", [1, 3])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_whole_picture_whose_exif_is_damaged_is_read_and_turned(kind, orientation):
    options = {"exif": broken_exif(orientation), "quality": 100, "lossless": True}
    options = {name: value for name, value in options.items() if kind == "WEBP" or name != "lossless"}
    image = read(saved(Image.fromarray(RAMP).convert("RGB"), kind, **options)).pixels.astype(int)
    assert np.abs(image - (RAMP if orientation == 1 else RAMP[::-1, ::-1])).max() <= 3


PNG, JPEG = saved(Image.fromarray(RAMP), "PNG"), saved(Image.fromarray(RAMP), "JPEG", quality=95)


def remarked(name, data):
    """Give the picture with a remark: a chunk of the PNG, or by the number of its marker of the JPEG."""
    if isinstance(name, bytes):
        return PNG[:33] + chunk(name, data) + PNG[33:]
    return JPEG[:2] + bytes([0xFF, name]) + struct.pack(">H", len(data) + 2) + data + JPEG[2:]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"zTXt", b"a\0\0" + zlib.compress(b"x" * 3_000_000)),
        *((name, b"") for name in (b"gAMA", b"pHYs", b"cHRM", b"sRGB", b"zTXt", b"iCCP", b"eXIf")),
        *((0xE1, b"Exif\0\0" + data) for data in (b"", b"II*\0\xff\xff\xff\0", b"junkjunkjunk")),
        (0xE2, b"MPF\0II*\0\x08\0\0\0\x05\0" + b"junk" * 5),
        *((0xE2, b"ICC_PROFILE\0"), (0xED, b"Photoshop 3.0\x008BIM\x04\x04")),
        *((0xEE, b"Adobe"), (0xE0, b"JFIF")),
    ],
)
def test_a_whole_picture_is_read_whatever_is_wrong_with_what_is_remarked_on_it(name, data):
    assert np.abs(read(remarked(name, data)).pixels.astype(int) - RAMP).max() <= 3


def test_the_colours_of_a_jpeg_are_kept_where_a_remark_is_passed_over():
    inks = saved(Image.fromarray(RAMP).convert("RGB").convert("CMYK"), "JPEG", quality=95)
    damaged = inks[:2] + b"\xff\xe2\0\x0eICC_PROFILE\0" + inks[2:]
    assert np.array_equal(read(damaged).pixels, read(inks).pixels)


@pytest.mark.parametrize("name", [b"pHYs", b"tEXt", b"gAMA", b"IDAT"])
def test_the_damaged_chunk_of_a_png_is_named(name):
    whole = saved(Image.fromarray(RAMP), "PNG")
    if name != b"IDAT":
        whole = whole[:33] + chunk(name, b"Doe\0Jane9") + whole[33:]
    place = whole.index(name) + 5
    damaged = whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]
    with pytest.raises(BadImage, match=f"is damaged: the checksum of its chunk {name.decode()} is wrong"):
        read(damaged)


def test_dicom_without_its_preamble_is_told_from_what_is_no_image():
    with pytest.raises(BadImage, match="seems to be DICOM without its preamble"):
        read(b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + b"DOE^JANE" * 20)


def test_no_reason_quotes_what_a_file_holds():
    name = b"DOE^JANE"
    for data in (
        name * 40,
        b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100" + name * 20,
        b"P5 " + name * 4,
        b"P5 64 " + name + b" 255 ",
        b"P2 2 2 255 " + name + b" 3 4 5",
        b"P1 2 2 " + name,
        b"\x89PNG\r\n\x1a\n" + name * 9,
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 4) + name * 9,
        b"II*\0\x08\0\0\0" + name * 9,
        b"BM" + name * 20,
        b"RIFF" + name * 9,
        b"GIF89a" + name * 9,
        b"\xff\xd8\xff\xe1\0\x20Exif\0\0" + name * 9,
    ):
        with pytest.raises(BadImage) as raised:
            read(data)
        assert not {"DOE", "JANE"} & set(str(raised.value).replace("^", " ").split())
        assert not any(part in str(raised.value) for part in ("DOE", "JANE", "ISO_IR"))


BLOCKS = np.linspace(0, 4095, 64).astype(int).reshape(8, 8)


def test_a_jpeg_of_12_bits_is_read():
    image = read(jpeg12(BLOCKS))
    assert (image.width, image.height, image.bits, image.high) == (64, 64, 12, 4095)
    assert np.array_equal(image.pixels[::8, ::8], np.rint(BLOCKS * (255 / 4095)))


def test_a_jpeg_of_12_bits_says_what_to_install_where_that_is_missing(tmp_path):
    (tmp_path / "image.jpg").write_bytes(jpeg12(BLOCKS))
    code = (
        "import sys; sys.modules['libjpeg'] = None\n"
        "from radapt.images.pixels import decode\n"
        "from radapt.images.preprocessing import Preprocessing\n"
        "decode(open('image.jpg', 'rb').read(), Preprocessing(32))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "BadImage: is a JPEG of 12 bits a value, which needs pylibjpeg" in done.stderr
    assert "pip install 'radapt[dicom]'" in done.stderr


MEANS = {
    "05_float_minus1_1.tif": 123,
    "06_int16_0_32767.tif": 123,
    "08_565.bmp": 122.5,
    "08_exif_more_tags.jpg": 123,
}


@pytest.mark.parametrize("name", MEANS)
def test_a_file_that_was_misread_is_read_right(name, shared):
    image = read((shared / "cases" / "reading" / name).read_bytes())
    assert abs(image.pixels.mean() - MEANS[name]) < 1


WHY = {
    "05_float64.tif": "64-bit floats",
    "08_int8.tif": "signed 8-bit",
    "08_phys_crc.png": "chunk pHYs",
}


@pytest.mark.parametrize("name", WHY)
def test_a_file_that_is_not_read_says_why(name, shared):
    with pytest.raises(BadImage, match=WHY[name]):
        read((shared / "cases" / "reading" / name).read_bytes())
