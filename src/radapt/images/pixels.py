"""One file of pixels in, one grey picture out, and nothing lost on the way without a word."""

import io
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, JpegImagePlugin, UnidentifiedImageError

from radapt.errors import BadImage
from radapt.images.borders import Box, inside_borders
from radapt.images.depth import (
    Range,
    bands,
    deep_colour,
    is_deep,
    is_deep_colour,
    middle_of,
    middle_range,
    paint,
    values_of,
    whole_levels,
    whole_range,
)
from radapt.images.dicom.codestream import codestream_size, lossy_12_bits
from radapt.images.memory_limits import check_memory, memory_needed, memory_needed_by_dicom
from radapt.images.metadata import exif_of, orientation_of, without_remarks
from radapt.images.preprocessing import Preprocessing
from radapt.images.quiet_decoders import strict_pillow
from radapt.images.read_errors import NEEDS_12_BITS, damaged_chunk, reason_of, why_no_image
from radapt.images.tiff import as_stored, check_tiff, declared_bits

READER_VERSION = 2  # raised whenever the same file would give other pixels
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "PPM")  # Pillow reads many more: each is a way in
MAX_PIXELS = 100_000_000  # a large mammogram has 30 million
MAX_BYTES = 256 * 2**20

_GAP = 2.0  # decode or box-reduce to no less than this many times the size, then resample the rest
_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_WHITE_IS_ZERO = (262, 0)  # TIFF 6.0: PhotometricInterpretation
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])


@dataclass(frozen=True, slots=True, eq=False)
class GreyImage:
    """A grey picture, and what it was in its file."""

    pixels: NDArray[np.uint8]  # (height, width), 0 is black
    width: int  # pixels in the file, as it is meant to be seen
    height: int
    bits: int  # the depth its grey levels were scaled from; 8 if they are as stored, 32 for floats
    low: float = 0  # the value in the file (of DICOM: after rescaling) at one end of the grey levels,
    high: float = 255  # and the one at the other
    outside: float = 0  # share of its pixels beyond either, as a window or percentiles leave some


def read_grey(path: Path, reading: Preprocessing) -> NDArray[np.uint8]:
    """Read a file as grey pixels (size, size), or as large as it is where the size is None; see `decode`."""
    return read_image(path, reading).pixels


def read_image(path: Path, reading: Preprocessing) -> GreyImage:
    """Read a file as a `Image`; see `decode`."""
    return decode(read_bytes(path), reading)


def read_bytes(path: Path) -> bytes:
    """Read a file whole.

    Raises
    ------
    BadImage
        If it is no plain file, cannot be opened, is empty, or is larger than `MAX_BYTES`.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # a pipe would wait for ever
            raise BadImage("is not a file")
        if about.st_size > MAX_BYTES:
            raise BadImage(f"is larger than {MAX_BYTES // 2**20} MiB")
        with path.open("rb") as file:
            data = file.read(about.st_size)  # room is made for as much as is asked for
    except FileNotFoundError:
        raise BadImage("is missing") from None
    except MemoryError as error:
        raise BadImage(reason_of(error)) from None
    except (OSError, ValueError) as error:
        raise BadImage(f"cannot be opened ({getattr(error, 'strerror', None) or error})") from None
    if not data:
        raise BadImage("is empty (0 bytes)")
    return data


def decode(data: bytes, reading: Preprocessing) -> GreyImage:
    """Decode the bytes of a picture file to 8-bit grey.

    Colours become luma (ITU-R BT.601); what is transparent shows black; EXIF orientation is obeyed, and
    other remarks may be damaged; of several pictures the first is taken. Values of more than 8 bits are
    scaled from the bits that are declared, or of 16 and more from the smallest depth that holds all but one
    in a thousand (`radapt.images.depth.whole_range`). A JPEG of 12 bits needs the extra `dicom`. JPEGs are
    decoded at a fraction of their size where that is still twice what is asked for (as Pillow's `draft`
    offers); the rest is an antialiased bilinear resampling. Of DICOM see `radapt.images.dicom.image`.
    Borders that are trimmed count for nothing else; percentiles are those of the picture as it is decoded.

    Parameters
    ----------
    data
        The file, JPEG, PNG, TIFF, BMP, WebP, GIF, PPM/PGM/PBM or DICOM, whatever its name says.
    reading
        What decides the pixels besides the file.

    Raises
    ------
    BadImage
        If it cannot be read, for whatever reason, has more than `MAX_PIXELS`, or would take more memory than
        `radapt.images.memory_limits.MAX_MEMORY`; the text is the reason.
    """
    if is_dicom(data):
        return _dicom(data, reading)
    try:
        with strict_pillow:
            return _opened(data, reading)
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage(why_no_image(data)) from None
    except Image.DecompressionBombError:
        raise BadImage(_too_large()) from None
    except Exception as error:  # on damaged bytes decoders raise nearly anything
        raise BadImage(reason_of(error, data)) from None


def _opened(data: bytes, reading: Preprocessing) -> GreyImage:
    """Decode a picture that is no DICOM file; if that fails, once more without what is remarked on it."""
    if lossy_12_bits(data):
        return _twelve_bits(data, reading)
    try:
        return _tried(data, reading)
    except (BadImage, MemoryError, Image.DecompressionBombError):
        raise
    except Exception:  # as below
        bare = without_remarks(data)
        if bare == data or damaged_chunk(data) is not None:
            raise
    return _tried(bare, reading, exif_of(data))


def _tried(data: bytes, reading: Preprocessing, exif: bytes = b"") -> GreyImage:
    """Decode a picture; `exif` is what was taken out of its file."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return _image(image, data, reading, exif)


