"""Going through many images of a memory map without holding those that were passed."""

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024  # images


def stream(pixels: NDArray[np.uint8], chunk: int = CHUNK) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Give images (n, height, width) some at a time, each with its rows, and let go of those before."""
    for start in range(0, len(pixels), chunk):
        rows = slice(start, start + chunk)
        yield rows, pixels[rows]
        release_pages(pixels)


def release_pages(pixels: NDArray[np.uint8]) -> None:
    """Let the system take back the memory of a read-only map, which reads again what is asked for again."""
    base = pixels
    while isinstance(base, np.ndarray) and base.base is not None and not base.flags.writeable:
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
