"""Split images by patient: train, validation and test, folds, and budgets of labelled images."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.labels import stratify
from radapt.text import counted


def split_by_patient(
    labels: NDArray[np.int64],
    patients: NDArray[np.str_],
    *,
    fractions: Mapping[str, float],
    seed: int,
    sites: NDArray[np.str_] | None = None,
) -> NDArray[np.str_]:
    """Assign every image to a split, stratified by class, with no patient in two splits.

    A patient belongs to the class, and to the site if sites are given, of most of his or her images. Within a
    class, patients are ordered at random (by the seed and their own names); each goes to the split that is
    furthest below its share of the site, unless that would exceed its share of the class. Every split gets a
    patient of every class that has at least as many patients as there are splits. The order of the images
    does not matter.

    Parameters
    ----------
    labels, patients, sites
        Of each image, (n,); sites are optional.
    fractions
        The share of the images for each split, in (0, 1]; they add up to 1.
    seed
        Seed of the order of the patients.

    Returns
    -------
    ndarray
        The name of each image's split, (n,).

    Raises
    ------
    AskedWrongly
        If the shares are not positive or do not add up to 1.
    """
    if min(fractions.values(), default=0) <= 0 or not math.isclose(sum(fractions.values()), 1):
        raise AskedWrongly(f"The shares of the splits are positive and add up to 1. Got {dict(fractions)}.")
    names, rows = np.unique(patients, return_inverse=True)
    sizes = np.bincount(rows, minlength=len(names))
    strata, places = _majority(labels, rows, len(names)), np.zeros(len(names), dtype=np.intp)
    if sites is not None:
        places = _majority(np.unique(sites, return_inverse=True)[1], rows, len(names))
    order = np.argsort(_draws(names, seed), kind="stable")
    shares = list(fractions.values())
    chosen = np.zeros(len(names), dtype=np.intp)
    for stratum in np.unique(strata):
        members = order[strata[order] == stratum]
        chosen[members] = _deal(sizes[members].tolist(), places[members].tolist(), shares)
    return np.array(list(fractions), dtype=np.str_)[chosen[rows]]


def _deal(sizes: Sequence[int], sites: Sequence[int], shares: Sequence[float]) -> list[int]:
    """Distribute the patients of one class to splits with these shares; return the split of each.

    Parameters
    ----------
    sizes, sites
        The number of images and the site of each patient.
    shares
        The share of each split; they add up to 1.
    """
    class_shares = _Shares(sum(sizes), shares)
    of_site = {site: _Shares(size, shares) for site, size in _totals(sites, sizes).items()}
    dealt = []
    for turn, (size, site) in enumerate(zip(sizes, sites, strict=True)):
        site_shares, room = of_site[site], class_shares.with_room(size)
        empty = [split for split, filled in enumerate(class_shares.filled) if not filled]
        if len(sizes) - turn <= len(empty):  # the last patients go to the empty splits
            split = empty[0]
        elif not room:
            split = min(range(len(shares)), key=lambda split: class_shares.level(split, size))
        elif with_room := [split for split in site_shares.with_room(size) if split in room]:
            split = min(with_room, key=site_shares.level)
        else:  # every split is full for a site of few patients
            split = min(room, key=lambda split: (site_shares.level(split, size), class_shares.level(split)))
        dealt.append(split)
        class_shares.filled[split] += size
        site_shares.filled[split] += size
    return dealt


class _Shares:
    """The target and the current number of images of each split."""

    def __init__(self, total: int, shares: Sequence[float]) -> None:
        self.targets = [share * total for share in shares]
        self.filled = [0] * len(shares)

    def with_room(self, size: int) -> list[int]:
        """Return the splits that can take `size` more images without exceeding their target."""
        pairs = enumerate(zip(self.filled, self.targets, strict=True))
        return [split for split, (filled, target) in pairs if filled + size <= target]

    def level(self, split: int, more: int = 0) -> float:
        """Return how full a split is, or would be with `more` images; 1 is its target."""
        return (self.filled[split] + more) / self.targets[split]


def _totals(sites: Sequence[int], sizes: Sequence[int]) -> Counter[int]:
    totals: Counter[int] = Counter()
    for site, size in zip(sites, sizes, strict=True):
        totals[site] += size
    return totals


def split_off(images: ImageSet, fraction: float, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Split a part off a set by patient, stratified by class; return the rest, then the part.

    A class of two or more patients has at least one on each side; an only patient stays in the rest.

    Parameters
    ----------
    images
        The set to divide.
    fraction
        The share of the images in the part, between 0 and 1.
    seed
        Seed of the selection of patients.

    Raises
    ------
    AskedWrongly
        If the fraction is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise AskedWrongly(f"The share to set aside is between 0 and 1. Got {fraction}.")
    fractions = {"rest": 1 - fraction, "part": fraction}
    sites = images.columns.get("site")
    sides = split_by_patient(
        stratify(images.labels), images.patients, fractions=fractions, seed=seed, sites=sites
    )
    return images.take(np.flatnonzero(sides == "rest")), images.take(np.flatnonzero(sides == "part"))


def fold_of(images: ImageSet, folds: int, *, seed: int) -> NDArray[np.intp]:
    """Assign each image to a fold by patient, stratified by class (and site, if the set has sites).

    Every fold has a patient of every class. A patient with images of several classes belongs to the class of
    most of them.

    Parameters
    ----------
    images
        The set to divide.
    folds
        The number of folds, 2 or more.
    seed
        Seed of the selection of patients.

    Returns
    -------
    NDArray[np.intp]
        (n,), folds counted from 0.

    Raises
    ------
    AskedWrongly
        If there are fewer than two folds, or a class has fewer patients than there are folds.
    """
    if folds < 2:
        raise AskedWrongly(f"A set is divided into 2 folds or more. Got {folds}.")
    strata, fewest = stratify(images.labels), most_folds(images)
    if fewest < folds:
        raise AskedWrongly(
            f"Every fold needs a patient of each class. The rarest class has {fewest}; got {folds} folds."
        )
    shares = {str(fold): 1 / folds for fold in range(folds)}
    named = split_by_patient(
        strata, images.patients, fractions=shares, seed=seed, sites=images.columns.get("site")
    )
    return named.astype(np.intp)


def most_folds(images: ImageSet) -> int:
    """Return how many patients the rarest class has, each patient being of the class of most images."""
    strata = stratify(images.labels)
    names, rows = np.unique(images.patients, return_inverse=True)
    tally = np.bincount(_majority(strata, rows, len(names)), minlength=int(strata.max(initial=0)) + 1)
    return int(tally[np.unique(strata)].min(initial=len(names)))


def choose_budget(images: ImageSet, count: int, *, seed: int) -> ImageSet:
    """Select exactly `count` images by whole patients, with the class proportions of the set.

    Only the last patient of a class may be included in part. With the same seed, a larger budget contains
    all images of a smaller one: places are given to classes by Webster's divisor method, after one for each
    class, and patients within a class are in random order.

    Parameters
    ----------
    images
        The set to select from.
    count
        The number of images: at least one for each class in the set, at most all.
    seed
        Seed of the selection of patients.

    Raises
    ------
    AskedWrongly
        If there are fewer images, or more classes than `count`.
    """
    strata = stratify(images.labels)
    present = np.unique(strata)
    if count > len(images):
        raise AskedWrongly(
            f"A budget of {count} is more than there is: {counted(len(images), 'labelled image')}."
        )
    if count < max(1, len(present)):
        raise AskedWrongly(
            f"A budget of {counted(count, 'image')} cannot hold one of each of "
            f"{counted(len(present), 'class', 'classes')}: give {max(1, len(present))} or more."
        )
    draws = _draws(images.patients, seed)
    order = np.lexsort((images.ids, images.patients, draws))
    ranked = [order[strata[order] == stratum] for stratum in present]
    # The k-th place of a class of n images has the priority n / (k - 1/2); first places come first of all.
    priorities = [len(rows) / (np.arange(len(rows)) + 0.5) for rows in ranked]
    for priority in priorities:
        priority[0] = np.inf
    places = np.argsort(-np.concatenate(priorities), kind="stable")[:count]
    return images.take(np.sort(np.concatenate(ranked)[places]))


def choose_patients(images: ImageSet, count: int, *, seed: int) -> ImageSet:
    """Select all images of `count` patients, with the class proportions of the patients.

    Raises
    ------
    AskedWrongly
        As for `choose_budget`, for patients.
    """
    _, first = np.unique(images.patients, return_index=True)
    one_each = images.take(np.sort(first))
    if count > len(one_each):
        raise AskedWrongly(f"There are {len(one_each):,} labelled patients. Got a budget of {count:,}.")
    chosen = choose_budget(one_each, count, seed=seed)
    return images.take(np.isin(images.patients, chosen.patients))


def _majority(labels: NDArray[np.int64], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the most common label of each patient, the smaller one of a tie."""
    kinds = int(labels.max(initial=0)) + 1
    tally = np.bincount(rows * kinds + labels, minlength=count * kinds).reshape(count, kinds)
    most: NDArray[np.intp] = np.argmax(tally, axis=1)
    return most


def _draws(patients: NDArray[np.str_], seed: int) -> NDArray[np.uint64]:
    """Return a random number for each patient, which depends on the seed and the patient's name alone."""
    drawn = {
        name: int.from_bytes(hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest())
        for name in np.unique(patients).tolist()
    }
    return np.array([drawn[name] for name in patients.tolist()], dtype=np.uint64)