def _twelve_bits(data: bytes, reading: Preprocessing) -> GreyImage:
    """Decode a JPEG of 12 bits a value."""
    width, height, channels = codestream_size(data)
    if width * height > MAX_PIXELS:
        raise BadImage(_too_large())
    if channels != 1:
        raise BadImage("is a JPEG of 12 bits in each colour, which is not read here; save it as 16-bit grey")
    check_memory(memory_needed_by_dicom(width * height, len(data), reading, compressed=True))
    try:
        from libjpeg.utils import decode as decode_jpeg
    except ImportError:
        raise BadImage(NEEDS_12_BITS) from None
    values = decode_jpeg(data)
    seen = _deep(_Values(values, None, turned=False, declared=12), reading)
    turn = _TURNS.get(orientation_of(exif_of(data)))
    return _made(seen, (width, height), (width, height), turn, reading)


def _image(image: Image.Image, data: bytes, reading: Preprocessing, exif: bytes) -> GreyImage:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadImage(_too_large())
    check_tiff(image)
    extent = (float(width), float(height))
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        inner = None if reading.size is None else _inner(width, height, reading.size, reading.fit)
        drafted = image.draft("L", inner and (int(inner[0] * _GAP), int(inner[1] * _GAP)))
        extent = extent if drafted is None else drafted[1][2:]  # not whole, at a fraction of the size
    check_memory(memory_needed(image, width * height, len(data), reading))
    seen, turn = _seen(image, data, reading, exif)
    return _made(seen, extent, (width, height), turn, reading)


def _made(
    seen: "_Seen",
    extent: tuple[float, float],
    size: tuple[int, int],
    turn: Image.Transpose | None,
    reading: Preprocessing,
) -> GreyImage:
    """Fit a picture into the square and turn it; `size` is that in the file."""
    grey = _resized(seen, extent, reading)
    width, height = size
    if turn is not None:
        grey = grey.transpose(turn)
        if turn in _ON_ITS_SIDE:
            width, height = height, width
    return GreyImage(
        _finished(grey, reading.size), width, height, seen.bits, seen.low, seen.high, seen.outside
    )


def _seen(
    image: Image.Image, data: bytes, reading: Preprocessing, exif: bytes
) -> "tuple[_Seen, Image.Transpose | None]":
    """Give a picture in grey, and how it has to be turned."""
    if not is_deep(image):
        return _shallow(_flat(image), reading), _turn_of(image, exif)
    values = _values(image, data)
    turn = _turn_of(image, exif)
    image.close()  # what is painted of its values is as large again
    return _deep(values, reading), turn


def _turn_of(image: Image.Image, exif: bytes) -> Image.Transpose | None:
    """Say how a decoded image has to be turned; of a PNG to ask this decodes it."""
    if image.format == "TIFF":  # Pillow turns it by itself
        return None
    if exif:
        return _TURNS.get(orientation_of(exif))
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the picture is whole, and of damaged EXIF Pillow raises nearly anything
        found = image.info.get("exif", b"")
        return _TURNS.get(orientation_of(found)) if isinstance(found, bytes) else None


def is_dicom(data: bytes) -> bool:
    """Say whether a file that begins with these bytes, 132 or more, is DICOM: PS3.10 section 7.1."""
    return data[128:132] == b"DICM"


def _dicom(data: bytes, reading: Preprocessing) -> GreyImage:
    from radapt.images.dicom.image import read_picture

    picture = read_picture(data, reading, max_pixels=MAX_PIXELS)
    seen = _Seen(picture.grey)
    grey = _resized(seen, seen.picture.size, reading)
    return GreyImage(
        pixels=_finished(grey, reading.size),
        width=picture.width,
        height=picture.height,
        bits=picture.bits,
        low=picture.low,
        high=picture.high,
        outside=picture.outside,
    )


