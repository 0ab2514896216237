"""Phone: a photograph, taken by hand, of an image on a light box or a screen."""

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
from radapt.shift.filters import weighed
from radapt.shift.noise_fields import draw_grain, normals, uniforms
from radapt.shift.options import check_range
from radapt.shift.painting import Floats, across, axes, covered, down, inside, put, turned, wave, windows

SCREEN = 900  # screen pixels over the width of the displayed image
MAX_LAMPS = 3
WHITE = 255.0


@dataclass(frozen=True, slots=True)
class Moire:
    """Moire: interference of the camera's pixel grid with that of the screen, as broad bands.

    Two gratings with f lines per width, whose periods differ by a share e and whose directions differ by an
    angle a, interfere with a frequency of f times (e, a). The screen's columns give the stronger bands, since
    their three colours lie side by side; its rows give fainter bands at right angles. The phone is not
    parallel to the screen, so e changes along the image and the bands bend. CheXphoto (Phillips et al. 2020)
    overlays two gratings instead.
    """

    contrast: float = 0.14  # maximum amplitude of the bands, as a share of the light

    name: ClassVar[str] = "moire"

    def __post_init__(self) -> None:
        check_range("contrast", self.contrast, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `contrast`, `mismatch` (e above) and `degrees` of the gratings, `bend`, and two phases."""
        low = {"contrast": 0.6 * self.contrast, "mismatch": -0.025, "degrees": -1.5, "bend": -0.015}
        high = {"contrast": self.contrast, "mismatch": 0.025, "degrees": 1.5, "bend": 0.015}
        ranges = {name: (low[name], high[name]) for name in low} | {"phase": (0, 1), "phase-across": (0, 1)}
        return {
            name: uniform(keys, seed, f"moire.{name}", low=least, high=most)
            for name, (least, most) in ranges.items()
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Multiply each image by its bands."""
        _, height, width = levels.shape
        x, y = (place / width for place in axes(height, width))
        mismatch, slope = SCREEN * draws["mismatch"], SCREEN * np.deg2rad(draws["degrees"])
        bend = SCREEN * draws["bend"][:, None]
        # the phase is a sum of a function of x and one of y, so the wave is a sum of products of the two
        columns = wave(
            mismatch[:, None] * x + bend * x**2 + draws["phase"][:, None], slope[:, None] * y, levels
        )
        rows = wave(
            -slope[:, None] * x + draws["phase-across"][:, None], mismatch[:, None] * y + bend * y**2, levels
        )
        # each pixel averages the bands over its width, so small images show none
        amplitude = draws["contrast"] * np.sinc(mismatch / width) * np.sinc(slope / width)
        bands = columns.add_(rows.mul_(0.4)).mul_(as_column(amplitude / 1.4, levels))
        return levels.mul_(bands.add_(1))


@dataclass(frozen=True, slots=True)
class GlareMatte:
    """A lamp or a window reflected by a matt screen: a soft white Gaussian patch, as in CheXphoto."""

    opacity: float = 0.45  # maximum in the middle of the patch, 0 to 1; the minimum is 60 % of it
    radius: float = 0.25  # standard deviation, as a share of the width

    name: ClassVar[str] = "glare-matte"

    def __post_init__(self) -> None:
        check_range("opacity", self.opacity, 0, 1)
        check_range("radius", self.radius, 0.01, 2)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `opacity`, the centre `x`, `y` (shares of the image), and the radii `wide` and `high`."""
        return {
            "opacity": uniform(keys, seed, "glare-matte.opacity", low=0.6 * self.opacity, high=self.opacity),
            "x": uniform(keys, seed, "glare-matte.x"),
            "y": uniform(keys, seed, "glare-matte.y"),
            "wide": self.radius * uniform(keys, seed, "glare-matte.wide", low=0.8, high=1.3),
            "high": self.radius * uniform(keys, seed, "glare-matte.high", low=0.8, high=1.3),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add the patch to each image."""
        _, height, width = levels.shape
        x, y = axes(height, width)
        right = (x / width + 0.5 - draws["x"][:, None]) / draws["wide"][:, None]
        fall = (y + height / 2 - height * draws["y"][:, None]) / (width * draws["high"][:, None])
        patch = across(draws["opacity"][:, None] * np.exp(-(right**2) / 2), levels)
        return covered(levels, patch * down(np.exp(-(fall**2) / 2), levels), WHITE)


@dataclass(frozen=True, slots=True)
class GlareGlossy:
    """Reflections in a glossy screen: a window with its bars, and lamps as small spots with a halo."""

    opacity: float = 0.45  # maximum of the window, 0 to 1; the minimum is 60 % of it. Lamps are white
    size: float = 0.3  # maximum of the window's longer side, as a share of the width; the minimum is 60 %

    name: ClassVar[str] = "glare-glossy"

    def __post_init__(self) -> None:
        check_range("opacity", self.opacity, 0, 1)
        check_range("size", self.size, 0.01, 2)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the window's `opacity`, `x`, `y`, `size`, `aspect`, `degrees`, `lean`, and a `grain`."""

        def drawn(name: str, low: float, high: float) -> Floats:
            return uniform(keys, seed, f"glare-glossy.{name}", low=low, high=high)

        return {
            "opacity": drawn("opacity", 0.6 * self.opacity, self.opacity),
            "x": drawn("x", 0.05, 0.95),
            "y": drawn("y", 0.05, 0.95),
            "size": drawn("size", 0.6 * self.size, self.size),
            "aspect": drawn("aspect", 0.5, 0.9),
            "degrees": drawn("degrees", -15, 15),
            "lean": drawn("lean", -0.3, 0.3),
            "grain": draw_grain(keys, seed, "glare-glossy.grain"),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add the reflections to each image."""
        mask = self._window(levels, draws)
        self._lamps(mask, draws)
        return covered(levels, mask, WHITE)

    def _window(self, levels: Tensor, draws: Draws) -> Tensor:
        _, height, width = levels.shape
        right, fall = turned(draws["degrees"], levels)
        middle_x, middle_y = width * (draws["x"] - 0.5), height * (draws["y"] - 0.5)
        sine, cosine = np.sin(np.deg2rad(draws["degrees"])), np.cos(np.deg2rad(draws["degrees"]))
        fall -= as_column(cosine * middle_y + sine * middle_x, levels)
        right -= as_column(cosine * middle_x - sine * middle_y, levels)
        right += fall * as_column(draws["lean"], levels)
        half_high = width * draws["size"] / 2
        half_wide = half_high * draws["aspect"]
        soft, bar = 2 * scale_of(width) + 0.5, 0.03 * half_high
        right, fall = right.abs_(), fall.abs_()
        mask = inside(right - as_column(half_wide, levels), soft)
        mask.mul_(inside(fall - as_column(half_high, levels), soft))
        mask.mul_(1 - inside(right - as_column(bar, levels), soft))
        mask.mul_(1 - inside((fall - as_column(half_high / 3, levels)).abs_() - as_column(bar, levels), soft))
        return mask.mul_(as_column(draws["opacity"], levels))

    def _lamps(self, mask: Tensor, draws: Draws) -> None:
        _, height, width = mask.shape
        u = uniforms(draws["grain"], MAX_LAMPS, 3, mask.device).unbind(2)
        column, row = width * u[0] - 0.5, height * u[1] - 0.5
        largest = 0.12 * self.size * width
        columns, rows = windows(column, row, math.ceil(largest))
        squares = (columns - column[..., None, None]) ** 2 + (rows - row[..., None, None]) ** 2
        radius = largest * (0.5 + 0.5 * u[2])[..., None, None].clamp_min(1e-3)
        near = (1 - squares / (radius * radius).clamp_min(1e-3)).clamp_(0, 1)
        # white out to a third of the radius, then fading
        put(mask, columns, rows, (near * near * 1.25).clamp_(max=1).mul_(min(1.0, 1.6 * self.opacity)))


@dataclass(frozen=True, slots=True)
class Defocus:
    """The lens is out of focus: every point becomes a uniform disc, as in geometrical optics."""

    radius: float = 2.4  # pixels of an image 224 wide

    name: ClassVar[str] = "defocus"

    def __post_init__(self) -> None:
        check_range("radius", self.radius, 0, 20, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `radius`."""
        return {"radius": np.full(len(keys), self.radius)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Blur each image by its disc; edge pixels are repeated outside the image."""
        for radius in np.unique(draws["radius"]):
            rows = torch.from_numpy(np.flatnonzero(draws["radius"] == radius)).to(levels.device)
            levels[rows] = _averaged_over_disc(levels[rows], float(radius) * scale_of(levels.shape[2]))
        return levels


@dataclass(frozen=True, slots=True)
class SensorNoise:
    """Noise of a small sensor: shot noise, read noise, and an offset for each row.

    The variance of a pixel is a constant plus a part in proportion to its level (Foi et al. 2008, "Practical
    Poissonian-Gaussian noise modeling and fitting for single-image raw-data").
    """

    sigma: float = 18.0  # standard deviation of shot noise in white, grey levels
    read: float = 6.0  # standard deviation of read noise, grey levels
    band: float = 3.5  # standard deviation of the row offsets, grey levels

    name: ClassVar[str] = "sensor-noise"

    def __post_init__(self) -> None:
        for option in ("sigma", "read", "band"):
            check_range(option, getattr(self, option), 0, 255, " grey levels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `grain`."""
        return {"grain": draw_grain(keys, seed, "sensor-noise.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add each image's noise."""
        _, height, width = levels.shape
        spread = torch.sqrt((levels * (self.sigma**2 / WHITE)).add_(self.read**2))
        noise = normals(draws["grain"], height, width, levels.device).mul_(spread)
        bands = normals(draws["grain"], height, 1, levels.device, part=1).mul_(self.band)
        return levels.add_(noise).add_(bands)


def _averaged_over_disc(levels: Tensor, radius: float) -> Tensor:
    """Average over a disc, one of its rows at a time: each row spans the disc's mean chord there."""
    if radius < 1:
        variance = radius**2 / 4  # of a uniform disc along one axis
        return weighed(levels, [1 - variance, variance / 2])
    reach = math.ceil(radius)
    chords = _half_chords(radius)
    padded = functional.pad(levels[:, None], (reach + 1,) * 4, mode="replicate")[:, 0]
    sums = functional.pad(torch.cumsum(padded, 2), (1, 0))
    _, height, width = levels.shape
    total = torch.zeros_like(levels)
    for row, half in enumerate(chords):
        whole = math.floor(half - 0.5)  # pixels on each side that lie entirely within the chord; -1 for none
        part = half - 0.5 - whole
        first = reach + 1 - whole
        chord = sums[:, :, first + 2 * whole + 1 :][:, :, :width] - sums[:, :, first:][:, :, :width]
        ends = padded[:, :, first - 1 :][:, :, :width] + padded[:, :, first + 2 * whole + 1 :][:, :, :width]
        chord += ends.mul_(part)
        for shift in {row, -row}:
            total += chord[:, reach + 1 + shift :][:, :height]
    return total.div_(2 * (chords[0] + 2 * sum(chords[1:])))


def _half_chords(radius: float) -> list[float]:
    """Return half the disc's mean chord in each row of pixels, from the middle row outwards."""
    within = (np.arange(64) + 0.5) / 64 - 0.5
    rows = np.arange(math.ceil(radius) + 1)[:, None] + within
    halves = np.sqrt(np.clip(radius**2 - rows**2, 0, None)).mean(axis=1)
    return [float(half) for half in halves if half > 0]
