"""Metrics of how scores rank images, whatever the threshold: AUROC, average precision, the ROC curve."""

import warnings

import numpy as np
from numpy.typing import NDArray

from radapt.metrics.weighted import (
    CHUNK,
    Floats,
    macro_averaged,
    mean,
    ratio,
    require_binary,
    scored_classes,
    share,
)
from radapt.predictions import Predictions

ROUNDING = (
    1e-5  # of log-odds, or of 1 where they are smaller; logits in float32 are right to a hundredth of that
)
MAX_LOG_ODDS = 40.0  # beyond, a probability is 0 or 1


@macro_averaged
def auroc(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Compute the area under the ROC curve: how often a random positive image scores above a negative one.

    Ties count half, which makes it the Mann-Whitney statistic (Hanley & McNeil 1982, Radiology
    143:29). With more than two classes: the plain mean, over the classes that have images, of
    each class against the rest.

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
    values = [_area(predictions.scores[:, c], predictions.labels == c, weights) for c in classes]
    return mean(values) if values else np.full(len(weights), np.nan)


def same_ranking(one: Predictions, other: Predictions) -> bool:
    """Say whether two models rank the same images alike, but for what rounding does to their scores.

    So does a model and its recalibrated copy: one temperature and a bias for each of two classes keep the
    order. Weights in float32 may then part a tie, or turn round two images that are next to one another.

    Parameters
    ----------
    one, other
        Predictions of the same images in the same order.
    """
    if one.exclusive:
        columns = [(one.scores[:, c], other.scores[:, c]) for c in scored_classes(one)]
    else:
        pairs = zip(one.apart(), other.apart(), strict=True)
        columns = [(a.scores[:, 1], b.scores[:, 1]) for (_, a), (_, b) in pairs]
    return all(_in_one_order(_log_odds(a), _log_odds(b)) for a, b in columns)


def _log_odds(scores: Floats) -> Floats:
    from scipy.special import logit

    return np.asarray(logit(scores)).clip(-MAX_LOG_ODDS, MAX_LOG_ODDS)


def _in_one_order(one: Floats, other: Floats) -> bool:
    """Say whether a monotone map leads from one to the other, up to rounding."""
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    near, near_other = (ROUNDING * np.maximum(1, np.abs(each)) for each in (one, other))
    falls = np.maximum.accumulate(other) - other
    step, step_other = np.diff(one), np.diff(other)
    parted = ((step > near[1:]) & (step_other <= 0)) | ((step_other > near_other[1:]) & (step <= 0))
    return bool((falls <= near_other).all()) and not bool(parted.any())


def roc_curve(predictions: Predictions, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Compute the corners of the ROC curve, from (0, 0) to (1, 1), for drawing.

    Images of equal score are one step, so ties become a slope; corners on a straight line are left
    out, and the area below is that of `auroc`.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (n,), how much each image counts; 1 each by default.

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
    require_binary("A ROC curve", predictions)
    from sklearn.exceptions import UndefinedMetricWarning
    from sklearn.metrics import roc_curve as corners

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # the result is NaN, which says it
        false, true, _ = corners(
            predictions.labels == predictions.positive,
            predictions.scores[:, predictions.positive],
            sample_weight=weights,
        )
    return np.asarray(false, dtype=np.float64), np.asarray(true, dtype=np.float64)


def _area(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Compute the area under the ROC curve, (B,), as the weighted share of pairs in the right order."""
    positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
    positives = positives[np.argsort(scores[positives])]
    negatives = negatives[np.argsort(scores[negatives])]
    n_below = np.searchsorted(scores[negatives], scores[positives], side="left")
    n_below_or_tied = np.searchsorted(scores[negatives], scores[positives], side="right")
    ties = bool((n_below != n_below_or_tied).any())
    wins, pairs = np.empty(len(weights)), np.empty(len(weights))
    rows = max(1, CHUNK // max(1, len(scores)))
    for start in range(0, len(weights), rows):
        part = weights[start : start + rows]
        cumulative = np.zeros((len(part), len(negatives) + 1))
        np.cumsum(part[:, negatives], axis=1, out=cumulative[:, 1:])
        of_positives = part[:, positives]
        beaten = cumulative[:, n_below]
        if ties:
            beaten = (beaten + cumulative[:, n_below_or_tied]) / 2
        wins[start : start + rows] = np.einsum("ij,ij->i", of_positives, beaten)
        pairs[start : start + rows] = of_positives.sum(axis=1) * cumulative[:, -1]
    return ratio(wins, pairs)


@macro_averaged
def average_precision(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Compute the sum over thresholds of precision times the step in recall, without interpolation.

    A model without skill gets `baseline_precision`. With more than two classes: the plain mean, over the
    classes that have images, of each class against the rest.

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
    values = [_precision(predictions.scores[:, c], predictions.labels == c, weights) for c in classes]
    return mean(values) if values else np.full(len(weights), np.nan)


def baseline_precision(predictions: Predictions) -> float:
    """Compute the average precision of a model without skill: the prevalence, in [0, 1].

    Of several labels or classes it is the mean, as in `average_precision`; NaN where that is not defined.
    """
    return float(_prevalence(predictions, np.ones((1, len(predictions))))[0])


@macro_averaged
def _prevalence(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    everything = np.ones(len(predictions), dtype=np.bool_)
    values = [share(predictions.labels == c, everything, weights) for c in scored_classes(predictions)]
    return mean(values) if values else np.full(len(weights), np.nan)


def _precision(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Compute the average precision, (B,)."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-1.0))  # the last image of each score
    positive = positive[order]
    result = np.empty(len(weights))
    rows = max(1, CHUNK // max(1, len(scores)))
    for start in range(0, len(weights), rows):
        part = weights[start : start + rows, order]
        predicted = np.cumsum(part, axis=1)[:, ends]  # predicted positive at each threshold
        tp = np.cumsum(part * positive, axis=1)[:, ends]
        precision = np.zeros_like(tp)
        np.divide(tp, predicted, out=precision, where=predicted > 0)
        sums = np.einsum("ij,ij->i", np.diff(tp, axis=1, prepend=0.0), precision)
        defined = (tp[:, -1] > 0) & (predicted[:, -1] > tp[:, -1])
        result[start : start + rows] = np.where(defined, ratio(sums, tp[:, -1]), np.nan)
    return result
