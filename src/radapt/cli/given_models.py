"""The options of a study that take runs: as its base model, and to compare with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli.data_options import DataOptions, load_images, load_options_for
from radapt.cli.image_options import PREPROCESSING
from radapt.cli.sections import COMPARISON, MODEL
from radapt.text import listed

if TYPE_CHECKING:
    from radapt.device import Hardware
    from radapt.images.imageset import Dataset
    from radapt.models.classifier import Classifier
    from radapt.study.other_models import OtherModel
    from radapt.study.plan import Plan
    from radapt.study.protocol import Protocol

BaseRun = Annotated[
    Path | None,
    typer.Option(
        "--base",
        help="The run of the base model, which train, adapt or import wrote. Without it: the study trains "
        "one.",
        rich_help_panel=MODEL,
    ),
]


OtherRuns = Annotated[
    list[Path] | None,
    typer.Option(
        "--with",
        help="Another run to score on the same target test images and to compare with the base model; "
        "repeatable. Without it: none.",
        rich_help_panel=COMPARISON,
    ),
]
OF_NEW = ("model", "models", "leave_one_site_out")  # options of a study that trains its base


def with_base(
    run: Path | None, values: dict[str, Any], tune: str | None, images: DataOptions, claim: "Protocol | None"
) -> "tuple[dict[str, Any], Classifier | None]":
    """Load the base model of a study, if any; return the options with the name of its model, and it.

    Raises
    ------
    AskedWrongly
        If options would make another one, or there is a registered protocol, which trains its base models.
    """
    from radapt.cli.models import open_classifier
    from radapt.errors import AskedWrongly

    if run is None:
        return values, None
    options = {name: values[name] for name in OF_NEW} | {name: images[name] for name in PREPROCESSING}
    options["tune"] = tune
    beside = [name for name, value in options.items() if value not in (None, False, "compact")]
    if claim is not None:
        raise AskedWrongly(f"A registered protocol trains its own base models: leave --base {run} out.")
    if beside:
        words = listed(f"--{name.replace('_', '-')}" for name in beside)
        raise AskedWrongly(f"--base {run} says which model it is and how it reads images: leave {words} out.")
    classifier: Classifier = open_classifier(run)
    return {**values, "model": classifier.spec.model}, classifier


def plan_of_base(
    plan: "Plan", run: Path, base: "Classifier", start_from: tuple[bool, Path | None], *, usual: bool
) -> "Plan":
    """Return a plan with the base model's digest and, for strategies that need them, pretrained weights.

    With `usual`, of the plan's strategies those that work on the base model.

    Raises
    ------
    AskedWrongly
        If --pretrained is given, or as `radapt.cli.options.initial_weights_of_run`.
    """
    from dataclasses import replace

    from radapt.adaptation.table import suitable_for
    from radapt.cli.options import initial_weights_of_run
    from radapt.cli.progress import watcher
    from radapt.errors import AskedWrongly
    from radapt.models.checkpoint import model_digest

    if start_from[0]:
        raise AskedWrongly(f"--base {run} is trained already: leave --pretrained out.")
    strategies = suitable_for(base.spec, plan.strategies) if usual else plan.strategies
    start = initial_weights_of_run(run, base.spec, strategies, start_from[1], watcher())
    return replace(plan, strategies=strategies, weights=start, base=model_digest(base))


def check_others(runs: Sequence[Path], *, grid: bool) -> None:
    """Look that runs to compare with are models; `grid` says that there are several studies.

    Raises
    ------
    AskedWrongly
        If there are several studies.
    """
    from radapt.cli.models import open_classifier
    from radapt.errors import AskedWrongly

    if runs and grid:
        raise AskedWrongly(
            "--with is for a study of one model and one target: leave it out, or give one target."
        )
    for run in runs:
        open_classifier(run)  # what is no run is refused before anything is trained


def suiting_others(
    data: "tuple[Dataset, Dataset | None]", runs: Sequence[Path], plan: "Plan"
) -> "tuple[Dataset, Dataset | None]":
    """Return the source and target of a study, once runs to compare with are found to suit it.

    Raises
    ------
    AskedWrongly
        As `radapt.study.other_models.check_others`.
    """
    from radapt.cli.models import open_classifier
    from radapt.study.other_models import check_others as check_runs

    check_runs([(run, open_classifier(run).spec) for run in runs], plan, data[0])
    return data


def compare_others(
    runs: Sequence[Path],
    data: Path,
    images: DataOptions,
    target: Sequence[Path],
    plan: "Plan",
    out: Path,
    hardware: "Hardware",
) -> None:
    """Score other runs, if there are any, on the target test images of a study; print how they compare."""
    from radapt.cli.compare import say_comparison
    from radapt.cli.printing import say
    from radapt.report.render import write_report
    from radapt.study.other_models import compare_with

    if not runs:
        return
    others = [_other(run, target[0] if target else data, images, plan, out) for run in runs]
    say("")
    say_comparison(compare_with(out, others, plan.metric, hardware))
    say(f"Report: {write_report(out)}")


def _other(run: Path, data: Path, images: DataOptions, plan: "Plan", out: Path) -> "OtherModel":
    """Return a run with the test images of a study, read as it reads images."""
    import numpy as np

    from radapt.cli.models import open_classifier
    from radapt.shift.shifted import shifted
    from radapt.study.finished_models import models_of_study
    from radapt.study.other_models import OtherModel

    classifier: Any = open_classifier(run)
    own = {**images, **dict.fromkeys(PREPROCESSING)}
    dataset = load_images(data, load_options_for(classifier, own, [data])[0], classifier.spec.classes)
    whole = dataset.with_all()["all"]
    tested = whole.take(np.isin(whole.ids, models_of_study(out)[-1].runs[0].ids))
    return OtherModel(run, classifier, shifted(tested, plan.shift, plan.seed), tested)
