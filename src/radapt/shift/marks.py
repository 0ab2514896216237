"""Marks: side markers, burned-in text, ECG leads, collimation and black corners."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.phantom.drawing import LETTERS
from radapt.shift.corruption import as_column, scale_of
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.lettering import LONGEST, Print, paste, random_lines
from radapt.shift.noise_fields import draw_grain, uniforms
from radapt.shift.options import check_range
from radapt.shift.painting import (
    APART,
    Floats,
    axes,
    covered,
    curves,
    inside,
    paint_lines,
    plane,
    put,
    reach_of,
    thin,
    turned,
    windows,
)

WHITE = 255.0
MAX_LINES = 6
# usual (x, y) of electrodes, as shares of the image: below the clavicles, at the lower ribs, near the heart
ELECTRODES = ((0.24, 0.22), (0.76, 0.22), (0.80, 0.74), (0.20, 0.74), (0.58, 0.60))


@dataclass(frozen=True, slots=True)
class LateralityMarker:
    """A lead letter as side marker: R on the left of the image, or L on its right."""

    size: float = 20.0  # maximum height of the letter in pixels; the minimum is 80 % of it
    contrast: float = 0.8  # opacity of the letter, 0 to 1

    name: ClassVar[str] = "laterality-marker"

    def __post_init__(self) -> None:
        check_range("size", self.size, 1, 100, " pixels")
        check_range("contrast", self.contrast, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `left` (1 for L, 0 for R), the centre `x`, `y` (shares), `size` in pixels, and `degrees`."""
        left = (uniform(keys, seed, "laterality-marker.left") < 0.5).astype(np.float64)
        aside = uniform(keys, seed, "laterality-marker.x", low=0.05, high=0.16)
        size = uniform(keys, seed, "laterality-marker.size", low=0.8 * self.size, high=self.size)
        return {
            "left": left,
            "x": np.where(left == 1, 1 - aside, aside),
            "y": uniform(keys, seed, "laterality-marker.y", low=0.07, high=0.3),
            "size": size,
            "degrees": uniform(keys, seed, "laterality-marker.degrees", low=-15, high=15),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Draw a letter on each image."""
        _, height, width = levels.shape
        size = scale_of(width) * draws["size"]
        column, row = (
            as_column(draws[axis] * length - 0.5, levels)[:, :, 0]
            for axis, length in (("x", width), ("y", height))
        )
        columns, rows = windows(column, row, math.ceil(scale_of(width) * self.size + 1))
        x, y = columns - column[..., None, None], rows - row[..., None, None]  # (n, 1, side, side)
        angle = np.deg2rad(draws["degrees"])
        sine, cosine = (as_column(value / size, x) for value in (np.sin(angle), np.cos(angle)))
        across, fall = cosine * x - sine * y + 0.3, cosine * y + sine * x + 0.5
        nearest = [_to_letter(across[:, 0], fall[:, 0], letter) for letter in "RL"]
        distance = torch.where(as_column(draws["left"], nearest[0]) == 1, nearest[1], nearest[0])
        pixels = as_column(size, distance)
        mask = torch.zeros_like(levels)
        put(mask, columns, rows, thin(distance * pixels, 0.085 * pixels)[:, None])
        return covered(levels, mask.mul_(self.contrast), WHITE)


@dataclass(frozen=True, slots=True)
class BurnedInText:
    """Dates, numbers and settings in small print in one corner: white, or on a white or black box."""

    lines: float = 3.0  # maximum number of lines; the minimum is half of it
    size: float = 9.0  # maximum height of a line in pixels; the minimum is 80 % of it

    name: ClassVar[str] = "burned-in-text"

    def __post_init__(self) -> None:
        check_range("lines", self.lines, 0, MAX_LINES)
        check_range("size", self.size, 1, 60, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `lines`, `size`, `corner` (0 to 3), `box` (0 none, 1 white, 2 black), `margin` and `grain`."""

        def drawn(name: str, low: float, high: float) -> Floats:
            return uniform(keys, seed, f"burned-in-text.{name}", low=low, high=high)

        return {
            "lines": np.round(drawn("lines", self.lines / 2, self.lines)),
            "size": drawn("size", 0.8 * self.size, self.size),
            "corner": np.minimum(np.floor(drawn("corner", 0, 4)), 3),
            "box": np.minimum(np.floor(drawn("box", 0, 3)), 2),
            "margin": drawn("margin", 0.01, 0.05),
            "grain": draw_grain(keys, seed, "burned-in-text.grain"),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Print on each image."""
        letters, boxes = torch.zeros_like(levels), torch.zeros_like(levels)
        high = np.maximum(4, np.round(scale_of(levels.shape[2]) * draws["size"])).astype(np.int64)
        for height in np.unique(high):
            chosen = np.flatnonzero(high == height)
            own = {name: column[chosen] for name, column in draws.items()}
            rows = torch.from_numpy(chosen).to(levels.device)
            masks = letters[rows], boxes[rows]
            _print(masks, own, int(height))
            letters[rows], boxes[rows] = masks
        box = as_column(draws["box"], levels)
        covered(levels, boxes.mul_(box > 0), WHITE * (box == 1))
        return covered(levels, letters, WHITE * (box != 1))


@dataclass(frozen=True, slots=True)
class EcgLeads:
    """ECG electrodes: pale discs with a bright snap, and wires that leave the image at one side."""

    count: float = 4.0  # maximum number of electrodes; the minimum is half of it
    contrast: float = 0.6  # opacity of the snaps, 0 to 1; wires have two thirds of it, discs one third

    name: ClassVar[str] = "ecg-leads"

    def __post_init__(self) -> None:
        check_range("count", self.count, 0, len(ELECTRODES))
        check_range("contrast", self.contrast, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `count`, `first` (index in `ELECTRODES`), the wires' exit `x`, `y` (shares), and a `grain`."""
        return {
            "count": np.round(uniform(keys, seed, "ecg-leads.count", low=self.count / 2, high=self.count)),
            "first": np.floor(uniform(keys, seed, "ecg-leads.first", high=len(ELECTRODES))),
            "x": np.where(uniform(keys, seed, "ecg-leads.x") < 0.5, -0.03, 1.03),
            "y": uniform(keys, seed, "ecg-leads.y", low=0.35, high=1.0),
            "grain": draw_grain(keys, seed, "ecg-leads.grain"),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Draw the electrodes and their wires on each image."""
        _, height, width = levels.shape
        scale = scale_of(width)
        u = uniforms(draws["grain"], len(ELECTRODES), 8, levels.device)
        usual = torch.tensor(ELECTRODES, device=levels.device)
        column = width * (usual[:, 0] + 0.12 * (u[..., 0] - 0.5)) - 0.5
        row = height * (usual[:, 1] + 0.12 * (u[..., 1] - 0.5)) - 0.5
        number = torch.arange(len(ELECTRODES), device=levels.device) - as_column(draws["first"], u[..., 0])
        shown = (number % len(ELECTRODES) < as_column(draws["count"], u[..., 0])).float()
        mask = torch.zeros_like(levels)
        out = (width * as_column(draws["x"], u[..., 0]), height * as_column(draws["y"], u[..., 0]))
        corners = _wires((column, row), out, (width, height), u[..., 2:])
        dots = curves(corners, math.ceil(2 * max(width, height) / APART))
        half = torch.full_like(row[..., None], 0.7 * scale)
        paint_lines(mask, dots, half, shown[..., None] * (self.contrast * 2 / 3), reach_of(0.7 * scale))
        columns, rows = windows(column, row, math.ceil(6 * scale + 1))
        distance = torch.sqrt((columns - column[..., None, None]) ** 2 + (rows - row[..., None, None]) ** 2)
        for radius, strength in ((6 * scale, self.contrast / 3), (2 * scale, self.contrast)):
            disc = thin(distance.clone(), torch.full_like(distance[..., :1, :1], radius))
            put(mask, columns, rows, disc.mul_(strength * shown[..., None, None]))
        return covered(levels, mask, WHITE)


@dataclass(frozen=True, slots=True)
class Collimation:
    """The collimator's blades inside the image: straight dark edges, slightly rotated, with a penumbra.

    Scattered radiation reaches the part behind the blades: a dark grey, and a trace of the image.
    """

    depth: float = 0.1  # maximum share of the image that a blade hides; a third of the blades hide nothing
    degrees: float = 2.0  # maximum rotation of the collimator, either way

    name: ClassVar[str] = "collimation"

    def __post_init__(self) -> None:
        check_range("depth", self.depth, 0, 0.45)
        check_range("degrees", self.degrees, 0, 45)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw each blade's depth (share), `degrees` anticlockwise, `penumbra` (pixels) and `grey`."""
        depths = {
            side: uniform(keys, seed, f"collimation.{side}", low=-self.depth / 2, high=self.depth)
            for side in ("left", "right", "top", "bottom")
        }
        return depths | {
            "degrees": uniform(keys, seed, "collimation.degrees", low=-self.degrees, high=self.degrees),
            "penumbra": uniform(keys, seed, "collimation.penumbra", low=1, high=4),
            "grey": uniform(keys, seed, "collimation.grey", high=25),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Darken the part of each image behind the blades."""
        _, height, width = levels.shape
        left, right, top, bottom = (draws[side] for side in ("left", "right", "top", "bottom"))
        x, y = turned(draws["degrees"], levels)
        soft = as_column(np.maximum(1, scale_of(width) * draws["penumbra"]), levels)
        outside = torch.maximum(_outside(x, width, left, right), _outside(y, height, top, bottom))
        lit = inside(outside.sub_(soft / 2), soft)  # the penumbra lies wholly behind the blade's edge
        lit = lit * lit * (3 - 2 * lit)
        behind = (levels * 0.05).add_(as_column(draws["grey"], levels))
        return levels.sub_(behind).mul_(lit).add_(behind)


@dataclass(frozen=True, slots=True)
class BlackCorners:
    """Black corners, round or cut off straight, as of a field or a cassette without square corners."""

    radius: float = 0.4  # maximum, as a share of half the shorter side; the minimum is 70 % of it. 1: a disc

    name: ClassVar[str] = "black-corners"

    def __post_init__(self) -> None:
        check_range("radius", self.radius, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `radius`, and `cut` (1 for straight cuts, 0 for round corners)."""
        cut = (uniform(keys, seed, "black-corners.cut") < 0.4).astype(np.float64)
        radius = uniform(keys, seed, "black-corners.radius", low=0.7 * self.radius, high=self.radius)
        return {"radius": radius, "cut": cut}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Blacken the corners of each image."""
        _, height, width = levels.shape
        x, y = axes(height, width)
        # below half a pixel the corners would divide by zero, and nothing is visible
        radius = np.maximum(0.5, draws["radius"][:, None] * min(height, width) / 2)
        right = np.maximum(np.abs(x) - width / 2 + radius, 0)
        fall = np.maximum(np.abs(y) - height / 2 + radius, 0)
        round_off = plane(right**2, fall**2, levels).sqrt_().sub_(as_column(radius[:, 0], levels))
        # a cut corner hides the same area as a round one: 1 - pi / 4 of the squared radius
        left_over = np.maximum(math.sqrt(0.5), (2 - math.sqrt(2 - math.pi / 2)) * radius)
        cut_off = plane(right - left_over, fall, levels).mul_(math.sqrt(0.5))
        cut = as_column(draws["cut"], levels) == 1
        return levels.mul_(inside(torch.where(cut, cut_off, round_off)))


def _outside(place: Tensor, size: int, before: Floats, after: Floats) -> Tensor:
    """Return the signed distance to the nearer of two blades in pixels, in place; positive is behind it."""
    place.sub_(as_column(size * (before - after) / 2, place)).abs_()
    return place.sub_(as_column(size * (1 - before - after) / 2, place))


def _print(masks: tuple[Tensor, Tensor], draws: Draws, height: int) -> None:
    """Add the letters and boxes of print of one line height to the masks."""
    _, high, wide = masks[0].shape
    characters = random_lines(draws["grain"], MAX_LINES)
    characters *= np.arange(MAX_LINES)[:, None] < draws["lines"][:, None, None]
    block = Print(torch.from_numpy(characters).to(masks[0].device), height)
    longest = block.width * (LONGEST - np.argmax(characters.max(axis=1)[:, ::-1] > 0, axis=1))
    margin = np.round(draws["margin"] * wide).astype(np.int64)
    left = np.where(draws["corner"] % 2 == 1, wide - margin - longest, margin)
    top = np.where(draws["corner"] >= 2, high - margin - (height * draws["lines"]).astype(np.int64), margin)
    places = (torch.from_numpy(place.astype(np.int64)).to(masks[0].device) for place in (left, top))
    paste(masks, block, *places)


def _wires(
    start: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor], size: tuple[int, int], u: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the control points of a curved wire from each electrode to the common exit."""
    corners = []
    for axis, (begin, end, length) in enumerate(zip(start, out, size, strict=True)):
        sag = 0.12 * length * axis  # down the image
        end = end + 0.08 * length * (u[..., axis] - 0.5)
        first = begin + (end - begin) * 0.2 + length * 0.35 * (u[..., 2 + axis] - 0.5) + sag
        second = begin + (end - begin) * 0.75 + length * 0.3 * (u[..., 4 + axis] - 0.5) + sag
        corners.append(torch.stack([begin, first, second, end], dim=2))
    return corners[0], corners[1]


def _to_letter(x: Tensor, y: Tensor, letter: str) -> Tensor:
    """Return the distance of points to a letter's strokes; the letter is 1 high, its top left at (0, 0)."""
    nearest = torch.full_like(x, 4.0)
    for (x0, y0), (x1, y1) in _strokes(letter):
        right, fall = x1 - x0, y1 - y0
        part = ((x - x0) * right + (y - y0) * fall).div_(right * right + fall * fall).clamp_(0, 1)
        squares = (x - x0 - part * right).square_().add_((y - y0 - part * fall).square_())
        nearest = torch.minimum(nearest, squares)
    return nearest.sqrt_()


@lru_cache
def _strokes(letter: str) -> tuple[tuple[tuple[float, float], tuple[float, float]], ...]:
    return tuple((begin, end) for line in LETTERS[letter] for begin, end in pairwise(line))
