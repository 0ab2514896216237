"""The command demo."""

from pathlib import Path
from typing import Annotated

import typer

from radapt.cli import options
from radapt.cli.printing import say
from radapt.cli.sections import DATA
from radapt.cli.study import Seeds, parse_seeds, print_study

Hospital = Annotated[
    str | None,
    typer.Option(
        "--hospital",
        help="Draw target images of another kind: digital or portable. Without it: the source images under "
        "the shift original.",
        rich_help_panel=DATA,
    ),
]


def demo(
    out: options.Out = Path("runs/demo"),
    hospital: Hospital = None,
    seeds: Seeds = "1",
    epochs: options.StudyEpochs = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Run a whole study on synthetic radiographs that radapt draws itself."""
    from radapt.cli.progress import watcher
    from radapt.datasets.phantom import draw_dataset
    from radapt.device import select_device
    from radapt.errors import UnknownName
    from radapt.phantom.drawing import HOSPITALS
    from radapt.study.experiment import run_study
    from radapt.study.plan import Plan

    hardware = select_device(device, precision, threads)
    if hospital is not None and hospital not in HOSPITALS:
        raise UnknownName("hospital", hospital, HOSPITALS)
    shift = "original" if hospital is None else None
    plan = Plan(shift=shift, budgets=("64", "all"), seed=seed, epochs=epochs, **parse_seeds(seeds))
    say("Drawing 2,000 images.", error=True)
    source, *targets = [
        draw_dataset(train=1500, val=16, test=484, hospital=name, seed=seed + number)
        for number, name in enumerate(["children", *([hospital] if hospital else [])])
    ]
    print_study(
        run_study(plan, source, targets[0] if targets else None, out, hardware=hardware, watch=watcher()), out
    )
