"""The shifts there are, by name, and what makes a shift."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from radapt.errors import UnknownName
from radapt.shift.draws import Draws
from radapt.shift.seed import SeedShift


class Shift(Protocol):
    """What can happen to a radiograph: drawn once for each image, then applied to the pixels in batches."""

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw a row for each image, from its key and the seed alone."""
        ...

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Shift uint8 images (n, height, width) by their rows; uint8 of the same shape on the same device."""
        ...


SHIFTS: dict[str, Shift] = {
    "seed": SeedShift(),
}


def get_shift(name: str) -> Shift:
    """Look a shift up by its name.

    Raises
    ------
    UnknownName
        If there is none of that name; the message suggests the nearest.
    """
    if name not in SHIFTS:
        raise UnknownName("shift", name, SHIFTS)
    return SHIFTS[name]
