"""What every metric is made of: sums over images that count more or less.

Shapes: B rows of weights, n images.
"""

import functools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.predictions import Predictions
from radapt.text import listed

Floats = NDArray[np.float64]

AT_ONCE = 2**19  # weights handled at a time, 4 MiB
OF_MANY = ("accuracy", "auroc", "balanced-accuracy", "average-precision", "brier", "log-loss")
"""The metrics that there are also for more than two classes."""


class Metric(Protocol):
    """A number for each row of weights; `radapt.metrics.table` has its range and direction."""

    def __call__(self, predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        """Give (B,) values for (B, n) weights; NaN where the metric is not defined."""


def each_finding(one: Metric) -> Metric:
    """Make a metric of one class an image also one of findings: the plain mean over them.

    Findings for which it is not defined on the images, such as those that none of them has, are left out.
    """

    @functools.wraps(one)
    def metric(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        if predictions.exclusive:
            return one(predictions, weights, threshold)
        each = [
            one(apart, weights[:, rows], threshold)
            for rows, apart in predictions.apart()
            if not np.isnan(one(apart, np.ones((1, len(rows))), threshold)[0])
        ]
        return mean(each) if each else np.full(len(weights), np.nan)

    return metric


def scored_classes(predictions: Predictions) -> NDArray[np.int64]:
    """Give the classes to score one against the others: the finding, or all that have images; else none."""
    there = present(predictions)
    if len(there) < 2:
        return there[:0]
    return np.array([predictions.positive]) if len(predictions.classes) == 2 else there


def present(predictions: Predictions) -> NDArray[np.int64]:
    """Give the classes that have images."""
    return np.unique(predictions.labels)


def ratio(part: Floats, whole: Floats | np.float64) -> Floats:
    """Divide, giving NaN where the whole is nothing."""
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def mean(each: Sequence[Floats]) -> Floats:
    """Give the plain mean of several metrics, row by row."""
    return np.asarray(np.mean(each, axis=0), dtype=np.float64)


def share(of: NDArray[np.bool_], among: NDArray[np.bool_], weights: Floats) -> Floats:
    """Give how much of the weight of some images falls to some of these, (B,)."""
    return ratio(weights @ (among & of).astype(np.float64), weights @ among.astype(np.float64))


def need_two(what: str, predictions: Predictions) -> None:
    """Refuse more than two classes.

    Raises
    ------
    AskedWrongly
        If there are more.
    """
    if not predictions.binary:
        raise AskedWrongly(
            f"There is {what} only for two classes, one of them the finding. "
            f"These predictions have {len(predictions.classes)}: {listed(predictions.classes)}. "
            f"For these there are: {listed(OF_MANY)}."
        )
