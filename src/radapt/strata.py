"""Metrics that are sums of means over the films of one class, and what each is a sum of.

Where a class has few patients it is its mean that is unsure; an interval of the whole is put together from
those of the parts, see `radapt.intervals.put_together`.

Shapes: B rows of weights, n images, S strata, which are the classes that have films, of each finding apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.intervals import correlation, mean_interval, put_together, share_interval
from radapt.predictions import Predictions
from radapt.proper import WORST_LOSS, losses, squared_errors
from radapt.weighted import Floats, present

STRATIFIED = frozenset({"balanced-accuracy", "brier", "log-loss"})


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """The parts of a metric: it is the sum of the mean over each, times what that counts."""

    metric: str
    member: Floats  # (n, S), 1 for the images of a stratum
    counts: Floats  # (S,), of the mean over each; 1 together
    patients: NDArray[np.int64]  # (S,), whose images these are
    finding: NDArray[np.int64]  # (S,), the column of labels that it is of; 0 where there is one class a film
    unit = "class"

    def means(self, predictions: Predictions, weights: Floats, threshold: float) -> Floats:
        """Give the mean over each stratum, (B, S), for (B, n) weights; NaN where it has no weight."""
        values = _of_films(self.metric, predictions, threshold)[:, self.finding]
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
        one = share_interval if self.metric == "balanced-accuracy" else mean_interval
        each = zip(means / most, samples.std(axis=0, ddof=1) / most, self.patients, strict=True)
        ends = most * np.array([one(float(mean), float(se), int(trials)) for mean, se, trials in each])
        low, high = put_together(self.counts * means, self.counts[:, None] * ends, correlation(samples))
        return max(0.0, low), min(most, high)


def strata_of(metric: str, predictions: Predictions) -> Strata:
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
    return Strata(metric, np.stack(members, axis=1), np.array(counts), np.array(patients), np.array(findings))


def samples_of_strata(
    metric: str, runs: Sequence[Predictions], weights: Floats, threshold: float
) -> NDArray[np.float64]:
    """Give a metric that is in `STRATIFIED` of R runs on the same images, (R, B), for (B, n) weights."""
    strata = strata_of(metric, runs[0])
    parts = [_of_films(metric, run, threshold)[:, strata.finding] * strata.member for run in runs]
    sums = (weights @ np.concatenate(parts, axis=1)).reshape(len(weights), len(runs), -1)
    whole = (weights @ strata.member)[:, None]
    means = np.divide(sums, whole, out=np.full_like(sums, np.nan), where=whole > 0)
    return np.asarray((means @ strata.counts).T, dtype=np.float64)


def _of_films(metric: str, predictions: Predictions, threshold: float) -> Floats:
    """Give the numbers whose means they are, a column for each finding; 0 where a film is not labelled."""
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
