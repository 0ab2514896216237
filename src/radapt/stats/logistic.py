"""Logistic regression on a model's own scores, without penalty, for many rows of weights at once.

Shapes: B rows of weights, n images, d coefficients.
"""

import numpy as np
from numpy.typing import NDArray

from radapt.predictions import Predictions

Floats = NDArray[np.float64]

EDGE = 1e-12  # scores are held so far from 0 and 1, where their logarithm would have no end

_ITERATIONS = 100
_NEAR = 1e-8  # a stride that moves no image's sum further is the last
_CHUNK = 2**19  # weights handled at a time, 4 MiB


def log_odds(predictions: Predictions) -> Floats:
    """Give the logarithm of the odds of the finding, (n,), of predictions of two classes."""
    logs = np.log(np.maximum(predictions.scores, EDGE))
    odds: Floats = logs[:, predictions.positive] - logs[:, 1 - predictions.positive]
    return odds


def fit_logistic(
    features: Floats, targets: Floats, weights: Floats | None = None, offset: Floats | None = None
) -> Floats:
    """Fit the probability of a target as the logistic of a sum of features, by Newton's method.

    Parameters
    ----------
    features
        (n, d); a column of ones for an intercept.
    targets
        (n,), in [0, 1].
    weights
        (B, n), how much each image counts, 0 or more; once each if not given.
    offset
        (n,), added to the sum with a coefficient of 1.

    Returns
    -------
    NDArray[np.float64]
        (B, d); NaN where there is no finite answer, as where the features part the targets without error.
    """
    offset = np.zeros(len(targets)) if offset is None else offset
    whole = np.ones((1, len(targets)))
    start = _newton(features, targets, whole, offset, np.zeros((1, features.shape[1])))
    if weights is None:
        return start
    start = np.nan_to_num(start)
    step = max(1, _CHUNK // max(1, len(targets)))
    parts = []
    for first in range(0, len(weights), step):
        part = weights[first : first + step]
        parts.append(_newton(features, targets, part, offset, np.repeat(start, len(part), axis=0)))
    return np.concatenate(parts)


def _newton(features: Floats, targets: Floats, weights: Floats, offset: Floats, found: Floats) -> Floats:
    """Go from coefficients (B, d) to the best, by strides that cannot overshoot.

    A stride is shortened by log(1 + r) / r, r being the most that it could change an image's sum, under which
    the loss cannot rise (Sun & Tran-Dinh 2019, Math. Program. 178:145).
    """
    from scipy.special import expit

    size = features.shape[1]
    squares = (features[:, :, None] * features[:, None, :]).reshape(len(features), -1)
    largest = np.abs(features).max(axis=0, initial=EDGE)
    moving = np.arange(len(weights))
    for _ in range(_ITERATIONS):
        chance = expit(found[moving] @ features.T + offset)
        slope = (weights[moving] * (targets - chance)) @ features
        chance *= 1 - chance
        chance *= weights[moving]
        bend = (chance @ squares).reshape(-1, size, size)
        ridge = 1e-12 * np.trace(bend, axis1=1, axis2=2) + 1e-300
        stride = np.linalg.solve(bend + ridge[:, None, None] * np.eye(size), slope[..., None])[..., 0]
        most = np.abs(stride) @ largest + EDGE
        found[moving] += stride * (np.log1p(most) / most)[:, None]
        moving = moving[~(most <= _NEAR)]
        if not moving.size:
            break
    found[moving] = np.nan
    return found
