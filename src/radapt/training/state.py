"""The state of a training: epochs, best weights, learning rate and schedule; saved while it goes on."""

import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from radapt.errors import AskedWrongly
from radapt.files import atomic, check_file
from radapt.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass of training and its scores; a row of `history.csv`."""

    number: int  # from 1
    loss: float  # mean over the augmented training images
    accuracy: float  # of the same, while the weights changed
    valid_loss: float  # NaN where there are no validation images
    valid_accuracy: float
    valid_auroc: float
    learning_rate: float  # at the end of the epoch
    best: bool  # whether the weights are the best so far, by the recipe's monitor
    seconds: float  # training alone, without validation
    images_per_second: float
    threads: int = 1  # at its end; fewer than before where other processes had taken the cores


class TrainingState:
    """The epochs so far, the best weights and the learning rate of one training."""

    def __init__(self, recipe: Recipe, steps: int) -> None:
        self.recipe = recipe
        self.steps = steps  # in an epoch
        self.epochs: list[Epoch] = []
        self.best_weights: dict[str, Tensor] | None = None
        self.best_score = (-math.inf, -math.inf)  # the monitor, then minus the validation loss
        self.lowest_loss = math.inf  # of validation, over the epochs
        self.epochs_since_best = 0  # since the lowest validation loss, for early stopping
        self.epochs_since_cut = 0  # since then or the last cut of the rate, for the plateau schedule
        self.plateau_rate = recipe.learning_rate

    @property
    def finished(self) -> bool:
        """Whether the last epoch is reached, or early stopping ends the training."""
        last = self.recipe.stop_at or self.recipe.epochs
        return len(self.epochs) >= last or self.epochs_since_best >= self.recipe.early_stopping_patience

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from the start of training."""
        if self.recipe.schedule == "one-cycle":
            return one_cycle(step, self.recipe.epochs * self.steps, self.recipe.learning_rate)
        return self.plateau_rate

    def is_best(self, scores: dict[str, float]) -> bool:
        """Say whether validation scores are the best so far; among equals the lower loss is better."""
        return self._rank(scores) > self.best_score

    def _rank(self, scores: dict[str, float]) -> tuple[float, float]:
        loss = -scores["loss"]
        value = loss if self.recipe.monitor == "loss" else scores[self.recipe.monitor]
        return (-math.inf if math.isnan(value) else value, loss)

    def add(self, epoch: Epoch, model: nn.Module) -> None:
        """Record an epoch; `model` holds the weights that it ended with."""
        self.epochs.append(epoch)
        if math.isnan(epoch.valid_loss):
            return
        if epoch.best:
            self.best_score = self._rank(
                {"loss": epoch.valid_loss, "accuracy": epoch.valid_accuracy, "auroc": epoch.valid_auroc}
            )
            self.best_weights = {
                name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()
            }
        if epoch.valid_loss < self.lowest_loss - 1e-10:
            self.lowest_loss, self.epochs_since_best, self.epochs_since_cut = epoch.valid_loss, 0, 0
            return
        self.epochs_since_best += 1
        self.epochs_since_cut += 1
        if self.recipe.schedule == "plateau" and self.epochs_since_cut >= self.recipe.patience:
            lower = self.plateau_rate * self.recipe.plateau_factor
            self.plateau_rate = max(lower, self.recipe.min_learning_rate)
            self.epochs_since_cut = 0

    def save(self, path: Path, model: nn.Module, optimiser: Optimizer, average: AveragedModel | None) -> None:
        """Write all that is needed to resume."""
        value: dict[str, Any] = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": None if average is None else average.state_dict(),
            "epochs": [
                {each.name: getattr(epoch, each.name) for each in fields(epoch)} for epoch in self.epochs
            ],
            "best_weights": self.best_weights,
            "numbers": [
                *self.best_score,
                self.lowest_loss,
                self.epochs_since_best,
                self.epochs_since_cut,
                self.plateau_rate,
            ],
        }
        buffer = io.BytesIO()  # so that a full disk is an OSError, which `atomic` reports
        torch.save(value, buffer)
        with atomic(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

    def load(self, path: Path, model: nn.Module, optimiser: Optimizer, average: AveragedModel | None) -> None:
        """Resume from a saved state.

        Raises
        ------
        AskedWrongly
            If it is of another model, or damaged.
        """
        check_file(path)
        try:
            value = torch.load(path, map_location="cpu", weights_only=True)
            model.load_state_dict(value["model"])
            optimiser.load_state_dict(value["optimiser"])
            if average is not None:
                average.load_state_dict(value["average"])
            self.epochs = [Epoch(**epoch) for epoch in value["epochs"]]
        except Exception as error:
            raise AskedWrongly(
                f"The saved state of training {path} does not belong to this model. Delete it to start over."
            ) from error
        self.best_weights = value["best_weights"]
        *best, self.lowest_loss, self.epochs_since_best, self.epochs_since_cut, self.plateau_rate = value[
            "numbers"
        ]
        self.best_score = (best[0], best[1])


class StateFile:
    """Where a training is saved, at the end of an epoch, and for at most about a twentieth of its time.

    At least a second lies between two saves, and 20 times as long as a save takes, up to a minute. A stop in
    the middle of an epoch loses that epoch and what ended since the last save.
    """

    def __init__(self, path: Path | None, save: Callable[[Path], None]) -> None:
        self._path = path
        self._save = save
        self._wait = 1.0  # seconds until the next save
        self._saved_at = time.perf_counter()
        self._pending = False  # whether epochs have ended since the last save

    def epoch_ended(self) -> None:
        """Save, if the last save was long enough ago."""
        self._pending = True
        if time.perf_counter() - self._saved_at >= self._wait:
            self.save()

    def save(self) -> None:
        """Save what has not been saved yet; the weights must be those of an epoch's end."""
        if self._path is None or not self._pending:
            return
        start = time.perf_counter()
        self._save(self._path)
        self._saved_at, self._pending = time.perf_counter(), False
        self._wait = min(60.0, max(1.0, 20 * (self._saved_at - start)))


def one_cycle(step: int, total: int, highest: float) -> float:
    """Return the rate of a step: up to the highest over 30 % of the steps, then nearly 0 (Smith 2018)."""
    rise = 0.3 * total
    if step < rise:
        low, high, done = highest / 25, highest, step / rise
    else:
        low, high, done = highest / 1e4, highest, 1 - (step - rise) / max(1.0, total - rise)
    return low + (high - low) * (1 - math.cos(math.pi * done)) / 2
