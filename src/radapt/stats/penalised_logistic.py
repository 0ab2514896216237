"""Logistic regression with an L2 penalty on many features, for a path of penalties at once.

Shapes: n images, d features, r principal axes, k classes or findings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ON_OFFSET = 1e-3  # penalty on the offset, so that it is finite where all images are of one class
_ITERATIONS = 500
_TOLERANCE = 1e-7  # of the gradient of the mean loss
_SMALLEST = 1e-12  # of the largest squared length of an axis; below it is rounding error


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The principal axes of some features: in them no problem has more coordinates than images.

    An L2 penalty is the same in all coordinate systems at right angles, so the solution is that among the
    features (Hastie & Tibshirani 2004, Biostatistics 5:329).
    """

    vectors: Floats  # (d, r), at right angles and of length 1
    rows: Floats  # (n, r), the coordinates of the images
    curvature: Floats  # (r,), mean square of each coordinate

    @classmethod
    def of(cls, features: Floats) -> Self:
        """Find the axes of features (n, d) that have a mean of about 0."""
        n, d = features.shape
        squares, vectors = np.linalg.eigh(features @ features.T if n < d else features.T @ features)
        kept = squares > max(squares[-1] * _SMALLEST, np.finfo(np.float64).tiny)
        vectors = vectors[:, kept]
        if n < d:
            vectors = features.T @ (vectors / np.sqrt(squares[kept]))
        return cls(vectors, features @ vectors, squares[kept] / n)


def fit_penalised(
    axes: Axes,
    targets: Floats,
    weights: Floats,
    penalties: Sequence[float],
    *,
    exclusive: bool,
) -> Iterator[tuple[Floats, Floats]]:
    """Fit one logistic regression for each penalty, by L-BFGS, each from the solution before.

    The sum of the images' losses plus `penalty / 2` times the sum of squared coefficients is minimised, which
    is scikit-learn's `LogisticRegression` with `C = 1 / penalty`.

    Parameters
    ----------
    axes
        Of the features of n images.
    targets
        (n, k), 0 or 1; what has a weight of 0 is not looked at.
    weights
        (n, k), how much each target counts, 0 or more; where classes are exclusive, the same for all k.
    penalties
        Above 0; from the largest to the smallest is fastest.
    exclusive
        Whether an image is of one class (softmax), or has any number of findings, each of which has a
        regression of its own (sigmoid).

    Yields
    ------
    tuple
        Coefficients on the axes (r, k), and offsets (k,).
    """
    from scipy.optimize import minimize  # importing takes a while

    total, shape = max(float(weights.max(axis=1).sum()), 1e-12), (axes.rows.shape[1] + 1, targets.shape[1])
    start = np.zeros(shape)
    for penalty in penalties:
        # In coordinates divided by the square root of their curvature, steps are about right in all.
        scale = 1 / np.sqrt(np.append(axes.curvature / 4 + penalty / total, 0.25))[:, None]
        ridge = np.append(np.full(len(axes.curvature), penalty), _ON_OFFSET)[:, None] / total

        def loss(flat: Floats, scale: Floats = scale, ridge: Floats = ridge) -> tuple[float, Floats]:
            coefficients = flat.reshape(shape) * scale
            logits = axes.rows @ coefficients[:-1] + coefficients[-1]
            losses, excess = losses_of(logits, targets, exclusive=exclusive)
            excess *= weights / total
            shared = shape[1] if exclusive else 1  # each image's loss stands in every column
            value = float((losses * weights).sum()) / shared / total + 0.5 * float(
                (ridge * coefficients**2).sum()
            )
            gradient = np.vstack([axes.rows.T @ excess, excess.sum(axis=0)]) + ridge * coefficients
            return value, (gradient * scale).ravel()

        options = {"maxiter": _ITERATIONS, "gtol": _TOLERANCE, "ftol": 1e-14}
        result = minimize(loss, (start / scale).ravel(), jac=True, method="L-BFGS-B", options=options)
        start = result.x.reshape(shape) * scale
        yield start[:-1], start[-1]  # a new array each time


def losses_of(logits: Floats, targets: Floats, *, exclusive: bool) -> tuple[Floats, Floats]:
    """Return cross-entropies and their gradient by logit, both (n, k).

    Of exclusive classes every column holds the loss of the image.
    """
    from scipy.special import expit, log_softmax

    if exclusive:
        logs = log_softmax(logits, axis=1)
        losses = np.broadcast_to(-(targets * logs).sum(axis=1, keepdims=True), logits.shape)
        return losses, np.exp(logs) - targets
    return np.logaddexp(0, logits) - targets * logits, expit(logits) - targets
