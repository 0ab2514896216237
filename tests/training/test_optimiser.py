import torch
from torch import nn

from radapt.training.optimiser import optimiser_of, set_trainable, train_everything
from radapt.training.recipe import Recipe


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def head_only(name, epoch):
    """Train the last layer, and the first from the second epoch on."""
    return 1.0 if name.startswith("3.") else 0.1 if name.startswith("0.") and epoch > 1 else 0.0


def test_what_is_frozen_takes_no_gradient_and_its_normalisation_runs_as_in_evaluation():
    model = network()
    set_trainable(model, head_only, 1)
    assert [name for name, weight in model.named_parameters() if weight.requires_grad] == [
        "3.weight",
        "3.bias",
    ]
    assert not model[1].training
    assert model[3].training
    set_trainable(model, head_only, 2)
    assert model[0].weight.requires_grad
    set_trainable(model, train_everything, 1)
    assert model[1].training


def test_parameters_of_equal_rates_share_a_group_and_those_never_trained_are_in_none():
    model = network()
    groups = optimiser_of(model, Recipe(epochs=2, weight_decay=0.1), head_only).param_groups
    found = {(tuple(group["multipliers"]), group["weight_decay"], len(group["params"])) for group in groups}
    assert found == {((0.0, 0.1), 0.1, 1), ((0.0, 0.1), 0.0, 1), ((1.0, 1.0), 0.1, 1), ((1.0, 1.0), 0.0, 1)}
    held = {id(weight) for group in groups for weight in group["params"]}
    assert not held & {id(weight) for weight in model[1].parameters()}


def test_the_original_is_trained_by_adam_without_decay():
    optimiser = optimiser_of(network(), Recipe(optimiser="adam"), train_everything)
    assert type(optimiser) is torch.optim.Adam
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.0}
    assert {group["eps"] for group in optimiser.param_groups} == {1e-7}
