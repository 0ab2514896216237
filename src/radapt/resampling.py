"""Bootstrap samples of patients: drawn class by class, each patient with all films."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def draw_weights(
    labels: NDArray[np.int64], patients: NDArray[np.str_], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw bootstrap samples of patients, class by class, as counts of each image.

    Patients are drawn with replacement among those with films of the same classes, as many as there are,
    and each brings all its films, so every sample holds every class. A patient who is alone in having
    its mixture of classes is drawn among those of the class that most of its films have, since a
    group of one would be the same in every sample.

    Parameters
    ----------
    labels
        (n,), the class of each image.
    patients
        (n,), whose it is.
    draws
        How many samples, B.
    rng
        Where chance comes from. Equal generators give an image the same counts in any order of images.

    Returns
    -------
    NDArray[np.float64]
        (B, n), how often each image is in each sample: whole numbers, 0 or more.
    """
    return draw_from(groups_of(labels, patients), draws, rng)


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Patients in groups that are drawn from apart."""

    patient_of: NDArray[np.intp]  # (n,), the patient of each image, as a number
    members: tuple[NDArray[np.intp], ...]  # the patients of each group


def groups_of(labels: NDArray[np.int64], patients: NDArray[np.str_]) -> Groups:
    """Group patients by the classes that they have films of; one alone in its mixture by its commonest."""
    names, patient_of = np.unique(patients, return_inverse=True)
    films = np.zeros((len(names), int(labels.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(films, (patient_of, labels), 1)
    has = films > 0
    _, group, sizes = np.unique(has, axis=0, return_inverse=True, return_counts=True)
    alone = sizes[group.reshape(-1)] == 1
    has[alone] = np.eye(films.shape[1], dtype=bool)[films[alone].argmax(axis=1)]
    kinds, group = np.unique(has, axis=0, return_inverse=True)
    group = group.reshape(-1)
    return Groups(patient_of, tuple(np.flatnonzero(group == kind) for kind in range(len(kinds))))


def one_group(patients: NDArray[np.str_]) -> Groups:
    """Put all patients in one group, whatever their classes."""
    names, patient_of = np.unique(patients, return_inverse=True)
    return Groups(patient_of, (np.arange(len(names)),))


def draw_from(groups: Groups, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw samples from groups, as counts of each image (B, n)."""
    counts = np.empty((draws, sum(map(len, groups.members))))
    for members in groups.members:
        size = len(members)
        picks = rng.integers(0, size, (draws, size))
        picks += size * np.arange(draws)[:, None]
        counts[:, members] = np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size)
    return np.asarray(counts[:, groups.patient_of], dtype=np.float64)
