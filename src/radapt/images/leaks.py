"""Find leaks: test images whose patients or pixels are also among the images to learn from."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radapt.images.digests import digests_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import Notice
from radapt.images.patients import EACH_FILE, PUBLISHED
from radapt.text import counted

_ROWS = 8  # rows of each image that are compared first


def pixel_digests(images: ImageSet) -> NDArray[np.uint64]:
    """Return a digest of each image's pixels, (n,); a store's are not computed again."""
    return digests_of(images.pixels) if images.digests is None else images.digests


def with_leaks(data: Dataset) -> Dataset:
    """Add a notice if test images of a data set are also in one of its other splits.

    Pixels are always compared, except those of images of one grey level. Patients are compared if they are
    known and the data set was split already.
    """
    known = data.origin.patient_rule != EACH_FILE and not data.split_here
    return _noted(data, _leaks_into(data, data, known, "that a model learns from"))


def with_leaks_between(source: Dataset, target: Dataset) -> Dataset:
    """Add notices of leaks between two data sets, in both directions, to the second.

    Patients are compared only if both use the patient numbers of the same published data set.
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


def count_copies(parts: Sequence[ImageSet]) -> int:
    """Count the images of which another part has the same pixels; those of one grey level are not counted."""
    others = [[other for other in parts if other is not part] for part in parts]
    return sum(int(_among(part, rest).sum()) for part, rest in zip(parts, others, strict=True))


def _noted(data: Dataset, notices: list[Notice]) -> Dataset:
    new = tuple(dict.fromkeys((*data.origin.notices, *notices)))
    return replace(data, origin=replace(data.origin, notices=new))


def _leaks_into(tested: Dataset, learned: Dataset, by_patient: bool, where: str) -> list[Notice]:
    test = tested.splits.get("test")
    learned_sets = [images for name, images in learned.splits.items() if name != "test"]
    if test is None or not learned_sets:
        return []
    sentences = []
    same = _among(test, learned_sets)
    if same.any():
        sentences.append(
            f"{int(same.sum()):,} of the {counted(len(test), 'test image')} of {tested.origin.name} "
            f"{'is' if same.sum() == 1 else 'are'}, pixel for pixel, among the images {where}. "
            "Scores on them look better than they are."
        )
    patients = set(test.patients.tolist())
    shared = patients & {name for images in learned_sets for name in images.patients.tolist()}
    if by_patient and shared:
        sentences.append(
            f"{len(shared):,} of the {counted(len(patients), 'test patient')} of {tested.origin.name} "
            f"{'has' if len(shared) == 1 else 'have'} images among those {where}. "
            "Scores on them look better than they are."
        )
    return [Notice("leak", "invalid", text) for text in sentences]


def _among(test: ImageSet, learns: Sequence[ImageSet]) -> NDArray[np.bool_]:
    """Say of each test image whether another set has the same pixels; False for images of one grey level.

    Without stored digests, a few rows of each image are compared first, so that little of large sets is read.
    """
    if all(images.digests is not None for images in (test, *learns)):
        same = np.isin(pixel_digests(test), np.concatenate([pixel_digests(images) for images in learns]))
    else:
        same = _by_pixels(test, learns)
    same[[row for row in np.flatnonzero(same) if np.ptp(test.pixels[row]) == 0]] = False
    return same


def _by_pixels(test: ImageSet, learns: Sequence[ImageSet]) -> NDArray[np.bool_]:
    rough_learned = [
        digests_of(images.pixels[:, :: max(1, images.pixels.shape[1] // _ROWS)]) for images in learns
    ]
    rough_test = digests_of(test.pixels[:, :: max(1, test.pixels.shape[1] // _ROWS)])
    rows = np.flatnonzero(np.isin(rough_test, np.concatenate(rough_learned)))
    learned = [
        digests_of(images.pixels[np.flatnonzero(np.isin(rough, rough_test))])
        for images, rough in zip(learns, rough_learned, strict=True)
    ]
    same = np.zeros(len(test), dtype=np.bool_)
    same[rows] = np.isin(digests_of(test.pixels[rows]), np.concatenate(learned))
    return same
