"""How many images of which class, and how bright they are: in each split, and from one set to another."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.audit.collection import Collection
from radapt.audit.finding import Finding, joined
from radapt.images.streaming import release_pages
from radapt.stats.intervals import wilson

Floats = NDArray[np.float64]

MIN_UNLIKE = 3.0  # images of the commonest class for each of the rarest, from where on it is said
MIN_APART = 0.02  # difference of shares that is worth a word, if chance does not explain it
BINS = 64  # of a grey histogram, four grey levels each
SHIFTED = 8.0  # grey levels that histograms have to be moved by on average, from where on it is said
MIN_IMAGES = 30  # images, without which grey levels are not compared

_CHUNK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The images of a split, or of a whole data set."""

    name: str
    images: int
    patients: int
    classes: Mapping[str, int]
    histogram: Floats  # (BINS,), shares of the pixels


@dataclass(frozen=True, slots=True)
class ClassGap:
    """A difference of two shares, and the interval it lies in."""

    value: float
    low: float
    high: float


def parts_of(images: Collection, before: str = "") -> list[Part]:
    """Count the images of each split, and their grey levels."""
    found = []
    for split in images.sets:
        rows = np.flatnonzero(images.splits == split)
        counts = np.nansum(images.truth[rows], axis=0).astype(int).tolist()
        found.append(
            Part(
                name=before + split,
                images=len(rows),
                patients=len(np.unique(images.patients[rows])),
                classes=dict(zip(images.classes, counts, strict=True)),
                histogram=_histogram(images.pixels, rows),
            )
        )
    return found


def find_imbalance(images: Collection, parts: list[Part]) -> list[Finding]:
    """Find classes without an image, and those that are unlike in number where models are trained."""
    findings = []
    trained = [part for part in parts if part.name == "train"] or parts
    total = {name: sum(part.classes[name] for part in trained) for name in images.classes}
    if len(images.classes) < 2:
        detail = f"All images are of one class, {images.classes[0]}. A classifier needs two or more."
        findings.append(Finding("class-missing", "warning", (), detail))
    for part in parts:
        if missing := [name for name, count in part.classes.items() if not count]:
            detail = f"The split {part.name} has no image of {joined(missing)}."
            findings.append(Finding("class-missing", "warning", (), detail))
    rarest, commonest = min(total, key=total.__getitem__), max(total, key=total.__getitem__)
    if total[rarest] and total[commonest] >= MIN_UNLIKE * total[rarest]:
        ratio = total[commonest] / total[rarest]
        detail = (
            f"For each image of {rarest} there are {ratio:.1f} of {commonest} "
            f"{'in train ' if trained != parts else ''}({total[rarest]:,} and {total[commonest]:,})."
        )
        findings.append(Finding("imbalance", "note", (), detail))
    return findings


def find_prevalence(images: Collection) -> list[Finding]:
    """Find splits in which a class is more common, or rarer, than in the first, beyond chance."""
    splits = list(images.sets)
    findings = []
    for split in splits[1:]:
        sides = [images.splits == name for name in (splits[0], split)]
        for name in _told_apart(images.classes):
            column = images.truth[:, images.classes.index(name)]
            one, other = (_Share.of(column[side], images.patients[side]) for side in sides)
            findings += _gap_finding(name, (splits[0], split), one, other)
    return findings


def compare_prevalence(images: Collection, other: Collection, names: tuple[str, str]) -> list[Finding]:
    """Find classes that one data set has more of than another, beyond chance."""
    findings = []
    shared = tuple(name for name in images.classes if name in other.classes)
    for name in _told_apart(shared) if shared == images.classes == other.classes else shared:
        one, there = (
            _Share.of(each.truth[:, each.classes.index(name)], each.patients) for each in (images, other)
        )
        findings += _gap_finding(name, names, one, there)
    return findings


