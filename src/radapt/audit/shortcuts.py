"""What the label can be told from without the lungs, on patients that were held out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.audit.collection import Collection
from radapt.audit.finding import Finding
from radapt.images.imageset import ImageSet
from radapt.images.split import split_off
from radapt.images.streaming import stream
from radapt.images.subsample import subsample_evenly
from radapt.images.thumbnails import averaged
from radapt.shortcuts.baselines import ABOUT, Baseline, measure_baselines

MAX_AUROC = 0.6  # AUROC that the interval has to lie above, from where on a baseline is a finding
MIN_IMAGES = 10  # images of a class, on either side
MOST, MOST_TESTED = 5_000, 2_000  # images that are looked at: the memory is the same for any more
HELD_OUT = 0.3  # share of the images that is held out where there is no split for it
MAP = 8  # cells a side of the map
MEAN = 96  # pixels a side of the mean image

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shortcuts:
    """What cheap classifiers reach, and where in the frame the classes differ."""

    baselines: tuple[Baseline, ...]
    held_out: str  # in words, what they were fitted and tested on
    map: Floats | None  # (MAP, MAP), AUROC of the mean grey of each cell; None unless there are two classes
    mean: NDArray[np.uint8] | None  # (MEAN, MEAN), the mean image


NO_SHORTCUTS = Shortcuts((), "", None, None)


def measure_shortcuts(images: Collection) -> Shortcuts:
    """Fit cheap classifiers and test them on held-out patients; none with too few images."""
    sides = _sides(images)
    if sides is None:
        return NO_SHORTCUTS
    train, test, words = sides
    found = measure_baselines(train, test, tuple(ABOUT)).found
    return Shortcuts(found, words, _map(train) if len(train.classes) == 2 else None, _mean(train))


def find_shortcuts(shortcuts: Shortcuts) -> list[Finding]:
    """Name the cheap classifiers that tell the label better than chance, and by far enough."""
    return [
        Finding(
            "shortcut",
            "note",
            (),
            f"A logistic regression that sees only {baseline.about} tells the label with an AUROC of "
            f"{baseline.estimate} ({shortcuts.held_out}).",
        )
        for baseline in shortcuts.baselines
        if baseline.estimate.low > MAX_AUROC
    ]


def _sides(radiographs: Collection) -> tuple[ImageSet, ImageSet, str] | None:
    """Give images to fit on, images of other patients to test on, and in words what they are."""
    if any(images.labels.ndim != 1 for images in radiographs.sets.values()):  # several findings an image
        return None
    sets = radiographs.sets
    if "train" in sets and "test" in sets and _enough(sets["train"]) and _enough(sets["test"]):
        train, test = subsample_evenly(sets["train"], MOST), subsample_evenly(sets["test"], MOST_TESTED)
        return (
            train,
            test,
            f"fitted on {_some(sets['train'], train)}train, tested on {_some(sets['test'], test)}test",
        )
    together = subsample_evenly(_together(radiographs), MOST)
    if not _enough(together):
        return None
    train, test = split_off(together, HELD_OUT, seed=0)
    if not (_enough(train) and _enough(test)):
        return None
    words = f"tested on {HELD_OUT:.0%} of the patients, held out".replace("%", " %")
    return train, test, f"{words}, of {len(together):,} images" if len(together) < len(radiographs) else words


def _some(whole: ImageSet, part: ImageSet) -> str:
    """Say how many images of a set are taken, where it is not all."""
    return f"{len(part):,} images of " if len(part) < len(whole) else ""


def _enough(images: ImageSet) -> bool:
    counts = np.bincount(images.labels, minlength=len(images.classes))
    return len(counts) > 1 and int(counts.min()) >= MIN_IMAGES


def _together(radiographs: Collection) -> ImageSet:
    labels = np.concatenate([images.labels for images in radiographs.sets.values()])
    known = [images.files for images in radiographs.sets.values()]
    files = {name: np.concatenate([each[name] for each in known]) for name in known[0]}
    return ImageSet(
        radiographs.pixels, labels, radiographs.patients, radiographs.ids, radiographs.classes, files=files
    )


def _mean(images: ImageSet) -> NDArray[np.uint8]:
    """Give the mean image."""
    total = np.zeros((MEAN, MEAN))
    for _, part in stream(images.pixels):
        total += averaged(part, MEAN).sum(axis=0, dtype=np.float64)
    return np.asarray((total / len(images)).round(), dtype=np.uint8)


def _map(images: ImageSet) -> Floats:
    """Give how well the mean grey of each cell of the frame tells the two classes apart, by itself."""
    from scipy.stats import rankdata

    cells = averaged(images.pixels, MAP).reshape(len(images), -1)
    has = images.labels == 1
    ranks = rankdata(cells, axis=0)[has].sum(axis=0)  # Mann-Whitney
    wins = ranks - has.sum() * (has.sum() + 1) / 2
    area = wins / max(1, has.sum() * (~has).sum())
    return np.asarray(area.reshape(MAP, MAP), dtype=np.float64)
