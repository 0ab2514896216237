"""Recompute the statistics of batch normalisation on the target images; all weights stay unchanged."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import BATCH, chunks


@dataclass(frozen=True, slots=True)
class NormRefresh(Strategy):
    """Mix source and target statistics of batch normalisation (Schneider et al. 2020, arXiv:2006.16971).

    A network without batch normalisation stays unchanged.
    """

    prior: int = 16  # the base's statistics weigh as much as this many images

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "batch normalisation statistics recomputed on target images, without labels"
    updates_statistics: ClassVar[bool] = True

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Return a copy of the base whose statistics are mixed with the target's."""
        adapted = deepcopy(base)
        layers = refresh(adapted, target, conditions.hardware, self.prior)
        return AdaptResult(adapted.cpu().eval(), notes={"normalisation_layers": layers})


def refresh(classifier: Classifier, images: ImageSet, hardware: Hardware, prior: int) -> int:
    """Recompute the batch normalisation statistics of a classifier, in place; return the number of layers.

    Each batch is normalised by its own statistics, as in training. A layer's new statistics are the weighted
    mean over the batches and the old statistics: a batch weighs its number of images, the old weigh `prior`.
    """
    layers = [module for module in classifier.modules() if isinstance(module, _BatchNorm)]
    sums = [[prior * tensor for tensor in _statistics(layer)] for layer in layers]
    momenta = [layer.momentum for layer in layers]
    classifier.to(hardware.device).eval()
    try:
        for layer in layers:
            layer.train()
            layer.momentum = 1.0  # the running statistics are then those of the last batch alone
        for batch in _batches(images) if layers else ():
            with torch.no_grad(), hardware.exact():
                classifier(batch.to(hardware.device))
            for layer_sums, layer in zip(sums, layers, strict=True):
                layer_sums[:] = [
                    total + len(batch) * tensor.cpu()
                    for total, tensor in zip(layer_sums, _statistics(layer), strict=True)
                ]
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    for layer_sums, layer in zip(sums, layers, strict=True):
        for total, tensor in zip(layer_sums, _statistics(layer), strict=True):
            tensor.copy_(total / (len(images) + prior))
    classifier.eval()
    return len(layers)


def _statistics(layer: _BatchNorm) -> list[Tensor]:
    """Return the running mean and variance (channels,); empty if the layer tracks none."""
    return [tensor for tensor in (layer.running_mean, layer.running_var) if tensor is not None]


def _batches(images: ImageSet) -> Iterator[Tensor]:
    """Yield the images (n, h, w) in batches of nearly equal size."""
    for chunk in chunks(images.pixels):
        yield from chunk.tensor_split(-(-len(chunk) // BATCH))
