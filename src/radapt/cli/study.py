"""The command study."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options, several
from radapt.cli.data_options import DataOptions, takes_data
from radapt.cli.given_models import (
    BaseRun,
    OtherRuns,
    check_others,
    compare_others,
    plan_of_base,
    suiting_others,
    with_base,
)
from radapt.cli.patience import Checks, Quick, TimeLimit, for_a_first_look
from radapt.cli.sections import ADAPTATION, COMPARISON, DATA, EVALUATION, MODEL
from radapt.cli.study_tables import Wide, print_study
from radapt.text import listed, whole_number

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset
    from radapt.models.classifier import Classifier
    from radapt.study.multi_target import Target
    from radapt.study.plan import Plan
    from radapt.study.protocol import Protocol

Shifts = Annotated[
    list[str] | None,
    typer.Option(
        "--shift",
        help="Make the target images by this simulated shift of DATA: a name, an expression or a .toml; see "
        "`radapt shifts`. Repeatable, for several targets. Without it: give --target.",
        rich_help_panel=DATA,
    ),
]
Targets = Annotated[
    list[Path] | None,
    typer.Option(
        "--target",
        help="The target images, as DATA. Repeatable, for several targets. Without it: give --shift.",
        rich_help_panel=DATA,
    ),
]
LeaveOneSiteOut = Annotated[
    bool,
    typer.Option(
        "--leave-one-site-out",
        help="Take each site of DATA as the target in turn, and all others as the source.",
        rich_help_panel=DATA,
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        "--models",
        help="Several models to compare, separated by commas; each reads images at its own size. Without it: "
        "the one of --model.",
        rich_help_panel=MODEL,
    ),
]
Folds = Annotated[
    int,
    typer.Option(
        "--cv",
        help="Divide the patients of --target into this many folds, and test each fold with models adapted "
        "to the other folds; 0 tests its test images.",
        rich_help_panel=DATA,
    ),
]
TargetPatients = Annotated[
    str,
    typer.Option(
        "--target-patients",
        help="With --shift, the labelled target images are those of: own (half of the training patients, "
        "on whom the base model is not trained) or shared (all training patients, on whom it is trained "
        "too).",
        rich_help_panel=DATA,
    ),
]
Strategies = Annotated[
    str | None,
    typer.Option(
        "--strategies",
        help="Strategies to compare, separated by commas, such as none,head,last-k(k=2); or all, see `radapt "
        "strategies`. Without it: seven, from none to scratch, that suit the model.",
        rich_help_panel=ADAPTATION,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        help="Numbers of labelled target images, such as 16,64,all; 16p for 16 patients; val for the val "
        "images. Without it: all; under a --shift of DATA with val images, val.",
        rich_help_panel=ADAPTATION,
    ),
]
Seeds = Annotated[
    str,
    typer.Option(
        "--seeds",
        help="How many times each model is trained, each time with another seed; auto: until the verdict is "
        "settled, 5 times at most.",
        rich_help_panel=COMPARISON,
    ),
]
ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="How the study is done: held-out, original (as the original demonstration did), or a .toml of "
        "`radapt protocol init`.",
        rich_help_panel=COMPARISON,
    ),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        help="The metric by which strategies are recommended, such as auroc or accuracy.",
        rich_help_panel=COMPARISON,
    ),
]
Margin = Annotated[
    float,
    typer.Option(
        "--margin",
        help="How much of --metric a recommended model may lose on the source images; 0.02 is 2 points.",
        rich_help_panel=COMPARISON,
    ),
]

By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        help="Score also subgroups of the target images by view, sex, age, site, device or a --column; "
        "repeatable. Without it: none.",
        rich_help_panel=EVALUATION,
    ),
]


@takes_data()
def study(
    data: options.Data,
    images: DataOptions,
    out: options.Out = Path("runs/study"),
    shift: Shifts = None,
    target: Targets = None,
    leave_one_site_out: LeaveOneSiteOut = False,
    base: BaseRun = None,
    with_runs: OtherRuns = None,
    model: options.Model = "compact",
    models: Models = None,
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    tune: options.Tune = None,
    strategies: Strategies = None,
    budget: Budget = None,
    seeds: Seeds = "1",
    protocol: ProtocolName = "held-out",
    metric: Metric = "balanced-accuracy",
    margin: Margin = 0.02,
    target_patients: TargetPatients = "own",
    cv: Folds = 0,
    by: By = None,
    epochs: options.StudyEpochs = None,
    steps: options.StudySteps = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = None,
    time_limit: TimeLimit = None,
    quick: Quick = False,
    checks: Checks = True,
    wide: Wide = False,
) -> None:
    """Compare strategies to adapt a model to target images, and report what each gains."""
    from radapt.cli.progress import watcher
    from radapt.device import select_device
    from radapt.study.experiment import run_study

    _check_all_outside((data, *(paths := target or [])), out)
    values: dict[str, Any] = {"model": model, "models": models, "metric": metric, "margin": margin, "by": by}
    values |= {"seed": seed, "seeds": seeds, "epochs": epochs, "steps": steps, "folds": cv, "checks": checks}
    values |= {"shift": _resolved(shift), "target": len(paths), "minutes": time_limit, "quick": False}
    values |= {"target_patients": target_patients, "leave_one_site_out": leave_one_site_out}
    claim = _claim(protocol)
    if quick:
        strategies, values["epochs"], values["quick"] = for_a_first_look(strategies, epochs, claim)
    values, base_model = with_base(base, values, tune, images, claim)
    plan, shifts = _plan(values, strategies, budget, protocol, claim)
    plans = _plans(plan, values, (pretrained, weights), (tune, claim, strategies is None), (base, base_model))
    on: dict[str, Any] = {"hardware": select_device(device, precision, threads), "watch": watcher()}
    grid = len(plans) > 1 or leave_one_site_out or len(shifts) + len(paths) > 1
    check_others(with_runs or (), grid=grid)
    read = several.load_all(plans, data, images, paths, shifts, base_model)
    if grid:
        _compare_several(plans, read, out, on, leave_one_site_out, base, wide)
    else:
        source, other = suiting_others(several.the_one(read), with_runs or (), plans[0])
        result = run_study(plans[0], source, other, out, **on, base_models_from=base, protocol=claim)
        print_study(result, out, wide=wide)
        compare_others(with_runs or (), data, images, paths, plans[0], out, on["hardware"])


def _check_all_outside(folders: Iterable[Path], out: Path) -> None:
    """Refuse a study folder within one of its data sets."""
    from radapt.images.store.location import check_outside

    for folder in folders:
        check_outside(folder, out, "The study")


def _resolved(shifts: list[str] | None) -> list[str]:
    from radapt.shift.expression import resolved

    return [resolved(text) for text in shifts or ()]


def _claim(protocol: str) -> "Protocol | None":
    """Read the claim of a study, where --protocol names a file with one."""
    from radapt.study.protocol import read_protocol

    return read_protocol(Path(protocol)) if protocol.endswith(".toml") else None


def _compare_several(
    plans: "list[Plan]",
    read: "Mapping[str, tuple[Dataset, list[Target]]]",
    out: Path,
    on: Mapping[str, Any],
    leave_one_site_out: bool,
    base: Path | None,
    wide: bool,
) -> None:
    """Run the studies of several models or targets, and print their summary."""
    from radapt.study.multi_target import run_several

    members, left_out = several.members_of(plans, read, leave_one_site_out)
    results = run_several(members, out, **on, left_out=left_out, base=base)
    several.print_all(results, out, left_out, wide=wide)


def _plan(
    values: Mapping[str, Any],
    strategies: str | None,
    budget: str | None,
    protocol: str,
    claim: "Protocol | None",
) -> "tuple[Plan, list[str]]":
    """Return the plan that the options ask for, or a protocol defines, and the shifts."""
    from radapt.errors import AskedWrongly
    from radapt.study.plan import Plan

    shifts, by = values["shift"], tuple(dict.fromkeys(values["by"] or ()))
    if claim is not None:
        _refuse_contradictions(claim, values, split_list(strategies or ""))
        plan = replace(_plan_of(claim, budget), by=by, checks=values["checks"])
        return plan, [] if claim.shift is None else [claim.shift]
    if bool(shifts or values["target"]) == values["leave_one_site_out"]:
        raise AskedWrongly(
            "A study needs target images: give --shift NAME or --target DIR, or else --leave-one-site-out."
        )
    names = ("model", "metric", "margin", "seed", "epochs", "steps", "target_patients", "folds", "minutes")
    fields: dict[str, Any] = {name: values[name] for name in (*names, "quick", "checks")}
    seeds = parse_seeds(values["seeds"])
    first = shifts[0] if shifts else None
    lists = _lists(strategies, budget)
    return Plan(**fields, shift=first, **lists, **seeds, protocol=protocol, by=by), shifts


def _plans(
    plan: "Plan",
    values: Mapping[str, Any],
    start_from: tuple[bool, Path | None],
    way: "tuple[str | None, Protocol | None, bool]",
    base: "tuple[Path | None, Classifier | None]",
) -> "list[Plan]":
    """Return the plan of each model, or that of a base model that is there already.

    `way` is --tune, the registered protocol and whether the usual strategies are taken; `base` is the run of
    the base model and that model.
    """
    (tune, claim, usual), (run, model) = way, base
    if run is not None and model is not None:
        return [plan_of_base(plan, run, model, start_from, usual=usual)]
    names = (plan.model,) if claim else several.split_models(values["model"], values["models"], start_from[1])
    return several.plans_of(plan, names, start_from, tune, claim, usual=usual)


_OPTIONS = {"folds": "cv", "minutes": "time-limit"}  # of fields of a plan that are called otherwise


def _refuse_contradictions(claim: "Protocol", values: Mapping[str, Any], strategies: tuple[str, ...]) -> None:
    """Refuse options that contradict a protocol: neither their default value nor the protocol's.

    Parameters
    ----------
    given
        The value of each option, by the name of its field; of --target the number of folders.
    """
    from radapt.errors import AskedWrongly

    allowed: dict[str, tuple[Any, ...]] = {
        "shift": ([], [claim.shift]),
        "model": ("compact", claim.model),
        "seeds": ("1", str(claim.seeds)),
        "seed": (0, claim.seed),
        "metric": ("balanced-accuracy", claim.metric),
        "margin": (0.02, claim.noninferiority_margin),
        "target_patients": ("own",),
        "epochs": (None,),
        "steps": (None,),
        "target": (0, int(claim.target is not None)),
        "models": (None,),
        "leave_one_site_out": (False,),
        "folds": (0,),
        "minutes": (None,),
    }
    others = ["--strategies"] if strategies not in ((), claim.strategies) else []
    differ = [_OPTIONS.get(name, name) for name in allowed if values[name] not in allowed[name]]
    others += [f"--{name.replace('_', '-')}" for name in differ]
    if others:
        raise AskedWrongly(
            f"The protocol defines the study, and {listed(others)} would contradict it: "
            "leave that out, or write another protocol."
        )


def _plan_of(claim: "Protocol", budget: str | None) -> "Plan":
    """Return the plan of the study that a protocol defines; other budgets may join that of its claim."""
    from radapt.study.plan import Plan
    from radapt.study.protocol import NO_LABELS

    own = "all" if claim.budget == NO_LABELS else claim.budget
    return Plan(
        model=claim.model,
        shift=claim.shift,
        strategies=claim.strategies,
        budgets=tuple(dict.fromkeys((own, *split_list(budget or "")))),
        seeds=claim.seeds,
        seed=claim.seed,
        metric=claim.metric,
        margin=claim.noninferiority_margin,
    )


def _lists(strategies: str | None, budget: str | None) -> dict[str, Any]:
    """Return the strategies and budgets as fields of a plan; `all` leaves out lora, which needs peft."""
    texts = {"strategies": strategies, "budgets": budget}
    lists: dict[str, Any] = {name: split_list(text) for name, text in texts.items() if text is not None}
    if lists.get("strategies") == ("all",):
        from radapt.adaptation.table import STRATEGIES

        lists["strategies"] = tuple(name for name in STRATEGIES if name != "lora")
    return lists


def parse_seeds(text: str) -> dict[str, Any]:
    """Read a number of seeds, or `auto`, as fields of a plan."""
    from radapt.errors import AskedWrongly
    from radapt.study.decision import ENOUGH_SEEDS

    if text == "auto":
        return {"seeds": ENOUGH_SEEDS, "auto_seeds": True}
    seeds = whole_number(text)
    if not seeds:
        raise AskedWrongly(f"--seeds takes a number from 1 on, or auto. Got {text!r}.")
    return {"seeds": seeds}


def split_list(text: str) -> tuple[str, ...]:
    """Split a list at its commas, but not at those within brackets.

    Raises
    ------
    AskedWrongly
        If there is nothing between the commas.
    """
    parts = tuple(dict.fromkeys(part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()))
    if text and not parts:
        from radapt.errors import AskedWrongly

        raise AskedWrongly(f"A list takes names separated by commas, as none,head. Got {text!r}.")
    return parts
