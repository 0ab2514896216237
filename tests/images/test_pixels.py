"""Every common file of pixels is read as it is meant to be seen, or named with a reason."""

import io
import os
import struct
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from pictures import RAMP, chunk, deep, huge_png, png, saved
from PIL import Image

from radapt.errors import AskedWrongly, BadImage, UnknownName
from radapt.images.pixels import MAX_BYTES, decode, read_grey, read_image
from radapt.images.preprocessing import Preprocessing
from radapt.images.quiet_decoders import handlers_of_libtiff

GREY = Image.fromarray(RAMP)
GREYS = bytes(level for level in range(256) for _ in "rgb")
SEES_THE_RAMP = {
    "jpeg": saved(GREY, "JPEG", quality=95),
    "jpeg of colours": saved(GREY.convert("RGB"), "JPEG", quality=95),
    "jpeg of inks": saved(GREY.convert("RGB").convert("CMYK"), "JPEG", quality=95),
    "png": saved(GREY, "PNG"),
    "png of colours": saved(GREY.convert("RGB"), "PNG"),
    "png with alpha": saved(GREY.convert("RGBA"), "PNG"),
    "png of grey and alpha": saved(GREY.convert("LA"), "PNG"),
    "png with a palette": saved(GREY.quantize(256), "PNG"),
    "png, interlaced": png(RAMP[..., None], 0, bits=8, interlaced=True),
    "png of colours, interlaced": png(np.stack([RAMP] * 3, axis=-1), 2, bits=8, interlaced=True),
    "png with a palette, interlaced": png(RAMP[..., None], 3, bits=8, interlaced=True, palette=GREYS),
    "jpeg, progressive": saved(GREY, "JPEG", quality=95, progressive=True),
    "tiff": saved(GREY, "TIFF"),
    "tiff, compressed": saved(GREY, "TIFF", compression="tiff_lzw"),
    "tiff, white is zero": saved(GREY, "TIFF", tiffinfo={262: 0}),
    "bmp": saved(GREY, "BMP"),
    "webp": saved(GREY.convert("RGB"), "WEBP", lossless=True),
    "gif": saved(GREY, "GIF"),
    "pgm": saved(GREY, "PPM"),
    "ppm": saved(GREY.convert("RGB"), "PPM"),
    "tiff of colours": saved(GREY.convert("RGB"), "TIFF"),
    "tiff, jpeg inside": saved(GREY, "TIFF", compression="jpeg", quality=95),
    "bmp of colours": saved(GREY.convert("RGB"), "BMP"),
    "webp that loses": saved(GREY.convert("RGB"), "WEBP", quality=100),
}


@pytest.mark.parametrize("kind", SEES_THE_RAMP)
def test_a_format_gives_the_grey_levels_that_were_saved(kind):
    image = decode(SEES_THE_RAMP[kind], Preprocessing(None))
    assert (image.width, image.height, image.bits) == (64, 48, 8)
    assert image.pixels.dtype == np.uint8
    assert np.abs(image.pixels.astype(int) - RAMP).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
