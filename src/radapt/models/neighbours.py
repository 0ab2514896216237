"""A head without weights to learn: the votes of the nearest of the labelled images that it holds."""

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from radapt.models.classifier import Classifier

TEMPERATURE = 0.07  # of votes: an image that is less similar by this much counts 1/e of the nearest
REFERENCES = "neighbours.references"  # the end of the name of these among a classifier's tensors
LEAST = 1e-4  # the least probability, so that logits are finite


class Neighbours(nn.Module):
    """Votes of the k nearest references by cosine similarity, as log-odds or log-probabilities.

    The weighted vote of Wu et al. 2018 (arXiv:1805.01978) and Caron et al. 2021 (DINO, arXiv:2104.14294): a
    neighbour counts exp((its similarity - that of the nearest) / 0.07). One vote is shared out by the
    frequencies among all references (Cestnik 1990), so that no answer is certain. All it holds are buffers.
    """

    mean: Tensor  # (d,), subtracted from features first
    spread: Tensor  # (d,), which they are then divided by
    references: Tensor  # (m, d), features of labelled images, standardised, of length 1
    targets: Tensor  # (m, c), 1 or 0
    known: Tensor  # (m, c), 1 where the target is known, else 0

    def __init__(self, k: int, outputs: str, shape: tuple[int, int, int]) -> None:
        super().__init__()
        count, features, classes = shape
        self.k, self.outputs = k, outputs
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.register_buffer("references", torch.zeros(count, features))
        self.register_buffer("targets", torch.zeros(count, classes))
        self.register_buffer("known", torch.ones(count, classes))

    def directions(self, x: Tensor) -> Tensor:
        """Return features (n, d) standardised, each of length 1."""
        return functional.normalize((x - self.mean) / self.spread)

    def vote(self, similarities: Tensor, k: int) -> Tensor:
        """Return probabilities (n, c) from similarities to the references (n, m); -inf leaves one out.

        One that is left out of a row counts for its frequencies neither.
        """
        nearest, rows = similarities.topk(min(k, similarities.shape[1]))
        weights = ((nearest - nearest[:, :1]) / TEMPERATURE).exp().unsqueeze(2) * self.known[rows]
        heard = (similarities > -torch.inf).to(self.known.dtype)
        tally, positive = heard @ self.known, heard @ (self.targets * self.known)
        frequencies = torch.where(tally > 0, positive / tally.clamp_min(1), 0.5)
        shares = ((weights * self.targets[rows]).sum(1) + frequencies) / (weights.sum(1) + 1)
        return shares.clamp(LEAST, 1 - LEAST)

    def loss(self, shares: Tensor, rows: slice) -> float:
        """Return the summed log loss of probabilities (n, c) of these rows of the references."""
        targets, known = self.targets[rows], self.known[rows]
        if self.outputs == "softmax":
            return float(-(targets * shares.log()).sum() * shares.shape[1])
        return float((functional.binary_cross_entropy(shares, targets, reduction="none") * known).sum())

    def forward(self, x: Tensor) -> Tensor:
        """Map features (n, d) to logits (n, c)."""
        shares = self.vote(self.directions(x) @ self.references.T, self.k)
        return shares.log() if self.outputs == "softmax" else shares.logit()


def replace_last(classifier: Classifier, layer: nn.Linear, neighbours: Neighbours) -> None:
    """Put such votes in the place of the last layer of a classifier's head, in place."""
    name = next(name for name, module in classifier.named_modules() if module is layer)
    parent, _, own = name.rpartition(".")
    setattr(classifier.get_submodule(parent), own, _head_of(neighbours))


def make_room(classifier: Classifier, tensors: Mapping[str, Tensor]) -> None:
    """Give a new classifier the head that its spec and the tensors of a saved one ask for."""
    layer = next(module for module in reversed(list(classifier.head.modules())) if not any(module.children()))
    count = next((len(tensor) for name, tensor in tensors.items() if name.endswith(REFERENCES)), 0)
    if isinstance(layer, nn.Linear):
        spec, shape = classifier.spec, (count, layer.in_features, layer.out_features)
        replace_last(classifier, layer, Neighbours(spec.neighbours, spec.outputs, shape))


def _head_of(neighbours: Neighbours) -> nn.Sequential:
    """Return a head of such votes and a linear layer, equal to its input, for a calibration to change."""
    classes = neighbours.targets.shape[1]
    scale = nn.Linear(classes, classes)
    with torch.no_grad():
        nn.init.eye_(scale.weight)
        nn.init.zeros_(scale.bias)
    return nn.Sequential(OrderedDict(neighbours=neighbours, scale=scale))
