"""Convert pictures of more than 8 bits to 8-bit grey: which range of values is spread over 0 to 255."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from radapt.errors import BadImage

DEPTHS = (8, 10, 12, 14, 16)  # bits of detectors and exports
_SIGNED_DEPTHS = (8, 10, 12, 14, 15, 16)  # of signed 16-bit values

# The low bytes of 16-bit colours, where Pillow keeps the high ones: the same data in the other byte order.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True, slots=True)
class Range:
    """The range of values that is spread linearly from black to white."""

    low: float
    span: float
    bits: int  # bit depth of the values; 32 for floats that are not whole numbers
    outside: float = 0  # share of the pixels outside the range

    @property
    def high(self) -> float:
        """The value that is white."""
        return self.low + self.span

    def spread(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Convert values to grey levels from 0 to 255, not rounded; an image of one value is black."""
        if self.span == 0:
            return np.zeros(values.shape, dtype=np.float32)
        # Single precision keeps the order of integers, at half the memory.
        levels: NDArray[Any] = values.astype(np.float64 if values.dtype.kind == "f" else np.float32)
        levels -= self.low
        levels *= 255 / self.span
        if self.outside:
            np.clip(levels, 0, 255, out=levels)
        return levels.astype(np.float32, copy=False)


def whole_range(values: NDArray[Any], declared: int | None = None) -> Range:
    """Return the range of an image's values, robust to a few outlying pixels.

    Whole numbers: from 0 to the largest value of the smallest bit depth (8, 10, 12, 14, 16; 15 for signed
    16-bit values; more if needed) that holds all but one pixel in a thousand. If more than one in a thousand
    are negative, the range begins at the lowest instead of 0. Floats: 0 to 1 if they lie there; -1 to 1 if
    they fill most of that; otherwise their own range without one pixel in a thousand at either end. Values
    outside are clipped and counted.

    Parameters
    ----------
    values
        The pixels of one image.
    declared
        The bit depth that the file declares, if any; it is then used.

    Raises
    ------
    BadImage
        If a value is not finite.
    """
    _check_finite(values)
    ignored = _few(values.size)
    ends = float(values.min()), float(values.max())
    if declared is not None and ends[0] >= 0:
        beyond = np.count_nonzero(values > 2**declared - 1)
        if beyond <= ignored:
            return Range(0, 2**declared - 1, declared, float(beyond / values.size))
    if values.dtype.kind == "f" and not _is_whole(values):
        inside = np.count_nonzero(values < 0) <= ignored and np.count_nonzero(values > 1) <= ignored
        span = Range(0, 1, 32) if inside else _range_of_floats(*_held(values, ignored))
    else:
        above = ends[0] >= 0 or np.count_nonzero(values < 0) <= ignored
        low = 0.0 if above else _held(values, ignored)[0]
        depths = _depths(values.dtype)
        needed = _bits_of(ends[1] - low)
        while needed > depths[0]:  # as few bits as hold all but the ignored
            less = max((depth for depth in depths if depth < needed), default=0)
            if np.count_nonzero(values > 2**less - 1 + low) > ignored:
                break
            needed = less
        span = _range_of_bits(low, needed, depths)
    if ends[0] >= span.low and ends[1] <= span.high:
        return span
    beyond = np.count_nonzero(values < span.low) + np.count_nonzero(values > span.high)
    return Range(span.low, span.span, span.bits, float(beyond / values.size))


def counted_range(values: NDArray[np.float64], counts: NDArray[np.int64], *, signed: bool) -> Range:
    """Do the same as `whole_range` from a histogram: values in ascending order, and pixels of each."""
    until, total = np.cumsum(counts), int(counts.sum())
    ignored = _few(total)
    low = float(values[np.searchsorted(until, ignored, side="right")])
    high = float(values[np.searchsorted(until, total - ignored)])
    low = 0.0 if low >= 0 else _near(low, high, float(values[0]), float(values[-1]))[0]
    needed = _bits_of(high - low)
    span = _range_of_bits(low, needed, _SIGNED_DEPTHS if signed else DEPTHS)
    outside = int(counts[(values < span.low) | (values > span.high)].sum())
    return Range(span.low, span.span, span.bits, outside / total)


