"""Random numbers for each pixel, which depend on the image's grain and the pixel's position alone.

The grain is an integer drawn once for each image and kept in the table of draws. So the same noise can be
made again, image by image, in any batch and on any device. The uniform numbers are bitwise equal everywhere;
what is computed from them may differ in the last bits.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift.counter_rng import uniform

GRAINS = 2.0**32  # number of different grains
EXACT_BELOW = 4.0  # mean below which the probabilities of all counts are summed
MAX_EVENTS = 19  # largest count at a mean of 4; more are rarer than the finest uniform number


def draw_grain(keys: NDArray[np.uint64], seed: int, name: str) -> NDArray[np.float64]:
    """Draw the grain of each image, (n,): integers below 2**32."""
    return np.floor(uniform(keys, seed, name, high=GRAINS))


def uniforms(
    grain: NDArray[np.float64], height: int, width: int, device: torch.device, part: int = 0
) -> Tensor:
    """Return a uniform random number above 0 and below 1 for each pixel.

    Parameters
    ----------
    grain
        (n,), see `draw_grain`.
    height, width
        Size of the images, in pixels.
    device
        The device of the result.
    part
        Another number here gives an independent field, for images that need several.

    Returns
    -------
    Tensor
        (n, height, width) float32: odd multiples of 2**-24, so that none rounds to 1.

    Notes
    -----
    A hash of the pixel's position, combined with a hash of grain and part, by the 32-bit function `lowbias32`
    of Wellons, "Prospecting for hash functions" (2018).
    """
    seeds = torch.from_numpy((grain + 0.5).astype(np.uint32).view(np.int32)).to(device)
    seeds = _hashed(seeds ^ _signed(part * 0x85EBCA6B))[:, None]
    places = torch.arange(height * width, dtype=torch.int32, device=device) * _signed(0x9E3779B9)
    bits = _hashed(places ^ seeds).bitwise_right_shift_(9)
    # The bits are the mantissa of a float from 1 to 2; then 1, less half a step, is subtracted.
    from_one = bits.bitwise_and_(0x7FFFFF).bitwise_or_(0x3F800000).view(torch.float32)
    return from_one.sub_(1 - 2.0**-24).view(-1, height, width)


def normals(
    grain: NDArray[np.float64], height: int, width: int, device: torch.device, part: int = 0
) -> Tensor:
    """Return a standard normal number for each pixel, (n, height, width) float32; see `uniforms`."""
    even = uniforms(grain, height, width, device, part)
    return even.mul_(2).sub_(1).erfinv_().mul_(math.sqrt(2))


def poisson(mean: Tensor, even: Tensor) -> Tensor:
    """Return a Poisson count for each pixel.

    Parameters
    ----------
    mean
        The mean counts, of any shape, float32, 0 or more.
    even
        Uniform numbers of the same shape, see `uniforms`: the count is the quantile of each.

    Returns
    -------
    Tensor
        Of the same shape, float32, integers.

    Notes
    -----
    Below a mean of `EXACT_BELOW`, the probabilities are summed, exact but for rounding. Above it, the
    Cornish-Fisher expansion of Giles, "Algorithm 955: approximation of the inverse Poisson cumulative
    distribution function" (2016), to the order 1 / mean, is rounded down; at most two counts in 1,000 are off
    by one.
    """
    events = _many(mean.clamp(min=EXACT_BELOW), even)
    few = torch.nonzero(mean.view(-1) < EXACT_BELOW)[:, 0]
    if len(few):
        events.view(-1)[few] = _few(mean.view(-1)[few], even.view(-1)[few])
    return events


def _few(mean: Tensor, even: Tensor) -> Tensor:
    mean, even = mean.double(), even.double()  # so that the sums reach 1
    chance = torch.exp(-mean)  # of exactly this count
    below = chance.clone()  # of this count or fewer
    events, more = torch.zeros_like(mean), torch.empty_like(mean)
    for number in range(1, MAX_EVENTS + 1):
        events += torch.gt(even, below, out=more)
        below += chance.mul_(mean).mul_(1 / number)
    return events.float()


def _many(mean: Tensor, even: Tensor) -> Tensor:
    normal = (even * 2).sub_(1).erfinv_().mul_(math.sqrt(2))
    square, root = normal * normal, torch.sqrt(mean)
    third = ((square / 270).add_(7 / 810).mul_(square).sub_(8 / 405)).div_(mean)
    second = (square / 72).add_(1 / 36).mul_(normal).div_(root)
    events = root.mul_(normal).add_(square.div_(6)).add_(1 / 3).sub_(second).add_(third).add_(mean)
    return events.floor_().clamp_(min=0)


def _hashed(bits: Tensor) -> Tensor:
    """Hash 32-bit integers, in place."""
    moved = (bits >> 16).bitwise_and_(0xFFFF)
    bits.bitwise_xor_(moved).mul_(_signed(0x7FEB352D))
    torch.bitwise_right_shift(bits, 15, out=moved)
    bits.bitwise_xor_(moved.bitwise_and_(0x1FFFF)).mul_(_signed(0x846CA68B))
    torch.bitwise_right_shift(bits, 16, out=moved)
    return bits.bitwise_xor_(moved.bitwise_and_(0xFFFF))


def _signed(number: int) -> int:
    """Return the signed 32-bit integer with the bits of an unsigned one; PyTorch has only signed ones."""
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >= 1 << 31 else number
