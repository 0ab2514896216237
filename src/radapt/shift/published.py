"""Corruptions as published suites define them, so that results can be compared with theirs.

MedMNIST-C (Di Salvo, Doerrich and Ledig 2024, arXiv 2406.17536) gives its parameters for images 224 pixels
wide. Here kernels scale with the image's width, and equal its own at 224. Strengths are fixed: only noise is
drawn.

MedMNIST-C corrupts grey images in colour: an image is copied to three channels, each channel gets its own
noise, and the three are converted back to grey. This lowers the standard deviation of noise to 0.67 times,
and an impulse in one channel gives an intermediate grey level. The noises here do the same, and round down
to whole levels as it does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from radapt.shift.corruption import LUMA, as_column, scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.filters import NARROW, gaussian_weights, weighed
from radapt.shift.noise_fields import draw_grain, normals, poisson, uniforms
from radapt.shift.options import check_range
from radapt.shift.storage import by_pillow

NEARLY_256 = 256 - 1e-3  # torchvision multiplies by this before it rounds down


def _in_colour(images: Tensor, channel: Callable[[int], Tensor]) -> Tensor:
    """Convert three channels to grey, each rounded down to whole levels; `channel(number)` returns one."""
    grey = torch.zeros_like(images)
    for part, weight in enumerate(LUMA):
        grey += channel(part).clamp_(0, 255).floor_().mul_(weight)
    return grey


def _same(keys: NDArray[np.uint64], name: str, value: float) -> Draws:
    """Return the same value for every image."""
    return {name: np.full(len(keys), value)}


def _jittered(
    keys: NDArray[np.uint64], seed: int, name: str, factor: float, jitter: float
) -> NDArray[np.float64]:
    """Draw a factor within `jitter` of `factor`; below 1 its inverse is jittered, as in CheXphoto."""
    if not jitter:
        return np.full(len(keys), factor)
    more = uniform(keys, seed, name, low=-jitter, high=jitter)
    return factor + more if factor >= 1 else 1 / (1 / max(factor, 1e-3) + more)


@dataclass(frozen=True, slots=True)
class Brightness:
    """Levels times a factor, clipped at white, as Pillow's `ImageEnhance.Brightness`."""

    factor: float = 1.3
    jitter: float = 0.0  # largest change of the factor; of 1 / factor where the factor is below 1

    name: ClassVar[str] = "brightness"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 0, 10)
        check_range("jitter", self.jitter, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `factor`."""
        return {"factor": _jittered(keys, seed, "brightness.factor", self.factor, self.jitter)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Multiply each image's levels, and round down."""
        return (levels * as_column(draws["factor"], levels)).floor_()


@dataclass(frozen=True, slots=True)
class Contrast:
    """Distances from the image's own mean grey times a factor, as Pillow's `ImageEnhance.Contrast`."""

    factor: float = 1.3
    jitter: float = 0.0  # largest change of the factor; of 1 / factor where the factor is below 1

    name: ClassVar[str] = "contrast"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 0, 10)
        check_range("jitter", self.jitter, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `factor`."""
        return {"factor": _jittered(keys, seed, "contrast.factor", self.factor, self.jitter)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Scale each image's distances from its rounded mean, and round down."""
        # In double precision the sum of whole levels is exact.
        mean = levels.double().mean(dim=(1, 2), keepdim=True).add_(0.5).floor_().float()
        return (levels - mean).mul_(as_column(draws["factor"], levels)).add_(mean).floor_()


@dataclass(frozen=True, slots=True)
class Power:
    """Levels as fractions of white raised to a power, as torchvision's `adjust_gamma`."""

    exponent: float = 1.3  # above 1 darker

    name: ClassVar[str] = "power"

    def __post_init__(self) -> None:
        check_range("exponent", self.exponent, 0.05, 20)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `exponent`."""
        return _same(keys, "exponent", self.exponent)

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Raise each image's levels to the power, and round down."""
        return (levels / 255).pow_(as_column(draws["exponent"], levels)).mul_(NEARLY_256).floor_()


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """An S-shaped curve, as scikit-image's `adjust_sigmoid`: 1 / (1 + exp(gain * (cutoff - x)))."""

    cutoff: float = 0.5  # share of white that becomes mid grey
    gain: float = 5.0  # four times the slope there

    name: ClassVar[str] = "sigmoid"

    def __post_init__(self) -> None:
        check_range("cutoff", self.cutoff, 0, 1)
        check_range("gain", self.gain, 0, 100)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return `cutoff` and `gain`."""
        return _same(keys, "cutoff", self.cutoff) | _same(keys, "gain", self.gain)

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Map each image's levels by the curve, and round down."""
        above = levels / 255 - as_column(draws["cutoff"], levels)
        return torch.sigmoid(above.mul_(as_column(draws["gain"], levels))).mul_(255).floor_()


@dataclass(frozen=True, slots=True)
class Pixelate:
    """Downsampled by averaging, and shown as large squares."""

    share: float = 0.6  # of the height and width, after downsampling

    name: ClassVar[str] = "pixelate"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.01, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `share`."""
        return _same(keys, "share", self.share)

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Downsample and upsample each image with Pillow's box filter."""

        def squared(image: Image.Image, row: int) -> Image.Image:
            small = [max(1, int(side * draws["share"][row])) for side in image.size]
            box = Image.Resampling.BOX
            return image.resize((small[0], small[1]), box).resize(image.size, box)

        return by_pillow(levels, squared)


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """Additive Gaussian noise: x + N(0, sigma) in each of three channels."""

    sigma: float = 0.06  # share of white

    name: ClassVar[str] = "white-noise"

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, 0, 2)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Return `sigma`, and draw the `grain`."""
        return _same(keys, "sigma", self.sigma) | {"grain": draw_grain(keys, seed, "white-noise.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add each image's noise."""
        spread = as_column(255 * draws["sigma"], levels)
        return _in_colour(levels, lambda part: _normals(levels, draws, part).mul_(spread).add_(levels))


