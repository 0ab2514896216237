"""Grey levels of more than 8 bits: every one of them counts on the way to 8."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from radapt.errors import BadImage

DEPTHS = (8, 10, 12, 14, 16)  # bits that detectors and exports use

# The low bytes of 16-bit colours, where Pillow keeps the high ones: the same data in the other byte order.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True, slots=True)
class Range:
    """The values that are spread from black to white."""

    low: float
    span: float
    bits: int  # that hold them; 32 for floats from 0 to 1
    outside: float = 0  # share of the film's pixels beyond either end

    @property
    def high(self) -> float:
        """The value that is white."""
        return self.low + self.span

    def spread(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Give values as grey levels from 0 to 255, not yet rounded; one value alone is black."""
        if self.span == 0:
            return np.zeros(values.shape, dtype=np.float32)
        # Of integers single precision keeps the order, at half the memory.
        levels: NDArray[Any] = values.astype(np.float64 if values.dtype.kind == "f" else np.float32)
        levels -= self.low
        levels *= 255 / self.span
        if self.outside:
            np.clip(levels, 0, 255, out=levels)
        return levels.astype(np.float32, copy=False)


def whole_range(values: NDArray[Any]) -> Range:
    """Give the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value.

    Beyond those it is as many bits as that needs, and where floats are no larger than 1, from 0 to 1. Values
    below zero shift the range.

    Raises
    ------
    BadImage
        If a value is not finite.
    """
    _check_finite(values)
    smallest, largest = float(values.min()), float(values.max())
    low = min(smallest, 0.0)
    largest -= low
    if values.dtype.kind == "f" and largest <= 1:
        return Range(low, 1, 32)
    needed = int(np.rint(largest)).bit_length()
    bits = next((depth for depth in DEPTHS if depth >= needed), needed)
    return Range(low, 2**bits - 1, bits)


def middle_range(values: NDArray[Any]) -> Range:
    """Give the range from the 0.5th to the 99.5th percentile of a film's values.

    Raises
    ------
    BadImage
        If a value is not finite.
    """
    bits = whole_range(values).bits
    low, high, outside = middle_of(*_counted(values))
    return Range(low, high - low, bits, outside)


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Count a film's values for `middle_of`, those between the two ends as one: sorting takes memory."""
    flat = values.flatten()
    least = _beyond(flat.size)
    most = flat.size - 1 - least
    flat.partition((least, most))
    ends = np.concatenate((flat[: least + 1], flat[most:]))
    found, counts = np.unique(ends, return_counts=True)
    counts[np.searchsorted(found, flat[least])] += flat.size - ends.size
    return found, counts


def _beyond(total: int) -> int:
    """Give how many of so many pixels are left beyond each end: half a percent."""
    return total * 5 // 1000


