"""Metrics of decisions at a threshold: accuracy, sensitivity, specificity, F1, MCC, predictive values.

TP, FP, FN and TN are the weights of the images in each cell of the confusion matrix.
"""

from collections.abc import Callable

import numpy as np

from radapt.metrics.weighted import (
    Floats,
    MetricFunction,
    macro_averaged,
    mean,
    present,
    ratio,
    share,
)
from radapt.predictions import Predictions


@macro_averaged
def accuracy(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Compute the share of images that are classified correctly; it depends on the prevalence.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is predicted positive; for two classes only.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where all weights are 0.
    """
    return ratio(weights @ correct(predictions, threshold), weights.sum(axis=1))


@macro_averaged
def balanced_accuracy(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Compute the mean recall over the classes that have images.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is predicted positive; for two classes only.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where fewer than two classes have images, or one of them no weight.
    """
    classes = present(predictions)
    if len(classes) < 2:
        return np.full(len(weights), np.nan)
    return mean([_recall(predictions, c, weights, threshold) for c in classes])


def correct(predictions: Predictions, threshold: float = 0.5, /) -> Floats:
    """Mark the images of one class each that are classified correctly, (n,), 1 or 0."""
    return np.asarray(predictions.decide(threshold) == predictions.labels, dtype=np.float64)


@macro_averaged
def sensitivity(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Compute TP / (TP + FN): the share of images with the finding that are predicted positive.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is predicted positive.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where no image with the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    return _recall(predictions, predictions.positive, weights, threshold)


@macro_averaged
def specificity(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Compute TN / (TN + FP): the share of images without the finding that are predicted negative.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is predicted positive.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where no image without the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    return _recall(predictions, 1 - predictions.positive, weights, threshold)


@macro_averaged
def f1(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Compute 2 TP / (2 TP + FP + FN): the harmonic mean of precision and sensitivity.

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is predicted positive.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1], 0 where there is no true positive; NaN where no image with the finding has weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    tp, fp, fn, _ = _confusion(predictions, weights, threshold)
    return np.where(tp + fn > 0, ratio(2 * tp, 2 * tp + fp + fn), np.nan)


@macro_averaged
def mcc(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
    """Compute Matthews' correlation of labels and decisions (Matthews 1975, BBA 405:442).

    Parameters
    ----------
    predictions
        n images of two classes.
    weights
        (B, n), how much each image counts, 0 or more.
    threshold
        The probability from which on an image is predicted positive.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [-1, 1], 0 where all decisions are the same; NaN where one of the classes has no weight.

    Raises
    ------
    AskedWrongly
        If there are more than two classes.
    """
    tp, fp, fn, tn = _confusion(predictions, weights, threshold)
    classes = (tp + fn) * (fp + tn)
    spread = np.sqrt(classes * (tp + fp) * (fn + tn))
    value = np.where(spread > 0, ratio(tp * tn - fp * fn, spread), 0.0)
    return np.where(classes > 0, value, np.nan)


def ppv_at(sensitivity: Floats, specificity: Floats, prevalence: float) -> Floats:
    """Compute the positive predictive value at a prevalence, by Bayes' theorem.

    Parameters
    ----------
    sensitivity, specificity
        In [0, 1], of any one shape.
    prevalence
        The share of those examined who have the finding, above 0 and below 1.

    Returns
    -------
    NDArray[np.float64]
        In [0, 1]; NaN where nothing is predicted positive.
    """
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return ratio(true, true + false)


def npv_at(sensitivity: Floats, specificity: Floats, prevalence: float) -> Floats:
    """Compute the negative predictive value at a prevalence, by Bayes' theorem.

    Parameters and return value are those of `ppv_at`; NaN where nothing is predicted negative.
    """
    return ppv_at(specificity, sensitivity, 1 - prevalence)


def predictive_value(formula: Callable[[Floats, Floats, float], Floats], prevalence: float) -> MetricFunction:
    """Make the metric of a predictive value at a prevalence; the formula is `ppv_at` or `npv_at`."""

    @macro_averaged
    def metric(predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        return formula(
            sensitivity(predictions, weights, threshold),
            specificity(predictions, weights, threshold),
            prevalence,
        )

    return metric


def _confusion(predictions: Predictions, weights: Floats, threshold: float) -> tuple[Floats, ...]:
    """Sum the weights, (B,) each, of TP, FP, FN and TN."""
    positive = predictions.labels == predictions.positive
    predicted = predictions.decide(threshold) == predictions.positive
    cells = (positive & predicted, ~positive & predicted, positive & ~predicted, ~positive & ~predicted)
    return tuple(weights @ cell.astype(np.float64) for cell in cells)


def _recall(predictions: Predictions, which: int, weights: Floats, threshold: float) -> Floats:
    return share(predictions.decide(threshold) == which, predictions.labels == which, weights)
