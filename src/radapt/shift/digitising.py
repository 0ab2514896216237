"""Digitising: damage to an analogue image, and how it was scanned or faxed."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift import geometry
from radapt.shift.corruption import LUMA, as_column, scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.filters import averaged
from radapt.shift.noise_fields import draw_grain, uniforms
from radapt.shift.options import check_range
from radapt.shift.painting import (
    APART,
    axes,
    beyond,
    covered,
    curves,
    paint_lines,
    plane,
    put,
    reach_of,
    thin,
    windows,
)

CHANNELS = ("red", "green", "blue")
MAX_SCRATCHES, MAX_SPECKS, MAX_FIBRES = 12, 120, 8  # per image
WHITE = 255.0


@dataclass(frozen=True, slots=True)
class Scratches:
    """Scratches: thin, slightly curved lines, most of them upright.

    A scratch is white where the emulsion is gone, and dark where only the base is scratched and scatters the
    scanner's light.
    """

    count: float = 6.0  # maximum; the minimum is half of it
    contrast: float = 0.55  # of the strongest, 0 to 1
    width: float = 1.0  # pixels, of the widest

    name: ClassVar[str] = "scratches"

    def __post_init__(self) -> None:
        check_range("count", self.count, 0, MAX_SCRATCHES)
        check_range("contrast", self.contrast, 0, 1)
        check_range("width", self.width, 0, 20, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `count`, and the `grain` that determines their positions."""
        count = np.round(uniform(keys, seed, "scratches.count", low=self.count / 2, high=self.count))
        return {"count": count, "grain": draw_grain(keys, seed, "scratches.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Scratch each image."""
        _, height, width = levels.shape
        most = max(1, math.ceil(self.count))
        u = uniforms(draws["grain"], most, 9, levels.device).unbind(2)
        columns, rows = _scratches(u, height, width)
        widest = scale_of(width) * self.width / 2
        half = widest * (0.4 + 0.6 * u[8])[..., None]
        scratched = torch.arange(most, device=levels.device) < as_column(draws["count"], u[0])
        deep = self.contrast * ((0.4 + 0.6 * u[8]) * scratched)[..., None]
        for first, grey in enumerate((WHITE, 0.0)):  # in turn
            own = slice(first, None, 2)
            dots = curves((columns[:, own], rows[:, own]), math.ceil(1.2 * height / APART))
            strength = deep[:, own] * _worn(u[6][:, own], u[7][:, own], dots.row.shape[2])
            mask = torch.zeros_like(levels)
            paint_lines(mask, dots, half[:, own], strength, reach_of(widest))
            covered(levels, mask, grey)
        return levels


@dataclass(frozen=True, slots=True)
class Dust:
    """Dust specks and fibres: white on the imaging plate, black on the scanned image."""

    specks: float = 40.0  # maximum; the minimum is half of it. One fibre per 15 specks
    contrast: float = 0.6  # of the densest, 0 to 1
    size: float = 3.0  # pixels across, of the largest speck

    name: ClassVar[str] = "dust"

    def __post_init__(self) -> None:
        check_range("specks", self.specks, 0, MAX_SPECKS)
        check_range("contrast", self.contrast, 0, 1)
        check_range("size", self.size, 0, 20, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the number of `specks`, whether they are `white`, and the `grain` of positions."""
        specks = np.round(uniform(keys, seed, "dust.specks", low=self.specks / 2, high=self.specks))
        white = (uniform(keys, seed, "dust.white") < 0.5).astype(np.float64)
        return {"specks": specks, "white": white, "grain": draw_grain(keys, seed, "dust.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add dust to each image."""
        mask = torch.zeros_like(levels)
        self._specks(mask, draws)
        self._fibres(mask, draws)
        return covered(levels, mask, WHITE * as_column(draws["white"], levels))

    def _specks(self, mask: Tensor, draws: Draws) -> None:
        _, height, width = mask.shape
        u = uniforms(draws["grain"], MAX_SPECKS, 7, mask.device).unbind(2)
        column, row = width * u[0] - 0.5, height * u[1] - 0.5
        large = scale_of(width) * self.size / 2
        columns, rows = windows(column, row, math.ceil(large + 1))
        x, y = columns - column[..., None, None], rows - row[..., None, None]
        half = (large * (0.3 + 0.7 * u[2] ** 2))[..., None, None]  # most are small
        lean, flat = (2 * u[3] - 1)[..., None, None], (1 + u[4])[..., None, None]
        distance = torch.sqrt(((x + lean * y) * flat) ** 2 + y * y)
        number = torch.arange(MAX_SPECKS, device=mask.device)
        strength = self.contrast * (0.4 + 0.6 * u[5]) * (number < as_column(draws["specks"], u[0]))
        put(mask, columns, rows, thin(distance, half).mul_(strength[..., None, None]))

    def _fibres(self, mask: Tensor, draws: Draws) -> None:
        _, height, width = mask.shape
        u = uniforms(draws["grain"], MAX_FIBRES, 11, mask.device, part=1)
        long, half = 20 * scale_of(width), 0.35 * scale_of(width)
        corners = (
            (width * u[..., :1] - 0.5) + long * (u[..., 2:6] - 0.5),
            (height * u[..., 1:2] - 0.5) + long * (u[..., 6:10] - 0.5),
        )
        dots = curves(corners, math.ceil(3 * long / APART))
        number = 15 * torch.arange(1, MAX_FIBRES + 1, device=mask.device)
        strength = (
            self.contrast * (0.4 + 0.6 * u[..., 10]) * (number <= as_column(draws["specks"], u[..., 0]))
        )
        paint_lines(mask, dots, torch.full_like(dots.row[..., :1], half), strength[..., None], reach_of(half))


@dataclass(frozen=True, slots=True)
class Vignette:
    """Vignetting of a light box or a lens: light falls off as cos^4 of the angle from the middle."""

    falloff: float = 0.42  # maximum loss of light half a diagonal from the middle; minimum 60 % of it

    name: ClassVar[str] = "vignette"

    def __post_init__(self) -> None:
        check_range("falloff", self.falloff, 0, 0.95)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `falloff`, and the middle `x`, `y` as shares of width and height from the centre."""
        return {
            "falloff": uniform(keys, seed, "vignette.falloff", low=0.6 * self.falloff, high=self.falloff),
            "x": uniform(keys, seed, "vignette.x", low=-0.15, high=0.15),
            "y": uniform(keys, seed, "vignette.y", low=-0.15, high=0.15),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Darken each image away from the middle of the light."""
        _, height, width = levels.shape
        x, y = axes(height, width)
        # cos^4 is (1 + tan^2)^-2, and the tangent grows with the distance
        steep = np.sqrt((1 - draws["falloff"]) ** -0.5 - 1) / (np.hypot(height, width) / 2)
        right = steep[:, None] * (x - width * draws["x"][:, None])
        fall = steep[:, None] * (y - height * draws["y"][:, None])
        return levels.div_(plane(1 + right**2, fall**2, levels).square_())


@dataclass(frozen=True, slots=True)
class Tint:
    """A colour cast of base or light, converted to grey: channels saturate one after the other.

    The exposure is set so that grey levels keep their brightness; `exposure` is a separate corruption. Up to
    the level at which the strongest channel saturates, grey does not change. Above it contrast is lost, more
    with each further saturated channel. Channels are weighted by ITU-R BT.601 luma.
    """

    factor: float = 2.0  # each channel is multiplied by 1 / factor to factor, before exposure is set

    name: ClassVar[str] = "tint"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the factors of `red`, `green` and `blue`, log-uniformly."""
        most = math.log(self.factor)
        return {
            channel: np.exp(uniform(keys, seed, f"tint.{channel}", low=-most, high=most))
            for channel in CHANNELS
        }

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Scale the channels of each image, clip them, and convert them to grey."""
        factors = np.stack([draws[channel] for channel in CHANNELS])
        factors /= np.array(LUMA) @ factors  # keeps grey levels at the same brightness
        total = torch.zeros_like(levels)
        for factor, weight in zip(factors, LUMA, strict=True):
            cast = as_column(factor, levels)
            total += (levels * cast).clamp_(max=WHITE).mul_(weight)
        return total


@dataclass(frozen=True, slots=True)
class Skew:
    """The image lies at an angle on the scanner, whose black glass or white lid shows beside it.

    In a chain, all geometric transforms are applied to the image at once. The scanner is painted at this
    corruption's place in the chain, and later transforms move it too.
    """

    degrees: float = 4.0  # maximum rotation, either way
    shift: float = 0.03  # maximum shift, as a share of width and height, either way

    name: ClassVar[str] = "skew"

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, 0, 45)
        check_range("shift", self.shift, 0, 0.5)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `degrees` anticlockwise, `x` and `y` (shares, right and down), and `grey` of the scanner."""
        return {
            "degrees": uniform(keys, seed, "skew.degrees", low=-self.degrees, high=self.degrees),
            "x": uniform(keys, seed, "skew.x", low=-self.shift, high=self.shift),
            "y": uniform(keys, seed, "skew.y", low=-self.shift, high=self.shift),
            "grey": _scanner(keys, seed, "skew.grey"),
        }

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Return the rotation and shift of each image."""
        return geometry.rotation(draws["degrees"]) @ geometry.translation(
            -width * draws["x"], -height * draws["y"]
        )

    def paint_border(self, levels: Tensor, draws: Draws, after: geometry.Matrices) -> Tensor:
        """Paint the scanner beside each image."""
        outside = beyond(self.matrix(draws, *levels.shape[1:]) @ after, levels)
        return covered(levels, outside, as_column(draws["grey"], levels))


@dataclass(frozen=True, slots=True)
class Border:
    """The scan is larger than the image: black glass or a white lid frames the image, which shrinks."""

    width: float = 0.07  # maximum share of the width or height, drawn for each side

    name: ClassVar[str] = "border"

    def __post_init__(self) -> None:
        check_range("width", self.width, 0, 0.4)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `left`, `right`, `top` and `bottom` border, as shares, and `grey` of the scanner."""
        sides = {
            side: uniform(keys, seed, f"border.{side}", low=0.2 * self.width, high=self.width)
            for side in ("left", "right", "top", "bottom")
        }
        return sides | {"grey": _scanner(keys, seed, "border.grey")}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Return the transform that shrinks each image into its border."""
        left, right, top, bottom = (draws[side] for side in ("left", "right", "top", "bottom"))
        return geometry.zoom(1 / (1 - left - right), 1 / (1 - top - bottom)) @ geometry.translation(
            -width / 2 * (left - right), -height / 2 * (top - bottom)
        )

    def paint_border(self, levels: Tensor, draws: Draws, after: geometry.Matrices) -> Tensor:
        """Paint the border of each image."""
        outside = beyond(self.matrix(draws, *levels.shape[1:]) @ after, levels)
        return covered(levels, outside, as_column(draws["grey"], levels))


@dataclass(frozen=True, slots=True)
class Fax:
    """Sent by fax: few grey levels by dithering, coarse dots, and lines lost in transmission.

    Levels are dithered by Bayer's 4 x 4 ordered matrix ("An optimum method for two-level rendition of
    continuous-tone pictures", 1973). Group 3 facsimile (ITU-T T.4) marks the end of each line, so an error
    spoils only the rest of its line, which stays white.
    """

    dot: float = 1.3  # size of a dot in pixels
    greys: float = 5.0  # number of grey levels, 2 to 256, including black and white
    lost: float = 0.02  # share of lines with an error

    name: ClassVar[str] = "fax"

    def __post_init__(self) -> None:
        check_range("dot", self.dot, 0.1, 20, " pixels")
        check_range("greys", self.greys, 2, 256)
        check_range("lost", self.lost, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `grain` that determines which lines are lost, and from where."""
        return {"grain": draw_grain(keys, seed, "fax.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Dither each image and drop lines."""
        _, height, width = levels.shape
        dot = max(1.0, self.dot * scale_of(width))
        lines, dots = max(1, round(height / dot)), max(1, round(width / dot))
        coarse = averaged(averaged(levels, dots, 2), lines, 1)
        steps = math.floor(self.greys) - 1
        coarse.mul_(steps / WHITE).add_(_bayer(lines, dots, levels.device)).floor_().clamp_(0, steps)
        chance, start = uniforms(draws["grain"], lines, 2, levels.device)[..., None].unbind(2)
        place = torch.arange(dots, device=levels.device)
        coarse.mul_(WHITE / steps).masked_fill_((chance < self.lost) & (place >= start * dots), WHITE)
        return coarse.index_select(1, _nearest(height, lines, levels.device)).index_select(
            2, _nearest(width, dots, levels.device)
        )


def _scratches(u: tuple[Tensor, ...], height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return columns and rows of the control points of the scratches, (n, lines, 4) each."""
    angle = (math.pi / 2) * (1 + (2 * u[2] - 1) ** 3)  # most of them upright
    right, fall = torch.cos(angle)[..., None], torch.sin(angle)[..., None]
    length = height * (0.12 + 0.9 * u[3] ** 2)[..., None]
    along = length * torch.linspace(-0.5, 0.5, 4, device=length.device)
    bend = length * torch.stack([0 * u[4], 0.2 * u[4] - 0.1, 0.2 * u[5] - 0.1, 0 * u[5]], 2)
    columns = (width * u[0] - 0.5)[..., None] + along * right - bend * fall
    rows = (height * u[1] - 0.5)[..., None] + along * fall + bend * right
    return columns, rows


def _worn(first: Tensor, second: Tensor, dots: int) -> Tensor:
    """Return the strength along each scratch, (n, lines, dots): it skips, and fades at the ends."""
    t = torch.linspace(0, 1, dots, device=first.device)
    skips = torch.cos(2 * math.pi * ((1 + 4 * first[..., None]) * t + second[..., None])) + 1.2
    return skips.clamp_(0, 1).mul_((8 * torch.minimum(t, 1 - t)).clamp_(max=1))


def _scanner(keys: NDArray[np.uint64], seed: int, name: str) -> NDArray[np.float64]:
    """Draw the grey level of the scanner, (n,): 0 to 20, or 235 to 255."""
    grey = uniform(keys, seed, name, high=40)
    return np.where(grey < 20, grey, grey + 215)


def _bayer(height: int, width: int, device: torch.device) -> Tensor:
    """Return Bayer's thresholds tiled over the image, (height, width): odd multiples of 1/32."""
    smallest = np.array([[0, 2], [3, 1]])
    order = np.block([[4 * smallest, 4 * smallest + 2], [4 * smallest + 3, 4 * smallest + 1]])
    rows, columns = np.arange(height)[:, None] % 4, np.arange(width) % 4
    return torch.from_numpy(((order + 0.5) / 16)[rows, columns].astype(np.float32)).to(device)


def _nearest(size: int, parts: int, device: torch.device) -> Tensor:
    """Return the index of the part that contains each pixel's centre, (size,)."""
    return torch.from_numpy(((np.arange(size) + 0.5) * parts / size).astype(np.int64)).to(device)
