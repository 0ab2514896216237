"""Painting on images: masks of what covers them, drawn for a whole batch from a few numbers for each image.

A mask is (n, height, width) float32, 0 to 1: the share of a pixel that is covered. Columns and rows count
from the middle of the upper left pixel. Where things lie on each other the stronger counts, so a mask does
not depend on the order of painting, nor on what else is in the batch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift.geometry import Matrices

Floats = NDArray[np.float64]

MIN_SLOPE = 1e-9  # of a line, per pixel
ROUNDING = 1e-6  # pixels
APART = 0.9  # pixels between two dots of a line, across or down, so that it misses no column or row


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """Dots along lines, (n, lines, dots) each: where they are, and which way the line goes there."""

    column: Tensor
    row: Tensor
    right: Tensor  # (right, down) has length 1
    down: Tensor


def axes(height: int, width: int) -> tuple[Floats, Floats]:
    """Return where columns (width,) and rows (height,) lie, in pixels from the centre of the image."""
    x, y = (np.arange(size, dtype=np.float64) - (size - 1) / 2 for size in (width, height))
    return x, y


def plane(along_columns: Floats, along_rows: Floats, like: Tensor) -> Tensor:
    """Add up what changes with the column (n, width) and with the row (n, height): (n, height, width)."""
    return across(along_columns, like) + down(along_rows, like)


def across(values: Floats, like: Tensor) -> Tensor:
    """Return (n, width) values, one for each column, as float32 (n, 1, width) on the device of `like`."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, None, :]


def down(values: Floats, like: Tensor) -> Tensor:
    """Return (n, height) values, one for each row, as float32 (n, height, 1) on the device of `like`."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, :, None]


def wave(along_columns: Floats, along_rows: Floats, like: Tensor) -> Tensor:
    """Return cos(2 pi (one of the column + one of the row)), (n, height, width)."""
    a, b = 2 * np.pi * along_columns, 2 * np.pi * along_rows
    waves = across(np.cos(a), like) * down(np.cos(b), like)
    return waves.sub_(across(np.sin(a), like) * down(np.sin(b), like))


def turned(degrees: Floats, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pixels' places from the centre, in axes turned anticlockwise: two of (n, height, width)."""
    x, y = axes(*like.shape[1:])
    sine, cosine = np.sin(np.deg2rad(degrees))[:, None], np.cos(np.deg2rad(degrees))[:, None]
    return plane(cosine * x, -sine * y, like), plane(sine * x, cosine * y, like)


def beyond(matrices: Matrices, like: Tensor) -> Tensor:
    """Mask what a movement brought in from beyond the image's edge; see `radapt.shift.geometry`.

    Each edge of the image is a straight line after the movement too, even where it recedes; so a pixel is
    covered by how far it lies beyond the farthest of four lines, half of it where one cuts its middle.
    """
    height, width = like.shape[1:]
    x, y = axes(height, width)
    outside: Tensor | None = None
    for line in _edges(matrices, height, width):
        apart = plane(line[:, :1] * x + line[:, 2:], line[:, 1:2] * y, like)
        outside = apart if outside is None else torch.maximum(outside, apart, out=outside)
    assert outside is not None
    return outside.add_(0.5).clamp_(0, 1)


def brings_in(matrices: Matrices, height: int, width: int) -> bool:
    """Say whether any of these movements brings anything in from beyond an image's edge."""
    right, fall = (width - 1) / 2, (height - 1) / 2
    corners = np.array([[-right, right, -right, right], [-fall, -fall, fall, fall], [1, 1, 1, 1]])
    return any((line @ corners).max() > ROUNDING - 0.5 for line in _edges(matrices, height, width))


def _edges(matrices: Matrices, height: int, width: int) -> Iterator[Floats]:
    """Return the lines that an image's edges become, (n, 3) each: pixels beyond it, of (column, row, 1)."""
    for axis, size in ((0, width), (1, height)):
        for side in (-1, 1):
            line = side * matrices[:, axis] - size / 2 * matrices[:, 2]
            yield line / np.maximum(np.hypot(line[:, 0], line[:, 1]), MIN_SLOPE)[:, None]


