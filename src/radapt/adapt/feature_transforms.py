"""Other coordinates for the features that a head takes, in which its first layer learns better or cheaper.

The layer gives the same for an image by either; once it has learned it takes the features themselves again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from radapt.adapt.feature_cache import CachedFeatures

WIDER = 16  # times as many features as rows, from which on their plane is worth its making
_LEAST = 1e-6  # of the longest direction's spread, below which one is rounding


class FeatureTransform(ABC):
    """What features are told by."""

    @abstractmethod
    def told(self, bank: CachedFeatures) -> CachedFeatures:
        """Give the same rows in these coordinates."""

    @abstractmethod
    def enter(self, layer: nn.Linear) -> Tensor:
        """Make a layer that took features take these; give the weights (o, d) that it had."""

    @abstractmethod
    def leave(self, layer: nn.Linear, before: Tensor) -> None:
        """Make it take features again; `before` is what `enter` gave."""

    @contextmanager
    def taken_by(self, layer: nn.Linear) -> Iterator[None]:
        """Let a layer take these coordinates while it learns; it may come back on the processor."""
        before = self.enter(layer)
        yield
        self.leave(layer, before.to(layer.weight.device))


@dataclass(frozen=True, slots=True, eq=False)
class Standardised(FeatureTransform):
    """Features without their mean and spread, (d,) both."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, bank: CachedFeatures) -> Self:
        """Take mean and spread over all views of all images."""
        given = bank.features()
        return cls(given.mean(0), given.std(0) + 1e-3 * given.std() + 1e-12)

    def told(self, bank: CachedFeatures) -> CachedFeatures:
        """Give the same rows, standardised when they are asked for."""
        return bank.scaled(self.mean, self.spread)

    def enter(self, layer: nn.Linear) -> Tensor:
        """Take mean and spread into the weights."""
        before = layer.weight.detach().clone()
        with torch.no_grad():
            layer.bias.add_(layer.weight @ self.mean)
            layer.weight.mul_(self.spread)
        return before

    def leave(self, layer: nn.Linear, before: Tensor) -> None:
        """Take them out again."""
        mean, spread = self.mean.to(before.device), self.spread.to(before.device)
        with torch.no_grad():
            layer.weight.div_(spread)
            layer.bias.sub_(layer.weight @ mean)


@dataclass(frozen=True, slots=True, eq=False)
class RowSpace(FeatureTransform):
    """The plane that the features of a few images lie in, where there are many more features than images.

    The gradient of a linear layer is a sum of the rows that it was shown, so gradient descent moves each of
    its units within the plane of those rows alone. There a row has no more coordinates than there are rows,
    and a step costs so much less. `basis` (d, r) has directions at right angles that are equally long.
    """

    basis: Tensor

    @classmethod
    def of(cls, *banks: CachedFeatures) -> Self | None:
        """Give the plane of all that these banks hold; None where it would save little.

        Adam moves every weight by about the same, so that what a step changes in the output goes by the sum
        of a row's absolute values. The directions are as long as it takes for that to stay, on average.
        """
        many = sum(len(bank) * len(bank.parts) for bank in banks)
        shape = banks[0].parts[0][0].shape
        if len(shape) != 2 or many * WIDER > shape[1]:
            return None
        given = torch.cat([bank.features() for bank in banks])
        rows = given.cpu().double()
        squares, turned = torch.linalg.eigh(rows @ rows.T)
        kept = squares > squares[-1] * _LEAST**2
        if not kept.any():
            return None
        basis = rows.T @ (turned[:, kept] / squares[kept].sqrt())
        longer = rows.abs().sum() / (rows @ basis).abs().sum()
        return cls((basis * longer).float().to(given.device))

    def told(self, bank: CachedFeatures) -> CachedFeatures:
        """Give the same rows by their coordinates in the plane."""
        return bank.along(self.basis)

    def enter(self, layer: nn.Linear) -> Tensor:
        """Give the layer weights for the coordinates in place of those for the features."""
        before = layer.weight.detach()
        layer.weight = nn.Parameter(self._within(before))
        return before

    def leave(self, layer: nn.Linear, before: Tensor) -> None:
        """Move the weights it had as far as it moved within the plane."""
        moved = layer.weight.detach() - self._within(before)
        layer.weight = nn.Parameter(before + moved @ self.basis.to(before.device).T)

    def _within(self, weight: Tensor) -> Tensor:
        basis = self.basis.to(weight.device)
        return weight @ basis / basis[:, 0].square().sum()
