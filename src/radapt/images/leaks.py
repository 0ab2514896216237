"""Test images that a model has learned from: the same patients, or the same pixels, on both sides."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radapt.images.digests import digests_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.patients import EACH_FILE, PUBLISHED
from radapt.text import counted

_ROWS = 8  # of an image that are looked at first


def pixel_digests(images: ImageSet) -> NDArray[np.uint64]:
    """Give the digests of a set, (n,): equal ones are of equal pixels. Those of a store are read from it."""
    return digests_of(images.pixels) if images.digests is None else images.digests


def with_leaks(data: Dataset) -> Dataset:
    """Add to what every page has to say of a data set whose test images stand among those to learn from.

    Everything but `test` is learned from. Patients are compared where they are known and the data set came
    split, and pixels always; images of one grey throughout are nobody's.
    """
    known = data.origin.patient_rule != EACH_FILE and not data.split_here
    return _noted(data, _leaks_into(data, data, known, "that a model learns from"))


def with_leaks_between(source: Dataset, target: Dataset) -> Dataset:
    """Add the same of two data sets to what is said of the second: the first's test images, and its own.

    Patients are compared where both go by the numbers of one published data set.
    """
    rule = source.origin.patient_rule
    known = rule in PUBLISHED and rule == target.origin.patient_rule
    both = [(source, target), (target, source)]
    return _noted(
        target,
        [
            notice
            for learned, tested in both
            for notice in _leaks_into(
                tested, learned, known, f"of {learned.origin.name} that a model learns from"
            )
        ],
    )


def _noted(data: Dataset, notices: list[str]) -> Dataset:
    new = tuple(dict.fromkeys((*data.origin.notices, *notices)))
    return replace(data, origin=replace(data.origin, notices=new))


def _leaks_into(tested: Dataset, learned: Dataset, by_patient: bool, where: str) -> list[str]:
    test = tested.splits.get("test")
    learns = [images for name, images in learned.splits.items() if name != "test"]
    if test is None or not learns:
        return []
    found = []
    same = _among(test, learns)
    if same.any():
        found.append(
            f"{int(same.sum()):,} of the {counted(len(test), 'test image')} of {tested.origin.name} "
            f"{'is' if same.sum() == 1 else 'are'}, pixel for pixel, among the images {where}. "
            "Scores on them look better than they are."
        )
    patients = set(test.patients.tolist())
    shared = patients & {name for images in learns for name in images.patients.tolist()}
    if by_patient and shared:
        found.append(
            f"{len(shared):,} of the {counted(len(patients), 'test patient')} of {tested.origin.name} "
            f"{'has' if len(shared) == 1 else 'have'} images among those {where}. "
            "Scores on them look better than they are."
        )
    return found


def _among(test: ImageSet, learns: Sequence[ImageSet]) -> NDArray[np.bool_]:
    """Say of each image whether its pixels are those of one of the others, unless it is of one grey.

    Of sets that keep no digests a few rows of each image are looked at first, so that little of large
    ones is.
    """
    if all(images.digests is not None for images in (test, *learns)):
        same = np.isin(pixel_digests(test), np.concatenate([pixel_digests(images) for images in learns]))
    else:
        same = _by_pixels(test, learns)
    same[[row for row in np.flatnonzero(same) if np.ptp(test.pixels[row]) == 0]] = False
    return same


def _by_pixels(test: ImageSet, learns: Sequence[ImageSet]) -> NDArray[np.bool_]:
    rough = [digests_of(images.pixels[:, :: max(1, images.pixels.shape[1] // _ROWS)]) for images in learns]
    mine = digests_of(test.pixels[:, :: max(1, test.pixels.shape[1] // _ROWS)])
    rows = np.flatnonzero(np.isin(mine, np.concatenate(rough)))
    theirs = [
        digests_of(images.pixels[np.flatnonzero(np.isin(some, mine))])
        for images, some in zip(learns, rough, strict=True)
    ]
    same = np.zeros(len(test), dtype=np.bool_)
    same[rows] = np.isin(digests_of(test.pixels[rows]), np.concatenate(theirs))
    return same
