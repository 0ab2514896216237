"""Exposure: how much radiation, how hard, and what the workstation made of it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift.cause import as_column
from radapt.shift.draws import Draws
from radapt.shift.keys import uniform


@dataclass(frozen=True, slots=True)
class Gamma:
    """The look-up table is bent: levels as fractions of white are raised to a power."""

    factor: float = 1.5  # the exponent lies between 1 / factor (brighter) and factor (darker)

    name: ClassVar[str] = "gamma"

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `exponent`, evenly on a logarithmic scale."""
        most = float(np.log(self.factor))
        return {"exponent": np.exp(uniform(keys, seed, "gamma.exponent", low=-most, high=most))}

    def grade(self, levels: Tensor, draws: Draws) -> Tensor:
        """Bend each film's levels."""
        return (levels / 255).pow_(as_column(draws["exponent"], levels)).mul_(255)