def _few(total: int) -> int:
    """Return how many outlying pixels a range may ignore: one in a thousand, at least one of 256 or more."""
    return max(total // 1000, 1) if total >= 256 else 0


def _held(values: NDArray[Any], ignored: int) -> tuple[float, float]:
    """Return roughly the lowest and highest value, ignoring `ignored` outliers at each end."""
    flat, most = values.flatten(), values.size - 1 - ignored
    flat.partition((ignored, most))
    return _near(
        float(flat[ignored]), float(flat[most]), float(flat[: ignored + 1].min()), float(flat[most:].max())
    )


def _near(low: float, high: float, lowest: float, most: float) -> tuple[float, float]:
    """Extend a range to the true minimum and maximum, by at most 1/64 of its span at each end."""
    little = (high - low) / 64
    return max(lowest, low - little), min(most, high + little)


def _is_whole(values: NDArray[Any]) -> bool:
    """Say whether floats are whole numbers with a range above 1."""
    return float(values.max()) - float(values.min()) > 1 and all(
        bool((values[band] == np.rint(values[band])).all()) for band in bands(*values.shape)
    )


def _depths(kind: np.dtype[Any]) -> tuple[int, ...]:
    return _SIGNED_DEPTHS if kind == np.int16 else DEPTHS


def _bits_of(largest: float) -> int:
    return int(np.rint(largest)).bit_length()


def _range_of_bits(low: float, needed: int, depths: tuple[int, ...]) -> Range:
    bits = next((depth for depth in depths if depth >= needed), needed)
    return Range(low, 2**bits - 1, bits)


def _range_of_floats(low: float, high: float) -> Range:
    if -1 <= low < -0.5 and high <= 1:
        return Range(-1, 2, 32)
    if low >= 0 and high > 2 ** (DEPTHS[0] - 1):  # such as whole numbers that were made smaller
        return _range_of_bits(0, _bits_of(high), DEPTHS)
    return Range(low, high - low, 32)


def middle_range(values: NDArray[Any]) -> Range:
    """Return the range from the 0.5th to the 99.5th percentile of an image's values.

    Raises
    ------
    BadImage
        If a value is not finite.
    """
    bits = whole_range(values).bits
    low, high, outside = middle_of(*_counted(values))
    return Range(low, high - low, bits, outside)


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Make a histogram for `middle_of`, with all values between the two ends in one bin, to save memory."""
    flat = values.flatten()
    first = _beyond(flat.size)
    last = flat.size - 1 - first
    flat.partition((first, last))
    ends = np.concatenate((flat[: first + 1], flat[last:]))
    values_at_ends, counts = np.unique(ends, return_counts=True)
    counts[np.searchsorted(values_at_ends, flat[first])] += flat.size - ends.size
    return values_at_ends, counts


def _beyond(total: int) -> int:
    """Return how many pixels are clipped at each end: half a percent."""
    return total * 5 // 1000


def middle_of(values: NDArray[Any], counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """Find the 0.5th and 99.5th percentile of a histogram; its full range if the two are equal.

    Parameters
    ----------
    values
        The values, in ascending order.
    counts
        The number of pixels of each value.

    Returns
    -------
    tuple
        The low and high end, and the share of the pixels outside them.
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
    """Divide rows into bands of a million pixels, which bounds the memory of intermediate arrays."""
    rows = max(1, 2**20 // width)
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def values_of(picture: Image.Image) -> NDArray[Any]:
    """Return a grey picture's values, (height, width), in one copy; `np.asarray` would make three."""
    kind = np.asarray(picture.crop((0, 0, 1, 1))).dtype
    values = np.empty((picture.height, picture.width), dtype=kind)
    for band in bands(*values.shape):
        values[band] = np.asarray(picture.crop((0, band.start, picture.width, band.stop)))
    return values


def paint(height: int, width: int, levels_of: Callable[[slice], NDArray[np.float32]]) -> Image.Image:
    """Make a picture of mode "F" band by band; `levels_of` returns the grey levels of a band of rows."""
    picture = Image.new("F", (width, height))
    for band in bands(height, width):
        picture.paste(Image.fromarray(levels_of(band)), (0, band.start))
    return picture


def whole_levels(picture: Image.Image) -> NDArray[np.uint8]:
    """Round a picture of mode "L", or "F" from 0 to 255, to 8-bit levels."""
    if picture.mode == "L":
        return values_of(picture)
    levels = np.empty((picture.height, picture.width), dtype=np.uint8)
    for band in bands(*levels.shape):
        part = np.rint(np.asarray(picture.crop((0, band.start, picture.width, band.stop))))
        levels[band] = np.clip(part, 0, 255, out=part)
    return levels


def is_deep(image: Image.Image) -> bool:
    """Say whether an opened, not yet decoded image has more than 8 bits a value."""
    return is_deep_colour(image) or image.mode == "F" or image.mode.startswith("I")


def is_deep_colour(image: Image.Image) -> bool:
    """Say whether an opened, not yet decoded image has several channels of 16 bits."""
    raw = _raw_mode(image)
    shallow = raw.startswith(("I", "BGR;16", "BGR;15"))  # the latter are five or six bits a colour
    return ";16" in raw and not shallow and image.mode not in ("I", "F", "L")


def deep_colour(high: Image.Image, low: Image.Image) -> tuple[NDArray[np.uint16], Image.Image | None]:
    """Read 16-bit colours as 16-bit luma (ITU-R BT.601) and 8-bit alpha.

    Pillow keeps the high byte of each value, which leaves 16 grey levels of a 12-bit image.

    Parameters
    ----------
    high, low
        The same file, opened twice and not yet decoded.

    Raises
    ------
    BadImage
        If the low bytes cannot be read in this layout of the channels.
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
    """Return Pillow's name for the layout of the values in the file, such as "RGB;16B"."""
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
