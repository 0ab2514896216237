"""Insertion and deletion: does the score follow what a map points at, more than it follows chance.

Petsiuk et al. 2018 (RISE, arXiv:1806.07421). For deletion the pixels of an image are replaced by its median
grey, those with the largest values of the map first; if the map is right, the probability of the class falls
soon, and the area under it is small. For insertion they appear in a blurred image in the same order, and the
area should be large.

An area alone says nothing: how far it lies from 0 or 1 depends on the image. So beside it stand the areas of
random orders, whose maps are as smooth as a map is, for single pixels taken out at random are noise to a
network rather than something missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from radapt.explaining.overlay import resampled
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import device_of, evaluating

STEPS = 10  # in which the pixels are replaced
ORDERS = 5  # random ones
CELLS = 8  # a side of the grid of random numbers that a random order is made of
BLUR = 1 / 12  # of the side: standard deviation of the blur that insertion begins with


@dataclass(frozen=True, slots=True)
class Area:
    """The area under the probability of a class while pixels are replaced in the order of a map."""

    value: float  # from 0 to 1
    random: tuple[float, ...]  # the same in random orders
    lower_is_better: bool
    has_order: bool = True  # False: of a map of one value, which puts no pixel before another

    @property
    def gain(self) -> float:
        """By how much it is better than the mean of the random orders."""
        gain = self.value - fmean(self.random)
        return -gain if self.lower_is_better else gain

    @property
    def beaten(self) -> float | None:
        """The share of the random orders than which it is better; None of a map of one value."""
        if not self.has_order:
            return None
        better = [
            (each > self.value) if self.lower_is_better else (each < self.value) for each in self.random
        ]
        return sum(better) / len(better)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {"area": self.value, "random": fmean(self.random), "gain": self.gain, "beaten": self.beaten}


def deletion_and_insertion(
    classifier: Classifier, pixels: NDArray[np.uint8], drawn: NDArray[np.float32], target: int
) -> tuple[Area, Area]:
    """Return the areas of deletion and of insertion of one map.

    Parameters
    ----------
    pixels
        One image (h, w).
    drawn
        Its map (h, w).
    target
        The class that it explains.
    """
    orders = [order_of(each) for each in (drawn, *random_maps(pixels.shape[0]))]
    grey = np.full_like(pixels, np.median(pixels))
    blurred = np.rint(gaussian_filter(pixels.astype(np.float32), BLUR * len(pixels))).astype(np.uint8)
    areas = []
    for start, end, lower_is_better in ((pixels, grey, True), (blurred, pixels, False)):
        values = [_area(classifier, start, end, order, target) for order in orders]
        areas.append(Area(values[0], tuple(values[1:]), lower_is_better, bool(np.ptp(drawn) > 0)))
    return areas[0], areas[1]


def order_of(drawn: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return pixels (h * w,) by falling value of a map; those of one value in a random order of patches.

    That order is none of those that the map is compared with.
    """
    (ties,) = random_maps(drawn.shape[0], 1, seed=1)
    return np.lexsort((-ties.ravel(), -drawn.ravel()))


def random_maps(side: int, count: int = ORDERS, seed: int = 0) -> list[NDArray[np.float32]]:
    """Return smooth random maps (side, side), always the same of a seed."""
    rng = np.random.default_rng(seed)
    return [
        resampled(rng.random((CELLS, CELLS), dtype=np.float32), side, side)
        + 1e-6 * rng.random((side, side), dtype=np.float32)
        for _ in range(count)
    ]


def _area(
    classifier: Classifier,
    start: NDArray[np.uint8],
    end: NDArray[np.uint8],
    order: NDArray[np.int64],
    target: int,
) -> float:
    """Return the area under the probability of a class while pixels go from `start` to `end`."""
    images = np.repeat(start.reshape(1, -1), STEPS + 1, axis=0)
    for step, until in enumerate(np.linspace(0, len(order), STEPS + 1).round().astype(np.int64)):
        images[step, order[:until]] = end.reshape(-1)[order[:until]]
    return float(np.trapezoid(_scores(classifier, images.reshape(-1, *start.shape), target), dx=1 / STEPS))


def _scores(classifier: Classifier, images: NDArray[np.uint8], target: int) -> Sequence[float]:
    with evaluating(classifier), torch.no_grad():
        logits = classifier.head(classifier.embed(torch.from_numpy(images).to(device_of(classifier))))
        scores: list[float] = probabilities(logits, classifier.spec.outputs)[:, target].tolist()
    return scores
