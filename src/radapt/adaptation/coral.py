"""Align the mean and covariance of target features with those of source features, without labels."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from radapt.adaptation.feature_cache import FrozenPrefix, Views
from radapt.adaptation.head import first_layer
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.images.split import choose_budget
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo

MAX_IMAGES = 2000  # maximum images per hospital: more would hardly change the covariance


@dataclass(frozen=True, slots=True)
class Coral(Strategy):
    """Correlation alignment of target features to source features (CORAL, Sun et al. 2016, arXiv:1511.05547).

    The alignment is linear, so it is folded into the head's first layer; all other weights stay unchanged.
    Covariances are shrunk towards their diagonal by `shrinkage`, or more where there are few images.
    """

    shrinkage: float = 0.1  # weight of the diagonal, 0 to 1

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "mean and covariance of the features aligned with the source's, without labels"
    source: ClassVar[bool] = True

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
        """Return a copy of the base whose head first aligns the features."""
        old = conditions.source_images("coral")
        old = choose_budget(old, min(MAX_IMAGES, len(old)), seed=conditions.seed)
        new = target.take(range(min(MAX_IMAGES, len(target))))
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
        """Return the mean (d,) and the covariance (d, d) of the features, float64 on the CPU."""
        prefix = FrozenPrefix(classifier, len(classifier.blocks))
        cached = conditions.cache.get(prefix, images, Views(), conditions.hardware)
        features = cached.features().double().cpu()
        shrinkage = max(self.shrinkage, min(1.0, features.shape[1] / (10 * len(images))))
        covariance = torch.cov(features.T)
        kept = torch.diag(covariance.diagonal())
        ridge = 1e-6 * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
        return features.mean(0), (1 - shrinkage) * covariance + shrinkage * kept + ridge


def _take_over(
    layer: nn.Linear, old_mean: Tensor, old_covariance: Tensor, new_mean: Tensor, new_covariance: Tensor
) -> None:
    """Fold the alignment of target (new) to source (old) features into a layer, in place."""
    move = _power(old_covariance, 0.5) @ _power(new_covariance, -0.5)  # f -> move (f - new_mean) + old_mean
    weight = layer.weight.detach().double().cpu()
    bias = layer.bias.detach().double().cpu() + weight @ (old_mean - move @ new_mean)
    with torch.no_grad():
        layer.weight.copy_(weight @ move)
        layer.bias.copy_(bias)


def _power(covariance: Tensor, power: float) -> Tensor:
    """Return a power of a symmetric positive definite matrix (d, d)."""
    values, vectors = torch.linalg.eigh(covariance)
    powered: Tensor = (vectors * values.clamp_min(1e-12).pow(power)) @ vectors.T
    return powered
