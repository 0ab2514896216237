"""Trim a decoded picture and bring its values to the grey levels that the preprocessing asks for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.images.borders import Box, inside_borders
from radapt.images.depth import Range, middle_of, middle_range, paint, whole_range
from radapt.images.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True, eq=False)
class GreyPicture:
    """A grey picture of mode "L", or "F" from 0 to 255, without trimmed borders."""

    picture: Image.Image
    box: Box | None = None  # its place in the whole picture, if it was trimmed
    bits: int = 8
    low: float = 0
    high: float = 255
    outside: float = 0


@dataclass(frozen=True, slots=True, eq=False)
class DeepPicture:
    """The values of a picture of more than 8 bits."""

    values: NDArray[Any]  # (height, width)
    alpha: Image.Image | None  # of mode "L"
    inverted: bool  # the lowest value is white
    declared: int | None = None  # bit depth, if the file declares less than its container holds


def levels_of_8_bits(picture: Image.Image, reading: Preprocessing) -> GreyPicture:
    """Trim a picture of mode "L", and spread its levels if percentiles are requested."""
    box = inside_borders(picture) if reading.trim else None
    picture = picture if box is None else picture.crop(box)
    if reading.intensity != "percentile":
        return GreyPicture(picture, box)
    counts = np.array(picture.histogram(), dtype=np.int64)
    levels = np.flatnonzero(counts)
    low, high, outside = middle_of(levels, counts[levels])
    table = np.clip(np.rint(Range(low, high - low, 8).spread(np.arange(256))), 0, 255)
    return GreyPicture(picture.point(table.astype(np.uint8).tolist()), box, 8, low, high, outside)


def levels_of_deep(image: DeepPicture, reading: Preprocessing) -> GreyPicture:
    """Trim a picture of more than 8 bits, and scale its values to grey levels."""
    values, alpha, inverted = image.values, image.alpha, image.inverted
    box = None
    if reading.trim:
        box = inside_borders(_painted(values, whole_range(values, image.declared), alpha, inverted=inverted))
    if box is not None:
        left, top, right, bottom = box
        values, alpha = values[top:bottom, left:right], alpha and alpha.crop(box)
    span = middle_range(values) if reading.intensity == "percentile" else whole_range(values, image.declared)
    picture = _painted(values, span, alpha, inverted=inverted)
    return GreyPicture(picture, box, span.bits, span.low, span.high, span.outside)


def _painted(
    values: NDArray[Any], span: Range, alpha: Image.Image | None = None, *, inverted: bool = False
) -> Image.Image:
    """Convert values to a picture of mode "F"; `inverted` if the lowest value is white."""

    def levels_of(band: slice) -> NDArray[np.float32]:
        levels = span.spread(values[band])
        if inverted:  # Pillow inverts 8-bit values, not 16-bit ones
            levels = 255 - levels
        if alpha is not None:
            part = alpha.crop((0, band.start, alpha.width, band.stop))
            levels *= np.asarray(part, dtype=np.float32) / 255
        return levels

    height, width = values.shape
    return paint(height, width, levels_of)
