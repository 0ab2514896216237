"""Decode one image file to 8-bit grey pixels."""

import io
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, JpegImagePlugin, UnidentifiedImageError

from radapt.errors import BadImage
from radapt.images.borders import Box
from radapt.images.depth import (
    bands,
    deep_colour,
    is_deep,
    is_deep_colour,
    values_of,
    whole_levels,
)
from radapt.images.dicom.codestream import codestream_size, lossy_12_bits
from radapt.images.grey_levels import DeepPicture, GreyPicture, levels_of_8_bits, levels_of_deep
from radapt.images.memory_limits import check_memory, memory_needed, memory_needed_by_dicom
from radapt.images.metadata import exif_of, orientation_of, without_remarks
from radapt.images.preprocessing import Preprocessing
from radapt.images.quiet_decoders import strict_pillow
from radapt.images.read_errors import NEEDS_12_BITS, damaged_chunk, reason_of, why_no_image
from radapt.images.tiff import as_stored, check_tiff, declared_bits

READER_VERSION = 2  # increased whenever the same file would give different pixels
FORMATS = (
    "JPEG",
    "PNG",
    "TIFF",
    "BMP",
    "WEBP",
    "GIF",
    "PPM",
)  # Pillow reads more formats, but each is an attack surface
MAX_PIXELS = 100_000_000  # a large mammogram has 30 million
MAX_BYTES = 256 * 2**20

_GAP = 2.0  # decode or box-reduce to at least this many times the size, then resample
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
_FLIPPED_ACROSS = (_TURNS[2], _TURNS[3], _TURNS[6], _TURNS[7])  # after the sides are exchanged
_FLIPPED_DOWN = (_TURNS[3], _TURNS[4], _TURNS[7], _TURNS[8])


Extent = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class GreyImage:
    """A grey picture with the properties of its file."""

    pixels: NDArray[np.uint8]  # (height, width), 0 is black
    width: int  # pixels in the file, after its orientation is applied
    height: int
    bits: int  # bit depth in the file; 32 for floats
    low: float = 0  # the value in the file (DICOM: after rescaling) at one end of the grey levels,
    high: float = 255  # and at the other end
    outside: float = 0  # share of the pixels outside these two, which a window or percentiles clip
    box: Extent | None = None  # what trimming left: left, top, right, bottom in pixels of the file; None: all


def read_grey(path: Path, reading: Preprocessing) -> NDArray[np.uint8]:
    """Read a file as grey pixels (size, size), or in its own size if `size` is None; see `decode`."""
    return read_image(path, reading).pixels


def read_image(path: Path, reading: Preprocessing) -> GreyImage:
    """Read a file as a `GreyImage`; see `decode`."""
    return decode(read_bytes(path), reading)


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises
    ------
    BadImage
        If it is not a regular file, cannot be opened, is empty, or is larger than `MAX_BYTES`.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # reading a pipe would block
            raise BadImage("is not a file")
        if about.st_size > MAX_BYTES:
            raise BadImage(f"is larger than {MAX_BYTES // 2**20} MiB")
        with path.open("rb") as file:
            data = file.read(about.st_size)  # a size, since the file may grow
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

    Colours become luma (ITU-R BT.601); transparent pixels are shown over black; EXIF orientation is applied,
    and other metadata may be damaged; of several pictures in a file the first is taken. Values of more than
    8 bits are scaled from the declared bit depth, or for 16 bits and more from the smallest depth that holds
    all but one pixel in a thousand (`radapt.images.depth.whole_range`). A JPEG of 12 bits needs the extra
    `dicom`. Large JPEGs are decoded at a fraction of their size, at least twice the requested one (Pillow's
    `draft`); the rest is antialiased bilinear resampling. For DICOM see `radapt.images.dicom.image`. Trimmed
    borders do not count in scaling; percentiles are those of the picture as it is decoded.

    Parameters
    ----------
    data
        The file, JPEG, PNG, TIFF, BMP, WebP, GIF, PPM/PGM/PBM or DICOM, whatever its name says.
    reading
        The preprocessing.

    Raises
    ------
    BadImage
        If it cannot be read, has more than `MAX_PIXELS`, or would take more memory than
        `radapt.images.memory_limits.MAX_MEMORY`; the message is the reason.
    """
    if is_dicom(data):
        return _dicom(data, reading)
    try:
        with strict_pillow:
            return _decode_picture(data, reading)
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage(why_no_image(data)) from None
    except Image.DecompressionBombError:
        raise BadImage(_too_large()) from None
    except Exception as error:  # on damaged bytes decoders raise nearly anything
        raise BadImage(reason_of(error, data)) from None


def _decode_picture(data: bytes, reading: Preprocessing) -> GreyImage:
    """Decode a file that is not DICOM; if that fails, try again without its metadata."""
    if lossy_12_bits(data):
        return _twelve_bits(data, reading)
    try:
        return _decode_once(data, reading)
    except (BadImage, MemoryError, Image.DecompressionBombError):
        raise
    except Exception:  # as below
        bare = without_remarks(data)
        if bare == data or damaged_chunk(data) is not None:
            raise
    return _decode_once(bare, reading, exif_of(data))


def _decode_once(data: bytes, reading: Preprocessing, exif: bytes = b"") -> GreyImage:
    """Decode a picture; `exif` is its EXIF data if that was removed from the file."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return _image(image, data, reading, exif)


