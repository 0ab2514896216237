"""The last linear layer of a head as a regression: its inputs, its targets, and the solution."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radapt.adaptation.feature_cache import FrozenPrefix, Views
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.tuning import cache_features
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.labels import Labels
from radapt.models.classifier import Classifier
from radapt.models.inference import logits_of
from radapt.stats.penalised_logistic import Axes

Floats = NDArray[np.float64]


def last_layer(classifier: Classifier, strategy: str) -> nn.Linear:
    """Return the last layer of the head, for a strategy of this name.

    Raises
    ------
    AskedWrongly
        If it is not linear with an offset.
    """
    last = [module for module in classifier.head.modules() if not any(module.children())][-1]
    if not isinstance(last, nn.Linear) or last.bias is None:
        raise AskedWrongly(
            f"The strategy {strategy!r} needs a head that ends with a linear layer. "
            f"That of {classifier.spec.model!r} does not."
        )
    return last


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """The inputs of a layer for some images, standardised and on their principal axes.

    Standardised features are divided by the root of their number too, so that their squares have a mean sum
    of 1 whatever their number.
    """

    axes: Axes  # of n rows
    mean: Floats  # (d,)
    spread: Floats  # (d,)

    @classmethod
    def of(cls, inputs: Floats) -> Self:
        """Standardise inputs (n, d) by their own mean and spread."""
        mean, spread = scale_of(inputs)
        spread *= np.sqrt(inputs.shape[1])
        return cls(Axes.of((inputs - mean) / spread), mean, spread)

    def put(
        self, layer: nn.Linear, coefficients: Floats, offsets: Floats, learned: NDArray[np.bool_]
    ) -> None:
        """Put coefficients on the axes (r, k) and offsets (k,) into a layer; outputs not learned stay.

        The layer then takes plain features.
        """
        weight = (self.axes.vectors @ coefficients).T / self.spread
        bias = offsets - weight @ self.mean
        rows = torch.from_numpy(learned)
        with torch.no_grad():
            for own, new in ((layer.weight, weight), (layer.bias, bias)):
                own[rows.to(own.device)] = torch.from_numpy(new[learned]).to(own)


def scale_of(inputs: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of features (n, d), (d,) both; no deviation is 0."""
    return inputs.mean(axis=0), inputs.std(axis=0) + 1e-3 * inputs.std() + 1e-12


def with_inputs(
    base: Classifier, images: ImageSet, conditions: AdaptContext, *, strategy: str, views: Views
) -> tuple[Classifier, nn.Linear, Floats]:
    """Return a copy of a classifier, its last layer, and that layer's inputs for every view of all images.

    Returns
    -------
    tuple
        The copy on the device, its last layer, and the inputs (views * n, d).

    Raises
    ------
    AskedWrongly
        If the head does not end with a linear layer; `strategy` is the name of the one that needs it.
    """
    adapted = deepcopy(base).to(conditions.hardware.device)
    layer = last_layer(adapted, strategy)
    prefix = FrozenPrefix(adapted, len(adapted.blocks))
    rows, _ = cache_features(prefix, images, None, views, conditions)
    return adapted, layer, _inputs(adapted.head, layer, rows.features(), conditions.hardware)


def _inputs(head: nn.Module, layer: nn.Linear, features: Tensor, hardware: Hardware) -> Floats:
    """Return the inputs of a layer of the head for features (m, ...) of the trunk: (m, d) in float64."""
    inputs: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0].detach().cpu()))
    try:
        logits_of(head, features, hardware)
    finally:
        handle.remove()
    return torch.cat(inputs)[-len(features) :].double().numpy()


def targets_of(labels: Labels, classes: int) -> tuple[Floats, Floats]:
    """Return targets (1 or 0) and their weights, (n, k) both; what is not known has a weight of 0."""
    if labels.ndim == 1:
        return np.eye(classes)[labels], np.ones((len(labels), classes))
    known = ~np.isnan(labels)
    return np.nan_to_num(labels).astype(np.float64), known.astype(np.float64)


def learnable(targets: Floats, weights: Floats) -> NDArray[np.bool_]:
    """Return which outputs (k,) have images with and images without the class or finding."""
    present, absent = (weights * targets).sum(axis=0), (weights * (1 - targets)).sum(axis=0)
    both: NDArray[np.bool_] = (present > 0) & (absent > 0)
    return both
