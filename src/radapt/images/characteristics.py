"""Characteristics of groups of images and their patients ("Table 1"), with standardised differences.

Numbers, prevalence, and what is known of age, sex, view, site and device. Age and sex are of patients, by the
first image that says them; the rest is of images.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radapt.images.columns import AGE, DEVICE, SEX, SITE, VIEW
from radapt.images.imageset import ImageSet
from radapt.labels import positive_class

MAX_LEVELS = 8  # of a characteristic, the most frequent first; the others are counted together
OTHERS = "others"
PREVALENCE = "prevalence"
OF_PATIENTS = (AGE, SEX)


@dataclass(frozen=True, slots=True)
class Cell:
    """A characteristic in a group: the mean of numbers, or the share with a value."""

    value: float | None  # of those known; None if none is
    sd: float | None  # of numbers; None of a share
    count: int | None  # with the value; None of a mean
    known: int  # images or patients of whom it is known
    missing: int


@dataclass(frozen=True, slots=True)
class Row:
    """A characteristic, or one of its values, in each group."""

    name: str  # "prevalence", "age", "sex", "view", "site" or "device"
    level: str  # the value whose share it is; "" of a mean
    of: str  # "images" or "patients"
    cells: tuple[Cell, ...]
    difference: float | None  # standardised, of the second side less the first; None if not defined


def characteristics(
    groups: Mapping[str, ImageSet], first: Sequence[str] = (), second: Sequence[str] = ()
) -> dict[str, Any]:
    """Describe groups of images, for JSON; empty groups are left out.

    Parameters
    ----------
    groups
        The images of each group, such as "source train".
    first, second
        The groups on either side of the standardised differences; without them there are none. The
        difference is that of means over the root of the mean variance, and of shares alike with the variance
        p (1 - p) (Austin 2009, Statistics in Medicine 28:3083). It is not defined where neither side varies.

    Returns
    -------
    dict
        "groups": name, images and patients of each; "compared": the names on either side; "rows": those of
        `Row`. A characteristic that no group knows has none.
    """
    groups_with_images = {name: images for name, images in groups.items() if len(images)}
    names = list(groups_with_images)
    sides = [[names.index(name) for name in side if name in groups_with_images] for side in (first, second)]
    if not all(sides):
        sides = [[], []]
    sets = list(groups_with_images.values())
    rows = [*_prevalences(sets, sides)]
    for name in (AGE, SEX, VIEW, SITE, DEVICE):
        rows += _rows(name, [_values(images, name) for images in sets], sides)
    return {
        "groups": [
            {"name": name, "images": len(images), "patients": len(set(images.patients.tolist()))}
            for name, images in groups_with_images.items()
        ],
        "compared": [[names[number] for number in side] for side in sides],
        "rows": [asdict(row) for row in rows],
    }


def _prevalences(sets: Sequence[ImageSet], sides: Sequence[Sequence[int]]) -> Iterator[Row]:
    """Yield the share of each finding or class; of two classes that of the positive one."""
    if not sets:
        return
    classes, exclusive = sets[0].classes, sets[0].exclusive
    numbers = [positive_class(classes)] if exclusive and len(classes) == 2 else range(len(classes))
    for number in numbers:
        counts = [_labelled(images, classes[number]) for images in sets]
        yield _share(PREVALENCE, classes[number], "images", {"yes"}, counts, sides)


def _labelled(images: ImageSet, name: str) -> tuple[Counter[str], int]:
    """Count the images that are and are not of a class, and those of which it is not known."""
    if name not in images.classes:
        return Counter(), len(images)
    number = images.classes.index(name)
    yes, no = (
        (images.labels == number, images.labels != number)
        if images.exclusive
        else (images.labels[:, number] == 1, images.labels[:, number] == 0)
    )
    counts = Counter({"yes": int(yes.sum()), "no": int(no.sum())})
    return counts, len(images) - counts.total()


def _values(images: ImageSet, name: str) -> list[str]:
    """Return what is known by a name of each image, or of each patient; "" if it is not."""
    column: list[str] = images.columns.get(name, np.full(len(images), "")).tolist()
    if name not in OF_PATIENTS:
        return column
    first = dict.fromkeys(images.patients.tolist(), "")
    for patient, value in zip(images.patients.tolist(), column, strict=True):
        first[patient] = first[patient] or value
    return list(first.values())


def _rows(name: str, values: Sequence[Sequence[str]], sides: Sequence[Sequence[int]]) -> list[Row]:
    """Return the rows of a characteristic: a mean of ages, and else the share of each value."""
    of = "patients" if name in OF_PATIENTS else "images"
    counts = [(Counter(filter(None, each)), sum(not value for value in each)) for each in values]
    total = sum((each for each, _ in counts), Counter[str]())
    if not total:
        return []
    if name == AGE:
        return [_mean(name, of, counts, sides)]
    common = [level for level, _ in total.most_common()]
    levels = {level: {level} for level in common[:MAX_LEVELS]}
    if len(common) > MAX_LEVELS:
        levels[OTHERS] = set(common[MAX_LEVELS:])
    return [_share(name, level, of, members, counts, sides) for level, members in levels.items()]


Counts = Sequence[tuple[Counter[str], int]]  # how often each value is known, and how often none is


def _mean(name: str, of: str, counts: Counts, sides: Sequence[Sequence[int]]) -> Row:
    def moments(numbers: Counter[str]) -> tuple[float, float] | None:
        values = np.array([float(value) for value in numbers.elements()])
        if not len(values):
            return None
        return float(values.mean()), float(values.var(ddof=1)) if len(values) > 1 else 0.0

    cells = []
    for numbers, missing in counts:
        found = moments(numbers)
        value, sd = (None, None) if found is None else (found[0], math.sqrt(found[1]))
        cells.append(Cell(value, sd, None, numbers.total(), missing))
    pooled = [moments(_pooled(counts, side)) for side in sides]
    return Row(name, "", of, tuple(cells), _standardised(*pooled))


def _share(
    name: str, level: str, of: str, members: set[str], counts: Counts, sides: Sequence[Sequence[int]]
) -> Row:
    def share(numbers: Counter[str]) -> tuple[int, float | None]:
        count = sum(numbers[member] for member in members)
        return count, count / numbers.total() if numbers.total() else None

    cells = []
    for numbers, missing in counts:
        count, value = share(numbers)
        cells.append(Cell(value, None, count, numbers.total(), missing))
    shares = [share(_pooled(counts, side))[1] for side in sides]
    pooled = [None if value is None else (value, value * (1 - value)) for value in shares]
    return Row(name, level, of, tuple(cells), _standardised(*pooled))


def _pooled(counts: Counts, side: Sequence[int]) -> Counter[str]:
    return sum((counts[number][0] for number in side), Counter[str]())


def _standardised(first: tuple[float, float] | None, second: tuple[float, float] | None) -> float | None:
    """Return the standardised difference of two pairs of mean and variance; None if it is not defined."""
    if first is None or second is None:
        return None
    spread = math.sqrt((first[1] + second[1]) / 2)
    return (second[0] - first[0]) / spread if spread else None
