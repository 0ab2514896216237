import math

import pytest
import torch
from torch import nn

from radapt.errors import AskedWrongly
from radapt.training.recipe import Recipe
from radapt.training.state import Epoch, StateFile, TrainingState, one_cycle


def epoch(number, valid_loss, valid_auroc=0.5, *, best=False):
    return Epoch(number, 1.0, 0.5, valid_loss, 0.5, valid_auroc, 1e-3, best, 1.0, 10.0)


def add(state, *losses):
    for loss in losses:
        state.add(epoch(len(state.epochs) + 1, loss), nn.Linear(1, 1))


def test_training_is_finished_after_the_last_epoch_or_so_many_without_a_lower_loss():
    state = TrainingState(Recipe(epochs=4, early_stopping_patience=2), steps=1)
    add(state, 1.0, 0.9, 0.8)
    assert not state.finished
    add(state, 0.7)
    assert state.finished, "four epochs of four"
    stopped = TrainingState(Recipe(epochs=9, early_stopping_patience=2), steps=1)
    add(stopped, 1.0, 1.1)
    assert not stopped.finished
    add(stopped, 1.2)
    assert stopped.finished, "two epochs without a lower loss"


def test_the_plateau_cuts_the_rate_down_to_its_minimum():
    recipe = Recipe(
        schedule="plateau", learning_rate=1.0, plateau_factor=0.1, patience=2, min_learning_rate=0.05
    )
    state, rates = TrainingState(recipe, steps=1), []
    for loss in (1.0, 1.0, 1.0, 0.5, 0.6, 0.6, 0.6):
        add(state, loss)
        rates.append(state.rate(0))
    assert rates == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.1, 0.05, 0.05])


def test_equal_monitors_go_by_the_lower_loss_and_what_is_undefined_is_never_better():
    state = TrainingState(Recipe(monitor="auroc"), steps=1)
    state.add(epoch(1, 0.7, 0.8, best=True), nn.Linear(1, 1))
    assert state.is_best({"loss": 0.6, "auroc": 0.8, "accuracy": 0.0})
    assert not state.is_best({"loss": 0.8, "auroc": 0.8, "accuracy": 1.0})
    assert not state.is_best({"loss": 0.1, "auroc": math.nan, "accuracy": 1.0})


def test_a_state_is_read_back_whole_and_one_of_another_network_is_refused(tmp_path):
    model, path = nn.Linear(2, 1), tmp_path / "training.pt"
    optimiser = torch.optim.Adam(model.parameters())
    state = TrainingState(Recipe(), steps=3)
    state.add(epoch(1, 0.7, 0.8, best=True), model)
    add(state, 0.9)
    state.save(path, model, optimiser, None)
    read, other = TrainingState(Recipe(), steps=3), nn.Linear(2, 1)
    read.load(path, other, torch.optim.Adam(other.parameters()), None)
    assert read.epochs == state.epochs
    assert (read.best_score, read.lowest_loss) == ((0.8, -0.7), 0.7)
    assert (read.epochs_since_best, read.epochs_since_cut) == (1, 1)
    assert torch.equal(other.weight, model.weight)
    assert torch.equal(read.best_weights["weight"], model.weight)
    wider = nn.Linear(3, 1)
    with pytest.raises(AskedWrongly, match="Delete it to start over"):
        read.load(path, wider, torch.optim.Adam(wider.parameters()), None)


def test_one_cycle_rises_then_falls_to_nearly_nothing():
    rates = [one_cycle(step, 100, 1.0) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 25)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 30
    assert rates[-1] < 0.002


def test_short_epochs_are_not_saved_one_by_one_and_slow_saves_are_rarer(tmp_path, monkeypatch):
    now, saves = [0.0], []
    monkeypatch.setattr("radapt.training.state.time.perf_counter", lambda: now[0])

    def save(_):
        saves.append(now[0])
        now[0] += 0.5  # seconds that a save takes

    file = StateFile(tmp_path / "state.pt", save)
    file.save()
    assert not saves, "no epoch has ended"
    for now[0] in (0.4, 0.8, 1.2):
        file.epoch_ended()
    assert saves == [1.2]
    for now[0] in (5.0, 11.0, 12.0):
        file.epoch_ended()
    assert saves == [1.2, 12.0], "ten seconds, twenty times as long as a save took, lie between"
    now[0] = 13.0
    file.save()
    assert saves == [1.2, 12.0], "nothing is saved twice"
    file.epoch_ended()
    file.save()
    assert saves[2:] == [13.0]


def test_an_hour_of_saving_does_not_keep_the_next_save_waiting(tmp_path, monkeypatch):
    now, saves = [0.0], []
    monkeypatch.setattr("radapt.training.state.time.perf_counter", lambda: now[0])

    def save(_):
        saves.append(now[0])
        now[0] += 3600

    file = StateFile(tmp_path / "state.pt", save)
    for now[0] in (2, 3660, 3663):
        file.epoch_ended()
    assert saves == [2, 3663]
