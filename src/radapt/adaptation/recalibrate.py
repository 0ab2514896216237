"""Recalibrate a model: temperature scaling and a bias for each class, nothing else."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radapt.adaptation.feature_cache import logits_with
from radapt.adaptation.last_layer import last_layer
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class Recalibrate(Strategy):
    """One temperature and a bias for each class, fitted on the labelled images.

    Bias-corrected temperature scaling (Alexandari et al. 2020, arXiv:1901.06852); with two classes this is
    Platt scaling (1999). A penalty worth `prior` images pulls the temperature to 1 and the biases to 0. The
    ranking of images by score, and so the AUROC of two classes, does not change. Both are folded into the
    last layer.
    """

    prior: float = 4.0  # weight of the penalty, in images

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "one temperature and a bias per class fitted, nothing else"
    on_scores: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of the head and 0 for all others."""
        return float(place.head)

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Return a copy of the base whose last layer is scaled and shifted."""
        adapted = deepcopy(base)
        last = last_layer(adapted, "recalibrate")
        # There is no early stopping, so validation images are fitted too.
        images = [target] if valid is None else [target, valid]
        logits = torch.cat(
            [logits_with(conditions.cache, adapted, part, conditions.hardware) for part in images]
        )
        labels = torch.from_numpy(np.concatenate([part.labels for part in images]))
        scale, offset = self._fitted(logits.double(), labels, base.spec.outputs)
        with torch.no_grad():
            last.weight.mul_(scale)
            last.bias.copy_(last.bias * scale + offset)
        return AdaptResult(
            adapted.cpu().eval(),
            notes={"temperature": 1 / scale, "offsets": [round(v, 6) for v in offset.tolist()]},
        )

    def _fitted(self, logits: Tensor, labels: Tensor, outputs: str) -> tuple[float, Tensor]:
        """Fit the scale of the logits and the offset of each class (k,) by penalised likelihood."""
        log_scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
        offset = torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
        spread = logits.std().clamp_min(1e-6).detach()
        optimiser = torch.optim.LBFGS([log_scale, offset], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            moved = logits * log_scale.exp() + offset
            pull = self.prior * (log_scale.square() + (offset / spread).square().sum()) / 2
            total = _loss(moved, labels, outputs) + pull / len(logits)
            total.backward()
            return total

        optimiser.step(loss)
        return float(log_scale.detach().exp()), offset.detach().float()


def _loss(logits: Tensor, labels: Tensor, outputs: str) -> Tensor:
    """Return the mean cross-entropy over known labels, a scalar."""
    if outputs == "softmax":
        return functional.cross_entropy(logits, labels)
    if labels.ndim == 1:
        labels = functional.one_hot(labels, logits.shape[1])
    known = ~labels.double().isnan()
    each = functional.binary_cross_entropy_with_logits(logits, labels.double().nan_to_num(), reduction="none")
    return (each * known).sum() / known.sum().clamp_min(1)
