"""The command train."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, takes_data, wanted
from radapt.cli.printing import say, say_scores
from radapt.text import counted, whole_number


@takes_data()
def train(
    data: options.Data,
    images: DataOptions,
    out: options.Out = Path("runs/train"),
    model: options.Model = "compact",
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=2)] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate")] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Weigh rare classes up.")] = False,
    augment: Annotated[str | None, typer.Option("--augment", help="none, mild, or a shift.")] = None,
    monitor: Annotated[str | None, typer.Option("--monitor", help="auroc, accuracy or loss.")] = None,
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    fold: Annotated[
        str | None,
        typer.Option("--fold", help="As in 2/5: leave fold 2 of 5 of the train images out, score it."),
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Train a model on a data set, and score it on its test images."""
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.images.store.location import check_outside
    from radapt.models.table import check_model, default_size
    from radapt.runs.holdout import val_of_training
    from radapt.runs.train import train_model
    from radapt.shift.augment import parse_augmentation
    from radapt.shift.expression import resolved
    from radapt.training.recipe import recipe_for

    check_model(model)
    check_outside(data, out, "The run")
    asked: dict[str, Any] = {
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "balance": balance or None,
        "augment": augment and resolved(augment),
        "monitor": monitor,
    }
    recipe = replace(recipe_for(model), **{key: value for key, value in asked.items() if value is not None})
    parse_augmentation(recipe.augment)
    hardware, watch = select_device(device, precision, threads), watcher()
    start = options.start_of(model, pretrained, weights, watch)
    dataset = load_images(data, wanted(images, size=default_size(model)))
    if unused := val_of_training(dataset):
        say(unused, error=True)
    record = train_model(
        dataset,
        out,
        model=model,
        recipe=recipe,
        seed=seed,
        hardware=hardware,
        weights=start,
        fold=_fold(fold),
        watch=watch,
    )
    took = f"{counted(record['trained_on'], 'image')} in {counted(record['epochs'], 'epoch')}"
    say(f"Trained {model} on {took}: {out}")
    say_scores(out)


def _fold(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    which, _, folds = text.partition("/")
    fold, of = whole_number(which), whole_number(folds)
    if fold is None or of is None:
        from radapt.errors import AskedWrongly

        raise AskedWrongly(f"A fold is written as in 2/5, the second of five. Got {text!r}.")
    return fold, of
