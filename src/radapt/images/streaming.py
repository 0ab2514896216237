"""Read the images of a memory map in chunks, releasing the memory of earlier ones."""

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024  # images


def stream(pixels: NDArray[np.uint8], chunk: int = CHUNK) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield images (n, height, width) in chunks, each with its slice of rows; earlier pages are released."""
    for start in range(0, len(pixels), chunk):
        rows = slice(start, start + chunk)
        yield rows, pixels[rows]
        release_pages(pixels)


def release_pages(pixels: NDArray[np.uint8]) -> None:
    """Release the pages of a read-only memory map; they are read again when they are used again."""
    base = pixels
    while isinstance(base, np.ndarray) and base.base is not None and not base.flags.writeable:
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
