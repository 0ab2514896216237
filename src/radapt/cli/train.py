"""The command train."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options, takes_data
from radapt.cli.printing import say, say_scores
from radapt.cli.sections import DATA, MODEL, TRAINING
from radapt.text import counted, joined, whole_number

if TYPE_CHECKING:
    from radapt.training.recipe import Recipe

BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        min=2,
        help="Images in a batch. Without it: as in the training recipe.",
        rich_help_panel=TRAINING,
    ),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate",
        help="The highest learning rate. Without it: as in the training recipe.",
        rich_help_panel=TRAINING,
    ),
]
Balance = Annotated[
    bool | None,
    typer.Option(
        "--balance/--no-balance",
        help="Weight classes by their inverse frequency. Without it: as in the training recipe.",
        rich_help_panel=TRAINING,
    ),
]
Augment = Annotated[
    str | None,
    typer.Option(
        "--augment",
        help="Augmentation of the training images: none, mild, strong, or a shift expression. Without it: as "
        "in the training recipe.",
        rich_help_panel=TRAINING,
    ),
]
Monitor = Annotated[
    str | None,
    typer.Option(
        "--monitor",
        help="The validation metric that chooses the epoch: auroc, accuracy or loss. Without it: as in the "
        "training recipe.",
        rich_help_panel=TRAINING,
    ),
]
TestViews = Annotated[
    int,
    typer.Option(
        "--test-views",
        min=1,
        max=7,
        help="Average the scores of this many slightly moved views of an image, whenever the model is used.",
        rich_help_panel=MODEL,
    ),
]
Ensemble = Annotated[
    int,
    typer.Option(
        "--ensemble",
        min=1,
        max=16,
        help="Train this many networks, from as many seeds, and average their probabilities.",
        rich_help_panel=MODEL,
    ),
]
Fold = Annotated[
    str | None,
    typer.Option(
        "--fold",
        help="Such as 2/5: leave fold 2 of 5 of the train images out of training, and score it. Without it: "
        "train on all train images, and score the test images.",
        rich_help_panel=DATA,
    ),
]


@takes_data()
def train(
    data: options.Data,
    images: DataOptions,
    out: options.Out = Path("runs/train"),
    model: options.Model = "compact",
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    balance: Balance = None,
    augment: Augment = None,
    monitor: Monitor = None,
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    tune: options.Tune = None,
    test_views: TestViews = 1,
    ensemble: Ensemble = 1,
    fold: Fold = None,
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
    from radapt.runs.base import check_members
    from radapt.runs.holdout import val_of_training
    from radapt.runs.train import TrainOptions, count_to_train_on, train_model
    from radapt.shift.expression import resolved

    check_model(model)
    check_outside(data, out, "The run")
    fields: dict[str, Any] = {
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "balance": balance,
        "augment": augment and resolved(augment),
        "monitor": monitor,
    }
    recipe = _recipe(model, fields)  # refuses what is wrong before images are read
    hardware, watch = select_device(device, precision, threads), watcher()
    start = options.initial_weights(model, pretrained, weights, watch)
    dataset = load_images(data, load_options(images, [data], size=default_size(model))[0])
    if note := val_of_training(dataset):
        say(note, error=True)
    part = options.part_to_tune(model, tune, start)
    check_members(ensemble, part)
    if part == "head":
        _refuse_unused(model, fields)
    asked = TrainOptions(model, recipe, seed, start, part, _fold(fold), ensemble, test_views)
    chosen = replace(asked, recipe=_recipe(model, fields, count_to_train_on(dataset, asked)))
    record = train_model(dataset, out, chosen, hardware=hardware, watch=watch)
    say(f"Trained {model} on {_what_was_trained(record)}: {out}")
    say_scores(out)


def _what_was_trained(record: Mapping[str, Any]) -> str:
    how = "its head alone" if record["tune"] == "head" else f"in {counted(record['epochs'], 'epoch')}"
    members = record["spec"].get("members", 1)
    how = f"{members} networks {how}" if members > 1 else how
    return f"{counted(record['trained_on']['images'], 'image')}, {how}"


def _refuse_unused(model: str, fields: Mapping[str, Any]) -> None:
    """Refuse options of epochs and batches where only a head is solved for."""
    from radapt.errors import AskedWrongly

    if unused := [f"--{name.replace('_', '-')}" for name, value in fields.items() if value is not None]:
        raise AskedWrongly(
            f"The head of {model} is solved for on frozen features, without epochs or batches, so that "
            f"{joined(unused)} would do nothing: leave that out, or train all weights with --tune all."
        )


def _recipe(model: str, fields: Mapping[str, Any], images: int | None = None) -> "Recipe":
    """Return the recipe of a model for so many images, with the fields that are not None replaced."""
    from radapt.shift.augment import parse_augmentation
    from radapt.training.recipe import base_recipe_for

    recipe = replace(
        base_recipe_for(model, images), **{key: value for key, value in fields.items() if value is not None}
    )
    parse_augmentation(recipe.augment)
    return recipe


def _fold(text: str | None) -> tuple[int, int] | None:
    """Read a fold, such as 2/5, as (which, of how many)."""
    if text is None:
        return None
    which, _, folds = text.partition("/")
    fold, of = whole_number(which), whole_number(folds)
    if fold is None or of is None:
        from radapt.errors import AskedWrongly

        raise AskedWrongly(f"A fold is written as in 2/5, the second of five. Got {text!r}.")
    return fold, of
