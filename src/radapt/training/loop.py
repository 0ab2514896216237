"""The one training loop: a generator that yields epochs, prints nothing and seeds nothing global."""

import io
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from radapt.device import Hardware, Pace, policy
from radapt.errors import AskedWrongly, RadaptError
from radapt.files import atomic, check_file
from radapt.metrics.table import score
from radapt.models.classifier import probabilities
from radapt.models.inference import logits_of
from radapt.predictions import Predictions
from radapt.shift.counter_rng import derived_seed
from radapt.training.batches import BatchSource
from radapt.training.loss import class_weights
from radapt.training.optimiser import RateMultipliers, all_alike, optimiser_of, set_trainable
from radapt.training.recipe import Recipe

Tick = Callable[[int, int], None]  # (steps done, steps in the epoch)

Penalty = Callable[[nn.Module], Tensor]  # added to the loss


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass of training and what it brought; a row of `history.csv`."""

    number: int  # from 1
    loss: float  # mean over the images trained on, as they were augmented
    accuracy: float  # of the same, while the weights moved
    valid_loss: float  # NaN where there are no validation images
    valid_accuracy: float
    valid_auroc: float
    learning_rate: float  # at the end of the epoch
    best: bool  # whether the weights are the best so far, by the recipe's monitor
    seconds: float  # training alone, without validation
    images_per_second: float
    threads: int = 1  # at its end; fewer than before where other work had taken the cores


def fit(
    model: nn.Module,
    train: BatchSource,
    valid: BatchSource | None,
    recipe: Recipe,
    *,
    outputs: str,
    hardware: Hardware,
    seed: int,
    state: Path | None = None,
    tick: Tick | None = None,
    rates: RateMultipliers | None = None,
    penalty: Penalty | None = None,
) -> Iterator[Epoch]:
    """Train a module in place, yielding one record an epoch; at the end it holds its best weights.

    Parameters
    ----------
    model
        Maps a batch of `train`'s inputs to logits (n, k).
    train, valid
        What to learn from and what to choose the best epoch by. Without `valid` the last epoch is kept and
        nothing stops early.
    outputs
        "softmax" (cross-entropy), "sigmoid" (binary cross-entropy, one answer a class) or "findings" (the
        same, the answers having nothing to do with one another).
    seed
        Decides all that is random, together with the number of the epoch.
    state
        Where training is saved after every epoch. If the file is there, the epochs it holds are yielded again
        from its record, at once, and training goes on from there.
    tick
        Called after every step with (steps done, steps in the epoch).
    rates
        Which parameters learn in which epoch, and how fast; None: all, at the recipe's rate. What is frozen
        stays the same to the bit; a module of which nothing learns is run as in evaluation (batch
        normalisation on its stored statistics, no dropout).
    penalty
        Added to the loss, such as a pull towards the weights that training began with.

    Raises
    ------
    AskedWrongly
        If there are fewer than two images to train on.
    RadaptError
        If the loss stops being a number.
    """
    if len(train) < 2:
        raise AskedWrongly(f"Training needs at least 2 images. Got {len(train)}.")
    policy.refresh()
    model.to(hardware.device)
    weights = class_weights(train, hardware) if recipe.balance else None
    job = _Job(
        model,
        train,
        valid,
        recipe,
        outputs,
        weights,
        hardware,
        seed,
        tick or _ignore,
        rates or all_alike,
        penalty,
        Pace(),
    )
    course = _Course(recipe, steps_per_epoch(len(train), recipe))
    optimiser = optimiser_of(model, recipe, job.rates)
    if state is not None and state.exists():
        _load(state, model, optimiser, course)
        yield from course.epochs
    while not course.over:
        with hardware.seeded(derived_seed(seed, len(course.epochs) + 1)):
            epoch = _one_epoch(job, course, optimiser)
        course.add(epoch, model)
        if state is not None:
            _save(state, model, optimiser, course)
        yield epoch
    if course.best_weights is not None:
        model.load_state_dict(course.best_weights)
    model.requires_grad_(True)
    model.eval()


def steps_per_epoch(images: int, recipe: Recipe) -> int:
    """Count the batches of an epoch; a last batch of a single image is left out, for batch normalisation."""
    if recipe.steps is not None:
        return recipe.steps
    whole, rest = divmod(images, recipe.batch_size)
    return max(1, whole + (rest > 1))


class _Course:
    """How far training has come: the epochs so far, the best weights, the rate on a plateau."""

    def __init__(self, recipe: Recipe, steps: int) -> None:
        self.recipe = recipe
        self.steps = steps
        self.epochs: list[Epoch] = []
        self.best_weights: dict[str, Tensor] | None = None
        self.best_score = (-math.inf, -math.inf)  # the monitor, then validation loss below 0
        self.lowest_loss = math.inf  # of validation, over the epochs
        self.since_lowest = 0  # epochs, for stopping
        self.since_cut = 0  # epochs, for the plateau
        self.plateau_rate = recipe.learning_rate

    @property
    def over(self) -> bool:
        last = self.recipe.stop_at or self.recipe.epochs
        return len(self.epochs) >= last or self.since_lowest >= self.recipe.stop_after

    def rate(self, step: int) -> float:
        """Give the learning rate of a step, counted from the start of training."""
        if self.recipe.schedule == "one-cycle":
            return one_cycle(step, self.recipe.epochs * self.steps, self.recipe.learning_rate)
        return self.plateau_rate

    def better(self, scores: dict[str, float]) -> bool:
        """Say whether an epoch with these validation scores is the best so far; equals go by lower loss."""
        return self._rank(scores) > self.best_score

    def _rank(self, scores: dict[str, float]) -> tuple[float, float]:
        loss = -scores["loss"]
        value = loss if self.recipe.monitor == "loss" else scores[self.recipe.monitor]
        return (-math.inf if math.isnan(value) else value, loss)

    def add(self, epoch: Epoch, model: nn.Module) -> None:
        """Take an epoch into account; `model` holds the weights it ended with."""
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
            self.lowest_loss, self.since_lowest, self.since_cut = epoch.valid_loss, 0, 0
            return
        self.since_lowest += 1
        self.since_cut += 1
        if self.recipe.schedule == "plateau" and self.since_cut >= self.recipe.patience:
            self.plateau_rate = max(self.plateau_rate * self.recipe.factor, self.recipe.min_learning_rate)
            self.since_cut = 0


def one_cycle(step: int, total: int, highest: float) -> float:
    """Give a rate that rises to the highest over 30 % of the steps and falls to nearly 0 (Smith 2018)."""
    rise = 0.3 * total
    if step < rise:
        low, high, done = highest / 25, highest, step / rise
    else:
        low, high, done = highest / 1e4, highest, 1 - (step - rise) / max(1.0, total - rise)
    return low + (high - low) * (1 - math.cos(math.pi * done)) / 2


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What does not change while a model trains."""

    model: nn.Module
    train: BatchSource
    valid: BatchSource | None
    recipe: Recipe
    outputs: str
    weights: Tensor | None  # in the loss, (k,): of each class, or of what has each finding
    hardware: Hardware
    seed: int
    tick: Tick
    rates: RateMultipliers
    penalty: Penalty | None
    pace: Pace

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Give the mean loss of logits (n, k), in full precision, over what is labelled."""
        if labels.ndim == 2:
            return self._loss_of_findings(logits, labels)
        if self.outputs == "softmax":
            smoothing = self.recipe.label_smoothing
            return functional.cross_entropy(logits, labels, weight=self.weights, label_smoothing=smoothing)
        targets = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
        targets = targets * (1 - self.recipe.label_smoothing) + self.recipe.label_smoothing / 2
        each = None if self.weights is None else self.weights[labels].unsqueeze(1)
        return functional.binary_cross_entropy_with_logits(logits, targets, weight=each)

    def _loss_of_findings(self, logits: Tensor, labels: Tensor) -> Tensor:
        labelled = ~labels.isnan()
        targets = labels.nan_to_num() * (1 - self.recipe.label_smoothing) + self.recipe.label_smoothing / 2
        each = functional.binary_cross_entropy_with_logits(
            logits, targets, reduction="none", pos_weight=self.weights
        )
        return (each * labelled).sum() / labelled.sum().clamp_min(1)


def _one_epoch(job: _Job, course: _Course, optimiser: torch.optim.Optimizer) -> Epoch:
    recipe, device = job.recipe, job.hardware.device
    number, start, rate, seen = len(course.epochs) + 1, time.perf_counter(), 0.0, 0
    set_trainable(job.model, job.rates, number)
    job.pace.restart()
    order = _order(
        len(job.train), course.steps * recipe.batch_size, recipe.steps is None, derived_seed(job.seed, number)
    )
    total = torch.zeros(2, device=device)  # loss and correct answers, summed over the images
    for step in range(course.steps):
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        rate = course.rate((number - 1) * course.steps + step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["shares"][number - 1]
        inputs = job.train.batch(rows, derived_seed(job.seed, number, step))
        labels = torch.from_numpy(job.train.labels[rows]).to(device)
        with job.hardware.autocast():
            logits = job.model(inputs).float()
        loss = job.loss(logits, labels)
        optimiser.zero_grad(set_to_none=True)
        (loss if job.penalty is None else loss + job.penalty(job.model)).backward()
        optimiser.step()
        correct = _right(logits.detach(), labels)
        total += torch.stack([loss.detach() * len(rows), correct])
        seen += len(rows)
        job.tick(step + 1, course.steps)
        job.pace.step()
    loss_sum, right = total.tolist()
    seconds = time.perf_counter() - start
    if not math.isfinite(loss_sum):
        raise RadaptError(
            f"Training came apart in epoch {number}: the loss is no longer a number. "
            f"Try a learning rate below {recipe.learning_rate:g}, or fp32 precision."
        )
    scores = _validate(job, derived_seed(job.seed, number))
    return Epoch(
        number=number,
        loss=loss_sum / seen,
        accuracy=right / seen,
        valid_loss=scores["loss"],
        valid_accuracy=scores["accuracy"],
        valid_auroc=scores["auroc"],
        learning_rate=rate,
        best=job.valid is None or course.better(scores),
        seconds=seconds,
        images_per_second=seen / seconds,
        threads=torch.get_num_threads(),
    )


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    """Count the images that are called rightly; of findings, each image by the share that is."""
    if labels.ndim == 1:
        return (logits.argmax(dim=1) == labels).sum()
    labelled = ~labels.isnan()
    right = ((logits > 0) == (labels == 1)) & labelled
    return (right.sum(dim=1) / labelled.sum(dim=1).clamp_min(1)).sum()


def _validate(job: _Job, seed: int) -> dict[str, float]:
    """Give loss, accuracy and AUROC on the validation images, in full precision."""
    if job.valid is None:
        return {"loss": math.nan, "accuracy": math.nan, "auroc": math.nan}
    rows: NDArray[np.intp] = np.arange(len(job.valid))
    if job.recipe.validation_images is not None:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[: job.recipe.validation_images])
    parts = np.array_split(rows, -(-len(rows) // 1024))
    logits = torch.cat([logits_of(job.model, job.valid.batch(part, 0), job.hardware) for part in parts])
    if not torch.isfinite(logits).all():
        raise RadaptError(
            "Training came apart: the model gives scores of validation images that are no numbers. "
            f"Try a learning rate below {job.recipe.learning_rate:g}, or fp32 precision."
        )
    labels = torch.from_numpy(job.valid.labels[rows])
    device = job.hardware.device
    predictions = Predictions(
        scores=probabilities(logits, job.outputs).numpy(),
        labels=job.valid.labels[rows],
        patients=rows.astype(str),  # a score without an interval needs no patients
        ids=rows.astype(str),
        classes=job.valid.classes,
    )
    return {
        "loss": float(job.loss(logits.to(device), labels.to(device))),
        "accuracy": score("accuracy", predictions),
        "auroc": score("auroc", predictions),
    }


def _ignore(done: int, total: int) -> None:
    """Stand in where nobody watches the steps."""


def _order(images: int, wanted: int, once: bool, seed: int) -> NDArray[np.intp]:
    """Give the rows of an epoch: each image once, or as many shuffles in a row as the steps need."""
    rng = np.random.default_rng(seed)
    if once:
        return rng.permutation(images)
    return np.concatenate([rng.permutation(images) for _ in range(-(-wanted // images))])[:wanted]


def _save(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, course: _Course) -> None:
    value: dict[str, Any] = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "epochs": [asdict(epoch) for epoch in course.epochs],
        "best_weights": course.best_weights,
        "numbers": [
            *course.best_score,
            course.lowest_loss,
            course.since_lowest,
            course.since_cut,
            course.plateau_rate,
        ],
    }
    held = io.BytesIO()  # so that a full disk is an OSError, which `atomic` knows
    torch.save(value, held)
    with atomic(path) as temporary:
        temporary.write_bytes(held.getbuffer())


def _load(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, course: _Course) -> None:
    check_file(path)
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(value["model"])
        optimiser.load_state_dict(value["optimiser"])
        course.epochs = [Epoch(**epoch) for epoch in value["epochs"]]
    except Exception as error:
        raise AskedWrongly(
            f"The saved state of training {path} does not belong to this model. Delete it to start over."
        ) from error
    course.best_weights = value["best_weights"]
    *best, course.lowest_loss, course.since_lowest, course.since_cut, course.plateau_rate = value["numbers"]
    course.best_score = (best[0], best[1])
