"""Causes as published suites define them, so that results can be held against theirs.

MedMNIST-C (Di Salvo, Doerrich and Ledig 2024, arXiv 2406.17536) gives its parameters for films 224 pixels
wide; kernels grow with the film here, and at 224 they are its own. Strengths are fixed: only noise is drawn.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from radapt.shift.cause import as_column, scale_of
from radapt.shift.draws import Draws
from radapt.shift.fields import draw_grain, normals, poisson, uniforms
from radapt.shift.filters import NARROW, gaussian, weighed
from radapt.shift.options import check_range
from radapt.shift.storage import by_pillow


def _same(keys: NDArray[np.uint64], name: str, value: float) -> Draws:
    """Give every film the same value."""
    return {name: np.full(len(keys), value)}


@dataclass(frozen=True, slots=True)
class Brightness:
    """Levels times a factor, cut off at white, as Pillow's `ImageEnhance.Brightness`."""

    factor: float = 1.3

    name: ClassVar[str] = "brightness"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 0, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Give the `factor`."""
        return _same(keys, "factor", self.factor)

    def grade(self, levels: Tensor, draws: Draws) -> Tensor:
        """Multiply each film's levels."""
        return levels * as_column(draws["factor"], levels)


@dataclass(frozen=True, slots=True)
class Contrast:
    """Distances from the film's own mean grey times a factor, as Pillow's `ImageEnhance.Contrast`."""

    factor: float = 1.3

    name: ClassVar[str] = "contrast"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 0, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Give the `factor`."""
        return _same(keys, "factor", self.factor)

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Spread each film's levels about their rounded mean, added up in double precision."""
        mean = levels.double().mean(dim=(1, 2), keepdim=True).add_(0.5).floor_().float()
        return (levels - mean).mul_(as_column(draws["factor"], levels)).add_(mean)


@dataclass(frozen=True, slots=True)
class Power:
    """Levels as fractions of white raised to a power, as torchvision's `adjust_gamma`."""

    exponent: float = 1.3  # above 1 darker

    name: ClassVar[str] = "power"

    def __post_init__(self) -> None:
        check_range("exponent", self.exponent, 0.05, 20)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Give the `exponent`."""
        return _same(keys, "exponent", self.exponent)

    def grade(self, levels: Tensor, draws: Draws) -> Tensor:
        """Raise each film's levels."""
        return (levels / 255).pow_(as_column(draws["exponent"], levels)).mul_(255)


@dataclass(frozen=True, slots=True)
class Pixelate:
    """Averaged over boxes to a part of the size, and shown as large squares."""

    share: float = 0.6  # of the height and width that is left

    name: ClassVar[str] = "pixelate"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.01, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Give the `share`."""
        return _same(keys, "share", self.share)

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Make each film small and large again with Pillow's box filter."""

        def squared(film: Image.Image, row: int) -> Image.Image:
            small = [max(1, int(side * draws["share"][row])) for side in film.size]
            box = Image.Resampling.BOX
            return film.resize((small[0], small[1]), box).resize(film.size, box)

        return by_pillow(levels, squared)


@dataclass(frozen=True, slots=True)
class Speckle:
    """Noise in proportion to the level: x + x * N(0, sigma)."""

    sigma: float = 0.10  # share of the level

    name: ClassVar[str] = "speckle"

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, 0, 2)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Give `sigma`, and draw the `grain`."""
        return _same(keys, "sigma", self.sigma) | {"grain": draw_grain(keys, seed, "speckle.grain")}

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add each film's noise."""
        noise = normals(draws["grain"], levels.shape[1], levels.shape[2], levels.device)
        return levels.add_(noise.mul_(as_column(draws["sigma"], levels)).mul_(levels))


@dataclass(frozen=True, slots=True)
class Impulse:
    """Salt and pepper: some pixels are black or white, evenly."""

    share: float = 0.013  # of the pixels

    name: ClassVar[str] = "impulse"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Give the `share`, and draw the `grain`."""
        return _same(keys, "share", self.share) | {"grain": draw_grain(keys, seed, "impulse.grain")}

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Put each film's pixels out."""
        even = uniforms(draws["grain"], levels.shape[1], levels.shape[2], levels.device)
        share = as_column(draws["share"], levels)
        salted = torch.where(even < share, torch.full_like(levels, 255), levels)
        return torch.where(even < share / 2, torch.zeros_like(levels), salted)


@dataclass(frozen=True, slots=True)
class Shot:
    """Photons counted: Poisson(x * events) / events, x the level as a fraction of white."""

    events: float = 150.0  # in white

    name: ClassVar[str] = "shot"

    def __post_init__(self) -> None:
        check_range("events", self.events, 1, 1e6)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Give the `events`, and draw the `grain`."""
        return _same(keys, "events", self.events) | {"grain": draw_grain(keys, seed, "shot.grain")}

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Count each film's photons."""
        each = as_column(draws["events"], levels) / 255
        even = uniforms(draws["grain"], levels.shape[1], levels.shape[2], levels.device)
        return poisson(levels * each, even).div_(each)


@dataclass(frozen=True, slots=True)
class KernelBlur:
    """A Gaussian cut off at the kernel's edge, of torchvision's own width for it: 0.15 * kernel + 0.35."""

    kernel: float = 7.0  # pixels a side, odd

    name: ClassVar[str] = "kernel-blur"

    def __post_init__(self) -> None:
        check_range("kernel", self.kernel, 1, 99)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Give the `kernel`."""
        return _same(keys, "kernel", self.kernel)

    def change(self, levels: Tensor, draws: Draws) -> Tensor:  # noqa: ARG002
        """Blur the films; beyond the edge the nearest pixel counts, where torchvision mirrors."""
        scale = scale_of(levels.shape[2])
        reach = round(scale * (self.kernel - 1) / 2)
        sigma = scale * (0.15 * self.kernel + 0.35)
        if reach < 1 or sigma < NARROW:
            return gaussian(levels, sigma)
        weights = np.exp(-((np.arange(reach + 1) / sigma) ** 2) / 2)
        return weighed(levels, [float(weight) for weight in weights / (2 * weights.sum() - weights[0])])
