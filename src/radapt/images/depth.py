"""Grey levels of more than 8 bits: every one of them counts on the way to 8."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from radapt.errors import BadImage

DEPTHS = (8, 10, 12, 14, 16)  # bits that detectors and exports use

# The low bytes of 16-bit colours, where Pillow keeps the high ones: the same data in the other byte order.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def to_grey_levels(values: NDArray[Any]) -> tuple[NDArray[np.float32], int]:
    """Scale values (height, width) of any depth to grey levels from 0 to 255, keeping their order.

    The range is that of the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value (beyond
    those, of as many bits as it needs); 0 to 1 where floats are no larger. Negative values shift the range.

    Returns
    -------
    tuple
        The levels, not yet rounded, and the bits they were scaled from (32 for floats from 0 to 1).

    Raises
    ------
    BadImage
        If a value is not finite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BadImage("holds values that are not finite")
    smallest, largest = float(values.min()), float(values.max())
    largest -= min(smallest, 0)
    if values.dtype.kind == "f" and largest <= 1:
        bits, top = 32, 1
    else:
        needed = int(np.rint(largest)).bit_length()
        bits = next((depth for depth in DEPTHS if depth >= needed), needed)
        top = 2**bits - 1
    # Of integers single precision keeps the order, at half the memory.
    levels: NDArray[Any] = values.astype(np.float64 if values.dtype.kind == "f" else np.float32)
    levels -= min(smallest, 0)
    levels *= 255 / top
    return levels.astype(np.float32, copy=False), bits


def range_of(values: NDArray[Any], bits: int) -> tuple[float, float]:
    """Give the values that black and white stand for where `to_grey_levels` scaled from so many bits."""
    low = min(float(values.min()), 0.0)
    unit = values.dtype.kind == "f" and float(values.max()) - low <= 1
    return low, low + (1 if unit else 2**bits - 1)


def middle_levels(values: NDArray[Any]) -> "tuple[NDArray[np.float32], Middle]":
    """Spread values (height, width) from black at the 0.5th to white at the 99.5th percentile, linearly.

    Raises
    ------
    BadImage
        If a value is not finite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BadImage("holds values that are not finite")
    middle = middle_of(*np.unique(values, return_counts=True))
    return middle.spread(values), middle


@dataclass(frozen=True, slots=True)
class Middle:
    """The values of a film without its very darkest and brightest."""

    low: float
    high: float
    outside: float  # share of the film's pixels beyond either

    def spread(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Give grey levels from 0 to 255, not yet rounded; a film of one value is black."""
        if self.low == self.high:
            return np.zeros(values.shape, dtype=np.float32)
        levels: NDArray[Any] = values.astype(np.float64 if values.dtype.kind == "f" else np.float32)
        levels -= self.low
        levels *= 255 / (self.high - self.low)
        return np.clip(levels, 0, 255, out=levels).astype(np.float32, copy=False)


def middle_of(values: NDArray[Any], counts: NDArray[np.int64]) -> Middle:
    """Leave half a percent of a film's pixels beyond each end, or none where one value has nearly all.

    Parameters
    ----------
    values
        In ascending order.
    counts
        How many pixels have each.
    """
    until, total = np.cumsum(counts), int(counts.sum())
    left_out = total * 5 // 1000
    low = values[np.searchsorted(until, left_out, side="right")]
    high = values[np.searchsorted(until, total - left_out)]
    if low == high:
        low, high = values[0], values[-1]
    beyond = int(counts[(values < low) | (values > high)].sum())
    return Middle(float(low), float(high), beyond / total)


def is_deep_colour(image: Image.Image) -> bool:
    """Say whether an image that is not yet decoded has 16 bits in each of several channels."""
    raw = _raw_mode(image)
    return ";16" in raw and not raw.startswith("I") and image.mode not in ("I", "F", "L")


def deep_colour(high: Image.Image, low: Image.Image) -> tuple[NDArray[np.uint32], Image.Image | None]:
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
    if raw == "LA;16B":  # four bytes a pixel: read them as they are
        _set_raw_mode(high, "RGBA")
        first, second, alpha, _ = (high.getchannel(band) for band in range(4))
        return _joined(first, second), alpha
    if raw[:-1] not in ("RGB;16", "RGBA;16"):
        raise BadImage(f"has 16 bits in each colour, laid out as {raw}; save it as 16-bit grey")
    _set_raw_mode(low, raw[:-1] + _OTHER_ORDER[raw[-1]])
    red, green, blue = (_joined(high.getchannel(band), low.getchannel(band)) for band in range(3))
    luma = np.uint32(19595) * red + np.uint32(38470) * green + np.uint32(7471) * blue + np.uint32(32768)
    return luma >> np.uint32(16), high.getchannel("A") if high.mode == "RGBA" else None


def _joined(high: Image.Image, low: Image.Image) -> NDArray[np.uint32]:
    joined: NDArray[np.uint32] = np.asarray(high).astype(np.uint32)
    joined *= 256
    joined += np.asarray(low)
    return joined


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
