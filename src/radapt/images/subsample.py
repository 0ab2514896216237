"""A part of a data set, drawn evenly or by whole patients."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from radapt.images.imageset import ImageSet


def sample_patients(patients: NDArray[np.str_], most: int, *, seed: int) -> NDArray[np.intp]:
    """Give the rows of as many drawn patients as have no more than `most` images together, in order.

    All rows if there are no more images than that; one patient at the least.
    """
    if len(patients) <= most:
        return np.arange(len(patients))
    numbers = np.unique(patients, return_inverse=True)[1]
    images = np.bincount(numbers)
    order = np.random.default_rng(seed).permutation(len(images))
    taken = order[: max(1, int((images[order].cumsum() <= most).sum()))]
    return np.flatnonzero(np.isin(numbers, taken))


def sample_images(sets: Iterable[ImageSet], most: int, *, seed: int) -> ImageSet:
    """Give images of several sets of the same classes as one, by `some_patients` of all of them."""
    parts = list(sets)
    chosen = sample_patients(np.concatenate([part.patients for part in parts]), most, seed=seed)
    ends = np.cumsum([0, *map(len, parts)])
    taken = [
        part.take(chosen[(chosen >= start) & (chosen < stop)] - start)
        for part, start, stop in zip(parts, ends, ends[1:], strict=False)
    ]
    return ImageSet(
        pixels=np.concatenate([part.pixels for part in taken]),
        labels=np.concatenate([part.labels for part in taken]),
        patients=np.concatenate([part.patients for part in taken]),
        ids=np.concatenate([part.ids for part in taken]),
        classes=parts[0].classes,
    )


def subsample_evenly(images: ImageSet, most: int) -> ImageSet:
    """Give at most so many images, evenly spread over the set."""
    if len(images) <= most:
        return images
    return images.take(((np.arange(most) + 0.5) * len(images) / most).astype(np.intp))
