"""Every weight is trained, and pulled back towards where it started."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from radapt.adapt.full import Full
from radapt.adapt.strategy import AdaptContext, AdaptResult
from radapt.adapt.tuning import fine_tuning_recipe, tune
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class L2SP(Full):
    """Half the squared distance from the base's weights joins the loss (Li et al. 2018, arXiv:1802.01483)."""

    strength: float = 0.01  # weight in the loss of half the squared distance

    about: ClassVar[str] = "every weight, pulled back towards the base's"

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy of the whole model."""
        recipe = (
            conditions.adjusted(self.recipe)
            if self.recipe
            else fine_tuning_recipe(self, base, target, conditions)
        )
        device = conditions.hardware.device
        start = {name: weight.detach().to(device) for name, weight in base.named_parameters()}

        def penalty(model: nn.Module) -> Tensor:
            moved = [(weight - start[name]).square().sum() for name, weight in model.named_parameters()]
            return self.strength / 2 * torch.stack(moved).sum()

        return tune(self, base, target, valid, recipe, conditions, penalty=penalty)
