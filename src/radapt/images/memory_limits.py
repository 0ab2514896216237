"""Estimate from its header how much memory reading a picture takes, before it is decoded."""

from typing import Any

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from radapt.errors import BadImage
from radapt.images.borders import DETAIL
from radapt.images.depth import is_deep, is_deep_colour
from radapt.images.preprocessing import Preprocessing

MAX_MEMORY = 850_000_000  # bytes for one image with its file; below 1 GB with Python itself

_ROWS_OF_STRIP, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323  # TIFF 6.0
_BITS, _SAMPLES = 258, 277


def check_memory(needed: int) -> None:
    """Refuse an image that would take more memory than `MAX_MEMORY`.

    Raises
    ------
    BadImage
        If it would.
    """
    if needed > MAX_MEMORY:
        raise BadImage(
            f"would take {needed / 1e6:,.0f} MB of memory to read, and {MAX_MEMORY / 1e6:.0f} MB "
            "are the most; save it in another format or with fewer pixels"
        )


def memory_needed(image: Image.Image, pixels: int, file_size: int, reading: Preprocessing) -> int:
    """Return the most bytes that reading an opened, not yet decoded picture takes.

    Parameters
    ----------
    image
        The picture as Pillow opened it, after `draft`.
    pixels
        The number of pixels in the file.
    file_size
        The size of the file in bytes.
    reading
        The preprocessing.
    """
    drafted = image.width * image.height
    decoded = drafted * _bytes_of(image.mode)
    once = _last(drafted, reading, 1)
    if is_deep_colour(image):  # decoded twice; kept are 16 bits of grey and 8 of alpha
        beside, value = 7 * pixels, 3
    else:
        beside, value = _beside(image, pixels, decoded), _bytes_of(image.mode)
    if is_deep(image):
        floats, once = 4 * pixels, _last(pixels, reading, 4)
        copied = floats if reading.trim and min(image.size) < 2 * DETAIL else 0
        after = max(2 * value * pixels, value * pixels + floats + copied, floats + once)
    else:
        after = decoded + 2 * drafted + once
    return file_size + max(decoded + beside, after)


def memory_needed_by_dicom(pixels: int, file_size: int, reading: Preprocessing, *, compressed: bool) -> int:
    """Return the most bytes that reading a DICOM image of one or two bytes a value takes."""
    decoding = (
        5 * file_size + 7 * pixels if compressed else 2 * file_size + 4 * pixels
    )  # as measured of OpenJPEG
    return max(decoding, file_size + 4 * pixels + _last(pixels, reading, 4))


def _last(pixels: int, reading: Preprocessing, value: int) -> int:
    """Return the bytes of the result; `value` is the number of bytes of a value of the picture."""
    if reading.size is None:
        return pixels
    return 5 * value * reading.size**2  # resampling holds at most four times its height


def _bytes_of(mode: str) -> int:
    """Return the number of bytes of a pixel in Pillow's memory."""
    if mode.startswith("I;16"):
        return 2
    return 1 if mode in ("1", "L", "P") else 4


def _beside(image: Image.Image, pixels: int, decoded: int) -> int:
    """Return the bytes that a decoder holds besides the decoded picture."""
    if image.format == "WEBP":  # two canvases of four channels, and the returned frame
        return 12 * pixels
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return _coefficients(image, pixels)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _strip(image)
    if any(tile.codec_name in Image.DECODERS for tile in getattr(image, "tile", ())):
        return decoded * 9 // 4  # decoders in Python: a growing byte array, and a copy of it
    return 0


def _coefficients(image: JpegImagePlugin.JpegImageFile, pixels: int) -> int:
    """Return the bytes of the coefficients of a progressive JPEG: two for each value of each channel."""
    across, down = (max((layer[side] for layer in image.layer), default=1) for side in (1, 2))
    areas = sum(layer[1] * layer[2] for layer in image.layer)
    return 2 * pixels * areas // max(1, across * down)


def _strip(image: TiffImagePlugin.TiffImageFile) -> int:
    """Return the bytes of an unpacked TIFF strip or tile; a tile may be larger than the picture."""
    tags: Any = image.tag_v2
    if _TILE_WIDTH in tags:
        pixels = int(tags[_TILE_WIDTH]) * int(tags[_TILE_HEIGHT])
    else:
        pixels = image.width * min(image.height, int(tags.get(_ROWS_OF_STRIP, image.height)))
    bits = int(max(tags.get(_BITS, (1,)))) * int(tags.get(_SAMPLES, 1))
    return pixels * max(4, bits // 8)
