"""Metrics of the order that scores put images in: AUROC, average precision, the ROC curve."""

import warnings

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.weighted import (
    AT_ONCE,
    Floats,
    each_finding,
    mean,
    need_two,
    ratio,
    scored_classes,
    share,
)
from radapt.predictions import Predictions


@each_finding
def auroc(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Give the area under the ROC curve: how often a random image with the finding scores above one without.

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


@each_finding
def average_precision(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Give the mean precision over the images with the finding, each called with all that score as high.

    It is the sum of precision times the step in recall, without interpolation; a model that knows nothing
    gets `baseline_precision`. With more than two classes: the plain mean over those that have images.

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
    each = [_precision(predictions.scores[:, c], predictions.labels == c, weights) for c in classes]
    return mean(each) if each else np.full(len(weights), np.nan)


def baseline_precision(predictions: Predictions) -> float:
    """Give the average precision of a model that knows nothing: how common the finding is, in [0, 1].

    Of several findings or classes it is the mean, as in `average_precision`; NaN where that is not defined.
    """
    return float(_prevalence(predictions, np.ones((1, len(predictions))))[0])


@each_finding
def _prevalence(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    everything = np.ones(len(predictions), dtype=np.bool_)
    each = [share(predictions.labels == c, everything, weights) for c in scored_classes(predictions)]
    return mean(each) if each else np.full(len(weights), np.nan)


def _precision(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-1.0))  # the last image of each score
    positive = positive[order]
    result = np.empty(len(weights))
    rows = max(1, AT_ONCE // max(1, len(scores)))
    for start in range(0, len(weights), rows):
        part = weights[start : start + rows, order]
        called = np.cumsum(part, axis=1)[:, ends]
        right = np.cumsum(part * positive, axis=1)[:, ends]
        precision = np.zeros_like(right)
        np.divide(right, called, out=precision, where=called > 0)
        sums = np.einsum("ij,ij->i", np.diff(right, axis=1, prepend=0.0), precision)
        defined = (right[:, -1] > 0) & (called[:, -1] > right[:, -1])
        result[start : start + rows] = np.where(defined, ratio(sums, right[:, -1]), np.nan)
    return result