def middle_of(values: NDArray[Any], counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """Leave half a percent of a film's pixels beyond each end, or none where one value has nearly all.

    Parameters
    ----------
    values
        In ascending order.
    counts
        How many pixels have each.

    Returns
    -------
    tuple
        The lowest and highest value that are left, and the share of the pixels beyond either.
    """
    until, total = np.cumsum(counts), int(counts.sum())
    beyond = _beyond(total)
    low = values[np.searchsorted(until, beyond, side="right")]
    high = values[np.searchsorted(until, total - beyond)]
    if low == high:
        low, high = values[0], values[-1]
    outside = int(counts[(values < low) | (values > high)].sum())
    return float(low), float(high), outside / total


def _check_finite(values: NDArray[Any]) -> None:
    if values.dtype.kind == "f" and not np.isfinite((values.min(), values.max())).all():
        raise BadImage("holds values that are not finite")


def bands(height: int, width: int) -> Iterator[slice]:
    """Divide rows into bands of a million pixels: of a large film, what lies between takes much memory."""
    rows = max(1, 2**20 // width)
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def values_of(picture: Image.Image) -> NDArray[Any]:
    """Give a grey picture's values, (height, width), copied once, where NumPy would copy it three times."""
    kind = np.asarray(picture.crop((0, 0, 1, 1))).dtype
    values = np.empty((picture.height, picture.width), dtype=kind)
    for band in bands(*values.shape):
        values[band] = np.asarray(picture.crop((0, band.start, picture.width, band.stop)))
    return values


def paint(height: int, width: int, levels_of: Callable[[slice], NDArray[np.float32]]) -> Image.Image:
    """Paint a picture of mode "F" from what gives the grey levels of a band of rows."""
    picture = Image.new("F", (width, height))
    for band in bands(height, width):
        picture.paste(Image.fromarray(levels_of(band)), (0, band.start))
    return picture


def whole_levels(picture: Image.Image) -> NDArray[np.uint8]:
    """Give a picture of mode "L", or "F" from 0 to 255, as whole levels."""
    if picture.mode == "L":
        return values_of(picture)
    levels = np.empty((picture.height, picture.width), dtype=np.uint8)
    for band in bands(*levels.shape):
        part = np.rint(np.asarray(picture.crop((0, band.start, picture.width, band.stop))))
        levels[band] = np.clip(part, 0, 255, out=part)
    return levels


def is_deep(image: Image.Image) -> bool:
    """Say whether an image that is not yet decoded has values of more than 8 bits."""
    return is_deep_colour(image) or image.mode == "F" or image.mode.startswith("I")


def is_deep_colour(image: Image.Image) -> bool:
    """Say whether an image that is not yet decoded has 16 bits in each of several channels."""
    raw = _raw_mode(image)
    return ";16" in raw and not raw.startswith("I") and image.mode not in ("I", "F", "L")


def deep_colour(high: Image.Image, low: Image.Image) -> tuple[NDArray[np.uint16], Image.Image | None]:
    """Read 16-bit colours as 16-bit luma (ITU-R BT.601) and 8-bit alpha.

    Pillow keeps the high byte of each value, which leaves 16 grey levels of a 12-bit film.

    Parameters
    ----------
    high, low
        The same file, opened twice and not yet decoded.

    Raises
    ------
    BadImage
        If the channels are laid out in a way whose low bytes cannot be read.
    """
    raw = _raw_mode(high)
    width, height = high.size
    luma = np.empty((height, width), dtype=np.uint16)
    if raw == "LA;16B":  # four bytes a pixel: read them as they are
        _set_raw_mode(high, "RGBA")
        for band in bands(height, width):
            first, second = (_channel(high, place, band) for place in (0, 1))
            luma[band] = first * np.uint32(256) + second
        return luma, high.getchannel(2)
    if raw[:-1] not in ("RGB;16", "RGBA;16"):
        raise BadImage(f"has 16 bits in each colour, laid out as {raw}; save it as 16-bit grey")
    _set_raw_mode(low, raw[:-1] + _OTHER_ORDER[raw[-1]])
    for band in bands(height, width):
        total = np.full((band.stop - band.start, width), 32768, dtype=np.uint32)
        for place, weight in enumerate((19595, 38470, 7471)):
            value = _channel(high, place, band) * np.uint32(256) + _channel(low, place, band)
            total += np.uint32(weight) * value
        luma[band] = total >> np.uint32(16)
    return luma, high.getchannel("A") if high.mode == "RGBA" else None


def _channel(image: Image.Image, place: int, band: slice) -> NDArray[np.uint32]:
    part = image.crop((0, band.start, image.width, band.stop)).getchannel(place)
    return np.asarray(part).astype(np.uint32)


def _raw_mode(image: Image.Image) -> str:
    """Give Pillow's name for how the values lie in the file, such as "RGB;16B"."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return ""
    arguments = image.tile[0].args
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) else ""


def _set_raw_mode(image: Image.Image, raw: str) -> None:
    assert isinstance(image, ImageFile.ImageFile)
    tile = image.tile[0]
    arguments = (raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
    image.tile = [tile._replace(args=arguments)]
