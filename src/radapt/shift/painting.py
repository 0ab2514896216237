"""Coverage masks of lines, dots and shapes, drawn for a whole batch of images.

A mask is (n, height, width) float32, 0 to 1: the share of a pixel that is covered. Columns and rows count
from the centre of the upper left pixel. Where shapes overlap, the larger value counts, so a mask depends
neither on the order of drawing nor on the other images of the batch.
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

MIN_SLOPE = 1e-9  # per pixel; avoids a division by zero
ROUNDING = 1e-6  # pixels
APART = 0.9  # maximum distance of a line's dots in columns and in rows, so that it skips none


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """Points along lines and the direction of the line there; each tensor is (n, lines, dots)."""

    column: Tensor
    row: Tensor
    right: Tensor  # (right, down) is the unit vector along the line
    down: Tensor


def axes(height: int, width: int) -> tuple[Floats, Floats]:
    """Return the positions of columns (width,) and rows (height,) in pixels from the image's centre."""
    x, y = (np.arange(size, dtype=np.float64) - (size - 1) / 2 for size in (width, height))
    return x, y


def plane(along_columns: Floats, along_rows: Floats, like: Tensor) -> Tensor:
    """Return the outer sum of column values (n, width) and row values (n, height): (n, height, width)."""
    return across(along_columns, like) + down(along_rows, like)


def across(values: Floats, like: Tensor) -> Tensor:
    """Return (n, width) values, one for each column, as float32 (n, 1, width) on the device of `like`."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, None, :]


def down(values: Floats, like: Tensor) -> Tensor:
    """Return (n, height) values, one for each row, as float32 (n, height, 1) on the device of `like`."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, :, None]


def wave(along_columns: Floats, along_rows: Floats, like: Tensor) -> Tensor:
    """Return cos(2 pi (a + b)) for column values a (n, width) and row values b (n, height)."""
    a, b = 2 * np.pi * along_columns, 2 * np.pi * along_rows
    waves = across(np.cos(a), like) * down(np.cos(b), like)
    return waves.sub_(across(np.sin(a), like) * down(np.sin(b), like))


