"""Filters that several corruptions share: blurring, downsampling and upsampling.

Sums are taken in a fixed order or are exact, so an image's result does not depend on the rest of the batch.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

NARROW = 0.6  # pixels; a wider Gaussian, sampled at whole pixels, keeps its variance
MIN_WEIGHT = 1e-4  # smaller weights of a Gaussian are left out: together less than 0.1 grey levels
LEVEL_STEPS, WEIGHT_STEPS = 16, 4096  # 256 levels x 16 x 4096 = 2**24, the integers exact in float32


def gaussian(levels: Tensor, sigma: float) -> Tensor:
    """Blur images with a Gaussian of `sigma` pixels; beyond the edge the edge pixels are repeated."""
    return weighed(levels, gaussian_weights(sigma))


def gaussian_weights(sigma: float) -> list[float]:
    """Return a Gaussian's weights from the middle to one side; middle and both sides add up to one.

    One too narrow to be sampled gets three weights with the same variance.
    """
    if sigma < NARROW:
        return [1 - sigma**2, sigma**2 / 2]
    places = np.arange(int(5 * sigma) + 1)
    weights = np.exp(-((places / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    weights = weights[weights >= MIN_WEIGHT]
    return [float(weight) for weight in weights / (2 * weights.sum() - weights[0])]


def box_weights(variance: float) -> list[float]:
    """Return a box filter's weights from the middle to one side; middle and both sides add up to one.

    The outermost weights are smaller, so that the filter has exactly this variance in squared pixels: the
    extended box of Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box
    filtering" (2011).
    """
    reach = int(
        (np.sqrt(1 + 12 * variance) - 1) / 2 + 1e-9
    )  # a plain box has a variance of reach (reach + 1) / 3
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
    """Filter along axes with symmetric weights.

    Parameters
    ----------
    levels
        (n, height, width) float32.
    weights
        That of the pixel itself, of its neighbours on each side, and so on.
    beyond
        What is used beyond the edge: the edge pixels repeated, or the image mirrored about them.
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
    # PyTorch mirrors by less than the size of the image only.
    places = np.pad(np.arange(levels.shape[axis]), reach, mode=beyond)
    return levels.index_select(axis, torch.from_numpy(places).to(levels.device))


def convolved(levels: Tensor, kernels: NDArray[np.float64]) -> Tensor:
    """Convolve each image with its own kernel; beyond the edge the edge pixels are repeated.

    Levels are rounded to 1/16 and weights to 1/4096, so that all products and their sums are exact in
    float32, in whatever order a library adds them up.

    Parameters
    ----------
    levels
        (n, height, width) float32 in 0 to 255.
    kernels
        (n, side, side), of odd side, symmetric under a half turn, not negative, each with a sum of one.

    Returns
    -------
    Tensor
        (n, height, width), exact multiples of 2**-16.
    """
    if not levels.numel():
        return levels
    count, side, _ = kernels.shape
    whole = np.round(kernels * WEIGHT_STEPS)
    whole[:, side // 2, side // 2] += WEIGHT_STEPS - whole.sum(axis=(1, 2))  # makes up for the rounding
    weights = torch.from_numpy((whole / WEIGHT_STEPS).astype(np.float32)).to(levels.device)
    stepped = (levels * LEVEL_STEPS).round_().div_(LEVEL_STEPS)
    padded = functional.pad(stepped[None], (side // 2,) * 4, mode="replicate")
    return functional.conv2d(padded, weights[:, None], groups=count)[0]


def averaged(levels: Tensor, parts: int, axis: int) -> Tensor:
    """Average over equal parts of an axis, whose borders may lie within pixels."""
    size = levels.shape[axis]
    edges = np.linspace(0, size, parts + 1)
    first = np.minimum(edges.astype(np.int64), size - 1)
    share = torch.from_numpy((edges - first).astype(np.float32)).to(levels.device)
    share = share.view(-1, 1) if axis == 1 else share
    place = torch.from_numpy(first).to(levels.device)
    sums = torch.cumsum(levels, axis) - levels  # of all pixels before
    upto = sums.index_select(axis, place).add_(levels.index_select(axis, place).mul_(share))
    return torch.diff(upto, dim=axis).mul_(parts / size)


def stretched(levels: Tensor, size: int, axis: int) -> Tensor:
    """Upsample an axis to a size by linear interpolation."""
    parts = levels.shape[axis]
    place = np.clip((np.arange(size) + 0.5) * (parts / size) - 0.5, 0, parts - 1)
    first = place.astype(np.int64)
    share = torch.from_numpy((place - first).astype(np.float32)).to(levels.device)
    share = share.view(-1, 1) if axis == 1 else share
    near = levels.index_select(axis, torch.from_numpy(first).to(levels.device))
    far = levels.index_select(axis, torch.from_numpy(np.minimum(first + 1, parts - 1)).to(levels.device))
    return far.sub_(near).mul_(share).add_(near)