def _twelve_bits(data: bytes, reading: Preprocessing) -> GreyImage:
    """Decode a JPEG of 12 bits a value."""
    width, height, channels = codestream_size(data)
    if width * height > MAX_PIXELS:
        raise BadImage(_too_large())
    if channels != 1:
        raise BadImage(
            "is a JPEG of 12 bits in each colour, which radapt does not read; save it as 16-bit grey"
        )
    check_memory(memory_needed_by_dicom(width * height, len(data), reading, compressed=True))
    try:
        from libjpeg.utils import decode as decode_jpeg
    except ImportError:
        raise BadImage(NEEDS_12_BITS) from None
    values = decode_jpeg(data)
    picture = levels_of_deep(DeepPicture(values, None, inverted=False, declared=12), reading)
    turn = _TURNS.get(orientation_of(exif_of(data)))
    return _assemble(picture, (width, height), (width, height), turn, reading)


def _image(image: Image.Image, data: bytes, reading: Preprocessing, exif: bytes) -> GreyImage:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadImage(_too_large())
    check_tiff(image)
    extent = (float(width), float(height))
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        inner = None if reading.size is None else inner_size(width, height, reading.size, reading.resize)
        drafted = image.draft("L", inner and (int(inner[0] * _GAP), int(inner[1] * _GAP)))
        extent = extent if drafted is None else drafted[1][2:]  # a fraction of the size, not a whole number
    check_memory(memory_needed(image, width * height, len(data), reading))
    picture, turn = _to_grey(image, data, reading, exif)
    return _assemble(picture, extent, (width, height), turn, reading)


def _assemble(
    picture: "GreyPicture",
    extent: tuple[float, float],
    size: tuple[int, int],
    turn: Image.Transpose | None,
    reading: Preprocessing,
) -> GreyImage:
    """Fit a picture into the square and rotate it; `size` is the width and height in the file."""
    grey = _resized(picture, extent, reading)
    width, height = size
    box = _in_file(picture.box, extent, size)
    if turn is not None:
        grey = grey.transpose(turn)
        box = None if box is None else _turned(box, turn, size)
        if turn in _ON_ITS_SIDE:
            width, height = height, width
    return GreyImage(
        _finished(grey, reading.size),
        width,
        height,
        picture.bits,
        picture.low,
        picture.high,
        picture.outside,
        box,
    )


def _in_file(box: Box | None, extent: tuple[float, float], size: tuple[int, int]) -> Extent | None:
    """Return a box in a picture that was decoded at a fraction of its size in pixels of the file."""
    if box is None:
        return None
    across, down = size[0] / extent[0], size[1] / extent[1]
    left, top, right, bottom = box
    return left * across, top * down, min(right * across, size[0]), min(bottom * down, size[1])


