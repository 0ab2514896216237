"""The target's features are moved to where the source's lie, without labels."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from radapt.adapt.feature_cache import FrozenPrefix, Views
from radapt.adapt.head import first_layer
from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.images.split import choose_budget
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo

MOST = 2000  # images of a side: more do not move a covariance


@dataclass(frozen=True, slots=True)
class Coral(Strategy):
    """Mean and covariance of the target's features are made the source's (Sun et al. 2016, arXiv:1511.05547).

    The map is linear, so the head's first layer takes it over and the network stays what it was. Covariances
    are shrunk towards their diagonal by `shrinkage`, and more where images are few.
    """

    shrinkage: float = 0.1  # between 0 and 1

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "the features' mean and covariance made the source images', without labels"
    source: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Change the head."""
        return float(place.head)

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Give a copy whose head first moves the features."""
        old = conditions.source_images("coral")
        old = choose_budget(old, min(MOST, len(old)), seed=conditions.seed)
        new = target.take(range(min(MOST, len(target))))
        adapted = deepcopy(base).to(conditions.hardware.device)
        layer = first_layer(adapted)
        if layer is None:
            raise AskedWrongly(
                "The strategy 'coral' needs a head that begins with a linear layer. "
                f"That of {base.spec.model!r} does not."
            )
        there, here = (self._statistics(adapted, images, conditions) for images in (old, new))
        _take_over(layer, *there, *here)
        return AdaptResult(adapted.cpu().eval())

    def _statistics(
        self, classifier: Classifier, images: ImageSet, conditions: AdaptContext
    ) -> tuple[Tensor, Tensor]:
        """Give mean (d,) and covariance (d, d) of the features, in float64 on the processor."""
        prefix = FrozenPrefix(classifier, len(classifier.blocks))
        bank = conditions.cache.get(prefix, images, Views(), conditions.hardware)
        features = bank.features().double().cpu()
        shrinkage = max(self.shrinkage, min(1.0, features.shape[1] / (10 * len(images))))
        covariance = torch.cov(features.T)
        kept = torch.diag(covariance.diagonal())
        ridge = 1e-6 * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
        return features.mean(0), (1 - shrinkage) * covariance + shrinkage * kept + ridge


def _take_over(
    layer: nn.Linear, old_mean: Tensor, old_covariance: Tensor, new_mean: Tensor, new_covariance: Tensor
) -> None:
    """Make a layer that took the source's features take the target's, whitened and coloured anew."""
    move = _power(old_covariance, 0.5) @ _power(new_covariance, -0.5)  # f -> move (f - new_mean) + old_mean
    weight = layer.weight.detach().double().cpu()
    bias = layer.bias.detach().double().cpu() + weight @ (old_mean - move @ new_mean)
    with torch.no_grad():
        layer.weight.copy_(weight @ move)
        layer.bias.copy_(bias)


def _power(covariance: Tensor, power: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    powered: Tensor = (vectors * values.clamp_min(1e-12).pow(power)) @ vectors.T
    return powered
