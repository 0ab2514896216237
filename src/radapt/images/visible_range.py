"""Say whether an image can be seen: it may show nothing, or be mostly outside its window."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOSTLY = 0.5  # share of the pixels outside the window, or white, above which an image is marked
FAINT = 16  # grey levels of 256: an image within a smaller range shows next to nothing
FLOATS = 32  # the bit depth of images of floats that are not whole numbers
_EVEN = 3  # grey levels by which an image of one value may vary after lossy compression
_PARTS = (0.005, 0.995)  # quantiles of the range that is looked at: a few pixels, or a letter, do not count


def mark_of(pixels: NDArray[np.uint8], outside: float = 0) -> str:
    """Return what is wrong with an image, in words that follow its name; "" if nothing is.

    `predict` marks such images, and `pack`, `train` and `audit` count them. It takes the final 8-bit pixels,
    and some 70 microseconds for an image of 224 x 224.

    Parameters
    ----------
    pixels
        (height, width), as read; black bars around it ("pad") do not count.
    outside
        The share of its pixels outside the window, `radapt.images.pixels.GreyImage.outside`; a store keeps it
        of each image.

    Returns
    -------
    str
        Such as "shows nothing: it is all white"; "" if the image can be seen.
    """
    counts = np.bincount(_without_bars(pixels).reshape(-1), minlength=256)
    total, levels = int(counts.sum()), np.flatnonzero(counts)
    if not total:
        return "shows nothing: it is all black"
    if levels[-1] - levels[0] <= _EVEN:
        return f"shows nothing: it is all {_name_of(int(levels[-1]))}"
    if outside > MOSTLY:
        return f"lies mostly outside its window: {outside:.0%} of it is cut off"
    until = np.cumsum(counts)
    low, high = (int(np.searchsorted(until, part * total)) for part in _PARTS)
    if high - low < FAINT:
        return f"shows next to nothing: nearly all of it lies within {high - low + 1} grey levels of 256"
    if counts[255] > MOSTLY * total:
        return f"is mostly white: {counts[255] / total:.0%} of it"
    return ""


def level_notes(about: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """Say how many images of floats were scaled by their own range, since the file declares none.

    Parameters
    ----------
    about
        The columns `radapt.images.store.decoding.MEASURED` of a store.
    """
    ends = list(zip(about["low"].tolist(), about["high"].tolist(), strict=True))
    floats = (about["bits"] == FLOATS).tolist()
    own_ranges = [
        pair for pair, deep in zip(ends, floats, strict=True) if deep and pair not in ((0, 1), (-1, 1))
    ]
    if not own_ranges:
        return ()
    return (
        f"Images of floats beyond 0 to 1, each spread over its own values: {len(own_ranges)}, "
        f"the first from {own_ranges[0][0]:.4g} to {own_ranges[0][1]:.4g}.",
    )


def _without_bars(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leave out rows and columns at the edges that are all black."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return pixels[:0]
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _name_of(level: int) -> str:
    if level <= _EVEN:
        return "black"
    return "white" if level >= 255 - _EVEN else "one grey"
