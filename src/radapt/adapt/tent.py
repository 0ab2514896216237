"""The model is made surer of its answers on the target images, without labels, in one pass."""

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from radapt.adapt.norm_refresh import refresh
from radapt.adapt.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import chunks, logits_of
from radapt.models.parameter_info import ParameterInfo, parameter_info
from radapt.training.optimiser import set_trainable


@dataclass(frozen=True, slots=True)
class Tent(Strategy):
    """Entropy of answers is lowered through the normalisation layers (Wang et al. 2021, arXiv:2006.10726).

    Statistics are measured anew first, and then stay. Sure answers are easily had by calling every image the
    same, so the result is thrown away where the classes' shares among the answers moved by more than `guard`
    from what they were before: it is then the model with new statistics alone, and the record says so.
    """

    learning_rate: float = 1e-3
    batch_size: int = 64
    prior: int = 16  # images that the base's statistics count for
    guard: float = 0.2  # the largest move of a class's share

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "made surer of its answers, without labels, in one pass"
    updates_statistics: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train the normalisation layers."""
        return float(place.norm)

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Give a copy that is surer of the target images."""
        adapted, hardware = deepcopy(base), conditions.hardware
        refresh(adapted, target, hardware, self.prior)
        refreshed = deepcopy(adapted)
        before = _shares(adapted, target, conditions)
        self._pass(adapted, target, conditions)
        after = _shares(adapted, target, conditions)
        moved = float((after - before).abs().max())
        collapsed = not moved <= self.guard
        kept = refreshed if collapsed else adapted
        return AdaptResult(kept.cpu().eval(), notes={"moved_shares": moved, "collapsed": collapsed})

    def _pass(self, classifier: Classifier, images: ImageSet, conditions: AdaptContext) -> None:
        where, hardware = parameter_info(classifier), conditions.hardware
        set_trainable(classifier, lambda name, _: self.rate(where[name], 0.0), 1)
        classifier.eval()
        learning = [weight for weight in classifier.parameters() if weight.requires_grad]
        if learning:
            optimiser = torch.optim.Adam(learning, lr=self.learning_rate)
            order = np.random.default_rng(conditions.seed).permutation(len(images))
            for rows in np.array_split(order, -(-len(order) // self.batch_size)):
                pixels = torch.from_numpy(images.pixels[np.sort(rows)]).to(hardware.device)
                with hardware.exact():
                    loss = _entropy(classifier(pixels), classifier.spec.outputs)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
        classifier.requires_grad_(True)


def _entropy(logits: Tensor, outputs: str) -> Tensor:
    """Give the mean entropy of answers, in nats; of findings, of each apart."""
    if outputs == "findings":
        each = torch.stack([logits, torch.zeros_like(logits)], dim=-1)
        return -(each.softmax(-1) * each.log_softmax(-1)).sum(-1).mean()
    chances = probabilities(logits, outputs).clamp_min(math.exp(-50))
    return -(chances * chances.log()).sum(1).mean()


def _shares(classifier: Classifier, images: ImageSet, conditions: AdaptContext) -> Tensor:
    """Give the mean probability of each class over the images."""
    parts = [logits_of(classifier, chunk, conditions.hardware) for chunk in chunks(images.pixels)]
    return probabilities(torch.cat(parts), classifier.spec.outputs).mean(0)
