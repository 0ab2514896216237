"""Which weights learn in which epoch, and how fast: all of it follows from their names and the epoch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from radapt.training.recipe import Recipe

# (name of a parameter, epoch from 1) -> its share of the recipe's rate, 0 for frozen. What is frozen in an
# epoch, and the mode of its batch normalisation, follows from this alone.
RateMultipliers = Callable[[str, int], float]


def all_alike(name: str, epoch: int) -> float:  # noqa: ARG001
    """Train everything at the recipe's rate."""
    return 1.0


def set_trainable(model: nn.Module, rates: RateMultipliers, epoch: int) -> None:
    """Set what learns in an epoch; a module of which nothing does is run as in evaluation."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(rates(name, epoch) > 0)
    model.train()
    for module in model.modules():
        held = list(module.parameters())
        if held and not any(parameter.requires_grad for parameter in held):
            module.eval()


def optimiser_of(model: nn.Module, recipe: Recipe, rates: RateMultipliers) -> torch.optim.Optimizer:
    """Make the optimiser, with a group for all that learns alike; what never learns is in none."""
    held: dict[tuple[bool, tuple[float, ...]], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        shares = tuple(rates(name, epoch) for epoch in range(1, recipe.epochs + 1))
        if any(shares):
            held.setdefault((parameter.ndim > 1, shares), []).append(parameter)
    adam = recipe.optimiser == "adam"
    groups: list[dict[str, Any]] = [
        {
            "params": parameters,
            # biases and norms are not pulled to 0
            "weight_decay": recipe.weight_decay if decayed and not adam else 0.0,
            "shares": shares,
        }
        for (decayed, shares), parameters in held.items()
    ]
    if adam:
        return torch.optim.Adam(groups, lr=recipe.learning_rate, eps=1e-7, fused=True)  # Keras's epsilon
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