def fitted(grey: Image.Image, reading: Preprocessing) -> NDArray[np.uint8]:
    """Give an 8-bit grey picture as `decode` gives that of a file."""
    return _finished(_resized(_shallow(grey, reading), grey.size, reading), reading.size)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A picture in grey, of mode "L", or of "F" from 0 to 255, without its borders if they are trimmed."""

    picture: Image.Image
    box: Box | None = None  # where it was, if it was trimmed
    bits: int = 8
    low: float = 0
    high: float = 255
    outside: float = 0


def _resized(seen: _Seen, extent: tuple[float, float], reading: Preprocessing) -> Image.Image:
    """Fit a picture into the square; `extent` is the width and height that it had before it was trimmed."""
    if reading.size is None:
        return seen.picture
    left, top, right, bottom = seen.box or (0, 0, *seen.picture.size)
    extent = (min(extent[0], right) - left, min(extent[1], bottom) - top)
    inner = _inner(*extent, reading.size, reading.fit)
    return seen.picture.resize(inner, Image.Resampling.BILINEAR, box=(0, 0, *extent), reducing_gap=_GAP)


def _finished(grey: Image.Image, size: int | None) -> NDArray[np.uint8]:
    levels = whole_levels(grey)
    return levels if size is None else _centred(levels, size)


def _inner(width: float, height: float, size: int, fit: str) -> tuple[int, int]:
    """Give the width and height that the picture itself takes up in the square."""
    if fit == "squash":
        return size, size
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _centred(levels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if levels.shape == (size, size):
        return levels
    square = np.zeros((size, size), dtype=np.uint8)
    top, left = (size - levels.shape[0]) // 2, (size - levels.shape[1]) // 2
    square[top : top + levels.shape[0], left : left + levels.shape[1]] = levels
    return square


def _shallow(picture: Image.Image, reading: Preprocessing) -> _Seen:
    """Trim and spread a picture of mode "L" as the reading says."""
    box = inside_borders(picture) if reading.trim else None
    picture = picture if box is None else picture.crop(box)
    if reading.levels != "percentile":
        return _Seen(picture, box)
    counts = np.array(picture.histogram(), dtype=np.int64)
    levels = np.flatnonzero(counts)
    low, high, outside = middle_of(levels, counts[levels])
    table = np.clip(np.rint(Range(low, high - low, 8).spread(np.arange(256))), 0, 255)
    return _Seen(picture.point(table.astype(np.uint8).tolist()), box, 8, low, high, outside)


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """What a picture of more than 8 bits holds."""

    values: NDArray[Any]  # (height, width)
    alpha: Image.Image | None  # of mode "L"
    turned: bool  # the lowest is white
    declared: int | None = None  # bits, where the file says more than its container


def _values(image: Image.Image, data: bytes) -> _Values:
    """Decode a picture of more than 8 bits."""
    if is_deep_colour(image):
        return _Values(*deep_colour(image, Image.open(io.BytesIO(data), formats=FORMATS)), turned=False)
    declared = declared_bits(image)
    image.load()
    number, white_is_zero = _WHITE_IS_ZERO
    turned = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(number) == white_is_zero
    return _Values(as_stored(image, values_of(image)), None, turned, declared)


def _deep(image: _Values, reading: Preprocessing) -> _Seen:
    """Bring a picture of more than 8 bits to grey levels as the reading says."""
    values, alpha, turned = image.values, image.alpha, image.turned
    box = None
    if reading.trim:
        box = inside_borders(_painted(values, whole_range(values, image.declared), alpha, turned=turned))
    if box is not None:
        left, top, right, bottom = box
        values, alpha = values[top:bottom, left:right], alpha and alpha.crop(box)
    span = middle_range(values) if reading.levels == "percentile" else whole_range(values, image.declared)
    picture = _painted(values, span, alpha, turned=turned)
    return _Seen(picture, box, span.bits, span.low, span.high, span.outside)


def _painted(
    values: NDArray[Any], span: Range, alpha: Image.Image | None = None, *, turned: bool = False
) -> Image.Image:
    """Paint values as a picture of mode "F"; `turned` where the lowest is white."""

    def levels_of(band: slice) -> NDArray[np.float32]:
        levels = span.spread(values[band])
        if turned:  # Pillow does this for 8 bits, not for 16
            levels = 255 - levels
        if alpha is not None:
            part = alpha.crop((0, band.start, alpha.width, band.stop))
            levels *= np.asarray(part, dtype=np.float32) / 255
        return levels

    height, width = values.shape
    return paint(height, width, levels_of)


def _flat(image: Image.Image) -> Image.Image:
    """Give an image of up to 8 bits a channel as grey, over black where it is transparent."""
    image.load()
    if image.mode == "L" and not image.has_transparency_data:
        return image  # as it is, since to convert it would be to copy it
    grey = Image.new("L", image.size)
    for band in bands(image.height, image.width):  # since channels take four times the memory of grey
        part = image.crop((0, band.start, image.width, band.stop))
        grey.paste(_flat_band(part), (0, band.start))
    return grey


def _flat_band(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        return image.getchannel("L")
    if not image.has_transparency_data:
        return image.convert("RGB").convert("L") if image.mode == "CMYK" else image.convert("L")
    clear = image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    return ImageChops.multiply(clear.convert("L"), clear.getchannel("A"))


def _too_large() -> str:
    return f"has more than {MAX_PIXELS // 1_000_000} million pixels"
