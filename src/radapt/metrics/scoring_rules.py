"""Proper scores: how far probabilities are from what came of them, less being better.

Such a score is best for the true probabilities, and so asks of a model both that it tells images apart and
that it means what it says. Both depend on how common the finding is among the images.
"""

import numpy as np

from radapt.metrics.weighted import Floats, each_finding, ratio
from radapt.predictions import Predictions

WORST_LOSS = float(-np.log(np.finfo(np.float64).eps))  # 36.04, of an image to whose class no chance was given


@each_finding
def brier(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Give the mean squared error of the probability (Brier 1950, Mon. Weather Rev. 78:1); less is better.

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


@each_finding
def log_loss(predictions: Predictions, weights: Floats, _threshold: float = 0.5, /) -> Floats:
    """Give the mean of minus the logarithm of the probability of what each image is; less is better.

    Probabilities are held above 2.2e-16, as in scikit-learn, so that one image cannot make it infinite.

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


def squared_errors(predictions: Predictions) -> Floats:
    """Give what each image of one class adds to `brier`, (n,), in [0, 1]."""
    wanted = np.eye(len(predictions.classes))[predictions.labels.astype(np.int64)]
    return np.asarray(np.square(predictions.scores - wanted).sum(axis=1) / 2, dtype=np.float64)


def losses(predictions: Predictions) -> Floats:
    """Give what each image of one class adds to `log_loss`, (n,), in [0, 36.05]."""
    return -np.log(np.clip(predictions.own_scores(), np.finfo(np.float64).eps, 1.0))
