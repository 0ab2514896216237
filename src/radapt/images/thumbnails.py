"""Reduce images to the mean grey of the cells of a coarse grid."""

import numpy as np
from numpy.typing import NDArray

from radapt.images.streaming import stream


def averaged(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Average images over a grid of equal cells, whose edges may lie inside a pixel.

    Parameters
    ----------
    pixels
        (n, height, width).
    side
        The number of cells along each side.

    Returns
    -------
    NDArray[np.float32]
        (n, side, side), grey levels from 0 to 255.
    """
    down, across = _shares(pixels.shape[1], side), _shares(pixels.shape[2], side).T
    cells = np.empty((len(pixels), side, side), dtype=np.float32)
    for rows, part in stream(pixels):  # since the images may be larger than memory
        cells[rows] = down @ part.astype(np.float32) @ across
    return cells


def _shares(size: int, side: int) -> NDArray[np.float32]:
    """Return the weight of each of `size` pixels in the mean of each of `side` cells: (side, size)."""
    edges = np.linspace(0, size, side + 1)
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.asarray(overlap.clip(0) * side / size, dtype=np.float32)
