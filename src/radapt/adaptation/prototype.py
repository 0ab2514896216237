"""The last linear layer made of the mean of each class, for a handful of labelled images."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.adaptation.feature_cache import Views
from radapt.adaptation.last_layer import Standardised, learnable, targets_of, with_inputs
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.stats.discriminant import discriminants

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prototype(Strategy):
    """Linear discriminant analysis on the frozen features, with a shrunk covariance.

    An image is compared with the mean of each class, its prototype (Snell et al. 2017, arXiv:1703.05175), by
    the covariance within classes, shrunk as `radapt.stats.discriminant` says. Nothing is chosen and nothing
    iterated. A class or finding that all images have, or none, keeps its former weights.
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
        adapted, layer, inputs = with_inputs(base, target, conditions, strategy="prototype", views=Views())
        features = Standardised.of(inputs)
        rows = features.axes.rows
        targets, weights = targets_of(target.labels, len(target.classes))
        if base.spec.outputs == "softmax":
            coefficients, offsets, shrinkage = discriminants(rows, targets)
        else:
            coefficients, offsets, shrinkage = _each_by_itself(rows, targets, weights)
        features.put(layer, coefficients, offsets, learnable(targets, weights))
        return AdaptResult(adapted.cpu().eval(), notes={"shrinkage": round(shrinkage, 6)})


def _each_by_itself(rows: Floats, targets: Floats, weights: Floats) -> tuple[Floats, Floats, float]:
    """Return coefficients (r, k), offsets (k,) and the mean shrinkage of outputs that are not exclusive."""
    coefficients, offsets = np.zeros((rows.shape[1], targets.shape[1])), np.zeros(targets.shape[1])
    shrinkages = []
    for one in np.flatnonzero(learnable(targets, weights)):
        known = weights[:, one] > 0
        present = targets[known, one]
        of_sides, at, shrinkage = discriminants(rows[known], np.stack([1 - present, present], axis=1))
        coefficients[:, one], offsets[one] = of_sides[:, 1] - of_sides[:, 0], at[1] - at[0]
        shrinkages.append(shrinkage)
    return coefficients, offsets, float(np.mean(shrinkages)) if shrinkages else 1.0
