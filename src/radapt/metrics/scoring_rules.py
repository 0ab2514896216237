"""Proper scoring rules: how far probabilities are from the labels; less is better.

Such a score is best for the true probabilities, and so measures both discrimination and calibration. Both
scores depend on the prevalence among the images.
"""

import numpy as np

from radapt.metrics.weighted import Floats, macro_averaged, ratio
from radapt.predictions import Predictions

WORST_LOSS = float(-np.log(np.finfo(np.float64).eps))  # 36.04, of an image whose class has probability 0


@macro_averaged
def brier(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Compute the mean squared error of the probability (Brier 1950, Mon. Weather Rev. 78:1); less is better.

    With more than two classes: half the sum of squares over them, which for two is the same number.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 1]; NaN where all weights are 0.
    """
    return ratio(weights @ squared_errors(predictions), weights.sum(axis=1))


@macro_averaged
def log_loss(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Compute the mean negative log-likelihood of the labels; less is better.

    Probabilities are clipped at 2.2e-16, as in scikit-learn, so that one image cannot make it infinite.

    Parameters
    ----------
    predictions
        n images.
    weights
        (B, n), how much each image counts, 0 or more.

    Returns
    -------
    NDArray[np.float64]
        (B,), in [0, 36.05]; NaN where all weights are 0.
    """
    return ratio(weights @ losses(predictions), weights.sum(axis=1))


def squared_errors(predictions: Predictions, _threshold: float = 0.5, /) -> Floats:
    """Compute the squared errors whose mean is `brier`, (n,), in [0, 1]; of one class an image."""
    one_hot = np.eye(len(predictions.classes))[predictions.labels.astype(np.int64)]
    return np.asarray(np.square(predictions.scores - one_hot).sum(axis=1) / 2, dtype=np.float64)


def losses(predictions: Predictions, _threshold: float = 0.5, /) -> Floats:
    """Compute the losses whose mean is `log_loss`, (n,), in [0, 36.05]; of one class an image."""
    return -np.log(np.clip(predictions.own_scores(), np.finfo(np.float64).eps, 1.0))
