"""Contrast-limited adaptive histogram equalisation of a whole batch of images.

The definition is that of Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV
(1994), in integer counts as in OpenCV. Counts above the clip limit of a tile's histogram are spread over all
levels, and a pixel's grey level is interpolated between the curves of the four nearest tiles. An image whose
sides are no multiples of 8 is first extended at its right and lower edge by mirroring.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

TILES = 8  # along each side; along a side of fewer pixels, one a pixel
LEVELS = 256
IMAGES_AT_ONCE = 64  # a million histogram bins, whatever the size of the images


def equalised(levels: Tensor, clips: NDArray[np.float64]) -> Tensor:
    """Equalise images tile by tile.

    Parameters
    ----------
    levels
        (n, height, width) float32 in 0 to 255; they are rounded to whole levels.
    clips
        (n,), 1 or more: the clip limit of a bin, as a multiple of the mean count of a tile's bins.

    Returns
    -------
    Tensor
        (n, height, width) float32, not rounded.
    """
    if not levels.numel():
        return levels
    whole = levels.add(0.5).floor_().clamp_(0, LEVELS - 1)
    done = torch.empty_like(whole)
    for start in range(0, len(whole), IMAGES_AT_ONCE):
        rows = slice(start, start + IMAGES_AT_ONCE)
        done[rows] = _equalised(whole[rows], clips[rows])
    return done


def _equalised(levels: Tensor, clips: NDArray[np.float64]) -> Tensor:
    _, height, width = levels.shape
    down, across = min(TILES, height), min(TILES, width)
    high, wide = -(-height // down), -(-width // across)  # of a tile
    mirrored = (0, wide * across - width, 0, high * down - height)
    padded = functional.pad(levels[:, None], mirrored, mode="reflect")[:, 0]
    curves = _curves(padded.int(), (down, across), clips)
    return _between(levels.int(), curves, (high, wide))


def _curves(whole: Tensor, tiles: tuple[int, int], clips: NDArray[np.float64]) -> Tensor:
    """Return the output of each grey level in each tile, (n, tiles down, tiles across, 256)."""
    count, height, width = whole.shape
    down, across = tiles
    area = (height // down) * (width // across)
    images = _numbers(count, whole)[:, None, None] * (down * across)
    rows = _numbers(height, whole)[:, None] // (height // down) * across
    columns = _numbers(width, whole) // (width // across)
    tile = images + (rows + columns)
    counts = torch.bincount(tile.mul_(LEVELS).add_(whole).view(-1), minlength=count * down * across * LEVELS)
    counts = counts.int().view(count, -1, LEVELS)
    limit = torch.from_numpy(np.maximum(1, (clips * area / LEVELS).astype(np.int32))).to(whole.device)
    kept = torch.minimum(counts, limit[:, None, None])
    left = area - kept.sum(dim=2, keepdim=True, dtype=torch.int32)
    each, left = left // LEVELS, left % LEVELS
    # The remainder goes to levels that are evenly spaced.
    apart = LEVELS // left.clamp(min=1)
    level = _numbers(LEVELS, whole)
    number = level // apart
    kept.add_(each).add_((number * apart == level) & (number < left))
    grey = torch.cumsum(kept, 2, dtype=torch.int32).float().mul_((LEVELS - 1) / area).round_()
    return grey.clamp_(0, LEVELS - 1).view(count, down, across, LEVELS)


def _between(whole: Tensor, curves: Tensor, size: tuple[int, int]) -> Tensor:
    """Look each pixel up in the curves of the four nearest tiles, and interpolate bilinearly."""
    count, down, across, _ = curves.shape
    tops, fall = _nearest(whole.shape[1], size[0], down, whole)
    lefts, right = _nearest(whole.shape[2], size[1], across, whole)
    images = whole + _numbers(count, whole)[:, None, None] * (down * across * LEVELS)
    flat = curves.view(-1)

    def greys(row: Tensor, column: Tensor) -> Tensor:
        place = images + (row[:, None] * across + column) * LEVELS
        return flat.index_select(0, place.view(-1)).view(whole.shape)

    upper, lower = (
        greys(row, lefts[0]).mul_(1 - right).add_(greys(row, lefts[1]).mul_(right)) for row in tops
    )
    return upper.mul_(1 - fall[:, None]).add_(lower.mul_(fall[:, None]))


def _nearest(size: int, tile: int, tiles: int, like: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return the two nearest tiles of each pixel along an axis, and the weight (0 to 1) of the second."""
    place = (_numbers(size, like).float() / tile).sub_(0.5)
    before = place.floor()
    return (before.clamp(0, tiles - 1).int(), (before + 1).clamp(0, tiles - 1).int()), place - before


def _numbers(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, dtype=torch.int32, device=like.device)
