"""Population shifts: whole patients are kept or dropped, and no image changes.

Patients are dropped in a random order that depends on (seed, patient) alone. So a stronger shift drops all
patients that a weaker one drops, and more. A class that has images keeps at least one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.images.columns import AGE, normalise
from radapt.images.imageset import ImageSet
from radapt.labels import positive_class
from radapt.shift.counter_rng import image_keys, uniform
from radapt.shift.draws import Draws
from radapt.shift.options import check_range
from radapt.text import listed

Rows = NDArray[np.intp]

STAY = 0.9  # quantile of the patients' ages, in the direction of the shift, above which nobody is dropped


@dataclass(frozen=True, slots=True)
class Prevalence:
    """Another prevalence of the finding, as between a ward and a screening.

    Patients with the finding are dropped until its share of the images is nearest to `share`; if it is rarer
    than that, patients without it are dropped. Images of one class look as before, which is label shift
    (Lipton et al., "Detecting and correcting for label shift with black box predictors", 2018).
    """

    share: float = 0.2  # share of the kept images with the finding

    name: ClassVar[str] = "prevalence"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return no columns: the images that are kept are unchanged."""
        return {}

    def select(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> Rows:  # noqa: ARG002
        """Return the rows of the patients that are kept.

        Raises
        ------
        AskedWrongly
            If the images are not of two classes.
        """
        if not images.exclusive or len(images.classes) != 2:
            kind = "classes" if images.exclusive else "findings"
            raise AskedWrongly(
                "The shift 'prevalence' takes images of two classes, one of which is the finding. "
                f"Got {len(images.classes)} {kind}: {listed(images.classes)}."
            )
        owner, order = _in_order(images, seed, "prevalence.patient")
        positive = images.labels == positive_class(images.classes)
        n_images = np.bincount(owner, minlength=len(order))
        n_positive = np.bincount(owner[positive], minlength=len(order))
        surplus = n_positive > 0 if positive.sum() > self.share * len(positive) else n_positive < n_images
        out = order[surplus[order]]
        images_left = len(positive) - np.append(
            0, np.cumsum(n_images[out])
        )  # after dropping the first 0, 1, 2, ... patients
        positives_left = positive.sum() - np.append(0, np.cumsum(n_positive[out]))
        fit = np.flatnonzero((positives_left > 0) & (positives_left < images_left))
        if not len(fit):  # one class alone
            return np.arange(len(images))
        off = np.abs(positives_left[fit] / images_left[fit] - self.share)
        return np.flatnonzero(~np.isin(owner, out[: fit[off.argmin()]]))


@dataclass(frozen=True, slots=True)
class Subsample:
    """Fewer patients, as in a smaller hospital."""

    share: float = 0.4  # share of the patients that are kept

    name: ClassVar[str] = "subsample"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return no columns: the images that are kept are unchanged."""
        return {}

    def select(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> Rows:  # noqa: ARG002
        """Return the rows of the patients that are kept: at least one of each class."""
        owner, order = _in_order(images, seed, "subsample.patient")
        taken = np.zeros(len(order), dtype=np.bool_)
        taken[order[: round(self.share * len(order))]] = True
        for number in range(len(images.classes)):
            own = images.labels == number if images.exclusive else images.labels[:, number] == 1
            patients = np.bincount(owner[own], minlength=len(order)) > 0
            if patients.any() and not (patients & taken).any():
                taken[order[patients[order]][0]] = True
        return np.flatnonzero(taken[owner])


@dataclass(frozen=True, slots=True)
class AgeMix:
    """Older or younger patients.

    Patients are dropped one by one until the mean age of the images has changed by `years`, or as far as
    possible. Their order is drawn without replacement, weighted by how much younger (or older) than the
    `STAY` quantile each is (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). So
    the age distribution is tilted, not truncated, and the prevalence changes as it does with age: labels are
    only used to keep an image of each class. A patient's age is the mean over the images; patients of unknown
    age count as of mean age.
    """

    years: float = 15.0  # change of the mean age; negative: younger

    name: ClassVar[str] = "age-mix"

    def __post_init__(self) -> None:
        check_range("years", self.years, -90, 90)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return no columns: the images that are kept are unchanged."""
        return {}

    def select(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> Rows:  # noqa: ARG002
        """Return the rows of the patients that are kept.

        Raises
        ------
        AskedWrongly
            If no image's age is known.
        """
        ages = _ages(images)
        owner, drawn = _drawn(images, seed, "age-mix.patient")
        if not len(owner) or not self.years:
            return np.arange(len(images))
        known = np.isfinite(ages)
        n_images, sums = (np.bincount(owner[known], part[known]) for part in (np.ones_like(ages), ages))
        n_images, sums = (np.pad(part, (0, len(drawn) - len(part))) for part in (n_images, sums))
        mean = np.divide(sums, n_images, out=np.full_like(sums, ages[known].mean()), where=n_images > 0)
        ahead = np.sign(self.years) * mean  # larger: dropped later
        weight = np.maximum(np.quantile(ahead, STAY) - ahead, 0)
        leaves = -np.log1p(-drawn[weight > 0]) / weight[weight > 0]
        out = np.flatnonzero(weight > 0)[np.argsort(leaves, kind="stable")]
        out = out[: _most_out(images, owner, out)]
        left = n_images.sum() - np.append(
            0, np.cumsum(n_images[out])
        )  # after dropping the first 0, 1, 2, ... patients
        total = sums.sum() - np.append(0, np.cumsum(sums[out]))
        moved = np.sign(self.years) * (total / left - total[0] / left[0])
        reached = np.flatnonzero(moved >= abs(self.years))
        count = reached[0] if len(reached) else moved.argmax()
        return np.flatnonzero(~np.isin(owner, out[:count]))


def _ages(images: ImageSet) -> NDArray[np.float64]:
    """Return the age of each image's patient in years, (n,); NaN where unknown."""
    known_ages = (
        [normalise(AGE, text) for text in images.columns[AGE].tolist()] if AGE in images.columns else []
    )
    if len(images) and not any(known_ages):
        raise AskedWrongly(
            "The shift 'age-mix' needs the ages of the patients, and none is known for these images. Name "
            "the table's column of ages with --age (age= in Python); ages in DICOM tags and in the tables "
            "of NIH, CheXpert and PadChest are found without it. Pack a store without ages again."
        )
    return np.array([float(text) if text else np.nan for text in known_ages])


def _most_out(images: ImageSet, owner: Rows, out: Rows) -> int:
    """Return how many of these patients, in order, can be dropped before a class has no image left."""
    place = np.full(owner.max() + 1, len(out))
    place[out] = np.arange(len(out))
    last = place[owner]  # how many patients can be dropped before this image is
    classes = range(len(images.classes))
    labelled = (
        images.labels == each if images.exclusive else images.labels[:, each] == 1 for each in classes
    )
    return min((int(last[own].max()) for own in labelled if own.any()), default=len(out))


def _in_order(images: ImageSet, seed: int, name: str) -> tuple[Rows, Rows]:
    """Return the patient number of each image, and the patient numbers in random order."""
    owner, drawn = _drawn(images, seed, name)
    return owner, np.argsort(drawn, kind="stable")


def _drawn(images: ImageSet, seed: int, name: str) -> tuple[Rows, NDArray[np.float64]]:
    """Return the patient number of each image, and a draw from 0 to 1 for each patient."""
    patients, owner = np.unique(images.patients, return_inverse=True)
    return owner, uniform(image_keys(patients), seed, name)