def turned(degrees: Floats, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return pixel coordinates from the centre in axes rotated anticlockwise: two (n, height, width)."""
    x, y = axes(*like.shape[1:])
    sine, cosine = np.sin(np.deg2rad(degrees))[:, None], np.cos(np.deg2rad(degrees))[:, None]
    return plane(cosine * x, -sine * y, like), plane(sine * x, cosine * y, like)


def beyond(matrices: Matrices, like: Tensor) -> Tensor:
    """Return the mask of the area outside the image after a transform; see `radapt.shift.geometry`.

    A projective transform keeps the four edges straight. A pixel is covered according to its largest distance
    outside any of the four lines; half of it where a line passes through its centre.
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
    """Return whether any of these transforms shows an area outside the image."""
    right, fall = (width - 1) / 2, (height - 1) / 2
    corners = np.array([[-right, right, -right, right], [-fall, -fall, fall, fall], [1, 1, 1, 1]])
    return any((line @ corners).max() > ROUNDING - 0.5 for line in _edges(matrices, height, width))


def _edges(matrices: Matrices, height: int, width: int) -> Iterator[Floats]:
    """Yield the transformed edges as lines (n, 3); their product with (column, row, 1) is pixels outside."""
    for axis, size in ((0, width), (1, height)):
        for side in (-1, 1):
            line = side * matrices[:, axis] - size / 2 * matrices[:, 2]
            yield line / np.maximum(np.hypot(line[:, 0], line[:, 1]), MIN_SLOPE)[:, None]


def inside(distance: Tensor, soft: Tensor | float = 1.0) -> Tensor:
    """Turn the signed distance to an edge (pixels, negative inside) into a mask, in place.

    `soft` is the width of the transition in pixels.
    """
    return distance.div_(soft).neg_().add_(0.5).clamp_(0, 1)


def curves(corners: tuple[Tensor, Tensor], dots: int) -> Dots:
    """Return points along cubic Bezier curves, given the columns and rows (n, lines, 4) of control points."""
    t = np.linspace(0, 1, max(2, dots))
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    slopes = (-((1 - t) ** 2), (1 - t) * (1 - 3 * t), t * (2 - 3 * t), t**2)
    column, row, right, down = (_summed(places, values) for values in (weights, slopes) for places in corners)
    length = torch.sqrt(right * right + down * down).clamp_min_(1e-6)
    return Dots(column, row, right / length, down / length)


def paint_lines(mask: Tensor, dots: Dots, half: Tensor, strength: Tensor, reach: int) -> None:
    """Draw lines on a mask.

    Parameters
    ----------
    mask
        (n, height, width), changed in place.
    dots
        Points along the lines, at most `APART` from each other in columns and in rows.
    half
        Half the width of each line in pixels, (n, lines, dots or 1).
    strength
        Opacity of the line, 0 to 1, (n, lines, dots or 1).
    reach
        Pixels to each side of a point that are drawn, see `reach_of`.
    """
    # Only pixels across the line are drawn: left and right of a steep line, above and below a flat one. Where
    # a line bends from flat to steep, a pixel of its outer edge may be missed.
    steep = (dots.down.abs() > dots.right.abs())[..., None]
    taps = torch.arange(-reach, reach + 1, device=mask.device)
    none = torch.zeros_like(taps)
    columns = dots.column.round()[..., None] + torch.where(steep, taps, none)
    rows = dots.row.round()[..., None] + torch.where(steep, none, taps)
    off = (columns - dots.column[..., None]).mul_(dots.down[..., None])
    off -= (rows - dots.row[..., None]).mul_(dots.right[..., None])
    put(mask, columns, rows, thin(off.abs_(), half[..., None]).mul_(strength[..., None]))


def reach_of(half: float) -> int:
    """Return the largest distance in pixels from a rounded point at which a slanted line covers a pixel."""
    return math.ceil(math.sqrt(2) * (half + 0.5) + 0.5)


def thin(distance: Tensor, half: Tensor) -> Tensor:
    """Turn the distance to a line's middle (pixels) into a mask, in place; thin lines cover pixels partly."""
    covered = distance.neg_().add_(half + 0.5)
    return torch.minimum(covered.clamp_(min=0), (2 * half).clamp(max=1))


def windows(column: Tensor, row: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Return columns and rows of the pixels around (n, k) points; they broadcast to (n, k, side, side)."""
    taps = torch.arange(-reach, reach + 1, device=column.device)
    return column.round()[..., None, None] + taps, row.round()[..., None, None] + taps[:, None]


def put(mask: Tensor, columns: Tensor, rows: Tensor, values: Tensor) -> None:
    """Set the mask to the larger of itself and `values` (n, ...) at integer columns and rows."""
    count, height, width = mask.shape
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    columns, rows = columns.clamp(0, width - 1).long(), rows.clamp(0, height - 1).long()
    image = torch.arange(count, device=mask.device).view(-1, *[1] * (values.ndim - 1))
    place = ((image * height + rows) * width + columns).expand(values.shape)
    values = values * within
    mask.view(-1).scatter_reduce_(0, place.reshape(-1), values.reshape(-1), "amax")


def covered(levels: Tensor, mask: Tensor, grey: Tensor | float) -> Tensor:
    """Blend levels with a grey by the mask, in place."""
    return levels.add_((grey - levels).mul_(mask))


def _summed(places: Tensor, values: tuple[Floats, ...]) -> Tensor:
    # a loop, since the rounding of a matrix product may depend on its size
    total = torch.zeros((), device=places.device)
    for corner, value in enumerate(values):
        weight = torch.from_numpy(value.astype(np.float32)).to(places.device)
        total = total + places[..., corner, None] * weight
    return total
