"""Exposure: dose, tube voltage, scatter, photon noise and the processing of grey levels.

The characteristic curve (Hurter and Driffield 1890) is S-shaped over the logarithm of exposure: the level is
255 / (1 + exposure ** STEEPNESS), so an exposure of 1 gives mid grey. More exposure is darker; black and
white pixels do not change.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from radapt.shift.corruption import as_column, scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.noise_fields import draw_grain, poisson, uniforms
from radapt.shift.options import check_range
from radapt.shift.painting import Floats, axes, plane

WHITE, MIDDLE = 255.0, 127.5
LATITUDE = math.log(30)  # log ratio of the exposures of black and white, on a straight curve
STEEPNESS = 4 / LATITUDE  # the S-shaped curve has the slope of that straight line in mid grey


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gamma of the look-up table: grey levels as fractions of white are raised to a power."""

    factor: float = 1.7  # the exponent lies between 1 / factor (brighter) and factor (darker)

    name: ClassVar[str] = "gamma"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `exponent`, evenly on a logarithmic scale."""
        return {"exponent": _about_one(keys, seed, "gamma.exponent", self.factor)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Map each image's levels."""
        return (levels / WHITE).pow_(as_column(draws["exponent"], levels)).mul_(WHITE)


@dataclass(frozen=True, slots=True)
class Underexposure:
    """Too little radiation: the image is too light."""

    stops: float = 1.0  # maximum number of halvings of the exposure; the minimum is half of it

    name: ClassVar[str] = "underexposure"

    def __post_init__(self) -> None:
        check_range("stops", self.stops, 0, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `stops`."""
        return {"stops": uniform(keys, seed, "underexposure.stops", low=self.stops / 2, high=self.stops)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Make each image lighter."""
        return _exposed(levels, as_column(0.5 ** draws["stops"], levels))


@dataclass(frozen=True, slots=True)
class Overexposure:
    """Too much radiation: the image is too dark."""

    stops: float = 1.0  # maximum number of doublings of the exposure; the minimum is half of it

    name: ClassVar[str] = "overexposure"

    def __post_init__(self) -> None:
        check_range("stops", self.stops, 0, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `stops`."""
        return {"stops": uniform(keys, seed, "overexposure.stops", low=self.stops / 2, high=self.stops)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Make each image darker."""
        return _exposed(levels, as_column(2.0 ** draws["stops"], levels))


@dataclass(frozen=True, slots=True)
class Kvp:
    """Another tube voltage: harder radiation has less contrast between tissues, softer radiation more.

    Contrast about mid grey is scaled like the tissues' attenuation: at 40 keV that of water is 1.3 times, of
    bone 2.1 times as high as at 60 keV (NIST, X-ray mass attenuation coefficients).
    """

    factor: float = 1.45  # contrast is multiplied by 1 / factor (harder) to factor (softer)

    name: ClassVar[str] = "kvp"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `contrast`, evenly on a logarithmic scale."""
        return {"contrast": _about_one(keys, seed, "kvp.contrast", self.factor)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Scale the contrast of each image about mid grey."""
        return (levels - MIDDLE).mul_(as_column(draws["contrast"], levels)).add_(MIDDLE)


@dataclass(frozen=True, slots=True)
class Window:
    """Another display window: grey levels outside it become black or white.

    The linear window of DICOM (PS3.3 C.11.2.1.2), with width and centre relative to the original window.
    """

    factor: float = 1.5  # the width is multiplied by 1 / factor (more contrast) to factor
    shift: float = 0.1  # maximum move of the centre up (darker) or down, as a share of the old width

    name: ClassVar[str] = "window"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1, 10)
        check_range("shift", self.shift, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `width`, evenly on a logarithmic scale, and the `shift`."""
        return {
            "width": _about_one(keys, seed, "window.width", self.factor),
            "shift": uniform(keys, seed, "window.shift", low=-self.shift, high=self.shift),
        }

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Apply each image's window."""
        centre = as_column(MIDDLE + WHITE * draws["shift"], levels)
        return (levels - centre).div_(as_column(draws["width"], levels)).add_(MIDDLE)


@dataclass(frozen=True, slots=True)
class Heel:
    """Heel effect of the anode: the exposure falls from one side of the image to the other.

    It falls linearly along one axis and stays the same in the middle (Bushberg et al., "The Essential Physics
    of Medical Imaging", 3rd ed., 2012).
    """

    share: float = 0.45  # maximum loss of exposure from side to side; the minimum is half of it

    name: ClassVar[str] = "heel"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 0.95)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `share`, and the `side` with the least exposure: 0 the right, 1 to 3 anticlockwise."""
        side = np.floor(uniform(keys, seed, "heel.side", high=4))
        return {
            "share": uniform(keys, seed, "heel.share", low=self.share / 2, high=self.share),
            "side": np.minimum(side, 3),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Scale each image's exposure along its axis."""
        _, height, width = levels.shape
        x, y = axes(height, width)
        angle = draws["side"] * (math.pi / 2)
        fall = (draws["share"] / (1 - draws["share"] / 2))[
            :, None
        ]  # from side to side, of the middle's exposure
        right, up = np.round(np.cos(angle))[:, None], np.round(np.sin(angle))[:, None]
        return _exposed(levels, 1 - plane(fall * right * x / width, -fall * up * y / height, levels))


@dataclass(frozen=True, slots=True)
class Scatter:
    """Scattered radiation without a grid: a veil over the image, strongest over dense parts.

    The scatter is p exp(-p) for an attenuation of p, blurred broadly (Ohnesorge et al., "Efficient object
    scatter correction algorithm for third and fourth generation CT scanners", 1999). Grey levels are taken as
    the logarithm of exposure.
    """

    fraction: float = 0.4  # scattered share of the radiation behind uniform mid-grey tissue

    name: ClassVar[str] = "scatter"
    spread: ClassVar[float] = 20.0  # pixels, standard deviation

    def __post_init__(self) -> None:
        check_range("fraction", self.fraction, 0, 0.95)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `fraction`, at least 80 % of the maximum."""
        low = 0.8 * self.fraction
        return {"fraction": uniform(keys, seed, "scatter.fraction", low=low, high=self.fraction)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add scatter to each image; a uniform mid-grey image does not change."""
        attenuation = levels.mul_(LATITUDE / WHITE)
        primary = torch.exp(-attenuation)
        veil = _spread(attenuation.mul_(primary), self.spread * scale_of(levels.shape[2]))
        scattered = as_column(draws["fraction"], levels)
        passing = primary.mul_(1 - scattered).add_(veil.mul_(scattered * (2 / LATITUDE)))
        return passing.clamp_min_(math.exp(-2 * LATITUDE)).log_().mul_(-WHITE / LATITUDE)


@dataclass(frozen=True, slots=True)
class QuantumNoise:
    """Photon noise at a low dose: the number of photons per pixel has a Poisson distribution.

    The count is the pixel's exposure, and the characteristic curve converts it to grey: in mid grey the noise
    has a standard deviation of 75 / sqrt(photons) grey levels, in black and white none. A normal radiograph
    has tens of thousands of photons per pixel.
    """

    photons: float = 90.0  # in a pixel of mid grey, whatever the image's width

    name: ClassVar[str] = "quantum-noise"

    def __post_init__(self) -> None:
        check_range("photons", self.photons, 1, 1e6)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Return `photons`, and draw the `grain`."""
        photons = np.full(len(keys), self.photons)
        return {"photons": photons, "grain": draw_grain(keys, seed, "quantum-noise.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Draw each pixel's photon count, and convert it to grey."""
        _, height, width = levels.shape
        even = uniforms(draws["grain"], height, width, levels.device)
        photons = as_column(draws["photons"], levels)
        exposure = ((WHITE - levels) / levels.clamp_min_(0.5)).pow_(1 / STEEPNESS)
        counted = poisson(exposure.mul_(photons), even).div_(photons)
        return counted.pow_(STEEPNESS).add_(1).reciprocal_().mul_(WHITE)


def _about_one(keys: NDArray[np.uint64], seed: int, name: str, factor: float) -> Floats:
    """Draw from 1 / factor to factor, evenly on a logarithmic scale."""
    most = float(np.log(factor))
    return np.exp(uniform(keys, seed, name, low=-most, high=most))


def _exposed(levels: Tensor, factor: Tensor) -> Tensor:
    """Return the grey levels after multiplying the exposure by a factor."""
    odds = factor.pow(-STEEPNESS)  # ratio of white to black, relative to before
    return (levels * odds).div_((levels * (odds - 1)).add_(WHITE)).mul_(WHITE)


def _spread(levels: Tensor, sigma: float) -> Tensor:
    """Blur by three box filters in turn, which is nearly a Gaussian; accurate to half a pixel.

    Edge pixels are repeated. A box of s pixels has a variance of (s * s - 1) / 12.
    """
    reach = round((math.sqrt(4 * sigma**2 + 1) - 1) / 2)
    side = 2 * reach + 1
    for axis in (1, 2):
        size = levels.shape[axis]
        padding = (0, 0, 3 * reach, 3 * reach) if axis == 1 else (3 * reach, 3 * reach, 0, 0)
        levels = functional.pad(levels[:, None], padding, mode="replicate")[:, 0]
        for left in (2, 1, 0):
            sums = functional.pad(torch.cumsum(levels, axis), (0, 0, 1, 0) if axis == 1 else (1, 0))
            length = size + 2 * left * reach
            levels = (sums.narrow(axis, side, length) - sums.narrow(axis, 0, length)).div_(side)
    return levels
