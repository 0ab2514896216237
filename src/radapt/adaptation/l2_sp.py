"""Fine-tune all weights with a penalty on their distance from the base's."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from radapt.adaptation.full import Full
from radapt.models.classifier import Classifier
from radapt.training.loop import Penalty


@dataclass(frozen=True, slots=True)
class L2SP(Full):
    """Penalises half the squared distance from the base's weights (Li et al. 2018, arXiv:1802.01483)."""

    strength: float = 0.01  # weight of that penalty in the loss

    about: ClassVar[str] = "all weights fine-tuned, with a penalty on their distance from the base's"

    def penalty(self, untrained: Classifier) -> Penalty:
        """Return half the squared distance from the weights before training, times the strength."""
        start = {name: weight.detach().clone() for name, weight in untrained.named_parameters()}

        def pull(model: nn.Module) -> Tensor:
            moved = [(weight - start[name]).square().sum() for name, weight in model.named_parameters()]
            return self.strength / 2 * torch.stack(moved).sum()

        return pull
