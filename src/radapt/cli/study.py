"""The command study."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_target, takes_data, wanted
from radapt.cli.printing import estimate_table, say
from radapt.text import listed, whole_number

if TYPE_CHECKING:
    from radapt.device import Hardware
    from radapt.images.imageset import Dataset
    from radapt.models.pretrained import Weights
    from radapt.study.plan import Plan
    from radapt.study.protocol import Protocol

Strategies = Annotated[
    str | None,
    typer.Option(
        "--strategies",
        help="With commas, as none,head,last-k(k=2); all for all; see `radapt strategies`.",
    ),
]

Budget = Annotated[
    str | None,
    typer.Option(
        "--budget", help="Labelled target images, as 16,64,all; of patients 16p; val for its folder."
    ),
]

Seeds = Annotated[
    str,
    typer.Option(
        "--seeds", help="How many times to train each model; auto: until the verdict is settled, 5 at most."
    ),
]


@takes_data()
def study(
    data: options.Data,
    images: DataOptions,
    out: options.Out = Path("runs/study"),
    shift: Annotated[
        list[str] | None, typer.Option("--shift", help="Simulated damage; repeat it for several.")
    ] = None,
    target: Annotated[
        list[Path] | None,
        typer.Option("--target", help="Images of a second hospital; repeat it for several."),
    ] = None,
    model: options.Model = "compact",
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    strategies: Strategies = None,
    budget: Budget = None,
    seeds: Seeds = "1",
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol", help="held-out, original (the demonstration's way), or a .toml of `protocol init`."
        ),
    ] = "held-out",
    metric: Annotated[
        str, typer.Option("--metric", help="What the recommendation follows, as auroc or accuracy.")
    ] = "balanced-accuracy",
    margin: Annotated[
        float, typer.Option("--margin", help="Of it, how much may be lost on the source images.")
    ] = 0.02,
    target_patients: Annotated[
        str,
        typer.Option(
            "--target-patients",
            help="Of the labelled images under a --shift: own (half of the training patients, whom the base "
            "model has not seen) or shared (all, whom it was trained on).",
        ),
    ] = "own",
    epochs: options.StudyEpochs = None,
    steps: options.StudySteps = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
) -> None:
    """Compare ways to bring a model to a second hospital, and report what each bought."""
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.errors import AskedWrongly
    from radapt.images.store.location import check_outside
    from radapt.models.table import default_size
    from radapt.report.multi_target import write_overview
    from radapt.shift.expression import resolved
    from radapt.study.experiment import run_study
    from radapt.study.multi_target import Target, run_several
    from radapt.study.plan import Plan
    from radapt.study.protocol import read_protocol

    for folder in (data, *(target or ())):
        check_outside(folder, out, "The study")
    frozen = read_protocol(Path(protocol)) if protocol.endswith(".toml") else None
    if frozen is not None:
        _refuse_others(
            {
                "--shift": ([resolved(text) for text in shift or ()], [], [frozen.shift]),
                "--strategies": (parted(strategies or ""), (), frozen.strategies),
                "--model": (model, "compact", frozen.model),
                "--seeds": (seeds, "1", str(frozen.seeds)),
                "--seed": (seed, 0, frozen.seed),
                "--metric": (metric, "balanced-accuracy", frozen.metric),
                "--margin": (margin, 0.02, frozen.noninferiority_margin),
                "--target-patients": (target_patients, "own", "own"),
                "--epochs": (epochs, None, None),
                "--steps": (steps, None, None),
                "--target": (len(target or ()), 0, int(frozen.target is not None)),
            }
        )
        start = options.start_of(frozen.model, pretrained, weights, watcher())
        _study_of(frozen, data, images, out, target, budget, select_device(device, precision, threads), start)
        return
    if not shift and not target:
        raise AskedWrongly("A study needs a second hospital: give --shift NAME or --target DIR.")
    shifts = [resolved(text) for text in shift or ()]
    plan = _plan(
        Plan,
        strategies,
        budget,
        model=model,
        shift=shifts[0] if shifts else None,
        metric=metric,
        margin=margin,
        **parse_seeds(seeds),
        seed=seed,
        protocol=protocol,
        epochs=epochs,
        steps=steps,
        target_patients=target_patients,
    )
    plan = replace(plan, weights=options.start_of(model, pretrained, weights, watcher()))
    hardware = select_device(device, precision, threads)
    request = wanted(images, size=default_size(model))
    source = load_images(data, request)
    seconds = [Target(target=load_target(path, request, source)) for path in target or ()]
    seconds += [Target(text) for text in shifts]
    _say_val(plan, source, [second.target for second in seconds])
    if len(seconds) == 1:
        done = run_study(plan, source, seconds[0].target, out, hardware=hardware, watch=watcher())
        print_study(done, out)
        return
    for second, found in run_several(plan, source, seconds, out, hardware=hardware, watch=watcher()):
        say("")
        say(second.name)
        print_study(found, out / second.name)
    say(f"All of them: {write_overview(out)}")


def _refuse_others(options: dict[str, tuple[Any, Any, Any]]) -> None:
    """Refuse options, each with its usual value and the protocol's, that ask for other work than it does."""
    from radapt.errors import AskedWrongly

    others = [name for name, (given, *known) in options.items() if given not in known]
    if others:
        raise AskedWrongly(
            f"The protocol says what the study is, and {listed(others)} would have it otherwise: "
            "leave that out, or write another protocol."
        )


