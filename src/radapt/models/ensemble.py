"""Networks of one kind from several seeds as one classifier, whose probabilities are the mean of theirs.

A deep ensemble (Lakshminarayanan et al. 2017, arXiv:1612.01474). The trunk gives the features of all members
side by side, and the head the logits of the mean probability, so that whatever takes a classifier takes it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from radapt.models.classifier import Classifier


class Trunk(nn.Module):
    """The trunks of the members side by side."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the features of all members, (n, members * d)."""
        return torch.cat([member(x) for member in self.members], dim=1)


class Head(nn.Module):
    """The heads of the members, each on its own features, and the mean of their probabilities."""

    def __init__(self, members: Sequence[nn.Module], *, softmax: bool) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.softmax = softmax

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, members * d) to logits (n, k), of which the mean probability is made again."""
        parts = features.chunk(len(self.members), dim=1)
        logits = torch.stack([member(part) for member, part in zip(self.members, parts, strict=True)])
        if self.softmax:
            return _log_mean(logits.log_softmax(dim=-1))
        return _log_mean(functional.logsigmoid(logits)) - _log_mean(functional.logsigmoid(-logits))


def _log_mean(logs: Tensor) -> Tensor:
    """Return the logarithm of the mean over the first dimension of what these are the logarithms of."""
    return logs.logsumexp(dim=0) - math.log(len(logs))


def member_seeds(seed: int, members: int) -> range:
    """Return the seed of each member of an ensemble: no two ensembles of one size share any.

    That of a single network is `seed` itself, and the first of seed 0 is 0.
    """
    return range(seed * members, (seed + 1) * members)


def combine(members: Sequence[Classifier]) -> Classifier:
    """Return the classifier of several members, two or more that differ in their weights alone."""
    first = members[0]
    return Classifier(
        replace(first.spec, members=len(members)),
        Trunk([member.trunk for member in members]),
        Head([member.head for member in members], softmax=first.spec.outputs == "softmax"),
        tuple(f"members.{number}.{name}" for number in range(len(members)) for name in first.blocks),
    )


def members_of(classifier: Classifier) -> list[Classifier]:
    """Return the members of an ensemble, which share its weights; a classifier of one network is its own."""
    if classifier.spec.members == 1:
        return [classifier]
    spec, prefix = replace(classifier.spec, members=1, views=1), "members.0."
    blocks = tuple(name.removeprefix(prefix) for name in classifier.blocks if name.startswith(prefix))
    trunks, heads = (part.get_submodule("members").children() for part in (classifier.trunk, classifier.head))
    return [Classifier(spec, trunk, head, blocks) for trunk, head in zip(trunks, heads, strict=True)]
