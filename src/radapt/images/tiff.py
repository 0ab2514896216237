"""TIFF value formats that Pillow reads wrongly, or does not read without saying why."""

import io
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from radapt.errors import BadImage

_BITS, _COMPRESSION, _SAMPLES, _LARGEST, _PLANAR, _KIND = 258, 259, 277, 281, 284, 339  # TIFF 6.0
_KINDS = {1: "unsigned whole numbers", 2: "signed whole numbers", 3: "floats"}
_UNSIGNED, _SIGNED = 1, 2

# Pillow swaps the bytes of these again after libtiff has swapped them to the machine's order.
_SWAPPED_TWICE = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}


def check_tiff(image: Image.Image) -> None:
    """Refuse a TIFF that Pillow would read wrongly, and correct the byte order of others.

    Raises
    ------
    BadImage
        If its values are signed 8-bit ones, or 16-bit ones in separate planes.
    """
    tags = _tags_of(image)
    if tags is None:
        return
    bits, kinds = _bits_of(tags), _numbers(tags, _KIND, _UNSIGNED)
    if _SIGNED in kinds and bits <= 8:
        raise BadImage("is a TIFF of signed 8-bit values, which are not read; save it as unsigned 8-bit grey")
    if _numbers(tags, _PLANAR, 1)[0] == 2 and _numbers(tags, _SAMPLES, 1)[0] > 1 and bits > 8:
        raise BadImage(
            "is a TIFF of 16-bit colours in separate planes, which is not read; save it as 16-bit grey"
        )
    if _numbers(tags, _COMPRESSION, 1)[0] != 1 and sys.byteorder == "little":
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        image.tile = [tile._replace(args=_swapped_once(tile.args)) for tile in image.tile]


def _swapped_once(arguments: Any) -> Any:
    if not isinstance(arguments, tuple) or not arguments:
        return arguments
    return (_SWAPPED_TWICE.get(arguments[0], arguments[0]), *arguments[1:])


def as_stored(image: Image.Image, values: NDArray[Any]) -> NDArray[Any]:
    """Convert decoded values to the type that the TIFF stores: Pillow uses int32 for several."""
    tags = _tags_of(image)
    if tags is None or values.dtype != np.int32:
        return values
    bits, kind = _bits_of(tags), _numbers(tags, _KIND, _UNSIGNED)[0]
    if bits == 16 and kind == _SIGNED:
        return values.astype(np.int16)
    return values.view(np.uint32) if bits == 32 and kind == _UNSIGNED else values


def declared_bits(image: Image.Image) -> int | None:
    """Return the bit depth that a file declares, if it is not that of the container; else None."""
    if image.format == "PPM" and any(tile.codec_name != "raw" for tile in getattr(image, "tile", ())):
        return 16  # Pillow scales its values to 16 bits
    tags = _tags_of(image)
    if tags is None:
        return None
    bits, largest = _bits_of(tags), _numbers(tags, _LARGEST, 0)[0] + 1
    if bits == 12:
        return bits
    whole = 2**8 < largest < 2**bits and largest & (largest - 1) == 0
    return largest.bit_length() - 1 if whole else None


def unread_tiff(data: bytes) -> str | None:
    """Return why Pillow does not open a TIFF, naming its value format; None if that cannot be read."""
    head = data[:16] if data[2:3] == b"\x2b" or data[3:4] == b"\x2b" else data[:8]
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        bits, kind = _bits_of(tags), _numbers(tags, _KIND, _UNSIGNED)[0]
        samples = _numbers(tags, _SAMPLES, 1)[0]
    except Exception:  # on damaged bytes Pillow raises nearly anything
        return None
    if bits == 1 and _BITS not in tags:
        return None
    many = f" in {samples} channels" if samples > 1 else ""
    what = f"{bits}-bit {_KINDS.get(kind, 'numbers of another kind')}{many}"
    return f"is a TIFF of {what}, which radapt does not read; save it as 16-bit grey or 32-bit floats"


def _tags_of(image: Image.Image) -> TiffImagePlugin.ImageFileDirectory_v2 | None:
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else None


def _bits_of(tags: TiffImagePlugin.ImageFileDirectory_v2) -> int:
    return max(_numbers(tags, _BITS, 1))


def _numbers(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int, default: int) -> list[int]:
    value: Any = tags.get(tag, default)
    numbers = [int(number) for number in (value if isinstance(value, tuple) else (value,))]
    return numbers or [default]
