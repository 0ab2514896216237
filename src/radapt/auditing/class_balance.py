"""Class counts, prevalences and grey levels: within each split, and between sets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.collection import Collection
from radapt.auditing.finding import Finding
from radapt.images.streaming import release_pages
from radapt.stats.intervals import wilson
from radapt.text import joined

Floats = NDArray[np.float64]

MIN_RATIO = 3.0  # ratio of the most common to the rarest class from which imbalance is reported
MIN_DIFFERENCE = 0.02  # smallest difference of prevalences that is reported, if significant
BINS = 64  # bins of a grey histogram, four grey levels each
MIN_GREY_DISTANCE = 8.0  # Wasserstein distance of histograms, in grey levels, from which it is reported
MIN_IMAGES = 30  # grey levels of fewer images are not compared

_CHUNK = 256  # images counted at a time: `bincount` takes 8 bytes a pixel


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The images of a split, or of a whole data set."""

    name: str
    images: int
    patients: int
    classes: Mapping[str, int]
    histogram: Floats  # (BINS,), shares of the pixels


def parts_of(images: Collection, before: str = "") -> list[Part]:
    """Count images, patients, classes and grey levels of each split."""
    parts = []
    for split in images.sets:
        rows = np.flatnonzero(images.splits == split)
        counts = np.nansum(images.truth[rows], axis=0).astype(int).tolist()
        parts.append(
            Part(
                name=before + split,
                images=len(rows),
                patients=len(np.unique(images.patients[rows])),
                classes=dict(zip(images.classes, counts, strict=True)),
                histogram=_histogram(images.pixels, rows),
            )
        )
    return parts


def find_imbalance(images: Collection, parts: list[Part]) -> list[Finding]:
    """Find classes without images, and class imbalance in train (or in all images, without train)."""
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
    if total[rarest] and total[commonest] >= MIN_RATIO * total[rarest]:
        ratio = total[commonest] / total[rarest]
        detail = (
            f"For each image of {rarest} there are {ratio:.1f} of {commonest} "
            f"{'in train ' if trained != parts else ''}({total[rarest]:,} and {total[commonest]:,})."
        )
        findings.append(Finding("imbalance", "note", (), detail))
    return findings


def find_prevalence(images: Collection) -> list[Finding]:
    """Find splits whose prevalence differs significantly from the first split's."""
    splits = list(images.sets)
    findings = []
    for split in splits[1:]:
        sides = [images.splits == name for name in (splits[0], split)]
        for name in _compared(images.classes):
            column = images.truth[:, images.classes.index(name)]
            first, other = (_Prevalence.of(column[side], images.patients[side]) for side in sides)
            findings += _gap_finding(name, (splits[0], split), first, other)
    return findings


def compare_prevalence(images: Collection, other: Collection, names: tuple[str, str]) -> list[Finding]:
    """Find classes whose prevalence differs significantly between two data sets."""
    findings = []
    shared = tuple(name for name in images.classes if name in other.classes)
    for name in _compared(shared) if shared == images.classes == other.classes else shared:
        first, there = (
            _Prevalence.of(each.truth[:, each.classes.index(name)], each.patients) for each in (images, other)
        )
        findings += _gap_finding(name, names, first, there)
    return findings


def compare_grey(parts: list[Part]) -> list[Finding]:
    """Find parts whose grey histogram differs from that of the first."""
    findings = []
    large = [part for part in parts if part.images >= MIN_IMAGES]
    for part in large[1:]:
        first = large[0]
        moved = float(np.abs(np.cumsum(first.histogram - part.histogram)).sum() * 256 / BINS)
        if moved >= MIN_GREY_DISTANCE:
            means = [_mean(each.histogram) for each in (first, part)]
            detail = (
                f"Grey levels of {first.name} and {part.name} lie {moved:.0f} apart on average (of 255); "
                f"their means are {means[0]:.0f} and {means[1]:.0f}."
            )
            findings.append(Finding("grey-levels", "note", (), detail))
    return findings


def whole(parts: list[Part], name: str) -> Part:
    """Combine the parts of a data set into one."""
    images = sum(part.images for part in parts)
    weighted = [part.histogram * part.images / max(1, images) for part in parts]
    return Part(name, images, 0, {}, np.sum(weighted, axis=0))


@dataclass(frozen=True, slots=True)
class _Prevalence:
    """A prevalence with its effective sample size."""

    value: float
    images: int
    effective_n: float  # number of images of different patients with the same information

    @classmethod
    def of(cls, column: NDArray[np.float32], patients: NDArray[np.str_]) -> "_Prevalence":
        known = ~np.isnan(column)
        has, rows_of_patients = column[known] == 1, np.unique(patients[known], return_inverse=True)[1]
        images, n_patients = len(has), int(rows_of_patients.max(initial=-1)) + 1
        if n_patients == 0:
            return cls(math.nan, 0, 0)
        value = float(has.mean())
        if n_patients < 2 or not 0 < value < 1:
            return cls(value, images, n_patients)
        # the variance of a ratio of sums over patients (Cochran 1977, Sampling Techniques, 9.8)
        residuals = np.bincount(rows_of_patients, has) - value * np.bincount(rows_of_patients)
        variance = (
            float((residuals**2).sum()) / images**2
        )  # of independent images value * (1 - value) / images
        return cls(value, images, min(images, value * (1 - value) / variance if variance > 0 else images))


@dataclass(frozen=True, slots=True)
class _Gap:
    """A difference of two prevalences with its 95 % interval."""

    value: float
    low: float
    high: float


def _newcombe(first: _Prevalence, other: _Prevalence) -> _Gap:
    """Return the first prevalence minus the other, with an interval that combines both Wilson intervals.

    Newcombe 1998, Statistics in Medicine 17:873, method 10, with effective sample sizes that account for
    several images of a patient.
    """
    if not first.images or not other.images:
        return _Gap(math.nan, math.nan, math.nan)
    (low_a, high_a), (low_b, high_b) = (wilson(each.value, each.effective_n) for each in (first, other))
    value = first.value - other.value
    return _Gap(
        value,
        value - math.hypot(first.value - low_a, high_b - other.value),
        value + math.hypot(high_a - first.value, other.value - low_b),
    )


def _gap_finding(name: str, places: tuple[str, str], first: _Prevalence, other: _Prevalence) -> list[Finding]:
    difference = _newcombe(first, other)
    if (
        math.isnan(difference.value)
        or abs(difference.value) < MIN_DIFFERENCE
        or difference.low <= 0 <= difference.high
    ):
        return []
    detail = (
        f"{name} is {first.value:.1%} of {places[0]} and {other.value:.1%} of {places[1]}: a difference of "
        f"{100 * difference.value:+.1f} points, with a 95 % interval of [{100 * difference.low:+.1f}, "
        f"{100 * difference.high:+.1f}] by patient."
    )
    return [Finding("prevalence", "note", (), detail.replace("%", " %").replace("  %", " %"))]


def _compared(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes to compare: of two, the second is enough."""
    return classes[1:] if len(classes) == 2 else classes


def _histogram(pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> Floats:
    counts = np.zeros(256, dtype=np.int64)
    for start in range(0, len(rows), _CHUNK):
        counts += np.bincount(pixels[rows[start : start + _CHUNK]].ravel(), minlength=256)
        release_pages(pixels)
    return np.asarray(counts.reshape(BINS, -1).sum(axis=1) / max(1, int(counts.sum())), dtype=np.float64)


def _mean(histogram: Floats) -> float:
    return float(((np.arange(BINS) + 0.5) * 256 / BINS - 0.5) @ histogram)
