"""Detector: what the receptor adds to a film, and what it cannot resolve."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift.cause import as_column
from radapt.shift.draws import Draws
from radapt.shift.fields import draw_grain, normals


@dataclass(frozen=True, slots=True)
class Noise:
    """Electronic noise: the same everywhere, independent from pixel to pixel, normal."""

    sigma: float = 8.0  # grey levels

    name: ClassVar[str] = "noise"

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Give `sigma`, and draw the `grain`."""
        return {"sigma": np.full(len(keys), self.sigma), "grain": draw_grain(keys, seed, "noise.grain")}

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add each film's noise."""
        noise = normals(draws["grain"], levels.shape[1], levels.shape[2], levels.device)
        return levels.add_(noise.mul_(as_column(draws["sigma"], levels)))
