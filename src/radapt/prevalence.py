"""Metrics whose value depends on how common the finding is among the films.

Average precision, F1 and MCC are given for the films as they are, and are only comparable between sets of
one prevalence. Predictive values are given at a prevalence that the user names.
"""

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.predictions import Predictions
from radapt.weighted import (
    AT_ONCE,
    Floats,
    Metric,
    each_finding,
    mean,
    need_two,
    ratio,
    scored_classes,
    share,
)


@each_finding
def average_precision(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Give the mean precision over the films with the finding, each called with all that score as high.

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
def f1(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the harmonic mean of precision and sensitivity for the finding.

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
        (B,), in [0, 1], 0 where no film is rightly called; NaN where no film with the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    need_two("f1", predictions)
    found, false, missed, _ = _counts(predictions, weights, threshold)
    return np.where(found + missed > 0, ratio(2 * found, 2 * found + false + missed), np.nan)


@each_finding
def mcc(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give Matthews' correlation between what films are and what they are called (1975, BBA 405:442).

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
        (B,), in [-1, 1], 0 where all films are called the same; NaN where one of the classes has no weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    need_two("mcc", predictions)
    found, false, missed, cleared = _counts(predictions, weights, threshold)
    classes = (found + missed) * (false + cleared)
    spread = np.sqrt(classes * (found + false) * (missed + cleared))
    value = np.where(spread > 0, ratio(found * cleared - false * missed, spread), 0.0)
    return np.where(classes > 0, value, np.nan)


def ppv_at(sensitivity: Floats, specificity: Floats, prevalence: float) -> Floats:
    """Give the share of positive calls that are right, where the finding is so common: Bayes' theorem.

    Parameters
    ----------
    sensitivity, specificity
        In [0, 1], of any one shape.
    prevalence
        How common the finding is among those examined, above 0 and below 1.

    Returns
    -------
    NDArray[np.float64]
        In [0, 1]; NaN where nothing is called positive.
    """
    right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return ratio(right, right + wrong)


def npv_at(sensitivity: Floats, specificity: Floats, prevalence: float) -> Floats:
    """Give the share of negative calls that are right, where the finding is so common.

    Parameters and return value are those of `ppv_at`; NaN where nothing is called negative.
    """
    return ppv_at(specificity, sensitivity, 1 - prevalence)


def predictive_value(name: str) -> Metric:
    """Give the metric that is written `ppv@0.05` or `npv@0.05`: a predictive value at that prevalence.

    Raises
    ------
    AskedWrongly
        If what stands behind the @ is no prevalence.
    """
    kind, _, written = name.partition("@")
    at = {"ppv": ppv_at, "npv": npv_at}[kind]
    try:
        prevalence = float(written)
    except ValueError:
        prevalence = np.nan
    if not 0 < prevalence < 1:
        raise AskedWrongly(
            "A predictive value needs to know how common the finding is, above 0 and below 1, "
            f"as in {kind}@0.05. Got {name!r}."
        )

    @each_finding
    def metric(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        need_two(name, predictions)
        positive = predictions.labels == predictions.positive
        called = predictions.decide(threshold) == predictions.positive
        return at(share(called, positive, weights), share(~called, ~positive, weights), prevalence)

    return metric


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


def _counts(predictions: Predictions, weights: Floats, threshold: float) -> tuple[Floats, ...]:
    """Give the weights (B,) of films found, falsely called, missed and rightly cleared."""
    positive = predictions.labels == predictions.positive
    called = predictions.decide(threshold) == predictions.positive
    kinds = (positive & called, ~positive & called, positive & ~called, ~positive & ~called)
    found, false, missed, cleared = (weights @ kind.astype(np.float64) for kind in kinds)
    return found, false, missed, cleared
