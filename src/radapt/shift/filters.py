"""Filters that several corruptions share: they blur images, and make them smaller and larger.

Each sum is taken in an order, or is exact, so that no image's rounding depends on what else is in the batch.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

NARROW = 0.6  # pixels: from there on the weights at whole pixels have a Gaussian's variance
MIN_WEIGHT = 1e-4  # weights of a Gaussian below this are left out: together less than a tenth of a grey level
LEVEL_STEPS, WEIGHT_STEPS = 16, 4096  # 2**8 levels of so many steps by so many weights fill 24 bits


def gaussian(levels: Tensor, sigma: float) -> Tensor:
    """Blur images with a Gaussian of so many pixels; beyond the edge the nearest pixel counts."""
    return weighed(levels, gaussian_weights(sigma))


def gaussian_weights(sigma: float) -> list[float]:
    """Return a Gaussian's weights from its middle to one side; both sides and the middle add up to one.

    One too narrow to be sampled keeps its variance: half of it goes to the neighbour on each side.
    """
    if sigma < NARROW:
        return [1 - sigma**2, sigma**2 / 2]
    places = np.arange(int(5 * sigma) + 1)
    weights = np.exp(-((places / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    weights = weights[weights >= MIN_WEIGHT]
    return [float(weight) for weight in weights / (2 * weights.sum() - weights[0])]


def box_weights(variance: float) -> list[float]:
    """Return an even average's weights from its middle to one side; both sides and the middle add up to one.

    Its ends weigh as much less as gives it this variance, in squares of a pixel: the extended box of Gwosdek
    et al., "Theoretical foundations of Gaussian convolution by extended box filtering" (2011).
    """
    reach = int((np.sqrt(1 + 12 * variance) - 1) / 2 + 1e-9)  # an even average's is reach (reach + 1) / 3
    inner = (2 * reach + 1) * (variance - reach * (reach + 1) / 3)
    end = max(0.0, inner / (2 * ((reach + 1) ** 2 - variance)))
    total = 2 * reach + 1 + 2 * end
    return [1 / total] * (reach + 1) + ([end / total] if end > MIN_WEIGHT else [])


def weighed(
    levels: Tensor,
    weights: list[float],
    beyond: Literal["edge", "reflect"] = "edge",
    axes: tuple[int, ...] = (1, 2),
) -> Tensor:
    """Average along axes with weights from the middle to either side.

    Parameters
    ----------
    levels
        (n, height, width) float32.
    weights
        Of a pixel itself, of those next to it, and so on.
    beyond
        What counts beyond the edge: the nearest pixel, or the image mirrored in its outermost pixels.
    axes
        1 is down, 2 across.

    Returns
    -------
    Tensor
        (n, height, width).
    """
    reach = len(weights) - 1
    for axis in axes:
        size = levels.shape[axis]
        padded = _padded(levels, reach, axis, beyond)
        levels = levels * weights[0]
        for step, weight in enumerate(weights[1:], start=1):
            both = padded.narrow(axis, reach - step, size) + padded.narrow(axis, reach + step, size)
            levels += both.mul_(weight)
    return levels


def _padded(levels: Tensor, reach: int, axis: int, beyond: Literal["edge", "reflect"]) -> Tensor:
    if beyond == "edge":
        padding = (0, 0, reach, reach) if axis == 1 else (reach, reach, 0, 0)
        return functional.pad(levels[:, None], padding, mode="replicate")[:, 0]
    # PyTorch's own mirrors no further than the image reaches
    places = np.pad(np.arange(levels.shape[axis]), reach, mode=beyond)
    return levels.index_select(axis, torch.from_numpy(places).to(levels.device))


def convolved(levels: Tensor, kernels: NDArray[np.float64]) -> Tensor:
    """Average each image over its own kernel; beyond the edge the nearest pixel counts.

    Levels are rounded to 1/16 and weights to 1/4096, so that every product and every sum of them is exact
    in float32, and it does not matter in what order a library adds them up.

    Parameters
    ----------
    levels
        (n, height, width) float32 in 0 to 255.
    kernels
        (n, side, side), odd and the same upside down; none negative, each with a sum of one.

    Returns
    -------
    Tensor
        (n, height, width), exact multiples of 2**-16.
    """
    if not levels.numel():
        return levels
    count, side, _ = kernels.shape
    whole = np.round(kernels * WEIGHT_STEPS)
    whole[:, side // 2, side // 2] += WEIGHT_STEPS - whole.sum(axis=(1, 2))  # what the rounding took
    weights = torch.from_numpy((whole / WEIGHT_STEPS).astype(np.float32)).to(levels.device)
    stepped = (levels * LEVEL_STEPS).round_().div_(LEVEL_STEPS)
    padded = functional.pad(stepped[None], (side // 2,) * 4, mode="replicate")
    return functional.conv2d(padded, weights[:, None], groups=count)[0]


def averaged(levels: Tensor, parts: int, axis: int) -> Tensor:
    """Average over equal parts of an axis, which may cut pixels."""
    size = levels.shape[axis]
    edges = np.linspace(0, size, parts + 1)
    first = np.minimum(edges.astype(np.int64), size - 1)
    share = torch.from_numpy((edges - first).astype(np.float32)).to(levels.device)
    share = share.view(-1, 1) if axis == 1 else share
    place = torch.from_numpy(first).to(levels.device)
    sums = torch.cumsum(levels, axis) - levels  # of all before a pixel
    upto = sums.index_select(axis, place).add_(levels.index_select(axis, place).mul_(share))
    return torch.diff(upto, dim=axis).mul_(parts / size)


def stretched(levels: Tensor, size: int, axis: int) -> Tensor:
    """Stretch an axis to a size, in straight lines from the middle of one pixel to that of the next."""
    parts = levels.shape[axis]
    place = np.clip((np.arange(size) + 0.5) * (parts / size) - 0.5, 0, parts - 1)
    first = place.astype(np.int64)
    share = torch.from_numpy((place - first).astype(np.float32)).to(levels.device)
    share = share.view(-1, 1) if axis == 1 else share
    near = levels.index_select(axis, torch.from_numpy(first).to(levels.device))
    far = levels.index_select(axis, torch.from_numpy(np.minimum(first + 1, parts - 1)).to(levels.device))
    return far.sub_(near).mul_(share).add_(near)
