"""Screenshot: an image as it was shown in a window on a screen, and saved with it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift import geometry
from radapt.shift.corruption import as_column, scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.lettering import Print, paste, random_lines
from radapt.shift.noise_fields import draw_grain
from radapt.shift.options import check_range
from radapt.shift.painting import Floats, across, beyond, covered, down

BUTTONS = 3  # at the right end of the title bar


@dataclass(frozen=True, slots=True)
class Screenshot:
    """The image in a window of other proportions: black bars at two sides, and a title bar above.

    In a chain, all geometric transforms are applied to the image at once. The bars and the title are painted
    at this corruption's place in the chain, and later transforms move them too.
    """

    bars: float = 0.2  # maximum share of the picture that both bars take; the minimum is half of it
    title: float = 10.0  # height of the title bar in pixels; 0 for none

    name: ClassVar[str] = "screenshot"

    def __post_init__(self) -> None:
        check_range("bars", self.bars, 0, 0.8)
        check_range("title", self.title, 0, 60, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `bars`, whether they are `upright`, the `grey` of the title, and the `grain` of its text."""
        grey = uniform(keys, seed, "screenshot.grey", high=80)
        return {
            "bars": uniform(keys, seed, "screenshot.bars", low=self.bars / 2, high=self.bars),
            "upright": (uniform(keys, seed, "screenshot.upright") < 0.6).astype(np.float64),
            "grey": np.where(grey < 40, 20 + grey, 160 + grey),
            "grain": draw_grain(keys, seed, "screenshot.grain"),
        }

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Return the transform that shrinks each image to the area between its bars and below the title."""
        title = min(0.5, self.title * scale_of(width) / height)
        upright = draws["upright"] == 1
        wide = 1 - np.where(upright, draws["bars"], 0)
        high = (1 - title) * (1 - np.where(upright, 0, draws["bars"]))
        return geometry.zoom(1 / wide, 1 / high) @ geometry.translation(
            np.zeros_like(wide), np.full_like(high, -title * height / 2)
        )

    def paint_border(self, levels: Tensor, draws: Draws, after: geometry.Matrices) -> Tensor:
        """Paint the bars and the title of each image."""
        _, height, width = levels.shape
        covered(levels, beyond(self.matrix(draws, height, width) @ after, levels), 0.0)
        title = min(height / 2, self.title * scale_of(width))
        if title == 0:
            return levels
        grey = as_column(draws["grey"], levels)
        bar = down(_share(height, 0, title)[None], levels).expand(levels.shape)
        covered(levels, _carried(bar, after), grey)
        ink = torch.where(grey > 128, 30.0, 225.0)
        letters, boxes = torch.zeros_like(levels), torch.zeros_like(levels)
        block = Print(
            torch.from_numpy(random_lines(draws["grain"], 1)).to(levels.device), max(3, round(0.9 * title))
        )
        left = torch.full((len(levels),), round(0.5 * title), device=levels.device)
        paste((letters, boxes), block, left, torch.zeros_like(left))
        buttons = sum(_share(width, width - (1.2 * k + 1.1) * title, 0.5 * title) for k in range(BUTTONS))
        squares = across(np.asarray(buttons)[None], levels) * down(
            _share(height, 0.25 * title, 0.5 * title)[None], levels
        )
        return covered(levels, _carried(torch.maximum(letters, squares), after), ink)


def _carried(mask: Tensor, after: geometry.Matrices) -> Tensor:
    """Move the painted layer by a transform; beyond the edge its edge pixels are repeated."""
    return geometry.warp(mask, after) if (after != np.eye(3)).any() else mask


def _share(size: int, start: float, length: float) -> Floats:
    """Return the share of each pixel along an axis that lies within an interval."""
    edges = np.clip(np.arange(size + 1), start, start + length)
    return np.diff(edges)
