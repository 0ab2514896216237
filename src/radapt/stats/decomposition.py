"""What a metric is made of: means over classes or labels, and how many patients it rests on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.scoring_rules import WORST_LOSS, losses, squared_errors
from radapt.metrics.table import OF_IMAGES, SHARES, metric, score
from radapt.metrics.weighted import present
from radapt.predictions import Predictions
from radapt.stats.intervals import (
    auroc_interval,
    correlation,
    mean_interval,
    mover_interval,
    proportion_interval,
)


@dataclass(frozen=True, slots=True)
class SampleSize:
    """What a metric rests on in a set of images."""

    n: int
    patients: int
    trials: int  # how many independent facts, at the least
    unit: str  # what these are, in words
    having: int = 0  # patients of the finding, or of the smallest class of several
    others: int = 0  # patients of the other classes


def sample_size(metric: str, predictions: Predictions) -> SampleSize:
    """Give what a metric rests on.

    A mean over findings rests on no more than the finding with the fewest patients has.
    """
    if not predictions.exclusive:
        return _of_findings(metric, predictions)
    classes = np.unique(predictions.labels)
    if metric in ("sensitivity", "specificity"):
        positive = predictions.positive
        classes = np.array([positive if metric == "sensitivity" else 1 - positive])
    of_class = [np.unique(predictions.patients[predictions.labels == c]).size for c in classes]
    rows = np.isin(predictions.labels, classes)
    n, patients = int(rows.sum()), np.unique(predictions.patients[rows]).size
    if metric in OF_IMAGES or len(of_class) < 2:
        return SampleSize(n, patients, patients, "patients")
    fewest = int(np.argmin(of_class))
    having = of_class[predictions.positive if predictions.binary else fewest]
    unit = f"patients of {predictions.classes[classes[fewest]]}"
    return SampleSize(n, patients, of_class[fewest], unit, having, sum(of_class) - having)


def _of_findings(metric: str, predictions: Predictions) -> SampleSize:
    each = [
        sample_size(metric, apart) for _, apart in predictions.apart() if not math.isnan(score(metric, apart))
    ]
    labelled = ~np.isnan(predictions.labels).all(axis=1)
    fewest = min(each, key=lambda basis: basis.trials, default=SampleSize(0, 0, 0, "patients"))
    patients = np.unique(predictions.patients[labelled]).size
    return replace(fewest, n=int(labelled.sum()), patients=patients)


Floats = NDArray[np.float64]

AVERAGED = frozenset({"auroc", *SHARES})


@dataclass(frozen=True, slots=True, eq=False)
class LabelMeans:
    """A metric as the mean over findings."""

    metric: str
    columns: tuple[int, ...]  # of the labels, those of the K findings
    bases: tuple[SampleSize, ...]  # what the metric rests on in each
    unit = "finding"

    @property
    def counts(self) -> Floats:
        """What each finding counts, (K,), 1 together."""
        return np.full(len(self.columns), 1 / len(self.columns))

    def means(self, predictions: Predictions, weights: Floats, threshold: float) -> Floats:
        """Give the metric of each finding, (B, K), for (B, n) weights; NaN where it is not defined."""
        measure, parts = metric(self.metric), list(predictions.apart())
        each = [measure(parts[k][1], weights[:, parts[k][0]], threshold) for k in self.columns]
        return np.stack(each, axis=1)

    def interval(self, means: Floats, samples: Floats) -> tuple[float, float]:
        """Give the 95 % interval, from the metric of each finding (K,) and the same in samples (B, K)."""
        each = zip(means, samples.std(axis=0, ddof=1), self.bases, strict=True)
        ends = np.array([single_interval(self.metric, float(mean), float(se), of) for mean, se, of in each])
        low, high = mover_interval(means * self.counts, ends * self.counts[:, None], correlation(samples))
        return max(0.0, low), min(1.0, high)


def label_means(name: str, predictions: Predictions) -> LabelMeans | None:
    """Give a metric that is in `AVERAGED` as the mean over findings; None of fewer than two."""
    columns = [
        (column, sample_size(name, part))
        for column, (_, part) in enumerate(predictions.apart())
        if not math.isnan(score(name, part))
    ]
    if len(columns) < 2:
        return None
    return LabelMeans(name, tuple(column for column, _ in columns), tuple(basis for _, basis in columns))


def single_interval(name: str, value: float, se: float, basis: SampleSize) -> tuple[float, float]:
    """Give the 95 % interval of a metric that is in `AVERAGED`, of one finding or of classes.

    Parameters
    ----------
    value, se
        The metric, in [0, 1], and the spread of its bootstrap samples.
    basis
        What it rests on.
    """
    if name == "auroc":
        return auroc_interval(value, se, basis.having, basis.others)
    return proportion_interval(value, se, basis.trials)


STRATIFIED = frozenset({"balanced-accuracy", "brier", "log-loss"})


@dataclass(frozen=True, slots=True, eq=False)
class ClassMeans:
    """The parts of a metric: it is the sum of the mean over each, times what that counts."""

    metric: str
    member: Floats  # (n, S), 1 for the images of a stratum
    counts: Floats  # (S,), of the mean over each; 1 together
    patients: NDArray[np.int64]  # (S,), whose images these are
    finding: NDArray[
        np.int64
    ]  # (S,), the column of labels that it is of; 0 where there is one class an image
    unit = "class"

    def means(self, predictions: Predictions, weights: Floats, threshold: float) -> Floats:
        """Give the mean over each stratum, (B, S), for (B, n) weights; NaN where it has no weight."""
        values = _of_images(self.metric, predictions, threshold)[:, self.finding]
        sums, whole = weights @ (self.member * values), weights @ self.member
        means: Floats = np.divide(sums, whole, out=np.full_like(sums, np.nan), where=whole > 0)
        return means

    def interval(self, means: Floats, samples: Floats) -> tuple[float, float]:
        """Give the 95 % interval of the metric.

        Parameters
        ----------
        means
            (S,), the mean over each stratum.
        samples
            (B, S), the same in bootstrap samples.
        """
        most = WORST_LOSS if self.metric == "log-loss" else 1.0
        one = proportion_interval if self.metric == "balanced-accuracy" else mean_interval
        each = zip(means / most, samples.std(axis=0, ddof=1) / most, self.patients, strict=True)
        ends = most * np.array([one(float(mean), float(se), int(trials)) for mean, se, trials in each])
        low, high = mover_interval(self.counts * means, self.counts[:, None] * ends, correlation(samples))
        return max(0.0, low), min(most, high)


def decompose(metric: str, predictions: Predictions) -> ClassMeans:
    """Give the strata of a metric that is in `STRATIFIED`, on images where it is defined."""
    if predictions.exclusive:
        each = [(0, np.arange(len(predictions)), predictions)]
    else:
        each = [
            (column, rows, apart) for column, (rows, apart) in enumerate(predictions.apart()) if len(rows)
        ]
    by_class = metric == "balanced-accuracy"
    each = [one for one in each if not by_class or len(present(one[2])) > 1]
    members, counts, patients, findings = [], [], [], []
    for column, rows, apart in each:
        classes = present(apart)
        for label in classes:
            mine = apart.labels == label
            member = np.zeros(len(predictions))
            member[rows[mine]] = 1
            members.append(member)
            counts.append((1 / len(classes) if by_class else float(mine.mean())) / len(each))
            patients.append(np.unique(apart.patients[mine]).size)
            findings.append(column)
    return ClassMeans(
        metric, np.stack(members, axis=1), np.array(counts), np.array(patients), np.array(findings)
    )


def bootstrap_class_means(
    metric: str, runs: Sequence[Predictions], weights: Floats, threshold: float
) -> NDArray[np.float64]:
    """Give a metric that is in `STRATIFIED` of R runs on the same images, (R, B), for (B, n) weights."""
    strata = decompose(metric, runs[0])
    parts = [_of_images(metric, run, threshold)[:, strata.finding] * strata.member for run in runs]
    sums = (weights @ np.concatenate(parts, axis=1)).reshape(len(weights), len(runs), -1)
    whole = (weights @ strata.member)[:, None]
    means = np.divide(sums, whole, out=np.full_like(sums, np.nan), where=whole > 0)
    return np.asarray((means @ strata.counts).T, dtype=np.float64)


def _of_images(metric: str, predictions: Predictions, threshold: float) -> Floats:
    """Give the numbers whose means they are, a column for each finding; 0 where an image is not labelled."""
    if predictions.exclusive:
        return _of_one(metric, predictions, threshold)[:, None]
    values = np.zeros(predictions.scores.shape)
    for column, (rows, apart) in enumerate(predictions.apart()):
        values[rows, column] = _of_one(metric, apart, threshold)
    return values


def _of_one(metric: str, predictions: Predictions, threshold: float) -> Floats:
    if metric == "balanced-accuracy":
        return np.asarray(predictions.decide(threshold) == predictions.labels, dtype=np.float64)
    return squared_errors(predictions) if metric == "brier" else losses(predictions)
