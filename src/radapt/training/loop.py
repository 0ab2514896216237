"""The one training loop: a generator that yields epochs, prints nothing and seeds nothing global."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from radapt.device import Hardware, Pace, policy
from radapt.errors import AskedWrongly, RadaptError
from radapt.metrics.table import score
from radapt.models.classifier import probabilities
from radapt.models.inference import logits_of
from radapt.predictions import Predictions
from radapt.progress import SILENT, Watch
from radapt.shift.counter_rng import derived_seed
from radapt.text import counted
from radapt.training.average import averaged_model
from radapt.training.batches import BatchSource
from radapt.training.loss import class_weights, mean_loss
from radapt.training.optimiser import RateMultipliers, optimiser_of, set_trainable, train_everything
from radapt.training.recipe import Recipe
from radapt.training.state import Epoch, StateFile, TrainingState

Penalty = Callable[[nn.Module], Tensor]  # added to the loss


@dataclass(frozen=True, slots=True, eq=False)
class FitOptions:
    """Options of `fit`: the saved state, progress reports, learning rates of parameters, and a penalty."""

    state: Path | None = None
    """Where training is saved at the end of an epoch (see `StateFile`). If the file exists, the epochs in it
    are yielded again, at once, and training goes on from there."""
    watch: Watch = SILENT
    task: str = "training"  # the name that progress is reported under
    rates: RateMultipliers = train_everything
    """Which parameters learn in which epoch, and how fast. What is frozen stays the same to the bit; a module
    of which nothing learns is run as in evaluation (batch normalisation on its stored statistics, no
    dropout)."""
    penalty: Penalty | None = None  # added to the loss, such as a pull towards the initial weights


def fit(
    model: nn.Module,
    train: BatchSource,
    valid: BatchSource | None,
    recipe: Recipe,
    *,
    outputs: str,
    hardware: Hardware,
    seed: int,
    options: FitOptions = FitOptions(),
) -> Iterator[Epoch]:
    """Train a module in place, yielding one record an epoch; at the end it holds its best weights.

    Parameters
    ----------
    model
        Maps a batch of `train`'s inputs to logits (n, k).
    train, valid
        The data to train on, and those that choose the best epoch. Without `valid` the last epoch is kept,
        and training does not stop early.
    outputs
        "softmax" (cross-entropy), "sigmoid" (binary cross-entropy, one output per class) or "findings" (the
        same, over labels that do not exclude one another).
    seed
        All that is random in an epoch follows from it and the epoch's number.

    Raises
    ------
    AskedWrongly
        If there are fewer than two images to train on.
    RadaptError
        If the loss is no longer a finite number.
    """
    if len(train) < 2:
        raise AskedWrongly(f"Training needs at least 2 images. Got {len(train)}.")
    policy.refresh()
    model.to(hardware.device)
    weights = class_weights(train, hardware) if recipe.balance else None
    average = averaged_model(model, recipe.average) if recipe.average else None
    context = _Context(
        model, average, train, valid, recipe, outputs, weights, hardware, seed, options, Pace()
    )
    state = TrainingState(recipe, steps_per_epoch(len(train), recipe))
    optimiser = optimiser_of(model, recipe, options.rates)
    options.watch.begin(options.task, recipe.stop_at or recipe.epochs, "epoch")
    if options.state is not None and options.state.exists():
        state.load(options.state, model, optimiser, average)
        for number in range(1, len(state.epochs) + 1):
            options.watch.advance(number, _progress(state.epochs[:number]))
            yield state.epochs[number - 1]
    file = StateFile(options.state, lambda path: state.save(path, model, optimiser, average))
    while not state.finished:
        with hardware.seeded(derived_seed(seed, len(state.epochs) + 1)):
            epoch = _one_epoch(context, state, optimiser)
        state.add(epoch, context.kept)
        file.epoch_ended()
        try:
            options.watch.advance(len(state.epochs), _progress(state.epochs))
            yield epoch
        except BaseException:  # stopped between two epochs: GeneratorExit, KeyboardInterrupt
            file.save()
            raise
    file.save()  # what follows, such as writing the model, may fail
    model.load_state_dict(state.best_weights or context.kept.state_dict())
    model.requires_grad_(True)
    model.eval()
    options.watch.end()


def steps_per_epoch(images: int, recipe: Recipe) -> int:
    """Count the batches of an epoch; a last batch of a single image is left out, for batch normalisation."""
    if recipe.steps is not None:
        return recipe.steps
    whole, rest = divmod(images, recipe.batch_size)
    return max(1, whole + (rest > 1))


def _progress(epochs: list[Epoch]) -> str:
    """Return the text of a progress report: loss, validation AUROC, and whether training slowed down."""
    last = epochs[-1]
    validation = "" if math.isnan(last.valid_loss) else f", validation AUROC {last.valid_auroc:.3f}"
    fewer = last.threads < max(epoch.threads for epoch in epochs)
    slowed = f", other work took the cores: {counted(last.threads, 'thread')} now" if fewer else ""
    return f"loss {last.loss:.3f}{validation}{slowed}"


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    """What stays the same during a training."""

    model: nn.Module
    average: AveragedModel | None  # of its weights
    train: BatchSource
    valid: BatchSource | None
    recipe: Recipe
    outputs: str
    weights: Tensor | None  # in the loss, (k,), see `class_weights`
    hardware: Hardware
    seed: int
    options: FitOptions
    pace: Pace

    @property
    def kept(self) -> nn.Module:
        """The module that is validated and kept: the average of the weights, if there is one."""
        return self.model if self.average is None else self.average.module

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.recipe.label_smoothing
        return mean_loss(logits, labels, outputs=self.outputs, weights=self.weights, smoothing=smoothing)


def _one_epoch(context: _Context, state: TrainingState, optimiser: torch.optim.Optimizer) -> Epoch:
    recipe, device, penalty = context.recipe, context.hardware.device, context.options.penalty
    number, start, rate, n_images = len(state.epochs) + 1, time.perf_counter(), 0.0, 0
    set_trainable(context.model, context.options.rates, number)
    context.pace.restart()
    order = _order(
        len(context.train),
        state.steps * recipe.batch_size,
        recipe.steps is None,
        derived_seed(context.seed, number),
    )
    total = torch.zeros(2, device=device)  # loss and correct predictions, summed over the images
    for step in range(state.steps):
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        rate = state.rate((number - 1) * state.steps + step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["multipliers"][number - 1]
        inputs = context.train.batch(rows, derived_seed(context.seed, number, step))
        labels = torch.from_numpy(context.train.labels[rows]).to(device)
        with context.hardware.autocast():
            logits = context.model(inputs).float()
        loss = context.loss(logits, labels)
        optimiser.zero_grad(set_to_none=True)
        (loss if penalty is None else loss + penalty(context.model)).backward()
        optimiser.step()
        if context.average is not None:
            context.average.update_parameters(context.model)
        correct = _count_correct(logits.detach(), labels)
        total += torch.stack([loss.detach() * len(rows), correct])
        n_images += len(rows)
        context.options.watch.advance(number - 1 + (step + 1) / state.steps)
        context.pace.step()
    loss_sum, correct_sum = total.tolist()
    seconds = time.perf_counter() - start
    if not math.isfinite(loss_sum):
        raise RadaptError(
            f"Training diverged in epoch {number}: the loss is no longer a finite number. "
            f"Try a learning rate below {recipe.learning_rate:g}, or fp32 precision."
        )
    scores = _validate(context, derived_seed(context.seed, number))
    return Epoch(
        number=number,
        loss=loss_sum / n_images,
        accuracy=correct_sum / n_images,
        valid_loss=scores["loss"],
        valid_accuracy=scores["accuracy"],
        valid_auroc=scores["auroc"],
        learning_rate=rate,
        best=context.valid is None or state.is_best(scores),
        seconds=seconds,
        images_per_second=n_images / seconds,
        threads=torch.get_num_threads(),
    )


def _count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Count the correctly classified images; with several labels, each by its share of correct ones."""
    if labels.ndim == 1:
        return (logits.argmax(dim=1) == labels).sum()
    labelled = ~labels.isnan()
    correct = ((logits > 0) == (labels == 1)) & labelled
    return (correct.sum(dim=1) / labelled.sum(dim=1).clamp_min(1)).sum()


