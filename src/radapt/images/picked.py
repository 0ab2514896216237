"""Some films out of many: held where they are few, on disk where they are many."""

import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

HELD = (
    2**30
)  # bytes of pixels that a set holds in memory; more lie in a file of the system's temporary folder

_AT_ONCE = 4096  # films


def picked(pixels: NDArray[np.uint8], rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the pixels of these rows, a bounded number of them in memory.

    Parameters
    ----------
    pixels
        (n, height, width), perhaps a memory map.
    rows
        Numbers, or one truth value a row.

    Returns
    -------
    NDArray[np.uint8]
        (m, height, width); where they are more than `HELD` bytes, a map of a file that goes when it does.
    """
    if rows.dtype == np.bool_:
        rows = np.flatnonzero(rows)
    shape = (len(rows), *pixels.shape[1:])
    if int(np.prod(shape)) <= HELD:
        few: NDArray[np.uint8] = pixels[rows]
        return few
    with tempfile.TemporaryFile(prefix="radapt-") as file:  # the map keeps it when the name is gone
        kept = np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
    for start in range(0, len(rows), _AT_ONCE):
        kept[start : start + _AT_ONCE] = pixels[rows[start : start + _AT_ONCE]]
    plain: NDArray[np.uint8] = kept.view(np.ndarray)
    return plain
