"""Motion: the patient moved while the image was exposed."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift.corruption import scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.filters import convolved
from radapt.shift.options import check_range

STEPS = 8  # sampled positions for each pixel of the path


@dataclass(frozen=True, slots=True)
class MotionBlur:
    """Uniform motion in a straight line: a point becomes a line, as long as the path.

    The contrast of a pattern of f cycles a pixel along the path falls to sin(pi f length) / (pi f length).
    """

    length: float = 6.5  # of the path, in pixels

    name: ClassVar[str] = "motion-blur"

    def __post_init__(self) -> None:
        check_range("length", self.length, 0, 60, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the direction of the path in `degrees`, anticlockwise from the right."""
        return {"degrees": uniform(keys, seed, "motion-blur.degrees", high=180)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Blur each image along its path; beyond the edge the edge pixels are repeated."""
        return convolved(levels, _ways(scale_of(levels.shape[2]) * self.length, draws["degrees"]))


def _ways(length: float, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernels of straight paths, (n, side, side): each position is shared by four pixels."""
    reach = math.ceil(length / 2)
    count = max(2, math.ceil(length * STEPS))
    along = length * ((np.arange(count) + 0.5) / count - 0.5)
    angle = np.deg2rad(degrees)[:, None]
    pixels = np.arange(-reach, reach + 1)[:, None]
    columns = np.clip(1 - np.abs(pixels - (np.cos(angle) * along)[:, None, :]), 0, None)
    rows = np.clip(1 - np.abs(pixels + (np.sin(angle) * along)[:, None, :]), 0, None)
    kernels: NDArray[np.float64] = rows @ columns.transpose(0, 2, 1) / count
    return kernels
