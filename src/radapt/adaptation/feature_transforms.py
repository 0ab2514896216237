"""Linear feature transforms folded into the first layer of a head, in which it learns better or faster.

The layer's outputs are the same with and without the transform. After training it is folded back out, so that
the layer takes plain features again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from radapt.adaptation.feature_cache import CachedFeatures

WIDER = 16  # times as many features as rows: from there on training in the row space is faster
_MIN_SPREAD = 1e-6  # of the widest direction's; below it is rounding error


class FeatureTransform(ABC):
    """A linear map of features, and the layer weights that undo it."""

    @abstractmethod
    def transform(self, features: CachedFeatures) -> CachedFeatures:
        """Return the same rows, transformed."""

    @abstractmethod
    def fold_in(self, layer: nn.Linear) -> Tensor:
        """Make a layer take transformed features; return the weights (o, d) that it had."""

    @abstractmethod
    def fold_out(self, layer: nn.Linear, before: Tensor) -> None:
        """Make the layer take plain features again; `before` is what `fold_in` returned."""

    @contextmanager
    def folded_into(self, layer: nn.Linear) -> Iterator[None]:
        """Let a layer take transformed features while it is trained; it may be moved to another device."""
        before = self.fold_in(layer)
        yield
        self.fold_out(layer, before.to(layer.weight.device))


@dataclass(frozen=True, slots=True, eq=False)
class Standardised(FeatureTransform):
    """Features less their mean, divided by their standard deviation, (d,) both."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, features: CachedFeatures) -> Self:
        """Measure mean and spread over all views of all images."""
        values = features.features()
        return cls(values.mean(0), values.std(0) + 1e-3 * values.std() + 1e-12)

    def transform(self, features: CachedFeatures) -> CachedFeatures:
        """Return the same rows, standardised batch by batch."""
        return features.scaled(self.mean, self.spread)

    def fold_in(self, layer: nn.Linear) -> Tensor:
        """Fold mean and spread into the weights."""
        before = layer.weight.detach().clone()
        with torch.no_grad():
            layer.bias.add_(layer.weight @ self.mean)
            layer.weight.mul_(self.spread)
        return before

    def fold_out(self, layer: nn.Linear, before: Tensor) -> None:
        """Fold them out of the weights."""
        mean, spread = self.mean.to(before.device), self.spread.to(before.device)
        with torch.no_grad():
            layer.weight.div_(spread)
            layer.bias.sub_(layer.weight @ mean)


@dataclass(frozen=True, slots=True, eq=False)
class RowSpace(FeatureTransform):
    """The row space of the features of a few images, where there are many more features than images.

    The gradient of a linear layer is a sum of its input rows, so gradient descent moves its weights within
    the space of those rows alone. There a row has no more coordinates than there are rows, and a step is much
    cheaper. `basis` (d, r) has orthogonal columns of equal length.
    """

    basis: Tensor

    @classmethod
    def of(cls, *sets: CachedFeatures) -> Self | None:
        """Return the row space of all these features; None where it would save little.

        Adam moves every weight by about the same, so a step changes the output by the sum of a row's absolute
        values. The columns of the basis are as long as it takes to keep that sum, on average.
        """
        n_rows = sum(len(features) * len(features.parts) for features in sets)
        shape = sets[0].parts[0][0].shape
        if len(shape) != 2 or n_rows * WIDER > shape[1]:
            return None
        values = torch.cat([features.features() for features in sets])
        rows = values.cpu().double()
        squares, vectors = torch.linalg.eigh(rows @ rows.T)
        kept = squares > squares[-1] * _MIN_SPREAD**2
        if not kept.any():
            return None
        basis = rows.T @ (vectors[:, kept] / squares[kept].sqrt())
        longer = rows.abs().sum() / (rows @ basis).abs().sum()
        return cls((basis * longer).float().to(values.device))

    def transform(self, features: CachedFeatures) -> CachedFeatures:
        """Return the same rows by their coordinates in the row space."""
        return features.project(self.basis)

    def fold_in(self, layer: nn.Linear) -> Tensor:
        """Project the weights onto the row space."""
        before = layer.weight.detach()
        layer.weight = nn.Parameter(self._within(before))
        return before

    def fold_out(self, layer: nn.Linear, before: Tensor) -> None:
        """Add to the former weights what training changed within the row space."""
        moved = layer.weight.detach() - self._within(before)
        layer.weight = nn.Parameter(before + moved @ self.basis.to(before.device).T)

    def _within(self, weight: Tensor) -> Tensor:
        basis = self.basis.to(weight.device)
        return weight @ basis / basis[:, 0].square().sum()