def inside(distance: Tensor, soft: Tensor | float = 1.0) -> Tensor:
    """Mask what lies within an edge, from signed pixels to it (negative within), in place; soft in pixels."""
    return distance.div_(soft).neg_().add_(0.5).clamp_(0, 1)


def curves(corners: tuple[Tensor, Tensor], dots: int) -> Dots:
    """Dot Bezier curves through their corners: columns and rows, (n, lines, 4) each."""
    t = np.linspace(0, 1, max(2, dots))
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    slopes = (-((1 - t) ** 2), (1 - t) * (1 - 3 * t), t * (2 - 3 * t), t**2)
    column, row, right, down = (_summed(places, values) for values in (weights, slopes) for places in corners)
    length = torch.sqrt(right * right + down * down).clamp_min_(1e-6)
    return Dots(column, row, right / length, down / length)


def paint_lines(mask: Tensor, dots: Dots, half: Tensor, strength: Tensor, reach: int) -> None:
    """Paint lines on a mask.

    Parameters
    ----------
    mask
        (n, height, width), painted in place.
    dots
        Of the lines, no further than `APART` from each other across and down.
    half
        Half the width of each line in pixels, (n, lines, dots or 1).
    strength
        How much of a pixel under the line is covered, 0 to 1, (n, lines, dots or 1).
    reach
        Pixels to each side that are painted, see `reach_of`.
    """
    # only across the line: beside each dot of a steep line, above and below those of a flat one;
    # where a line bends from flat to steep, a pixel of its outer edge may be missed
    steep = (dots.down.abs() > dots.right.abs())[..., None]
    taps = torch.arange(-reach, reach + 1, device=mask.device)
    none = torch.zeros_like(taps)
    columns = dots.column.round()[..., None] + torch.where(steep, taps, none)
    rows = dots.row.round()[..., None] + torch.where(steep, none, taps)
    off = (columns - dots.column[..., None]).mul_(dots.down[..., None])
    off -= (rows - dots.row[..., None]).mul_(dots.right[..., None])
    put(mask, columns, rows, thin(off.abs_(), half[..., None]).mul_(strength[..., None]))


def reach_of(half: float) -> int:
    """Return how many pixels from its rounded dot a line so wide may be seen, since it may slant."""
    return math.ceil(math.sqrt(2) * (half + 0.5) + 0.5)


def thin(distance: Tensor, half: Tensor) -> Tensor:
    """Mask a line from the pixels to its middle, in place; one thinner than a pixel covers part of it."""
    covered = distance.neg_().add_(half + 0.5)
    return torch.minimum(covered.clamp_(min=0), (2 * half).clamp(max=1))


def windows(column: Tensor, row: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Return columns and rows of the pixels around (n, k) places, to broadcast to (n, k, side, side)."""
    taps = torch.arange(-reach, reach + 1, device=column.device)
    return column.round()[..., None, None] + taps, row.round()[..., None, None] + taps[:, None]


def put(mask: Tensor, columns: Tensor, rows: Tensor, values: Tensor) -> None:
    """Paint values (n, ...) at whole columns and rows, which broadcast to them; the larger one stays."""
    count, height, width = mask.shape
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    columns, rows = columns.clamp(0, width - 1).long(), rows.clamp(0, height - 1).long()
    image = torch.arange(count, device=mask.device).view(-1, *[1] * (values.ndim - 1))
    place = ((image * height + rows) * width + columns).expand(values.shape)
    values = values * within
    mask.view(-1).scatter_reduce_(0, place.reshape(-1), values.reshape(-1), "amax")


def covered(levels: Tensor, mask: Tensor, grey: Tensor | float) -> Tensor:
    """Bring levels to a grey where the mask covers them, in place."""
    return levels.add_((grey - levels).mul_(mask))


def _summed(places: Tensor, values: tuple[Floats, ...]) -> Tensor:
    # one by one, since the rounding of a matrix product may depend on its size
    total = torch.zeros((), device=places.device)
    for corner, value in enumerate(values):
        weight = torch.from_numpy(value.astype(np.float32)).to(places.device)
        total = total + places[..., corner, None] * weight
    return total
