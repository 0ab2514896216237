"""What every metric is made of: weighted sums over images.

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

CHUNK = 2**19  # weights in memory at a time, 4 MiB


class MetricFunction(Protocol):
    """A metric for each row of weights; `radapt.metrics.table` says what is true of it."""

    def __call__(self, predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        """Compute (B,) values for (B, n) weights; NaN where the metric is not defined."""


class PerImage(Protocol):
    """A number for each image, of which a metric is a weighted mean."""

    def __call__(self, predictions: Predictions, threshold: float = 0.5, /) -> Floats:
        """Compute (n,) values for n images of one class each."""


def macro_averaged(one: MetricFunction) -> MetricFunction:
    """Extend a metric to several labels an image: its plain mean over the labels.

    Labels for which it is not defined on the images, such as those that no image has, are left out.
    """

    @functools.wraps(one)
    def metric(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        if predictions.exclusive:
            return one(predictions, weights, threshold)
        values = [
            one(label, weights[:, rows], threshold)
            for rows, label in predictions.apart()
            if not np.isnan(one(label, np.ones((1, len(rows))), threshold)[0])
        ]
        return mean(values) if values else np.full(len(weights), np.nan)

    return metric


def scored_classes(predictions: Predictions) -> NDArray[np.int64]:
    """List the classes to score one against the rest.

    Of two classes it is the positive one, of more all that have images. None if fewer than two have images.
    """
    classes = present(predictions)
    if len(classes) < 2:
        return classes[:0]
    return np.array([predictions.positive]) if len(predictions.classes) == 2 else classes


def present(predictions: Predictions) -> NDArray[np.int64]:
    """List the classes that have images."""
    return np.unique(predictions.labels)


def ratio(part: Floats, whole: Floats | np.float64) -> Floats:
    """Divide; NaN where the whole is 0."""
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def mean(values: Sequence[Floats]) -> Floats:
    """Average several metrics, row by row."""
    return np.asarray(np.mean(values, axis=0), dtype=np.float64)


def share(of: NDArray[np.bool_], among: NDArray[np.bool_], weights: Floats) -> Floats:
    """Compute the weighted share of the images `among` that are also `of`, (B,)."""
    return ratio(weights @ (among & of).astype(np.float64), weights @ among.astype(np.float64))


def require_binary(what: str, predictions: Predictions) -> None:
    """Refuse other than two classes.

    Raises
    ------
    AskedWrongly
        If there are more.
    """
    if not predictions.binary:
        raise AskedWrongly(
            f"{what} is only for two classes, one of them the finding. These predictions have "
            f"{len(predictions.classes)}: {listed(predictions.classes)}."
        )
