"""The optimiser, and the learning rate of each parameter in each epoch, by its name."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from radapt.training.recipe import Recipe

# (name of a parameter, epoch from 1) -> multiple of the recipe's learning rate, 0 for frozen. Which batch
# normalisation runs on its stored statistics follows from this too.
RateMultipliers = Callable[[str, int], float]


def train_everything(name: str, epoch: int) -> float:  # noqa: ARG001
    """Train every parameter at the recipe's rate."""
    return 1.0


def set_trainable(model: nn.Module, rates: RateMultipliers, epoch: int) -> None:
    """Freeze the parameters of rate 0 in an epoch; a module that is wholly frozen runs in evaluation mode."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(rates(name, epoch) > 0)
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def optimiser_of(model: nn.Module, recipe: Recipe, rates: RateMultipliers) -> torch.optim.Optimizer:
    """Make the optimiser, with a group for each set of equal rates; parameters never trained are left out."""
    grouped: dict[tuple[bool, tuple[float, ...]], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        multipliers = tuple(rates(name, epoch) for epoch in range(1, recipe.epochs + 1))
        if any(multipliers):
            grouped.setdefault((parameter.ndim > 1, multipliers), []).append(parameter)
    adam = recipe.optimiser == "adam"
    groups: list[dict[str, Any]] = [
        {
            "params": parameters,
            # biases and norms do not decay
            "weight_decay": recipe.weight_decay if is_matrix and not adam else 0.0,
            "multipliers": multipliers,
        }
        for (is_matrix, multipliers), parameters in grouped.items()
    ]
    if adam:
        return torch.optim.Adam(groups, lr=recipe.learning_rate, eps=1e-7, fused=True)  # Keras's epsilon
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
