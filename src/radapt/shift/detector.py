"""Detector: noise, blur, dead pixels, grid lines, tiles and quantisation of the receptor."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift.corruption import as_column, scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.filters import averaged, gaussian, stretched
from radapt.shift.noise_fields import draw_grain, normals, uniforms
from radapt.shift.options import check_range
from radapt.shift.painting import axes, wave

MAX_LINES = 12  # dead rows and columns
MAX_TILES = 4  # along each side
WHITE = 255.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Electronic noise: Gaussian, independent for each pixel, with the same variance everywhere."""

    sigma: float = 10.0  # grey levels

    name: ClassVar[str] = "noise"

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, 0, 255, " grey levels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Return `sigma`, and draw the `grain`."""
        return {"sigma": np.full(len(keys), self.sigma), "grain": draw_grain(keys, seed, "noise.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add each image's noise."""
        noise = normals(draws["grain"], levels.shape[1], levels.shape[2], levels.device)
        return levels.add_(noise.mul_(as_column(draws["sigma"], levels)))


@dataclass(frozen=True, slots=True)
class Blur:
    """Blur of the receptor, with a Gaussian modulation transfer function (MTF).

    At f cycles per pixel the MTF is exp(-2 (pi sigma f)^2). It is one half (MTF50) at f = 0.187 / sigma: for
    a sigma of 1 pixel that is 42 cycles over the width of the image.
    """

    sigma: float = 1.7  # pixels, standard deviation

    name: ClassVar[str] = "blur"

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, 0, 20, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return `sigma`."""
        return {"sigma": np.full(len(keys), self.sigma)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Blur each image; beyond the edge its pixels are repeated."""
        for sigma in np.unique(draws["sigma"]):
            rows = torch.from_numpy(np.flatnonzero(draws["sigma"] == sigma)).to(levels.device)
            levels[rows] = gaussian(levels[rows], float(sigma) * scale_of(levels.shape[2]))
        return levels


@dataclass(frozen=True, slots=True)
class DeadPixels:
    """Defects that calibration missed: pixels, rows and columns stuck at black or white.

    Defects are one pixel wide in images of any size.
    """

    share: float = 0.004  # of all pixels
    lines: float = 2.0  # maximum number of rows and columns

    name: ClassVar[str] = "dead-pixels"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 0.5)
        check_range("lines", self.lines, 0, MAX_LINES)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the number of `lines`, and the `grain` that determines the defects."""
        lines = np.round(uniform(keys, seed, "dead-pixels.lines", low=self.lines / 2, high=self.lines))
        return {"lines": lines, "grain": draw_grain(keys, seed, "dead-pixels.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Set the dead pixels of each image to black or white."""
        _, height, width = levels.shape
        chance = uniforms(draws["grain"], height, width, levels.device)
        levels.masked_fill_(chance < self.share / 2, 0.0).masked_fill_(chance > 1 - self.share / 2, WHITE)
        u = uniforms(draws["grain"], MAX_LINES, 3, levels.device, part=1)
        number = torch.arange(MAX_LINES, device=levels.device)
        dead = number < as_column(draws["lines"], u[..., 0])
        for axis, own in ((1, u[..., 1] < 0.5), (2, u[..., 1] >= 0.5)):
            stuck = _stuck(u[..., 0], u[..., 2] < 0.5, dead & own, levels.shape[axis]).unsqueeze(3 - axis)
            levels = torch.where(stuck < 0, levels, stuck)
        return levels


@dataclass(frozen=True, slots=True)
class GridLines:
    """Shadow of an anti-scatter grid: fine, regular, straight lines, nearly vertical or nearly horizontal.

    A grid of 40 to 70 strips per cm is too fine for an image 224 pixels wide. What is visible is its alias on
    a coarse receptor, again a wave, with a longer period (Lin et al., "A study of grid artifacts formation
    and elimination in computed radiographic images", 2006).
    """

    amplitude: float = 0.12  # maximum, as a share of the light; the minimum is 70 % of it
    period: float = 4.0  # pixels, varied by 15 % either way; at least 2.5 pixels of the image itself
    degrees: float = 2.0  # maximum rotation of the grid, either way

    name: ClassVar[str] = "grid-lines"

    def __post_init__(self) -> None:
        check_range("amplitude", self.amplitude, 0, 1)
        check_range("period", self.period, 2.5, 100, " pixels")
        check_range("degrees", self.degrees, 0, 45)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `amplitude`, `period`, `degrees` anticlockwise (0 is upright), and `phase` (share of one)."""
        turn = uniform(keys, seed, "grid-lines.degrees", low=-self.degrees, high=self.degrees)
        flat = uniform(keys, seed, "grid-lines.flat") < 0.5
        return {
            "amplitude": self.amplitude * uniform(keys, seed, "grid-lines.amplitude", low=0.7),
            "period": self.period * uniform(keys, seed, "grid-lines.period", low=0.85, high=1.15),
            "degrees": turn + 90 * flat,
            "phase": uniform(keys, seed, "grid-lines.phase"),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Multiply each image by its pattern of lines."""
        _, height, width = levels.shape
        x, y = axes(height, width)
        often = 1 / np.maximum(2.5, scale_of(width) * draws["period"])[:, None]
        angle = np.deg2rad(draws["degrees"])[:, None]
        across_it = often * np.cos(angle) * x + draws["phase"][:, None]
        lines = wave(across_it, -often * np.sin(angle) * y, levels)
        return levels.mul_(lines.mul_(as_column(draws["amplitude"], levels)).add_(1))


@dataclass(frozen=True, slots=True)
class GainTiles:
    """A detector of several tiles with outdated calibration: each tile has its own gain.

    Between two tiles there is a darker seam, one pixel wide.
    """

    gain: float = 0.08  # maximum change of a tile's brightness, either way; the minimum is half of it
    seam: float = 0.25  # share of the light that is lost in the seams

    name: ClassVar[str] = "gain-tiles"

    def __post_init__(self) -> None:
        check_range("gain", self.gain, 0, 1)
        check_range("seam", self.seam, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw how many tiles there are `across` (2 to 4) and `down` (1 to 4), and the `grain` of gains."""
        across = np.floor(uniform(keys, seed, "gain-tiles.across", low=2, high=MAX_TILES + 1))
        down = np.floor(uniform(keys, seed, "gain-tiles.down", low=1, high=MAX_TILES + 1))
        return {
            "across": np.minimum(across, MAX_TILES),
            "down": np.minimum(down, MAX_TILES),
            "grain": draw_grain(keys, seed, "gain-tiles.grain"),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Multiply each tile by its gain, and darken the seams."""
        _, height, width = levels.shape
        u = uniforms(draws["grain"], MAX_TILES, MAX_TILES, levels.device)
        gains = (
            (2 * u - 1).mul_(self.gain / 2).add_(torch.where(u < 0.5, -1.0, 1.0) * (self.gain / 2)).add_(1)
        )
        columns, rows = (
            _tiles(draws[side], size, levels.device) for side, size in (("across", width), ("down", height))
        )
        gains = gains.gather(1, rows[:, :, None].expand(-1, -1, MAX_TILES))
        levels.mul_(gains.gather(2, columns[:, None, :].expand(-1, height, -1)))
        thick = max(1, round(scale_of(width)))
        seams = torch.maximum(_seams(columns, thick)[:, None, :], _seams(rows, thick)[:, :, None])
        return levels.mul_(1 - self.seam * seams)


@dataclass(frozen=True, slots=True)
class Downsample:
    """Low resolution: pixels are averaged to larger ones, and the image is interpolated to its old size.

    The factor is relative to the pixels of the image, whatever its size.
    """

    factor: float = 2.5  # of downsampling, along each side

    name: ClassVar[str] = "downsample"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1, 50)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `factor`."""
        return {"factor": np.full(len(keys), self.factor)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Downsample each image, and upsample it to its former size."""
        for factor in np.unique(draws["factor"]):
            rows = torch.from_numpy(np.flatnonzero(draws["factor"] == factor)).to(levels.device)
            images = levels[rows]
            for axis in (2, 1):
                size = images.shape[axis]
                images = stretched(averaged(images, max(1, round(size / factor)), axis), size, axis)
            levels[rows] = images
        return levels


@dataclass(frozen=True, slots=True)
class BitDepth:
    """Quantisation to few bits: each grey level is rounded down to an available one.

    The available levels are then spread evenly from black to white, as on a display.
    """

    bits: float = 4.0  # 2^bits grey levels, rounded

    name: ClassVar[str] = "bit-depth"

    def __post_init__(self) -> None:
        check_range("bits", self.bits, 1, 8)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `bits`."""
        return {"bits": np.full(len(keys), self.bits)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Quantise each image's levels."""
        steps = as_column(np.round(2 ** draws["bits"]), levels)
        return (levels * steps).div_(256).floor_().mul_(WHITE).div_(steps - 1)


def _stuck(place: Tensor, white: Tensor, dead: Tensor, size: int) -> Tensor:
    """Return the grey level at which each row or column is stuck, (n, size); -1 where it works."""
    stuck = place.new_full((len(place), size), -1.0)
    numbers = torch.arange(size, device=place.device)
    for line in range(place.shape[1]):
        hit = dead[:, line, None] & (numbers == (place[:, line, None] * size).floor())
        stuck = torch.where(hit, WHITE * white[:, line, None], stuck)
    return stuck


def _tiles(tiles: NDArray[np.float64], size: int, device: torch.device) -> Tensor:
    """Return the index of the tile of each pixel of an axis, (n, size); tiles have nearly equal sizes."""
    place = (np.arange(size) + 0.5) / size
    return torch.from_numpy((tiles[:, None] * place).astype(np.int64)).to(device)


def _seams(tiles: Tensor, thick: int) -> Tensor:
    """Return a mask of the first pixels of each further tile, (n, size) float32, of the given width."""
    seams = torch.zeros(tiles.shape, device=tiles.device)
    for step in range(1, min(thick, tiles.shape[1] - 1) + 1):
        seams[:, step:] = torch.maximum(seams[:, step:], (tiles[:, step:] != tiles[:, :-step]).float())
    return seams