def _turned(box: Extent, turn: Image.Transpose, size: tuple[int, int]) -> Extent:
    """Return a box in a picture of this width and height after its transposition."""
    left, top, right, bottom = box
    width, height = size
    if turn in _ON_ITS_SIDE:
        left, top, right, bottom, width, height = top, left, bottom, right, height, width
    if turn in _FLIPPED_ACROSS:
        left, right = width - right, width - left
    if turn in _FLIPPED_DOWN:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _to_grey(
    image: Image.Image, data: bytes, reading: Preprocessing, exif: bytes
) -> "tuple[GreyPicture, Image.Transpose | None]":
    """Return a picture in grey, and the transposition that its orientation needs."""
    if not is_deep(image):
        return levels_of_8_bits(_flat(image), reading), _turn_of(image, exif)
    values = _values(image, data)
    turn = _turn_of(image, exif)
    image.close()  # frees memory: the grey picture is as large again
    return levels_of_deep(values, reading), turn


def _turn_of(image: Image.Image, exif: bytes) -> Image.Transpose | None:
    """Return the transposition that the EXIF orientation needs; for a PNG this decodes the picture."""
    if image.format == "TIFF":  # Pillow applies it while decoding
        return None
    if exif:
        return _TURNS.get(orientation_of(exif))
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the picture is whole, and of damaged EXIF Pillow raises nearly anything
        stored = image.info.get("exif", b"")
        return _TURNS.get(orientation_of(stored)) if isinstance(stored, bytes) else None


def is_dicom(data: bytes) -> bool:
    """Say whether a file that begins with these bytes, 132 or more, is DICOM: PS3.10 section 7.1."""
    return data[128:132] == b"DICM"


def _dicom(data: bytes, reading: Preprocessing) -> GreyImage:
    from radapt.images.dicom.image import read_picture

    picture = read_picture(data, reading, max_pixels=MAX_PIXELS)
    source = GreyPicture(picture.grey)
    grey = _resized(source, source.picture.size, reading)
    return GreyImage(
        pixels=_finished(grey, reading.size),
        width=picture.width,
        height=picture.height,
        bits=picture.bits,
        low=picture.low,
        high=picture.high,
        outside=picture.outside,
        box=picture.box,
    )


def fitted(grey: Image.Image, reading: Preprocessing) -> NDArray[np.uint8]:
    """Preprocess an 8-bit grey picture as `decode` does that of a file."""
    return _finished(_resized(levels_of_8_bits(grey, reading), grey.size, reading), reading.size)


def _resized(trimmed: GreyPicture, extent: tuple[float, float], reading: Preprocessing) -> Image.Image:
    """Resize a picture to fit the square; `extent` is its width and height before trimming."""
    if reading.size is None:
        return trimmed.picture
    left, top, right, bottom = trimmed.box or (0, 0, *trimmed.picture.size)
    extent = (min(extent[0], right) - left, min(extent[1], bottom) - top)
    inner = inner_size(*extent, reading.size, reading.resize)
    return trimmed.picture.resize(inner, Image.Resampling.BILINEAR, box=(0, 0, *extent), reducing_gap=_GAP)


def _finished(grey: Image.Image, size: int | None) -> NDArray[np.uint8]:
    levels = whole_levels(grey)
    return levels if size is None else _centred(levels, size)


def inner_size(width: float, height: float, size: int, resize: str) -> tuple[int, int]:
    """Return the width and height that a picture of this extent gets in a square of `size` pixels."""
    if resize == "squash":
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


def _values(image: Image.Image, data: bytes) -> DeepPicture:
    """Decode a picture of more than 8 bits."""
    if is_deep_colour(image):
        return DeepPicture(*deep_colour(image, Image.open(io.BytesIO(data), formats=FORMATS)), inverted=False)
    declared = declared_bits(image)
    image.load()
    number, white_is_zero = _WHITE_IS_ZERO
    inverted = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(number) == white_is_zero
    return DeepPicture(as_stored(image, values_of(image)), None, inverted, declared)


def _flat(image: Image.Image) -> Image.Image:
    """Convert an image of up to 8 bits a channel to grey, over black where it is transparent."""
    image.load()
    if image.mode == "L" and not image.has_transparency_data:
        return image  # converting it would copy it
    grey = Image.new("L", image.size)
    for band in bands(image.height, image.width):  # channels take four times the memory of grey
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
