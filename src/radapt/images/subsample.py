"""Subsample a data set, by whole patients or evenly spaced."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from radapt.images.imageset import ImageSet


def sample_patients(patients: NDArray[np.str_], max_images: int, *, seed: int) -> NDArray[np.intp]:
    """Return the rows, in order, of a random selection of patients with at most `max_images` images in total.

    All rows if there are no more images; at least one patient.
    """
    if len(patients) <= max_images:
        return np.arange(len(patients))
    numbers = np.unique(patients, return_inverse=True)[1]
    images = np.bincount(numbers)
    order = np.random.default_rng(seed).permutation(len(images))
    taken = order[: max(1, int((images[order].cumsum() <= max_images).sum()))]
    return np.flatnonzero(np.isin(numbers, taken))


def sample_images(sets: Iterable[ImageSet], max_images: int, *, seed: int) -> ImageSet:
    """Return a sample of several sets of the same classes as one set; see `sample_patients`."""
    parts = list(sets)
    chosen = sample_patients(np.concatenate([part.patients for part in parts]), max_images, seed=seed)
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


def subsample_evenly(images: ImageSet, max_images: int) -> ImageSet:
    """Return at most `max_images` images, evenly spaced over the set."""
    return images if len(images) <= max_images else images.take(even_rows(len(images), max_images))


def even_rows(images: int, max_images: int) -> NDArray[np.intp]:
    """Return the numbers of at most `max_images` images, evenly spaced over a set; all of a smaller one."""
    taken = min(images, max_images)
    return ((np.arange(taken) + 0.5) * images / max(1, taken)).astype(np.intp)
