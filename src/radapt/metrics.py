"""How good predictions are: plain functions of predictions and of how much each image counts.

A metric takes many rows of weights at once, because a bootstrap sample of the images is nothing but
a row of counts; two thousand samples then cost one sort and some sums.

Shapes: B rows of weights, n images, k classes.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from radapt.errors import UnknownName
from radapt.predictions import Predictions
from radapt.prevalence import average_precision, f1, mcc, predictive_value
from radapt.proper import WORST_LOSS, brier, log_loss
from radapt.weighted import (
    AT_ONCE,
    OF_MANY,
    Floats,
    Metric,
    each_finding,
    mean,
    need_two,
    present,
    ratio,
    scored_classes,
    share,
)


@each_finding
def accuracy(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the share of images put in the right class; it depends on how common each class is.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is called positive; for two classes only.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where all weights are 0.
    """
    right = predictions.decide(threshold) == predictions.labels
    return ratio(weights @ right.astype(np.float64), weights.sum(axis=1))


@each_finding
def auroc(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Give the area under the ROC curve: how often a random film with the finding scores above one without.

    Ties count half, which makes it the Mann-Whitney statistic (Hanley & McNeil 1982, Radiology
    143:29). With more than two classes: the plain mean, over the classes that have images, of
    each class against all others.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where fewer than two classes have images, or one of them no weight.
    """
    classes = scored_classes(predictions)
    each = [_area(predictions.scores[:, c], predictions.labels == c, weights) for c in classes]
    return mean(each) if each else np.full(len(weights), np.nan)


@each_finding
def sensitivity(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the share of films with the finding that are called so.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is called positive.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where no film with the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    need_two("sensitivity", predictions)
    return _recall(predictions, predictions.positive, weights, threshold)


@each_finding
def specificity(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the share of films without the finding that are called so.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is called positive.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where no film without the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    need_two("specificity", predictions)
    return _recall(predictions, 1 - predictions.positive, weights, threshold)


@each_finding
def balanced_accuracy(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the mean, over the classes that have images, of the share of each that is found.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is called positive; for two classes only.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where fewer than two classes have images, or one of them no weight.
    """
    classes = present(predictions)
    if len(classes) < 2:
        return np.full(len(weights), np.nan)
    return mean([_recall(predictions, c, weights, threshold) for c in classes])


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "auroc": auroc,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "balanced-accuracy": balanced_accuracy,
    "average-precision": average_precision,
    "brier": brier,
    "f1": f1,
    "mcc": mcc,
    "log-loss": log_loss,
}
LOWER_IS_BETTER = frozenset({"brier", "log-loss"})
SHARES = frozenset({"accuracy", "sensitivity", "specificity"})  # of films that are rightly called
OF_FILMS = frozenset({"accuracy", "brier", "log-loss"})  # plain means over films, whatever their class

_ON_REQUEST = ("f1", "mcc", "log-loss")  # not shown unless asked for
_RANGES = {"mcc": (-1.0, 1.0), "log-loss": (0.0, WORST_LOSS)}
_AT_A_PREVALENCE = ("ppv", "npv")


def metric(name: str) -> Metric:
    """Give the metric of this name, which may also be a predictive value, written `ppv@0.05` or `npv@0.05`.

    Raises
    ------
    UnknownName
        If there is none.
    AskedWrongly
        If it is a predictive value and what stands behind the @ is no prevalence.
    """
    if name.partition("@")[0] in _AT_A_PREVALENCE:
        return predictive_value(name)
    if name not in METRICS:
        raise UnknownName("metric", name, [*METRICS, *(f"{kind}@PREVALENCE" for kind in _AT_A_PREVALENCE)])
    return METRICS[name]


def in_words(name: str) -> str:
    """Write a metric's name as it stands in a sentence: `AUROC`, `Brier score`, `balanced accuracy`."""
    return {"auroc": "AUROC", "brier": "Brier score"}.get(name, name.replace("-", " "))


def metrics_for(predictions: Predictions) -> tuple[str, ...]:
    """Name the metrics to show of these predictions, in this order; the others are there on request."""
    two = predictions.binary or not predictions.exclusive
    return tuple(name for name in METRICS if name not in _ON_REQUEST and (two or name in OF_MANY))


def range_of(name: str) -> tuple[float, float]:
    """Give the least and the greatest value that a metric can have."""
    return _RANGES.get(name, (0.0, 1.0))


def score(name: str, predictions: Predictions, threshold: float = 0.5) -> float:
    """Give one metric with every image counting once; NaN where it is not defined.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If it is one for two classes and there are more.
    """
    return float(metric(name)(predictions, np.ones((1, len(predictions))), threshold)[0])


def roc_curve(predictions: Predictions, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Give the corners of the ROC curve, from (0, 0) to (1, 1), for drawing.

    Images of one score move the curve together, so ties become a slope; corners on a straight line
    are left out, and the area below is that of `auroc`.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (n,), how much each image counts; once each if not given.

    Returns
    -------
    tuple[NDArray[np.float64], NDArray[np.float64]]
        False positive rates (1 - specificity) and true positive rates (sensitivity), both rising;
        NaN along an axis whose class has no weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    need_two("a ROC curve", predictions)
    from sklearn.exceptions import UndefinedMetricWarning
    from sklearn.metrics import roc_curve as corners

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # NaN says it
        false, true, _ = corners(
            predictions.labels == predictions.positive,
            predictions.scores[:, predictions.positive],
            sample_weight=weights,
        )
    return np.asarray(false, dtype=np.float64), np.asarray(true, dtype=np.float64)


def _area(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    above = np.flatnonzero(positive)
    below = np.flatnonzero(~positive)
    above, below = above[np.argsort(scores[above])], below[np.argsort(scores[below])]
    beaten = np.searchsorted(scores[below], scores[above], side="left")
    reached = np.searchsorted(scores[below], scores[above], side="right")
    ties = bool((beaten != reached).any())
    wins, pairs = np.empty(len(weights)), np.empty(len(weights))
    rows = max(1, AT_ONCE // max(1, len(scores)))
    for start in range(0, len(weights), rows):
        part = weights[start : start + rows]
        negatives = np.zeros((len(part), len(below) + 1))
        np.cumsum(part[:, below], axis=1, out=negatives[:, 1:])
        positives = part[:, above]
        lost = negatives[:, beaten]
        if ties:
            lost = (lost + negatives[:, reached]) / 2
        wins[start : start + rows] = np.einsum("ij,ij->i", positives, lost)
        pairs[start : start + rows] = positives.sum(axis=1) * negatives[:, -1]
    return ratio(wins, pairs)


def _recall(predictions: Predictions, which: int, weights: Floats, threshold: float) -> Floats:
    return share(predictions.decide(threshold) == which, predictions.labels == which, weights)
