"""Pose: how the patient stands, and how the film lies."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.shift import geometry
from radapt.shift.draws import Draws
from radapt.shift.keys import uniform


@dataclass(frozen=True, slots=True)
class Rotation:
    """The film is turned about its centre."""

    degrees: float = 15.0  # at most, either way

    name: ClassVar[str] = "rotation"

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `degrees`, positive anticlockwise."""
        return {"degrees": uniform(keys, seed, "rotation.degrees", low=-self.degrees, high=self.degrees)}

    def place(self, draws: Draws, height: int, width: int) -> geometry.Matrices:  # noqa: ARG002
        """Turn each film."""
        return geometry.rotation(draws["degrees"])
