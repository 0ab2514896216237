"""How far a model goes by one corner of an image: what that of an image of another class does to its mind.

Every image gets one corner of an image of another class, and once more that of an image of its own class.
What the first moves the model more than the second comes of what the corner tells of the class: seams and
strange corners are in both. It is told as a share of how far the model moves when the whole image is
exchanged for that other one. This is permutation importance (Breiman 2001, Mach. Learn. 45:5; Fisher, Rudin
& Dominici 2019, JMLR 20:177) of a part of the picture, on the log-odds, where it shows long before it costs
any AUROC: an image that also shows its finding keeps its place among the others.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.images.subsample import subsample_evenly
from radapt.models.classifier import Classifier
from radapt.models.inference import scores_of
from radapt.stats.bootstrap import draw_weights
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import percentiles

CORNER = 24 / 128  # of an image's side, as in `radapt.shortcuts.baselines`
CORNERS = ("upper left", "upper right", "lower left", "lower right")
MAX_IMAGES = 400  # images of all classes; each is scored eight times
MIN_IMAGES = 10  # images of a class
DRAWS = 2000
NO_WAY = (
    "not defined: on these images, or on some bootstrap samples of them, exchanging the whole image does not "
    "move the model towards the other class"
)
MIN_EFFECT = 1e-6  # a probability nearer to 0 or 1 counts as this near

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CornerPermutation:
    """How far exchanging one corner moves a model towards another class."""

    corner: str  # one of CORNERS, as one looks at the image
    share: Estimate  # of the way that exchanging the whole image moves it; 0: not at all, 1: all the way

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        return {"corner": self.corner, **self.share.as_dict()}


def corner_of(corner: str, height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels of one corner, (height, width)."""
    where = np.zeros((height, width), dtype=np.bool_)
    down, across = (max(1, round(CORNER * side)) for side in (height, width))
    rows = slice(down) if corner.startswith("upper") else slice(-down, None)
    where[rows, slice(across) if corner.endswith("left") else slice(-across, None)] = True
    return where


def permute_corners(classifier: Classifier, images: ImageSet, hardware: Hardware) -> list[CornerPermutation]:
    """Exchange one corner after the other, and say how far each moves a model.

    Parameters
    ----------
    images
        Images of the model's classes; of more than `MOST` so many, evenly spread.

    Returns
    -------
    list
        A row for each corner, with a 95 % interval by patient. None where images may have several findings,
        or fewer than two classes have `FEWEST` images.
    """
    if not images.exclusive:
        return []
    counts = np.bincount(images.labels, minlength=len(images.classes))
    images = subsample_evenly(images.take(counts[images.labels] >= MIN_IMAGES), MAX_IMAGES)
    if np.unique(images.labels).size < 2:
        return []
    labels = images.labels.astype(np.int64)
    own, other = _donors(labels)
    whole = scores_of(classifier, images.pixels, hardware)
    way = _odds(whole[own], labels) - _odds(whole[other], labels)
    found = []
    for corner in CORNERS:
        where = corner_of(corner, *images.pixels.shape[1:])
        kept, turned = (
            _odds(
                scores_of(classifier, np.where(where, images.pixels[donors], images.pixels), hardware),
                labels,
            )
            for donors in (own, other)
        )
        found.append(CornerPermutation(corner, _share(kept - turned, way, labels, images.patients)))
    return found


def _donors(labels: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw for each image another of its own class, and one of another class; give their rows."""
    rng = np.random.default_rng(0)
    own, other = (np.empty(len(labels), dtype=np.intp) for _ in range(2))
    for kind in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == kind))
        own[members] = np.roll(members, 1)
        other[members] = rng.choice(np.flatnonzero(labels != kind), len(members))
    return own, other


def _odds(scores: Floats, labels: NDArray[np.int64]) -> Floats:
    """Return the log-odds of these classes, one a row of scores."""
    own = scores[np.arange(len(labels)), labels].clip(MIN_EFFECT, 1 - MIN_EFFECT)
    return np.asarray(np.log(own) - np.log1p(-own))


def _share(moved: Floats, way: Floats, labels: NDArray[np.int64], patients: NDArray[np.str_]) -> Estimate:
    """Return the mean of the one over that of the other, every class counting alike."""
    count, people = len(labels), np.unique(patients).size

    def of(weights: Floats) -> Floats:
        each = [weights * (labels == kind) for kind in np.unique(labels)]
        near, far = (np.sum([w @ values / w.sum(axis=1) for w in each], axis=0) for values in (moved, way))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(far > 0, near / far, math.nan))

    value = float(of(np.ones((1, count)))[0])
    samples = of(draw_weights(labels, patients, DRAWS, np.random.default_rng([0, 1])))
    if math.isnan(value) or np.isnan(samples).any():  # a model that cannot tell the classes goes no way
        return Estimate(math.nan, math.nan, math.nan, count, people, method=NO_WAY)
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
