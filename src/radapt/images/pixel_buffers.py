"""Arrays for pixels: in memory if they are small, in a temporary file if they are large."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import RadaptError
from radapt.images.streaming import release_pages

MAX_IN_MEMORY = 2**29  # bytes of pixels that a set holds in memory; larger ones are in a temporary file

_CHUNK = 512  # images copied at a time


def on_disk(shape: Sequence[int], kind: type[np.generic], what: str) -> NDArray[Any]:
    """Return an array in a temporary file, which is deleted with the array.

    Raises
    ------
    RadaptError
        If there is no space for the file; `what` names the data.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
    try:
        with tempfile.TemporaryFile(
            prefix="radapt-"
        ) as file:  # the memory map keeps the file after its name is deleted
            if hasattr(os, "posix_fallocate"):  # otherwise a full disk would kill the process on writing
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype=kind, mode="w+", shape=tuple(shape))
    except OSError as error:
        raise RadaptError(
            f"{size / 1e9:.1f} GB of {what} could not be stored in {tempfile.gettempdir()}: "
            f"{error.strerror or error}. Set TMPDIR to a folder with enough space."
        ) from None


def allocate_pixels(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an uninitialised array for pixels (n, height, width).

    If it is larger than `MAX_IN_MEMORY` it is a memory map of a temporary file, which is deleted with the
    array, in the system's temporary folder or the one that `TMPDIR` names.

    Raises
    ------
    RadaptError
        If there is no space for the file.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size <= MAX_IN_MEMORY:
        return np.empty(shape, dtype=np.uint8)
    plain: NDArray[np.uint8] = on_disk(shape, np.uint8, "pixels").view(np.ndarray)
    return plain


def select_pixels(pixels: NDArray[np.uint8], rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Copy the pixels of these rows into a new array, see `allocate_pixels`, with bounded memory.

    Parameters
    ----------
    pixels
        (n, height, width), perhaps a memory map.
    rows
        Row numbers, or a boolean for each row.
    """
    if rows.dtype == np.bool_:
        rows = np.flatnonzero(rows)
    kept = allocate_pixels((len(rows), *pixels.shape[1:]))
    for start in range(0, len(rows), _CHUNK):
        kept[start : start + _CHUNK] = pixels[rows[start : start + _CHUNK]]
        release_pages(pixels)
    return kept
