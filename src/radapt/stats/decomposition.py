"""What a metric is made of: means over classes or labels, and how many patients it rests on.

Shapes: n images, B rows of weights, K labels, S strata (a class, or a class of a label), R runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.table import IntervalKind, metric, score
from radapt.metrics.weighted import present
from radapt.predictions import Predictions
from radapt.stats.intervals import (
    auroc_interval,
    correlation,
    mean_interval,
    mover_interval,
    proportion_interval,
)

Floats = NDArray[np.float64]

SCORE_INTERVALS: tuple[IntervalKind, ...] = ("auroc", "proportion")  # of one label, from its standard error

CLASS_INTERVALS: tuple[IntervalKind, ...] = ("class proportions", "class means")  # combined from each class


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How many images and patients a metric rests on."""

    n: int
    patients: int
    effective_n: int  # patients in the smallest group that the metric depends on
    unit: str  # what these are: `patients of PNEUMONIA`
    n_positive: int = 0  # patients with the finding, or of the smallest of several classes
    n_negative: int = 0  # patients of the other classes


def sample_size(name: str, predictions: Predictions) -> SampleSize:
    """Count what a metric rests on.

    A mean over labels rests on no more than the label with the fewest patients does.
    """
    if not predictions.exclusive:
        return _of_labels(name, predictions)
    denominator = metric(name).denominator
    classes = np.unique(predictions.labels)
    if denominator in ("positive images", "negative images"):
        positive = predictions.positive
        classes = np.array([positive if denominator == "positive images" else 1 - positive])
    of_class = [np.unique(predictions.patients[predictions.labels == c]).size for c in classes]
    rows = np.isin(predictions.labels, classes)
    n, patients = int(rows.sum()), np.unique(predictions.patients[rows]).size
    if denominator == "all images" or len(of_class) < 2:
        return SampleSize(n, patients, patients, "patients")
    smallest = int(np.argmin(of_class))
    n_positive = of_class[predictions.positive if predictions.binary else smallest]
    unit = f"patients of {predictions.classes[classes[smallest]]}"
    return SampleSize(n, patients, of_class[smallest], unit, n_positive, sum(of_class) - n_positive)


def _of_labels(name: str, predictions: Predictions) -> SampleSize:
    sizes = [
        sample_size(name, label) for _, label in predictions.apart() if not math.isnan(score(name, label))
    ]
    labelled = ~np.isnan(predictions.labels).all(axis=1)
    smallest = min(sizes, key=lambda size: size.effective_n, default=SampleSize(0, 0, 0, "patients"))
    patients = np.unique(predictions.patients[labelled]).size
    return replace(smallest, n=int(labelled.sum()), patients=patients)


@dataclass(frozen=True, slots=True, eq=False)
class LabelMeans:
    """A metric as the mean over labels, for the interval of which that of each label is combined."""

    metric: str
    columns: tuple[int, ...]  # of the label matrix, those of the K labels
    sizes: tuple[SampleSize, ...]  # what the metric rests on in each
    unit = "finding"

    @property
    def counts(self) -> Floats:
        """The weight of each label, (K,), sum 1."""
        return np.full(len(self.columns), 1 / len(self.columns))

    def means(self, predictions: Predictions, weights: Floats, threshold: float) -> Floats:
        """Compute the metric of each label, (B, K), for (B, n) weights; NaN where it is not defined."""
        row, labels = metric(self.metric), list(predictions.apart())
        values = [row(labels[k][1], weights[:, labels[k][0]], threshold) for k in self.columns]
        return np.stack(values, axis=1)

    def interval(self, means: Floats, samples: Floats) -> tuple[float, float]:
        """Combine the 95 % interval from the metric of each label (K,) and bootstrap samples of it (B, K)."""
        labels = zip(means, samples.std(axis=0, ddof=1), self.sizes, strict=True)
        ends = np.array(
            [score_interval(self.metric, float(mean), float(se), size) for mean, se, size in labels]
        )
        low, high = mover_interval(means * self.counts, ends * self.counts[:, None], correlation(samples))
        return max(0.0, low), min(1.0, high)


def label_means(name: str, predictions: Predictions) -> LabelMeans | None:
    """Decompose a metric of `SCORE_INTERVALS` into labels; None where fewer than two have it defined."""
    columns = [
        (column, sample_size(name, label))
        for column, (_, label) in enumerate(predictions.apart())
        if not math.isnan(score(name, label))
    ]
    if len(columns) < 2:
        return None
    return LabelMeans(name, tuple(column for column, _ in columns), tuple(size for _, size in columns))


