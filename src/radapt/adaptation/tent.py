"""Minimise the entropy of predictions on the target images, without labels, in one pass (Tent)."""

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from radapt.adaptation.norm_refresh import refresh
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import chunks, logits_of
from radapt.models.parameter_info import ParameterInfo, parameter_info
from radapt.training.optimiser import set_trainable


@dataclass(frozen=True, slots=True)
class Tent(Strategy):
    """Entropy minimisation over the weights of normalisation layers (Wang et al. 2021, arXiv:2006.10726).

    Statistics are recomputed first and then kept. A model that predicts one class for every image has low
    entropy too. To guard against this collapse, the training is discarded if the mean probability of any
    class changed by more than `guard`: the result is then the model with new statistics only, and the notes
    of the run record `collapsed`.
    """

    learning_rate: float = 1e-3
    batch_size: int = 64
    prior: int = 16  # the base's statistics weigh as much as this many images
    guard: float = 0.2  # maximum change of a class's mean probability

    needs: ClassVar[str] = "unlabelled"
    about: ClassVar[str] = "entropy of predictions minimised over normalisation weights, without labels"
    updates_statistics: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of normalisation layers and 0 for all others."""
        return float(place.norm)

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Return a copy of the base with lower entropy on the target images."""
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
        """Train the normalisation layers for one epoch, in place."""
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
    """Return the mean entropy of predictions in nats, a scalar; multi-label: the mean over labels."""
    if outputs == "findings":
        each = torch.stack([logits, torch.zeros_like(logits)], dim=-1)
        return -(each.softmax(-1) * each.log_softmax(-1)).sum(-1).mean()
    chances = probabilities(logits, outputs).clamp_min(math.exp(-50))
    return -(chances * chances.log()).sum(1).mean()


def _shares(classifier: Classifier, images: ImageSet, conditions: AdaptContext) -> Tensor:
    """Return the mean probability of each class over the images, (k,)."""
    parts = [logits_of(classifier, chunk, conditions.hardware) for chunk in chunks(images.pixels)]
    return probabilities(torch.cat(parts), classifier.spec.outputs).mean(0)