def _validate(context: _Context, seed: int) -> dict[str, float]:
    """Return loss, accuracy and AUROC on the validation images, in full precision."""
    if context.valid is None:
        return {"loss": math.nan, "accuracy": math.nan, "auroc": math.nan}
    rows: NDArray[np.intp] = np.arange(len(context.valid))
    if context.recipe.validation_images is not None:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[: context.recipe.validation_images])
    parts = np.array_split(rows, -(-len(rows) // 1024))
    logits = torch.cat(
        [logits_of(context.kept, context.valid.batch(part, 0), context.hardware) for part in parts]
    )
    if not torch.isfinite(logits).all():
        raise RadaptError(
            "Training diverged: the model's scores of the validation images are not finite. "
            f"Try a learning rate below {context.recipe.learning_rate:g}, or fp32 precision."
        )
    labels = torch.from_numpy(context.valid.labels[rows])
    device = context.hardware.device
    predictions = Predictions(
        scores=probabilities(logits, context.outputs).numpy(),
        labels=context.valid.labels[rows],
        patients=rows.astype(str),  # not used: there is no interval
        ids=rows.astype(str),
        classes=context.valid.classes,
    )
    return {
        "loss": float(context.loss(logits.to(device), labels.to(device))),
        "accuracy": score("accuracy", predictions),
        "auroc": score("auroc", predictions),
    }


def _order(images: int, n_rows: int, once: bool, seed: int) -> NDArray[np.intp]:
    """Return the rows of an epoch, (n_rows,): each image once, or as many shuffles as the steps need."""
    rng = np.random.default_rng(seed)
    if once:
        return rng.permutation(images)
    return np.concatenate([rng.permutation(images) for _ in range(-(-n_rows // images))])[:n_rows]
