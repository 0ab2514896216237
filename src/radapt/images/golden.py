"""A golden image, the same on every machine: its scores tell whether a model answers as it did at first."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-4  # of a probability, on another machine or with another number of threads


def golden_pixels(size: int) -> NDArray[np.uint8]:
    """Return an image of stripes (1, size, size) in whole numbers, the same on every machine."""
    rows, columns = np.mgrid[:size, :size]
    image: NDArray[np.uint8] = ((rows * 3 + columns * 5 + rows * columns // 7) % 256).astype(np.uint8)
    return image[None]


def same_scores(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether two scores of an image are the same, but for what machines differ in."""
    return one.keys() == other.keys() and all(
        math.isclose(value, other[name], abs_tol=TOLERANCE, rel_tol=0) for name, value in one.items()
    )
