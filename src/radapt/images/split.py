"""Which patients go where: no patient is ever on two sides."""

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
    """Name a split for every image, so that no patient is in two and each class is spread alike.

    Each patient belongs to the class of most of his or her images, and to the site of most of them where
    sites are given. Within a class patients come in an order drawn from the seed and their own names, and
    each goes to the split that is furthest from its share of images of the patient's site and has room,
    without going beyond its share of the class. Every split gets a patient of every class that has as many
    patients as there are splits, however many sites they are of. The order of the images does not matter.

    Parameters
    ----------
    labels, patients, sites
        Of each image, (n,).
    fractions
        For each split its share of the images, in (0, 1]; together 1.
    seed
        Draws the order of the patients.

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
    """Deal patients of one class to splits with these shares, and give the split of each.

    Parameters
    ----------
    sizes, sites
        Of each patient how many images there are, and where they were taken.
    shares
        Of each split, together 1.
    """
    whole = _Shares(sum(sizes), shares)
    of_site = {site: _Shares(size, shares) for site, size in _totals(sites, sizes).items()}
    dealt = []
    for turn, (size, site) in enumerate(zip(sizes, sites, strict=True)):
        own, room = of_site[site], whole.with_room(size)
        empty = [split for split, filled in enumerate(whole.filled) if not filled]
        if len(sizes) - turn <= len(empty):  # the last patients are for the splits that have none
            split = empty[0]
        elif not room:
            split = min(range(len(shares)), key=lambda split: whole.level(split, size))
        elif both := [split for split in own.with_room(size) if split in room]:
            split = min(both, key=own.level)
        else:  # a site of few patients has no room anywhere
            split = min(room, key=lambda split: (own.level(split, size), whole.level(split)))
        dealt.append(split)
        whole.filled[split] += size
        own.filled[split] += size
    return dealt


class _Shares:
    """How many images of a kind each split is to have, and has."""

    def __init__(self, total: int, shares: Sequence[float]) -> None:
        self.targets = [share * total for share in shares]
        self.filled = [0] * len(shares)

    def with_room(self, size: int) -> list[int]:
        """Give the splits that can take so many images more."""
        pairs = enumerate(zip(self.filled, self.targets, strict=True))
        return [split for split, (filled, target) in pairs if filled + size <= target]

    def level(self, split: int, more: int = 0) -> float:
        """Give how full a split is, or would be with so many images more."""
        return (self.filled[split] + more) / self.targets[split]


def _totals(sites: Sequence[int], sizes: Sequence[int]) -> Counter[int]:
    totals: Counter[int] = Counter()
    for site, size in zip(sites, sizes, strict=True):
        totals[site] += size
    return totals


def split_off(images: ImageSet, fraction: float, *, seed: int) -> tuple[ImageSet, ImageSet]:
    """Carve a part off a set, by patient and class: what is left, then the part.

    A class with two patients or more keeps one at least on each side; the only patient of a class stays.

    Parameters
    ----------
    images
        The set to divide.
    fraction
        The share of the images to carve off, between 0 and 1.
    seed
        Draws the patients.

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
    """Give each image one of `folds` folds, by patient and class (and site, where the set knows sites).

    Every patient is in one fold, and every fold has a patient of every class. A patient with images of
    several classes counts for the class of most of them.

    Parameters
    ----------
    images
        The set to divide.
    folds
        How many, 2 or more.
    seed
        Draws the patients.

    Returns
    -------
    NDArray[np.intp]
        (n,), from 0.

    Raises
    ------
    AskedWrongly
        If there are fewer than two folds, or a class has fewer patients than there are folds.
    """
    if folds < 2:
        raise AskedWrongly(f"A set is divided into 2 folds or more. Got {folds}.")
    strata = stratify(images.labels)
    names, rows = np.unique(images.patients, return_inverse=True)
    tally = np.bincount(_majority(strata, rows, len(names)), minlength=int(strata.max(initial=0)) + 1)
    fewest = int(tally[np.unique(strata)].min(initial=len(names)))
    if fewest < folds:
        raise AskedWrongly(
            f"Every fold needs a patient of each class. The rarest class has {fewest}; got {folds} folds."
        )
    shares = {str(fold): 1 / folds for fold in range(folds)}
    named = split_by_patient(
        strata, images.patients, fractions=shares, seed=seed, sites=images.columns.get("site")
    )
    return named.astype(np.intp)


def choose_budget(images: ImageSet, count: int, *, seed: int) -> ImageSet:
    """Choose exactly `count` images with the classes in the proportions of the set, by whole patients.

    Of the last patient of a class only as many images are taken as are needed. With one seed the images of a
    smaller budget are all in a larger one: places go to the classes one by one (the divisor method of
    Webster, the first place of each class given), and within a class patients come in a drawn order.

    Parameters
    ----------
    images
        The set to choose from.
    count
        How many images: at least one for each class that the set has, at most all.
    seed
        Draws the patients.

    Raises
    ------
    AskedWrongly
        If there are not so many images, or fewer than classes are asked for.
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
    # The k-th place of a class of n images has the priority n / (k - 1/2); the first comes before all others.
    priorities = [len(rows) / (np.arange(len(rows)) + 0.5) for rows in ranked]
    for priority in priorities:
        priority[0] = np.inf
    places = np.argsort(-np.concatenate(priorities), kind="stable")[:count]
    return images.take(np.sort(np.concatenate(ranked)[places]))


def choose_patients(images: ImageSet, count: int, *, seed: int) -> ImageSet:
    """Choose all images of `count` patients, classes in the proportions that patients have.

    Raises
    ------
    AskedWrongly
        As for `choose_budget`, of patients.
    """
    _, first = np.unique(images.patients, return_index=True)
    one_each = images.take(np.sort(first))
    if count > len(one_each):
        raise AskedWrongly(f"There are {len(one_each):,} labelled patients. Got a budget of {count:,}.")
    chosen = choose_budget(one_each, count, seed=seed)
    return images.take(np.isin(images.patients, chosen.patients))


def _majority(labels: NDArray[np.int64], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Give the label that most images of each patient have; the smaller of two that are even."""
    kinds = int(labels.max(initial=0)) + 1
    tally = np.bincount(rows * kinds + labels, minlength=count * kinds).reshape(count, kinds)
    most: NDArray[np.intp] = np.argmax(tally, axis=1)
    return most


def _draws(patients: NDArray[np.str_], seed: int) -> NDArray[np.uint64]:
    """Draw a number for each patient from the seed and the patient's name alone."""
    drawn = {
        name: int.from_bytes(hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest())
        for name in np.unique(patients).tolist()
    }
    return np.array([drawn[name] for name in patients.tolist()], dtype=np.uint64)
