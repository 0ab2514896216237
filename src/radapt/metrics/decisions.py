"""Metrics of decisions at a threshold: accuracy, sensitivity, specificity, F1, MCC, predictive values."""

import numpy as np

from radapt.errors import AskedWrongly
from radapt.metrics.weighted import Floats, Metric, each_finding, mean, need_two, present, ratio, share
from radapt.predictions import Predictions


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
        (B,), in [0, 1], 0 where no image is rightly called; NaN where no image with the finding has weight.

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
    """Give Matthews' correlation between what images are and what they are called (1975, BBA 405:442).

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
        (B,), in [-1, 1], 0 where all images are called the same; NaN where one of the classes has no weight.

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


def _counts(predictions: Predictions, weights: Floats, threshold: float) -> tuple[Floats, ...]:
    """Give the weights (B,) of images found, falsely called, missed and rightly cleared."""
    positive = predictions.labels == predictions.positive
    called = predictions.decide(threshold) == predictions.positive
    kinds = (positive & called, ~positive & called, positive & ~called, ~positive & ~called)
    found, false, missed, cleared = (weights @ kind.astype(np.float64) for kind in kinds)
    return found, false, missed, cleared


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
def sensitivity(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the share of images with the finding that are called so.

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
        (B,), in [0, 1]; NaN where no image with the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    need_two("sensitivity", predictions)
    return _recall(predictions, predictions.positive, weights, threshold)


@each_finding
def specificity(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Give the share of images without the finding that are called so.

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
        (B,), in [0, 1]; NaN where no image without the finding has weight.

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


def _recall(predictions: Predictions, which: int, weights: Floats, threshold: float) -> Floats:
    return share(predictions.decide(threshold) == which, predictions.labels == which, weights)