@dataclass(frozen=True, slots=True)
class Speckle:
    """Multiplicative Gaussian noise: x + x * N(0, sigma) in each of three channels."""

    sigma: float = 0.10  # share of the level

    name: ClassVar[str] = "speckle"

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, 0, 2)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Return `sigma`, and draw the `grain`."""
        return _same(keys, "sigma", self.sigma) | {"grain": draw_grain(keys, seed, "speckle.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add each image's noise."""
        spread = as_column(draws["sigma"], levels) * levels
        return _in_colour(levels, lambda part: _normals(levels, draws, part).mul_(spread).add_(levels))


@dataclass(frozen=True, slots=True)
class Impulse:
    """Salt and pepper: some pixels of each of three channels are black or white, evenly."""

    share: float = 0.013  # of a channel's pixels

    name: ClassVar[str] = "impulse"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Return the `share`, and draw the `grain`."""
        return _same(keys, "share", self.share) | {"grain": draw_grain(keys, seed, "impulse.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Set the drawn pixels of each image to black or white."""
        share = as_column(draws["share"], levels)

        def channel(part: int) -> Tensor:
            even = _uniforms(levels, draws, part)
            return torch.where(even < share, torch.where(even < share / 2, 0.0, 255.0), levels)

        return _in_colour(levels, channel)


@dataclass(frozen=True, slots=True)
class Shot:
    """Shot noise in each of three channels: Poisson(x * events) / events, where x is the share of white."""

    events: float = 150.0  # mean count at white

    name: ClassVar[str] = "shot"

    def __post_init__(self) -> None:
        check_range("events", self.events, 1, 1e6)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Return the `events`, and draw the `grain`."""
        return _same(keys, "events", self.events) | {"grain": draw_grain(keys, seed, "shot.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Draw each pixel's count."""
        events = as_column(draws["events"], levels)
        mean = levels * (events / 255)

        def channel(part: int) -> Tensor:
            # Times 255 first, so that a whole level is not rounded down to the one below.
            return poisson(mean, _uniforms(levels, draws, part)).mul_(255).div_(events)

        return _in_colour(levels, channel)


@dataclass(frozen=True, slots=True)
class KernelBlur:
    """Gaussian blur truncated at the kernel's edge, with torchvision's sigma: 0.15 * kernel + 0.35."""

    kernel: float = 7.0  # pixels a side, odd

    name: ClassVar[str] = "kernel-blur"

    def __post_init__(self) -> None:
        check_range("kernel", self.kernel, 1, 99)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `kernel`."""
        return _same(keys, "kernel", self.kernel)

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:  # noqa: ARG002
        """Blur the images; beyond the edge they are mirrored."""
        scale = scale_of(levels.shape[2])
        reach = round(scale * (self.kernel - 1) / 2)
        sigma = scale * (0.15 * self.kernel + 0.35)
        if reach < 1 or sigma < NARROW:
            return weighed(levels, gaussian_weights(sigma), beyond="reflect")
        weights = np.exp(-((np.arange(reach + 1) / sigma) ** 2) / 2)
        kernel = [float(weight) for weight in weights / (2 * weights.sum() - weights[0])]
        return weighed(levels, kernel, beyond="reflect")


def _normals(images: Tensor, draws: Draws, part: int) -> Tensor:
    return normals(draws["grain"], images.shape[1], images.shape[2], images.device, part)


def _uniforms(images: Tensor, draws: Draws, part: int) -> Tensor:
    return uniforms(draws["grain"], images.shape[1], images.shape[2], images.device, part)