def compare_grey(parts: list[Part]) -> list[Finding]:
    """Find parts whose grey levels are spread otherwise than those of the first."""
    findings = []
    large = [part for part in parts if part.images >= MIN_IMAGES]
    for part in large[1:]:
        first = large[0]
        moved = float(np.abs(np.cumsum(first.histogram - part.histogram)).sum() * 256 / BINS)
        if moved >= SHIFTED:
            means = [_mean(each.histogram) for each in (first, part)]
            detail = (
                f"Grey levels of {first.name} and {part.name} lie {moved:.0f} apart on average (of 255); "
                f"their means are {means[0]:.0f} and {means[1]:.0f}."
            )
            findings.append(Finding("grey-levels", "note", (), detail))
    return findings


def whole(parts: list[Part], name: str) -> Part:
    """Put the parts of a data set together."""
    images = sum(part.images for part in parts)
    weighted = [part.histogram * part.images / max(1, images) for part in parts]
    return Part(name, images, 0, {}, np.sum(weighted, axis=0))


@dataclass(frozen=True, slots=True)
class _Share:
    """How many of some images have a class, and on how many independent facts that rests."""

    value: float
    images: int
    trials: float

    @classmethod
    def of(cls, column: NDArray[np.float32], patients: NDArray[np.str_]) -> "_Share":
        known = ~np.isnan(column)
        has, whose = column[known] == 1, np.unique(patients[known], return_inverse=True)[1]
        images, people = len(has), int(whose.max(initial=-1)) + 1
        if people == 0:
            return cls(math.nan, 0, 0)
        value = float(has.mean())
        if people < 2 or not 0 < value < 1:
            return cls(value, images, people)
        # the variance of a ratio of sums over patients (Cochran 1977, Sampling Techniques, 9.8)
        off = np.bincount(whose, has) - value * np.bincount(whose)
        variance = float((off**2).sum()) / images**2  # of independent images value * (1 - value) / images
        return cls(value, images, min(images, value * (1 - value) / variance if variance > 0 else images))


def gap(
    truth: tuple[NDArray[np.float32], NDArray[np.float32]],
    patients: tuple[NDArray[np.str_], NDArray[np.str_]],
) -> ClassGap:
    """Give how much more common a class is in the first of two sets, with a 95 % interval.

    The interval is made of the two Wilson intervals (Newcombe 1998, Statistics in Medicine 17:873, method
    10), for as many images as would tell as much if each were of another patient.

    Parameters
    ----------
    truth
        Of either set (n,): 1 where an image has the class, 0 where not, NaN where that is not known.
    patients
        Of either set (n,).
    """
    one, other = (_Share.of(*each) for each in zip(truth, patients, strict=True))
    return _gap(one, other)


def _gap(one: _Share, other: _Share) -> ClassGap:
    if not one.images or not other.images:
        return ClassGap(math.nan, math.nan, math.nan)
    (low_a, high_a), (low_b, high_b) = (wilson(each.value, each.trials) for each in (one, other))
    value = one.value - other.value
    return ClassGap(
        value,
        value - math.hypot(one.value - low_a, high_b - other.value),
        value + math.hypot(high_a - one.value, other.value - low_b),
    )


def _gap_finding(name: str, places: tuple[str, str], one: _Share, other: _Share) -> list[Finding]:
    found = _gap(one, other)
    if math.isnan(found.value) or abs(found.value) < MIN_APART or found.low <= 0 <= found.high:
        return []
    detail = (
        f"{name} is {one.value:.1%} of {places[0]} and {other.value:.1%} of {places[1]}: a difference of "
        f"{100 * found.value:+.1f} points, with a 95 % interval of [{100 * found.low:+.1f}, "
        f"{100 * found.high:+.1f}] by patient."
    )
    return [Finding("prevalence", "note", (), detail.replace("%", " %").replace("  %", " %"))]


def _told_apart(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Of two classes the second says all there is to say of either."""
    return classes[1:] if len(classes) == 2 else classes


def _histogram(pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> Floats:
    counts = np.zeros(256, dtype=np.int64)
    for start in range(0, len(rows), _CHUNK):
        counts += np.bincount(pixels[rows[start : start + _CHUNK]].ravel(), minlength=256)
        release_pages(pixels)
    return np.asarray(counts.reshape(BINS, -1).sum(axis=1) / max(1, int(counts.sum())), dtype=np.float64)


def _mean(histogram: Floats) -> float:
    return float(((np.arange(BINS) + 0.5) * 256 / BINS - 0.5) @ histogram)
