"""Population: who is X-rayed. Whole patients are taken or left; no film changes.

Patients are left out in the order of a draw from (seed, patient) alone, whatever the order of their films; so
a stronger shift leaves out whom a weaker one does, and more. No class is emptied that has films.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.labels import finding_of
from radapt.shift.draws import Draws
from radapt.shift.keys import image_keys, uniform
from radapt.shift.options import check_range

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Prevalence:
    """The finding is rarer, or more frequent, than where the films come from.

    As between a ward and a screening: patients with the finding are left out until it has its share of the
    films, to the nearest patient; where it has less already, patients without it. The films of either class
    look as they did, which is what label shift means (Lipton et al., "Detecting and correcting for label
    shift with black box predictors", 2018).
    """

    share: float = 0.2  # of the films that are to have the finding

    name: ClassVar[str] = "prevalence"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Draw nothing for the films that are taken."""
        return {}

    def choose(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> Rows:  # noqa: ARG002
        """Give the rows of the patients that are taken.

        Raises
        ------
        AskedWrongly
            If the films are not of two classes.
        """
        if not images.exclusive or len(images.classes) != 2:
            kind = "classes" if images.exclusive else "findings"
            raise AskedWrongly(
                "The shift 'prevalence' takes films of two classes, one of which is the finding. "
                f"Got {len(images.classes)} {kind}: {', '.join(images.classes)}."
            )
        owner, order = _in_order(images, seed, "prevalence.patient")
        found = images.labels == finding_of(images.classes)
        films = np.bincount(owner, minlength=len(order))
        having = np.bincount(owner[found], minlength=len(order))
        surplus = having > 0 if found.sum() > self.share * len(found) else having < films
        out = order[surplus[order]]
        left_films = len(found) - np.append(0, np.cumsum(films[out]))  # without the first 0, 1, 2 and so on
        left_having = found.sum() - np.append(0, np.cumsum(having[out]))
        fit = np.flatnonzero((left_having > 0) & (left_having < left_films))
        if not len(fit):  # one class alone
            return np.arange(len(images))
        off = np.abs(left_having[fit] / left_films[fit] - self.share)
        return np.flatnonzero(~np.isin(owner, out[: fit[off.argmin()]]))


@dataclass(frozen=True, slots=True)
class Subsample:
    """There are fewer patients, as in a smaller hospital."""

    share: float = 0.4  # of the patients that are taken

    name: ClassVar[str] = "subsample"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Draw nothing for the films that are taken."""
        return {}

    def choose(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> Rows:  # noqa: ARG002
        """Give the rows of the patients that are taken; of a class that would have none, of one patient."""
        owner, order = _in_order(images, seed, "subsample.patient")
        taken = np.zeros(len(order), dtype=np.bool_)
        taken[order[: round(self.share * len(order))]] = True
        for number in range(len(images.classes)):
            own = images.labels == number if images.exclusive else images.labels[:, number] == 1
            patients = np.bincount(owner[own], minlength=len(order)) > 0
            if patients.any() and not (patients & taken).any():
                taken[order[patients[order]][0]] = True
        return np.flatnonzero(taken[owner])


def _in_order(images: ImageSet, seed: int, name: str) -> tuple[Rows, Rows]:
    """Give the patient of each film, as a number, and the patients' numbers in the order of their draw."""
    patients, owner = np.unique(images.patients, return_inverse=True)
    drawn = uniform(image_keys(patients), seed, name)
    return owner, np.argsort(drawn, kind="stable")
