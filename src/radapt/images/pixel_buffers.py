"""Pixels that are made or picked: held where they are few, on disk where they are many."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import RadaptError
from radapt.images.streaming import release_pages

MAX_IN_MEMORY = (
    2**29
)  # bytes of pixels that a set holds in memory; more lie in a file of the temporary folder

_AT_ONCE = 512  # images


def on_disk(shape: Sequence[int], kind: type[np.generic], what: str) -> NDArray[Any]:
    """Give an array in a file of the temporary folder that goes when it does.

    Raises
    ------
    RadaptError
        If there is no room for the file; `what` says of what.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
    try:
        with tempfile.TemporaryFile(prefix="radapt-") as file:  # the map keeps it when the name is gone
            if hasattr(os, "posix_fallocate"):  # else a full disk would only be met, deadly, on writing
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype=kind, mode="w+", shape=tuple(shape))
    except OSError as error:
        raise RadaptError(
            f"{size / 1e9:.1f} GB of {what} could not be laid down in {tempfile.gettempdir()}: "
            f"{error.strerror or error}. Set TMPDIR to a folder with room."
        ) from None


def allocate_pixels(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Give pixels (n, height, width) to be filled.

    Where they are more than `HELD` bytes they are a map of a file that goes when it does, in the system's
    temporary folder, or the one that `TMPDIR` names.

    Raises
    ------
    RadaptError
        If there is no room for the file.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size <= MAX_IN_MEMORY:
        return np.empty(shape, dtype=np.uint8)
    plain: NDArray[np.uint8] = on_disk(shape, np.uint8, "pixels").view(np.ndarray)
    return plain


def select_pixels(pixels: NDArray[np.uint8], rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the pixels of these rows, a bounded number of them in memory; see `roomy`.

    Parameters
    ----------
    pixels
        (n, height, width), perhaps a memory map.
    rows
        Numbers, or one truth value a row.
    """
    if rows.dtype == np.bool_:
        rows = np.flatnonzero(rows)
    kept = allocate_pixels((len(rows), *pixels.shape[1:]))
    for start in range(0, len(rows), _AT_ONCE):
        kept[start : start + _AT_ONCE] = pixels[rows[start : start + _AT_ONCE]]
        release_pages(pixels)
    return kept
