"""The option of a study that takes a run as its base model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli.data_options import PREPROCESSING, DataOptions
from radapt.cli.sections import MODEL
from radapt.text import listed

if TYPE_CHECKING:
    from radapt.models.classifier import Classifier
    from radapt.study.plan import Plan
    from radapt.study.protocol import Protocol

BaseRun = Annotated[
    Path | None,
    typer.Option(
        "--base",
        help="A run that is the base model, as train, adapt or import writes it; none is then trained.",
        rich_help_panel=MODEL,
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
        raise AskedWrongly(
            f"--base {run} is the model already, and reads images as it does. Leave {words} out."
        )
    classifier: Classifier = open_classifier(run)
    return {**values, "model": classifier.spec.model}, classifier


def plan_of_base(plan: "Plan", run: Path, base: "Classifier", start_from: tuple[bool, Path | None]) -> "Plan":
    """Return a plan with the base model's digest and, for strategies that need them, pretrained weights.

    Raises
    ------
    AskedWrongly
        If --pretrained is given, or as `radapt.cli.options.initial_weights_of_run`.
    """
    from dataclasses import replace

    from radapt.cli.options import initial_weights_of_run
    from radapt.cli.progress import watcher
    from radapt.errors import AskedWrongly
    from radapt.models.checkpoint import weights_digest

    if start_from[0]:
        raise AskedWrongly(f"--base {run} is trained already: leave --pretrained out.")
    start = initial_weights_of_run(run, base.spec, plan.strategies, start_from[1], watcher())
    return replace(plan, weights=start, base=weights_digest(base))
