"""The statistics of batch normalisation are measured anew on the target images; no weight moves."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import BATCH, chunks


@dataclass(frozen=True, slots=True)
class NormRefresh(Strategy):
    """The base's statistics count as much as `prior` images (Schneider et al. 2020, arXiv:2006.16971).

    A network without batch normalisation stays as it is.
    """

    prior: int = 16  # images

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "the statistics of batch normalisation measured anew, without labels"
    updates_statistics: ClassVar[bool] = True

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Give a copy with the target's statistics mixed into the base's."""
        adapted = deepcopy(base)
        layers = refresh(adapted, target, conditions.hardware, self.prior)
        return AdaptResult(adapted.cpu().eval(), notes={"normalisation_layers": layers})


def refresh(classifier: Classifier, images: ImageSet, hardware: Hardware, prior: int) -> int:
    """Measure the statistics of a classifier's batch normalisation anew, in place; give how many layers.

    Each batch is normalised by its own statistics as it passes, as in training; a layer's new statistics are
    their means over the batches, weighed by images, and the old ones weighed as `prior` images.
    """
    layers = [module for module in classifier.modules() if isinstance(module, _BatchNorm)]
    sums = [[prior * tensor for tensor in _statistics(layer)] for layer in layers]
    momenta = [layer.momentum for layer in layers]
    classifier.to(hardware.device).eval()
    try:
        for layer in layers:
            layer.train()
            layer.momentum = 1.0  # what is then left in the layer is of the last batch alone
        for batch in _batches(images) if layers else ():
            with torch.no_grad(), hardware.exact():
                classifier(batch.to(hardware.device))
            for held, layer in zip(sums, layers, strict=True):
                held[:] = [
                    total + len(batch) * tensor.cpu()
                    for total, tensor in zip(held, _statistics(layer), strict=True)
                ]
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    for held, layer in zip(sums, layers, strict=True):
        for total, tensor in zip(held, _statistics(layer), strict=True):
            tensor.copy_(total / (len(images) + prior))
    classifier.eval()
    return len(layers)


def _statistics(layer: _BatchNorm) -> list[Tensor]:
    return [tensor for tensor in (layer.running_mean, layer.running_var) if tensor is not None]


def _batches(images: ImageSet) -> Iterator[Tensor]:
    """Give the images in batches of nearly one size."""
    for chunk in chunks(images.pixels):
        yield from chunk.tensor_split(-(-len(chunk) // BATCH))
