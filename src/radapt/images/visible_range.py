"""What of an image can be seen: whether it shows nothing, or lies mostly outside its window."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOSTLY = 0.5  # share of an image's pixels beyond its window, or white, from which it is marked
FAINT = 16  # grey levels out of 256: an image that has no more than these shows next to nothing
FLOATS = 32  # as the bits of an image: floats that are no whole numbers
_EVEN = 3  # grey levels within which an image is one value, as a lossy file gives it
_PARTS = (0.005, 0.995)  # of the pixels: a few of them, or a letter, are no picture


def mark_of(pixels: NDArray[np.uint8], outside: float = 0) -> str:
    """Say what is wrong with what an image shows, in a few words that go on after its name; "" if nothing is.

    What it is for: `predict` marks such images, and `pack`, `train` and `audit` count them. It looks at the
    final 8-bit pixels, and takes some 70 microseconds for an image of 224 x 224.

    Parameters
    ----------
    pixels
        (height, width), as read; black bars around it ("pad") count for nothing.
    outside
        Share of its pixels beyond the window or the levels, `radapt.images.pixels.GreyImage.outside`, which a
        store keeps of each image as `outside`.

    Returns
    -------
    str
        Such as "shows nothing: it is all white"; "" if it can be seen.
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
    """Say of how many images the grey levels did not come from the file: floats spread over their own values.

    Parameters
    ----------
    about
        What `radapt.images.store.decoding.MEASURED` of each image is, as a store keeps it.
    """
    ends = list(zip(about["low"].tolist(), about["high"].tolist(), strict=True))
    floats = (about["bits"] == FLOATS).tolist()
    own = [pair for pair, deep in zip(ends, floats, strict=True) if deep and pair not in ((0, 1), (-1, 1))]
    if not own:
        return ()
    return (
        f"Images of floats beyond 0 to 1, each spread over its own values: {len(own)}, "
        f"the first from {own[0][0]:.4g} to {own[0][1]:.4g}.",
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
