"""Drawing tools: body coordinates of each pixel, soft edges, smooth noise, thin tubes.

Positions are in body units: x grows to the image's right (the patient's left), y grows downwards, and an
image of scale 1 reaches one unit from its middle to each side. Everything is float32 on one (size, size)
grid.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]  # float32 for arrays of image size
Window = tuple[slice, slice]  # rows and columns of an image

ROWS = 1536  # entries of a table over body height
REACH = 2.4  # a table covers this many body units above and below the middle
HEIGHTS = ((np.arange(ROWS) + 0.5) * (2 * REACH / ROWS) - REACH).astype(np.float32)


@dataclass(frozen=True, slots=True)
class View:
    """How one image was taken: position, breathing and arms of the patient."""

    tilt: float  # rotation of the body on the image in degrees, clockwise; less than 90 either way
    shift: tuple[float, float]  # offset of the body on the image, in half-widths of the image
    scale: float  # body units from the middle of the image to its side
    turn: float  # rotation about the long axis: offset of the front of the chest over the back, body units
    breath: float  # height of the domes above full inspiration, body units
    arms: float  # degrees by which the arms are lifted; 0 is hanging down
    chin: float  # y of the chin; below -1.3 it is outside the image


class Frame:
    """The body coordinates of an image's pixels, and the inverse transform."""

    def __init__(self, view: View, size: int) -> None:
        line = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
        angle = float(np.deg2rad(view.tilt))
        self.cos, self.sin = float(np.cos(angle)), float(np.sin(angle))
        self.view, self.size = view, size
        self.pixel = 2 * view.scale / size  # body units
        across, down = (line - view.shift[0]) * view.scale, (line - view.shift[1]) * view.scale
        self.x: Floats = (self.cos * across)[None, :] + (self.sin * down)[:, None]
        self.y: Floats = (-self.sin * across)[None, :] + (self.cos * down)[:, None]
        self.ax = np.abs(self.x)
        self.is_right = (self.x < 0).astype(np.float32)
        # minimum and maximum x of each column, then minimum and maximum y of each row
        ends = ((self.x[0], self.x[-1]), (self.y[:, 0], self.y[:, -1]))
        self._ends = [order(*pair) for pair in ends for order in (np.minimum, np.maximum)]
        rows = (self.y + REACH) * (ROWS / (2 * REACH))
        self.rows = np.minimum(np.maximum(rows, 0), ROWS - 1).astype(np.int64)

    def place(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return the columns and rows, in pixels, of points in body units."""
        across = (self.cos * x - self.sin * y) / self.view.scale + self.view.shift[0]
        down = (self.sin * x + self.cos * y) / self.view.scale + self.view.shift[1]
        return (across + 1) * (self.size / 2) - 0.5, (down + 1) * (self.size / 2) - 0.5

    def at(self, table: Floats) -> Floats:
        """Return the value of a table over body height at each pixel."""
        values: Floats = table.astype(np.float32, copy=False).take(self.rows)
        return values

    def sided(self, right: float, left: float) -> Floats:
        """Return an image with one value on the patient's right half and another on the left."""
        return left + (right - left) * self.is_right

    def window(self, left: float, right: float, top: float, bottom: float) -> Window:
        """Return the rows and columns of the image that contain a box in body units."""
        x0, x1, y0, y1 = self._ends
        rows = slice(int(y1.searchsorted(top)), int(y0.searchsorted(bottom)))
        return rows, slice(int(x1.searchsorted(left)), int(x0.searchsorted(right)))


def step(value: Floats) -> Floats:
    """Return a smooth step (smoothstep): 0 below 0, 1 above 1."""
    value = np.minimum(np.maximum(value, 0), 1)
    return value * value * (3 - 2 * value)


def edge(depth: Floats, soft: float) -> Floats:
    """Return 1 inside (`depth` above 0) and 0 outside, with a linear transition of half-width `soft`."""
    inside = depth * (0.5 / soft)
    inside += 0.5
    np.maximum(inside, 0, out=inside)
    np.minimum(inside, 1, out=inside)
    return inside


def chord(square: Floats) -> Floats:
    """Return half the chord of a unit ball at a squared distance from its centre."""
    return np.sqrt(np.maximum(1 - square, 0))


def bump(value: Floats) -> Floats:
    """Return the Gaussian exp(-value^2)."""
    # clipped, since subnormal float32 numbers would make all later steps ten times slower
    return np.exp(np.maximum(-(value * value), -20))


def _product(left: Floats, right: Floats) -> Floats:
    """Multiply matrices in pieces so small that BLAS starts no threads, which would take longer."""
    rows = max(1, 200_000 // right.size)  # OpenBLAS uses one thread up to 262,144 multiplications
    pieces = [left[row : row + rows] @ right for row in range(0, len(left), rows)]
    return np.concatenate(pieces)


@lru_cache(maxsize=64)
def _spline(size: int, knots: int) -> Floats:
    distance = np.abs(np.linspace(1, knots - 2, size)[:, None] - np.arange(knots))
    inner, outer = 2 / 3 - distance**2 + distance**3 / 2, (2 - np.minimum(distance, 2)) ** 3 / 6
    return np.where(distance < 1, inner, outer).astype(np.float32)


def cloud(rng: np.random.Generator, size: int, knots: int) -> Floats:
    """Return smooth noise (cubic B-spline) of mean 0 and s.d. about 0.5, with `knots` - 3 lumps per side."""
    basis = _spline(size, knots)
    lumps = rng.standard_normal((knots, knots), dtype=np.float32)
    return _product(_product(basis, lumps), np.ascontiguousarray(basis.T))


def splat(size: int, column: Floats, row: Floats, weight: Floats) -> Floats:
    """Return an image (size, size) of points, each distributed bilinearly over four pixels."""
    keep = np.flatnonzero((column > 0) & (column < size - 1) & (row > 0) & (row < size - 1))
    column, row, weight = column[keep], row[keep], weight[keep]
    left, top = column.astype(np.int64), row.astype(np.int64)
    column, row = column - left, row - top
    corner = top * size + left
    low, high = weight * (1 - row), weight * row
    pixels = np.concatenate([corner, corner + 1, corner + size, corner + size + 1])
    shares = np.concatenate([low * (1 - column), low * column, high * (1 - column), high * column])
    return np.bincount(pixels, shares, size * size).reshape(size, size).astype(np.float32)


@lru_cache(maxsize=256)
def branches(number: int, size: int) -> tuple[Floats, Floats, Floats]:
    """Return the vessel tree of this number as points x, y and volumes, in body units.

    The root is at the origin, and the first branches fan out to the right. `size` is the image's width in
    pixels: it decides how dense the points are, so that a branch is a closed line on such an image.
    """
    rng, pixel = np.random.default_rng((7, number)), 2 / size
    fan = np.linspace(-1, 1, 11)
    angle = 0.05 + 1.3 * fan + 0.15 * rng.standard_normal(11)
    x, y = 0.02 * rng.standard_normal(11), 0.02 + 0.12 * fan
    length = (0.20 + 0.05 * fan**2) * (1 + 0.25 * rng.standard_normal(11)).clip(0.4)
    radius, parts = 0.0175, []
    for _ in range(4):
        bend, noise, pace = (rng.standard_normal((len(x), 2)) for _ in range(3))
        at = np.linspace(0, 1, max(3, int(length.max() / pixel) + 2))
        turn = angle[:, None] + 0.4 * bend[:, :1] * at
        path = np.stack([np.cos(turn), np.sin(turn)]) * (length / (len(at) - 1))[:, None]
        place = np.cumsum(path, axis=-1) + np.stack([x, y])[..., None]
        thick = np.broadcast_to(radius * (1 - 0.25 * at), turn.shape)
        across = np.linspace(-1, 1, max(1, int(2 * radius / pixel + 0.7)) + 2)[1:-1]
        share = np.sqrt(1 - across**2)
        aside = np.stack([-np.sin(turn), np.cos(turn)])[..., None] * (thick[..., None] * across)
        weight = (np.pi * thick**2 * (length / (len(at) - 1))[:, None])[..., None] * share / share.sum()
        parts.append(np.stack([*(place[..., None] + aside), weight]).reshape(3, -1))
        x, y = np.repeat(place[..., -1], 2, axis=1)
        angle = (turn[:, -1:] + np.array([1, -1]) * 0.42 + 0.12 * noise).ravel()
        length = np.repeat(length, 2) * (0.84 + 0.15 * pace.ravel()).clip(0.3)
        radius *= 0.74
    points = np.concatenate(parts, axis=1).astype(np.float32)
    return points[0], points[1], points[2]


def cords(column: Floats, row: Floats, radius: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the points and weights of round tubes along lines (k, points), in pixels."""
    along, down = np.gradient(column, axis=1), np.gradient(row, axis=1)
    length = np.sqrt(along * along + down * down) + np.float32(1e-6)
    count = max(1, int(2 * float(radius.max()) + 0.7))
    offset = np.linspace(-1, 1, count + 2, dtype=np.float32)[1:-1]
    share = np.sqrt(1 - offset * offset)
    weight = (length * radius * radius * np.float32(np.pi))[..., None] * (share / share.sum())
    aside = (radius / length)[..., None] * offset
    return (
        (column[..., None] - down[..., None] * aside).ravel(),
        (row[..., None] + along[..., None] * aside).ravel(),
        weight.ravel(),
    )


@lru_cache(maxsize=16)
def _bell(size: int, sigma: float) -> Floats:
    distance = np.arange(size)[:, None] - np.arange(size)
    weight: Floats = np.exp(-0.5 * (distance / sigma) ** 2)
    weight[weight < 1e-6] = 0  # subnormal float32 numbers would make the product twenty times slower
    weight /= weight.sum(axis=1, keepdims=True)
    return weight.astype(np.float32)


def smooth(image: Floats, sigma: float) -> Floats:
    """Blur by a Gaussian of `sigma` pixels."""
    size, reach = len(image), int(5.3 * sigma) + 1
    bell, rows = _bell(size, sigma), 16 if size <= 256 else 4
    for _ in range(2):
        pieces = []
        for start in range(0, size, rows):
            band = slice(max(0, start - reach), start + rows + reach)
            pieces.append(_product(bell[start : start + rows, band], image[band]))
        image = np.concatenate(pieces).T
    return image
