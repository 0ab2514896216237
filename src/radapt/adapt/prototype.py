"""The last linear layer made of the mean of each class, for a handful of labelled images."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.adapt.feature_cache import FrozenPrefix, Views
from radapt.adapt.last_layer import Standardised, last_layer, learnable, targets_of
from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adapt.tuning import cache_features
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prototype(Strategy):
    """Linear discriminant analysis on the frozen features, with a shrunk covariance.

    An image is compared with the mean of each class, its prototype (Snell et al. 2017, arXiv:1703.05175), by
    the covariance within classes, shrunk towards a multiple of the identity as Ledoit & Wolf (2004, J.
    Multivar. Anal. 88:365) derive from the images. Nothing is chosen and nothing iterated. A finding that all
    images have, or none, keeps its former weights.
    """

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "the last dense layer alone, from the mean features of each class"
    on_features: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of the head and 0 for all others."""
        return float(place.head)

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Return a copy of the base with another last layer; validation images are not looked at."""
        adapted = deepcopy(base).to(conditions.hardware.device)
        layer = last_layer(adapted, "prototype")
        prefix = FrozenPrefix(adapted, len(adapted.blocks))
        rows, _ = cache_features(prefix, target, None, Views(), conditions)
        features = Standardised.of(adapted, layer, rows, conditions.hardware)
        targets, weights = targets_of(target.labels, len(target.classes))
        learned = learnable(targets, weights)
        if base.spec.outputs == "softmax":
            coefficients, offsets, shrinkage = discriminants(features.axes.rows, targets)
            shrinkages = [shrinkage]
        else:  # each output by itself
            coefficients, offsets = (
                np.zeros((features.axes.rows.shape[1], len(learned))),
                np.zeros(len(learned)),
            )
            shrinkages = []
            for one in np.flatnonzero(learned):
                known = weights[:, one] > 0
                sides = np.stack([1 - targets[known, one], targets[known, one]], axis=1)
                both, of_both, shrinkage = discriminants(features.axes.rows[known], sides)
                coefficients[:, one], offsets[one] = both[:, 1] - both[:, 0], of_both[1] - of_both[0]
                shrinkages.append(shrinkage)
        features.put(layer, coefficients, offsets, learned)
        return AdaptResult(adapted.cpu().eval(), notes={"shrinkage": [round(one, 6) for one in shrinkages]})


def discriminants(rows: Floats, members: Floats) -> tuple[Floats, Floats, float]:
    """Fit the linear discriminants of exclusive classes.

    Parameters
    ----------
    rows
        (n, r), coordinates of the images.
    members
        (n, k), 1 for the class of each image, else 0.

    Returns
    -------
    tuple
        Coefficients (r, k) and offsets (k,) of each class, zero of a class without images; and the weight of
        the identity in the covariance, 0 to 1.
    """
    sizes = members.sum(axis=0)
    means = members.T @ rows / sizes.clip(1)[:, None]
    inner = rows - members @ means
    n, r = inner.shape
    covariance = inner.T @ inner / n
    level = float(np.trace(covariance)) / max(r, 1)
    squares = float((covariance**2).sum())
    noise = (float((inner**2).sum(axis=1) @ (inner**2).sum(axis=1)) / n - squares) / n
    shrinkage = min(1.0, max(0.0, noise) / max(squares - r * level**2, 1e-300))
    shrunk = (1 - shrinkage) * covariance + (shrinkage * level + 1e-9) * np.eye(r)
    coefficients: Floats = np.linalg.solve(shrunk, means.T)
    offsets = np.log(sizes.clip(0.5) / n) - 0.5 * (means.T * coefficients).sum(axis=0)
    return coefficients, offsets, shrinkage
