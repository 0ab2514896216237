"""Corner permutation: how much the log-odds change when one corner comes from an image of another class.

Every image gets one corner of an image of another class, and then that of another image of its own class. The
difference between the two changes of log-odds is due to the class that the corner shows, since seams and
foreign corners are in both. It is given as a share of the change when the whole image is replaced. This is
permutation importance (Breiman 2001, Mach. Learn. 45:5; Fisher, Rudin & Dominici 2019, JMLR 20:177) of a part
of the image. On the log-odds it shows long before AUROC falls: an image that also shows its finding keeps its
rank.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.images.subsample import even_rows
from radapt.models.classifier import Classifier
from radapt.models.inference import scores_of
from radapt.predictions import Predictions
from radapt.stats.bootstrap import draw_weights
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import percentiles

CORNER = 24 / 128  # of an image's side, as in `radapt.shortcuts.baselines`
CORNERS = ("upper left", "upper right", "lower left", "lower right")
MAX_IMAGES = 400  # of all classes together; each is scored eight times
MIN_IMAGES = 10  # of a class
DRAWS = 2000
UNDEFINED = (
    "not defined: on these images, or on some bootstrap samples of them, even replacing the whole image does "
    "not move the model towards the other class"
)
MIN_PROBABILITY = 1e-6  # probabilities are clipped to this distance from 0 and 1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CornerPermutation:
    """The effect of replacing one corner, as a share of the effect of replacing the whole image."""

    corner: str  # one of CORNERS, as the image is displayed
    share: Estimate  # 0: no effect, 1: as much as the whole image

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        return {"corner": self.corner, **self.share.as_dict()}


def corner_of(corner: str, height: int, width: int) -> NDArray[np.bool_]:
    """Return the boolean mask of one corner, (height, width)."""
    where = np.zeros((height, width), dtype=np.bool_)
    down, across = (max(1, round(CORNER * side)) for side in (height, width))
    rows = slice(down) if corner.startswith("upper") else slice(-down, None)
    where[rows, slice(across) if corner.endswith("left") else slice(-across, None)] = True
    return where


def permute_corners(
    classifier: Classifier,
    images: ImageSet,
    whole: Predictions,
    hardware: Hardware,
    done: Callable[[], None] = lambda: None,
) -> list[CornerPermutation]:
    """Replace each corner in turn, and estimate how much a model relies on it.

    Parameters
    ----------
    images
        Images of the model's classes; more than `MAX_IMAGES` are subsampled evenly.
    whole
        The model's predictions of them, in their order.
    done
        Called after each corner.

    Returns
    -------
    list
        A row for each corner, with a 95 % interval by patient. Empty for multi-label images, and where fewer
        than two classes have `MIN_IMAGES` images.
    """
    if not images.exclusive:
        return []
    counts = np.bincount(images.labels, minlength=len(images.classes))
    enough = np.flatnonzero(counts[images.labels] >= MIN_IMAGES)
    taken = enough[even_rows(len(enough), MAX_IMAGES)]
    images, scores = images.take(taken), whole.scores[taken]
    if np.unique(images.labels).size < 2:
        return []
    labels = images.labels.astype(np.int64)
    own, other = _donors(labels)
    full_effect = _log_odds(scores[own], labels) - _log_odds(scores[other], labels)
    rows = []
    for corner in CORNERS:
        mask = corner_of(corner, *images.pixels.shape[1:])
        same_class, other_class = (
            _log_odds(
                scores_of(classifier, np.where(mask, images.pixels[donors], images.pixels), hardware),
                labels,
            )
            for donors in (own, other)
        )
        rows.append(
            CornerPermutation(corner, _share(same_class - other_class, full_effect, labels, images.patients))
        )
        done()
    return rows


def _donors(labels: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw for each image another of its own class, and one of another class; return their rows."""
    rng = np.random.default_rng(0)
    own, other = (np.empty(len(labels), dtype=np.intp) for _ in range(2))
    for kind in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == kind))
        own[members] = np.roll(members, 1)
        other[members] = rng.choice(np.flatnonzero(labels != kind), len(members))
    return own, other


def _log_odds(scores: Floats, labels: NDArray[np.int64]) -> Floats:
    """Return the log-odds of each image's own class, (n,), from scores (n, k)."""
    own = scores[np.arange(len(labels)), labels].clip(MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(own) - np.log1p(-own))


def _share(
    corner_effect: Floats, full_effect: Floats, labels: NDArray[np.int64], patients: NDArray[np.str_]
) -> Estimate:
    """Return the ratio of the mean effects, each a mean over classes of equal weight, with its interval."""
    count, people = len(labels), np.unique(patients).size

    def ratio(weights: Floats) -> Floats:
        by_class = [weights * (labels == kind) for kind in np.unique(labels)]
        of_corner, of_whole = (
            np.sum([w @ effect / w.sum(axis=1) for w in by_class], axis=0)
            for effect in (corner_effect, full_effect)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(of_whole > 0, of_corner / of_whole, math.nan))

    value = float(ratio(np.ones((1, count)))[0])
    samples = ratio(draw_weights(labels, patients, DRAWS, np.random.default_rng([0, 1])))
    if math.isnan(value) or np.isnan(samples).any():  # the model does not separate the classes
        return Estimate(math.nan, math.nan, math.nan, count, people, method=UNDEFINED)
    low, high = percentiles(samples, people)
    words = f"percentiles of {DRAWS:,} bootstrap samples of patients, drawn within each class"
    return Estimate(
        value,
        min(value, low),
        max(value, high),
        count,
        people,
        method=words,
        se=float(samples.std(ddof=1)),
    )