def test_a_1_bit_picture_is_black_and_white(kind):
    image = decode(saved(Image.fromarray(RAMP >= 128), kind), Preprocessing(None))
    assert np.array_equal(image.pixels, np.where(RAMP >= 128, 255, 0))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_shallow_png_goes_from_black_to_white(bits, interlaced):
    values = np.arange(13 * 11).reshape(13, 11, 1) % 2**bits  # odd sizes: some of the seven passes are short
    image = decode(png(values, 0, bits=bits, interlaced=interlaced), Preprocessing(None))
    assert np.array_equal(image.pixels, values[..., 0] * (255 // (2**bits - 1)))


def test_a_palette_is_looked_up_and_its_transparent_colour_shows_black():
    image = Image.new("P", (2, 2))
    image.putpalette([0, 0, 0, 10, 20, 30, 200, 200, 200, 90, 90, 90])
    image.putdata([1, 2, 3, 2])
    assert decode(saved(image, "PNG"), Preprocessing(None)).pixels.tolist() == [[18, 200], [90, 200]]
    decoded = decode(saved(image, "PNG", transparency=2), Preprocessing(None)).pixels
    assert decoded.tolist() == [[18, 0], [90, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_black(mode):
    image = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    image.paste((200, 200, 200, 255), (0, 0, 4, 8))
    image.paste((200, 200, 200, 128), (0, 0, 4, 4))
    made = image.quantize(16) if mode == "P" else image.convert(mode)
    pixels = decode(saved(made, "PNG"), Preprocessing(None)).pixels
    assert (pixels[:, 4:] == 0).all()
    assert np.abs(pixels[4:, :4].astype(int) - 200).max() <= 1
    assert np.abs(pixels[:4, :4].astype(int) - 100).max() <= 1


DEEP_FILES = {
    "png": lambda values: saved(Image.fromarray(values), "PNG"),
    "png of colours": lambda values: png(np.stack([values] * 3, axis=-1), 2),
    "png of colours and alpha": lambda values: png(
        np.stack([*[values] * 3, np.full_like(values, 65535)], -1), 6
    ),
    "png of grey and alpha": lambda values: png(np.stack([values, np.full_like(values, 65535)], axis=-1), 4),
    "png, interlaced": lambda values: png(values[..., None], 0, interlaced=True),
    "png of colours, interlaced": lambda values: png(np.stack([values] * 3, axis=-1), 2, interlaced=True),
    "tiff": lambda values: saved(Image.fromarray(values), "TIFF"),
    "tiff, compressed": lambda values: saved(Image.fromarray(values), "TIFF", compression="tiff_lzw"),
    "tiff, big-endian": lambda values: saved(
        Image.frombytes("I;16B", (64, 64), values.astype(">u2").tobytes()), "TIFF"
    ),
    "tiff of 32 bits": lambda values: saved(Image.fromarray(values.astype(np.int32)), "TIFF"),
    "pgm": lambda values: b"P5 64 64 65535 " + values.astype(">u2").tobytes(),
    "tiff of floats": lambda values: saved(Image.fromarray(values.astype(np.float32)), "TIFF"),
}


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", DEEP_FILES)
def test_a_deep_ramp_stays_a_ramp_from_black_to_white(kind, bits):
    image = decode(DEEP_FILES[kind](deep(bits)), Preprocessing(None))
    levels = image.pixels.ravel().astype(int)
    assert image.bits == bits
    assert (np.diff(levels) >= 0).all()
    assert (levels[0], levels[-1], len(np.unique(levels))) == (0, 255, 256)
    assert np.abs(levels - deep(bits).ravel() / (2**bits - 1) * 255).max() <= 0.5


def test_the_range_of_a_deep_image_is_the_smallest_depth_that_holds_it():
    depths = {255: 8, 256: 10, 1023: 10, 1024: 12, 4096: 14, 16384: 16, 65535: 16}
    for brightest, bits in depths.items():
        values = np.full((4, 4), brightest, dtype=np.uint16)
        assert decode(saved(Image.fromarray(values), "PNG"), Preprocessing(None)).bits == bits
    beyond = np.array([[0, 70000]], dtype=np.int32)
    image = decode(saved(Image.fromarray(beyond), "TIFF"), Preprocessing(None))
    assert (image.bits, image.pixels.max()) == (17, 136)


def test_values_below_zero_are_kept_in_order():
    values = np.linspace(-1024, 3071, 256).astype(np.int32).reshape(16, 16)
    levels = decode(saved(Image.fromarray(values), "TIFF"), Preprocessing(None)).pixels.ravel().astype(int)
    assert (np.diff(levels) >= 0).all()
    assert (levels[0], levels[-1], len(np.unique(levels))) == (0, 255, 256)


def test_a_16_bit_tiff_in_which_white_is_zero_is_turned_round():
    data = saved(Image.fromarray(deep(12)), "TIFF", tiffinfo={262: 0})
    assert np.array_equal(
        decode(data, Preprocessing(None)).pixels,
        np.rint(255 - deep(12) * np.float32(255 / 4095)).astype(np.uint8),
    )


def test_floats_from_0_to_1_fill_the_range_and_what_is_not_finite_is_refused():
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    assert np.array_equal(
        decode(saved(Image.fromarray(values), "TIFF"), Preprocessing(None)).pixels.ravel(), np.arange(256)
    )
    values[3, 3] = np.nan
    with pytest.raises(BadImage, match="not finite"):
        decode(saved(Image.fromarray(values), "TIFF"), Preprocessing(None))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("size", [None, 16])
def test_exif_orientation_is_obeyed(kind, orientation, size):
    upright = Image.new("L", (64, 32))
    upright.paste(255, (0, 0, 16, 16))
    upright.paste(120, (48, 0, 64, 16))
    lying = upright.copy()
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)  # what undoes the turn
    if back is not None:
        lying = upright.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(saved(lying.convert("RGB"), kind, exif=exif, quality=95), Preprocessing(size, "pad"))
    expected = decode(saved(upright, "PNG"), Preprocessing(size, "pad")).pixels.astype(int)
    assert (image.width, image.height) == (64, 32)
    assert image.pixels.shape == expected.shape
    assert np.abs(image.pixels - expected).max() <= (40 if kind == "WEBP" else 8)


def test_squash_fills_the_square_and_pad_keeps_the_aspect_on_black():
    data = saved(Image.new("L", (64, 32), 200), "PNG")
    assert (decode(data, Preprocessing(20, "squash")).pixels == 200).all()
    padded = decode(data, Preprocessing(20, "pad")).pixels
    assert (padded[5:15] == 200).all()
    assert (padded[:5] == 0).all()
    assert (padded[15:] == 0).all()
    assert decode(saved(Image.new("L", (1000, 1), 9), "PNG"), Preprocessing(8, "pad")).pixels.shape == (8, 8)


def test_a_jpeg_decoded_at_a_fraction_looks_like_one_decoded_whole(shared):
    path = next((shared / "data/nih_adult/test/NORMAL").glob("*.jpeg"))
    fast = read_grey(path, Preprocessing(64)).astype(int)
    with Image.open(path) as image:
        whole = image.convert("L").resize((64, 64), Image.Resampling.BILINEAR)
    assert np.abs(fast - np.asarray(whole)).mean() < 0.5


def test_a_real_image_with_alpha_is_read_as_it_looks(shared):
    opaque = []
    for path in sorted((shared / "data/nih_originals").rglob("*.png")):
        with Image.open(path) as image:
            if image.mode == "RGBA":
                opaque.append(path)
                looks = np.asarray(image.convert("RGB").convert("L"))
                assert np.array_equal(read_grey(path, Preprocessing(None)), looks)
    assert len(opaque) == 2


def huge_jpeg():
    data = bytearray(saved(GREY, "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = b"\xff\xdc\xff\xdc"
    return bytes(data)


def huge_bmp():
    data = bytearray(saved(GREY, "BMP"))
    data[18:26] = struct.pack("<ii", 2**30, 2**30)
    return bytes(data)


def huge_webp():
    data = bytearray(saved(GREY.convert("RGB"), "WEBP", lossless=True))
    place = data.index(b"VP8L") + 9
    data[place : place + 4] = struct.pack("<I", 16382 | 16382 << 14)
    return bytes(data)


BAD = {
    "nothing": (b"", "is empty"),
    "text": (b"hello world, I am no picture", r"is not an image \(JPEG"),
    "another format": (b"%PDF-1.7 and so on", "is not an image"),
    "dicom": (b"\0" * 128 + b"DICM" + b"\0" * 64, "is a DICOM file"),
    "half a jpeg": (SEES_THE_RAMP["jpeg"][:500], "is truncated"),
    "half a png": (SEES_THE_RAMP["png"][:75], "is (truncated|damaged)"),
    "half a header": (SEES_THE_RAMP["png"][:20], "is (truncated|damaged)"),
    "a hundred million pixels and one": (huge_png(100_000_001, 1), "more than 100 million pixels"),
    "a jpeg that says it is huge": (huge_jpeg(), "more than 100 million pixels"),
    "a tiff that says it is huge": (
        saved(GREY, "TIFF", tiffinfo={256: 60000, 257: 60000}),
        "more than 100 mi",
    ),
    "a bmp that says it is huge": (huge_bmp(), "more than 100 million pixels"),
    "a webp that says it is huge": (huge_webp(), "more than 100 million pixels"),
    "a gif that says it is huge": (
        b"GIF89a" + b"\xff" * 4 + saved(GREY, "GIF")[10:],
        "more than 100 million pixels",
    ),
    "a pgm that says it is huge": (b"P5 99999 99999 255 ", "more than 100 million pixels"),
    "a bomb": (huge_png(2**31 - 1, 2**31 - 1), "more than 100 million pixels"),
    "no width": (huge_png(0, 8), "is (truncated|damaged|not an image)"),
    "a format that is not on the list": (saved(GREY, "ICNS"), "is not an image"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_named_with_its_reason(kind, tmp_path):
    data, reason = BAD[kind]
    path = tmp_path / "image.jpeg"
    path.write_bytes(data)
    with pytest.raises(BadImage, match=reason) as raised:
        read_grey(path, Preprocessing(32))
    assert str(tmp_path) not in str(raised.value)


def test_what_is_no_plain_file_or_too_large_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(BadImage, match="is missing"):
        read_image(tmp_path / "none.png", Preprocessing(8))
    with pytest.raises(BadImage, match="is not a file"):
        read_image(tmp_path, Preprocessing(8))
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BadImage, match="is not a file"):
        read_image(tmp_path / "pipe.png", Preprocessing(8))
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: no disk is used
    with pytest.raises(BadImage, match="larger than 256 MiB"):
        read_image(tmp_path / "large.png", Preprocessing(8))


def test_an_unknown_fit_and_an_impossible_size_are_the_askers_fault(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'squash'"):
        read_grey(tmp_path / "none.png", Preprocessing(8, "squish"))
    with pytest.raises(AskedWrongly, match="Got 0"):
        read_grey(tmp_path / "none.png", Preprocessing(0))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP"])
def test_of_several_pictures_the_first_is_taken(kind):
    others = [Image.new("RGB", (64, 48), 90), Image.new("RGB", (64, 48), 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(GREY.convert("RGB"), kind, save_all=True, append_images=others, **options)
    assert np.abs(decode(data, Preprocessing(None)).pixels.astype(int) - RAMP).max() <= 3


def test_what_pillow_only_warns_of_is_an_error():
    data = SEES_THE_RAMP["png"]
    animated = data[:33] + chunk(b"acTL", bytes(8)) + data[33:]  # of no frames
    with pytest.warns(UserWarning, match="Invalid APNG"), Image.open(io.BytesIO(animated)) as image:
        assert np.array_equal(np.asarray(image), RAMP)
    with pytest.raises(BadImage, match="is damaged .Invalid APNG"):
        decode(animated, Preprocessing(None))


def test_a_image_for_which_there_is_no_memory_is_named_and_the_next_is_read(tmp_path):
    (tmp_path / "large.png").write_bytes(saved(Image.new("I;16", (9000, 9000)), "PNG"))
    (tmp_path / "small.png").write_bytes(SEES_THE_RAMP["png"])
    code = """
import resource, sys
from pathlib import Path
from radapt.errors import BadImage
from radapt.images.pixels import read_grey
from radapt.images.preprocessing import Preprocessing
folder = Path(sys.argv[1])
read_grey(folder / "small.png", Preprocessing(8))
room = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + 2**27
resource.setrlimit(resource.RLIMIT_AS, (room, room))
try:
    read_grey(folder / "large.png", Preprocessing(8))
except BadImage as error:
    print(error)
print(read_grey(folder / "small.png", Preprocessing(8)).shape)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["needs more memory than there is", "(8, 8)"]


def test_reading_in_threads_leaves_the_warning_filters_as_they_were():
    before = list(warnings.filters)
    readers = [
        threading.Thread(target=lambda: [decode(SEES_THE_RAMP["png"], Preprocessing(8)) for _ in range(20)])
        for _ in range(4)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert warnings.filters == before


@pytest.mark.skipif(not handlers_of_libtiff(), reason="Pillow has libtiff within itself")
def test_what_libtiff_says_of_a_damaged_file_does_not_reach_the_terminal(capfd):
    data = bytearray(saved(GREY, "TIFF", compression="tiff_deflate"))
    data[10:20] = bytes(10)  # within the one strip

    def read():
        for _ in range(10):
            with pytest.raises(BadImage, match="is damaged"):
                decode(bytes(data), Preprocessing(8))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert capfd.readouterr() == ("", "")
    with pytest.raises(OSError, match="decoder error"), Image.open(io.BytesIO(data)) as image:
        image.load()
    assert "ZIPDecode" in capfd.readouterr().err  # as it was for everyone else
