"""Measure how well shortcut baselines, which see no lung, predict the label on held-out patients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.collection import Collection
from radapt.auditing.finding import Finding
from radapt.images.imageset import ImageSet
from radapt.images.split import split_off
from radapt.images.streaming import stream
from radapt.images.subsample import subsample_evenly
from radapt.images.thumbnails import averaged
from radapt.shortcuts.baselines import ABOUT, Baseline, measure_baselines

MAX_AUROC = 0.6  # a baseline is a finding if the interval of its AUROC is above this
MIN_IMAGES = 10  # images of each class to fit on, and to test on
MAX_FITTED, MAX_TESTED = 5_000, 2_000  # images to fit and to test on: bounds memory
HELD_OUT = 0.3  # share of the images held out if there is no test split
MAP = 8  # cells a side of the map
MEAN = 96  # pixels a side of the mean image

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shortcuts:
    """The AUROC of shortcut baselines, and where in the image the classes differ."""

    baselines: tuple[Baseline, ...]
    held_out: str  # what they were fitted and tested on, in words
    map: Floats | None  # (MAP, MAP), AUROC of each cell's mean grey; None unless there are two classes
    mean: NDArray[np.uint8] | None  # (MEAN, MEAN), the mean image


NO_SHORTCUTS = Shortcuts((), "", None, None)


def measure_shortcuts(images: Collection) -> Shortcuts:
    """Fit shortcut baselines and test them on held-out patients; none if there are too few images."""
    sides = _sides(images)
    if sides is None:
        return NO_SHORTCUTS
    train, test, words = sides
    baselines = measure_baselines(train, test, tuple(ABOUT)).fitted
    return Shortcuts(baselines, words, _map(train) if len(train.classes) == 2 else None, _mean(train))


def find_shortcuts(shortcuts: Shortcuts) -> list[Finding]:
    """Return a finding for each baseline whose AUROC is above `MAX_AUROC` with its whole interval."""
    return [
        Finding(
            "shortcut",
            "note",
            (),
            f"From {baseline.about} alone, a logistic regression predicts the label with an AUROC of "
            f"{baseline.estimate} ({shortcuts.held_out}).",
        )
        for baseline in shortcuts.baselines
        if baseline.estimate.low > MAX_AUROC
    ]


def _sides(collection: Collection) -> tuple[ImageSet, ImageSet, str] | None:
    """Return images to fit on, images of other patients to test on, and a description; None if too few."""
    if any(images.labels.ndim != 1 for images in collection.sets.values()):  # multi-label
        return None
    sets = collection.sets
    if "train" in sets and "test" in sets and _has_enough(sets["train"]) and _has_enough(sets["test"]):
        train, test = subsample_evenly(sets["train"], MAX_FITTED), subsample_evenly(sets["test"], MAX_TESTED)
        fitted, tested = _subsampled(sets["train"], train), _subsampled(sets["test"], test)
        return train, test, f"fitted on {fitted}train, tested on {tested}test"
    pooled = subsample_evenly(_pooled(collection), MAX_FITTED)
    if not _has_enough(pooled):
        return None
    train, test = split_off(pooled, HELD_OUT, seed=0)
    if not (_has_enough(train) and _has_enough(test)):
        return None
    words = f"tested on {HELD_OUT:.0%} of the patients, held out".replace("%", " %")
    return train, test, f"{words}, of {len(pooled):,} images" if len(pooled) < len(collection) else words


def _subsampled(whole: ImageSet, part: ImageSet) -> str:
    """Return "N images of " if a set was subsampled, otherwise ""."""
    return f"{len(part):,} images of " if len(part) < len(whole) else ""


def _has_enough(images: ImageSet) -> bool:
    counts = np.bincount(images.labels, minlength=len(images.classes))
    return len(counts) > 1 and int(counts.min()) >= MIN_IMAGES


def _pooled(collection: Collection) -> ImageSet:
    labels = np.concatenate([images.labels for images in collection.sets.values()])
    known = [images.files for images in collection.sets.values()]
    files = {name: np.concatenate([each[name] for each in known]) for name in known[0]}
    return ImageSet(
        collection.pixels, labels, collection.patients, collection.ids, collection.classes, files=files
    )


def _mean(images: ImageSet) -> NDArray[np.uint8]:
    """Return the mean image, (MEAN, MEAN)."""
    total = np.zeros((MEAN, MEAN))
    for _, part in stream(images.pixels):
        total += averaged(part, MEAN).sum(axis=0, dtype=np.float64)
    return np.asarray((total / len(images)).round(), dtype=np.uint8)


def _map(images: ImageSet) -> Floats:
    """Return the AUROC of the mean grey of each cell, (MAP, MAP)."""
    from scipy.stats import rankdata

    cells = averaged(images.pixels, MAP).reshape(len(images), -1)
    has = images.labels == 1
    ranks = rankdata(cells, axis=0)[has].sum(axis=0)  # Mann-Whitney
    wins = ranks - has.sum() * (has.sum() + 1) / 2
    area = wins / max(1, has.sum() * (~has).sum())
    return np.asarray(area.reshape(MAP, MAP), dtype=np.float64)
