"""Logistic regression on a model's own scores, without penalty, for many rows of weights at once.

Shapes: B rows of weights, n images, d coefficients.
"""

import numpy as np
from numpy.typing import NDArray

from radapt.predictions import Predictions

Floats = NDArray[np.float64]

EDGE = 1e-12  # scores are clipped this far from 0 and 1, where their logarithm would be infinite

_ITERATIONS = 100
_TOLERANCE = 1e-8  # a step that changes no image's log odds by more is the last
_CHUNK = 2**19  # weights in memory at a time, 4 MiB


def log_odds(predictions: Predictions) -> Floats:
    """Compute the log odds of the finding, (n,), of predictions of two classes."""
    logs = np.log(np.maximum(predictions.scores, EDGE))
    odds: Floats = logs[:, predictions.positive] - logs[:, 1 - predictions.positive]
    return odds


def fit_logistic(
    features: Floats, targets: Floats, weights: Floats | None = None, offset: Floats | None = None
) -> Floats:
    """Fit a logistic regression without penalty, by Newton's method.

    Parameters
    ----------
    features
        (n, d); give a column of ones for an intercept.
    targets
        (n,), in [0, 1].
    weights
        (B, n), how much each image counts, 0 or more; 1 each by default.
    offset
        (n,), added to the linear predictor with a coefficient of 1.

    Returns
    -------
    NDArray[np.float64]
        (B, d); NaN where there is no finite solution, as where the features separate the targets perfectly.
    """
    offset = np.zeros(len(targets)) if offset is None else offset
    ones = np.ones((1, len(targets)))
    start = _newton(features, targets, ones, offset, np.zeros((1, features.shape[1])))
    if weights is None:
        return start
    start = np.nan_to_num(start)
    rows = max(1, _CHUNK // max(1, len(targets)))
    chunks = []
    for first in range(0, len(weights), rows):
        chunk = weights[first : first + rows]
        chunks.append(_newton(features, targets, chunk, offset, np.repeat(start, len(chunk), axis=0)))
    return np.concatenate(chunks)


def _newton(
    features: Floats, targets: Floats, weights: Floats, offset: Floats, coefficients: Floats
) -> Floats:
    """Iterate from coefficients (B, d) to the maximum likelihood, by steps that cannot overshoot.

    A step is shortened by log(1 + r) / r, r being the most that it could change an image's log odds, so
    that the loss cannot rise (Sun & Tran-Dinh 2019, Math. Program. 178:145). Coefficients are changed in
    place.
    """
    from scipy.special import expit

    size = features.shape[1]
    squares = (features[:, :, None] * features[:, None, :]).reshape(len(features), -1)
    largest = np.abs(features).max(axis=0, initial=EDGE)
    active = np.arange(len(weights))  # rows of weights that have not converged
    for _ in range(_ITERATIONS):
        chance = expit(coefficients[active] @ features.T + offset)
        gradient = (weights[active] * (targets - chance)) @ features
        chance *= 1 - chance
        chance *= weights[active]
        hessian = (chance @ squares).reshape(-1, size, size)
        ridge = 1e-12 * np.trace(hessian, axis1=1, axis2=2) + 1e-300
        step = np.linalg.solve(hessian + ridge[:, None, None] * np.eye(size), gradient[..., None])[..., 0]
        change = np.abs(step) @ largest + EDGE
        coefficients[active] += step * (np.log1p(change) / change)[:, None]
        active = active[~(change <= _TOLERANCE)]
        if not active.size:
            break
    coefficients[active] = np.nan
    return coefficients