def score_interval(name: str, value: float, se: float, size: SampleSize) -> tuple[float, float]:
    """Compute the 95 % interval of a metric of `SCORE_INTERVALS`, of one label or of classes.

    Parameters
    ----------
    value, se
        The metric, in [0, 1], and the standard deviation of its bootstrap samples.
    size
        What it rests on.
    """
    if metric(name).interval == "auroc":
        return auroc_interval(value, se, size.n_positive, size.n_negative)
    return proportion_interval(value, se, size.effective_n)


@dataclass(frozen=True, slots=True, eq=False)
class ClassMeans:
    """A metric as the weighted sum of the mean over each stratum: a class, or a class of a label."""

    metric: str
    member: Floats  # (n, S), 1 for the images of a stratum
    counts: Floats  # (S,), the weight of each mean; sum 1
    patients: NDArray[np.int64]  # (S,), in each stratum
    label: NDArray[np.int64]  # (S,), the column of the label matrix; 0 where there is one class an image
    unit = "class"

    def means(self, predictions: Predictions, weights: Floats, threshold: float) -> Floats:
        """Compute the mean over each stratum, (B, S), for (B, n) weights; NaN where it has no weight."""
        values = _per_image(self.metric, predictions, threshold)[:, self.label]
        sums, totals = weights @ (self.member * values), weights @ self.member
        means: Floats = np.divide(sums, totals, out=np.full_like(sums, np.nan), where=totals > 0)
        return means

    def interval(self, means: Floats, samples: Floats) -> tuple[float, float]:
        """Compute the 95 % interval of the metric.

        Parameters
        ----------
        means
            (S,), the mean over each stratum.
        samples
            (B, S), the same in bootstrap samples.
        """
        row = metric(self.metric)
        top = row.range[1]
        of_stratum = proportion_interval if row.interval == "class proportions" else mean_interval
        strata = zip(means / top, samples.std(axis=0, ddof=1) / top, self.patients, strict=True)
        ends = top * np.array([of_stratum(float(mean), float(se), int(n)) for mean, se, n in strata])
        low, high = mover_interval(self.counts * means, self.counts[:, None] * ends, correlation(samples))
        return max(0.0, low), min(top, high)


def decompose(name: str, predictions: Predictions) -> ClassMeans:
    """Decompose a metric of `CLASS_INTERVALS` into strata, on images where it is defined."""
    if predictions.exclusive:
        labels = [(0, np.arange(len(predictions)), predictions)]
    else:
        labels = [
            (column, rows, label) for column, (rows, label) in enumerate(predictions.apart()) if len(rows)
        ]
    equal_classes = metric(name).interval == "class proportions"  # otherwise a class counts as its images do
    labels = [entry for entry in labels if not equal_classes or len(present(entry[2])) > 1]
    members, counts, patients, columns = [], [], [], []
    for column, rows, label in labels:
        classes = present(label)
        for c in classes:
            in_class = label.labels == c
            member = np.zeros(len(predictions))
            member[rows[in_class]] = 1
            members.append(member)
            counts.append((1 / len(classes) if equal_classes else float(in_class.mean())) / len(labels))
            patients.append(np.unique(label.patients[in_class]).size)
            columns.append(column)
    return ClassMeans(
        name, np.stack(members, axis=1), np.array(counts), np.array(patients), np.array(columns)
    )


def bootstrap_class_means(
    name: str, runs: Sequence[Predictions], weights: Floats, threshold: float
) -> NDArray[np.float64]:
    """Compute a metric of `CLASS_INTERVALS` for R runs on the same images, (R, B), for (B, n) weights."""
    strata = decompose(name, runs[0])
    parts = [_per_image(name, run, threshold)[:, strata.label] * strata.member for run in runs]
    sums = (weights @ np.concatenate(parts, axis=1)).reshape(len(weights), len(runs), -1)
    totals = (weights @ strata.member)[:, None]
    means = np.divide(sums, totals, out=np.full_like(sums, np.nan), where=totals > 0)
    return np.asarray((means @ strata.counts).T, dtype=np.float64)


def _per_image(name: str, predictions: Predictions, threshold: float) -> Floats:
    """Compute the numbers that the metric is a mean of, (n, K), or (n, 1) of one class an image.

    0 where an image has no label.
    """
    measure = metric(name).per_image
    assert measure is not None  # every metric of `CLASS_INTERVALS` has one
    if predictions.exclusive:
        return measure(predictions, threshold)[:, None]
    values = np.zeros(predictions.scores.shape)
    for column, (rows, label) in enumerate(predictions.apart()):
        values[rows, column] = measure(label, threshold)
    return values
