"""Metrics of several findings, each the mean over the findings where it is defined, and their intervals.

The mean of several findings is surer than any of them. So its interval is put together from those of the
findings, with what they have in common, see `radapt.intervals.put_together`.

Shapes: B rows of weights, n images, K findings in which the metric is defined.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.basis import Basis, basis_of
from radapt.intervals import area_interval, correlation, put_together, share_interval
from radapt.metrics import SHARES, metric, score
from radapt.predictions import Predictions

Floats = NDArray[np.float64]

AVERAGED = frozenset({"auroc", *SHARES})


@dataclass(frozen=True, slots=True, eq=False)
class LabelMeans:
    """A metric as the mean over findings."""

    metric: str
    columns: tuple[int, ...]  # of the labels, those of the K findings
    bases: tuple[Basis, ...]  # what the metric rests on in each
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
        low, high = put_together(means * self.counts, ends * self.counts[:, None], correlation(samples))
        return max(0.0, low), min(1.0, high)


def label_means(name: str, predictions: Predictions) -> LabelMeans | None:
    """Give a metric that is in `AVERAGED` as the mean over findings; None of fewer than two."""
    columns = [
        (column, basis_of(name, part))
        for column, (_, part) in enumerate(predictions.apart())
        if not math.isnan(score(name, part))
    ]
    if len(columns) < 2:
        return None
    return LabelMeans(name, tuple(column for column, _ in columns), tuple(basis for _, basis in columns))


def single_interval(name: str, value: float, se: float, basis: Basis) -> tuple[float, float]:
    """Give the 95 % interval of a metric that is in `AVERAGED`, of one finding or of classes.

    Parameters
    ----------
    value, se
        The metric, in [0, 1], and the spread of its bootstrap samples.
    basis
        What it rests on.
    """
    if name == "auroc":
        return area_interval(value, se, basis.having, basis.others)
    return share_interval(value, se, basis.trials)