def _study_of(
    protocol: "Protocol",
    data: Path,
    images: DataOptions,
    out: Path,
    target: list[Path] | None,
    budget: str | None,
    hardware: "Hardware",
    weights: "Weights | None",
) -> None:
    """Carry out the study that a protocol asks for; other budgets than the one of its claim may join it."""
    from radapt.cli.progress import watcher
    from radapt.models.table import default_size
    from radapt.study.experiment import run_study
    from radapt.study.plan import Plan
    from radapt.study.protocol import NO_LABELS, check_weights

    check_weights(protocol, weights)
    own = "all" if protocol.budget == NO_LABELS else protocol.budget
    plan = Plan(
        model=protocol.model,
        shift=protocol.shift,
        strategies=protocol.strategies,
        budgets=tuple(dict.fromkeys((own, *parted(budget or "")))),
        seeds=protocol.seeds,
        seed=protocol.seed,
        metric=protocol.metric,
        margin=protocol.noninferiority_margin,
        weights=weights,
    )
    request = wanted(images, size=default_size(protocol.model))
    source = load_images(data, request)
    second = load_target(target[0], request, source) if target else None
    _say_val(plan, source, [second])
    done = run_study(plan, source, second, out, hardware=hardware, watch=watcher(), protocol=protocol)
    print_study(done, out)


def _say_val(plan: "Plan", source: "Dataset", targets: list["Dataset | None"]) -> None:
    """Say what part val images have in a study; of the targets one is None that is the source shifted."""
    from radapt.study.domains import val_of_study
    from radapt.study.plan import default_budgets

    labelled = None in targets and "val" in (plan.budgets or default_budgets(source, None))
    for data in (source, *targets):
        if data is not None and (said := val_of_study(data, labelled=labelled and data is source)):
            say(said, error=True)


def _plan(kind: Any, strategies: str | None, budget: str | None, **rest: Any) -> Any:
    listed = {"strategies": strategies, "budgets": budget}
    given = {name: parted(text) for name, text in listed.items() if text is not None}
    if given.get("strategies") == ("all",):
        from radapt.adapt.table import STRATEGIES

        given["strategies"] = tuple(name for name in STRATEGIES if name != "lora")
    return kind(**rest, **given)


def parse_seeds(text: str) -> dict[str, Any]:
    """Read a number of seeds, or `auto`."""
    from radapt.errors import AskedWrongly
    from radapt.study.decision import ENOUGH_SEEDS

    if text == "auto":
        return {"seeds": ENOUGH_SEEDS, "auto_seeds": True}
    seeds = whole_number(text)
    if not seeds:
        raise AskedWrongly(f"--seeds takes a number from 1 on, or auto. Got {text!r}.")
    return {"seeds": seeds}


def parted(text: str) -> tuple[str, ...]:
    """Part a list at its commas, but not within brackets.

    Raises
    ------
    AskedWrongly
        If there is nothing between the commas.
    """
    parts = tuple(dict.fromkeys(part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()))
    if text and not parts:
        from radapt.errors import AskedWrongly

        raise AskedWrongly(f"A list has names between its commas, as none,head. Got {text!r}.")
    return parts


def print_study(result: dict[str, Any], out: Path) -> None:
    """Print the scores, warnings and verdict of a study, and write its report."""
    from radapt.report.folder import read_study
    from radapt.report.performance import threshold_warnings
    from radapt.report.render import write_report

    estimate_table(result["estimates"])
    say(result["recommendation"])
    for warning in result["warnings"]:
        say(f"WARNING: {warning}", error=True)
    for row in result["occlusions"]:
        for suspicion in row["suspicions"]:
            say(f"WARNING: {row['strategy']}, {row['domain']}: {suspicion}", error=True)
    for warned in threshold_warnings(read_study(out)):
        say(f"WARNING: {warned.text}", error=True)
    if result["protocol"]:
        for notice in result["protocol"]["notices"]:
            say(f"CHANGED: {notice}", error=True)
        verdict = result["protocol"]["verdict"]
        say(f"{verdict['word']}. {verdict['reason']}")
    say(f"Report: {write_report(out)}")
