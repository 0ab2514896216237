"""The commands protocol init and protocol scores."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.compare import Compared, Thresholds, opened, with_thresholds
from radapt.cli.data_options import (
    DataOptions,
    as_words,
    load_images,
    load_options,
    split_commas,
    takes_data,
)
from radapt.cli.printing import say
from radapt.cli.score_options import Score
from radapt.cli.sections import ADAPTATION, COMPARISON, DATA, OUTPUT

if TYPE_CHECKING:
    from radapt.study.protocol import Protocol

File = Annotated[
    Path,
    typer.Option(
        "--out", help="The file to write; an existing one is never overwritten.", rich_help_panel=OUTPUT
    ),
]
TargetImages = Annotated[
    Path | None,
    typer.Option(
        "--target", help="The target images. Without it: those that --shift makes.", rich_help_panel=DATA
    ),
]
Strategies = Annotated[
    str | None,
    typer.Option(
        "--strategies",
        help="All strategies to compare, separated by commas. Without it: those of a study, and --strategy.",
        rich_help_panel=ADAPTATION,
    ),
]
Strategy = Annotated[
    str,
    typer.Option("--strategy", help="The strategy that the claim is about.", rich_help_panel=COMPARISON),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        help="Labelled target images of the claim: a number, all, or val. Without it: 64, or 0 for a "
        "strategy that needs no labels.",
        rich_help_panel=COMPARISON,
    ),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        help="The metric of the claim, such as auroc or accuracy; the default differs from that of a study "
        "or comparison without a protocol, which is balanced-accuracy.",
        rich_help_panel=COMPARISON,
    ),
]
Superiority = Annotated[
    float,
    typer.Option(
        "--superiority",
        help="The claim: more than this much better on the target images; 0.02 is 2 points.",
        rich_help_panel=COMPARISON,
    ),
]
NonInferiority = Annotated[
    float,
    typer.Option(
        "--non-inferiority",
        help="The claim: less than this much worse on the source images; 0.02 is 2 points.",
        rich_help_panel=COMPARISON,
    ),
]
Seeds = Annotated[
    int,
    typer.Option("--seeds", min=1, help="How many times each model is trained.", rich_help_panel=COMPARISON),
]
Claim = Annotated[
    str,
    typer.Option(
        "--claim",
        help="The claim: better (by more than --margin) or not-worse (by less than --margin).",
        rich_help_panel=COMPARISON,
    ),
]
ScoreMargin = Annotated[
    float,
    typer.Option("--margin", help="The margin of --claim; 0.02 is 2 points.", rich_help_panel=COMPARISON),
]


@takes_data()
def init(
    data: options.Data,
    images: DataOptions,
    out: File = Path("protocol.toml"),
    shift: options.Shift = None,
    target: TargetImages = None,
    model: options.Model = "compact",
    pretrained: options.Pretrained = False,
    weights: options.Weights = None,
    strategies: Strategies = None,
    strategy: Strategy = "head",
    budget: Budget = None,
    metric: Metric = "auroc",
    superiority: Superiority = 0.0,
    non_inferiority: NonInferiority = 0.02,
    seeds: Seeds = 3,
    seed: options.Seed = 0,
) -> None:
    """Write the claim of a study to a file, before any test label is read."""
    from radapt.cli.progress import watcher
    from radapt.errors import AskedWrongly
    from radapt.files import check_new_toml
    from radapt.provenance import now
    from radapt.shift.expression import resolved
    from radapt.study.plan import Plan
    from radapt.study.protocol import Protocol

    if (shift is None) == (target is None):
        raise AskedWrongly("A protocol needs target images: give either --shift NAME or --target DIR.")
    check_new_toml(out, "protocol")
    compared = split_commas(strategies) or tuple(
        dict.fromkeys((*Plan(model, shift=None).strategies, strategy))
    )
    start = options.initial_weights(model, pretrained, weights, watcher())
    draft = Protocol(  # wrong values are refused before any image is read
        created=now().isoformat(timespec="seconds"),
        source=data.name,
        source_fingerprint="",
        target=None if target is None else target.name,
        target_fingerprint=None if target is None else "",
        shift=shift and resolved(shift),
        model=model,
        weights=None if start is None else start.name,
        strategies=compared,
        strategy=strategy,
        budget=_default_budget(strategy) if budget is None else budget.strip(),
        metric=metric,
        superiority_margin=superiority,
        noninferiority_margin=non_inferiority,
        seeds=seeds,
        seed=seed,
    )
    _write(draft, data, target, images, out)
    words = ["radapt", "study", str(data), *(["--target", str(target)] if target else [])]
    words += ["--weights", str(weights)] if weights else ["--pretrained"] if pretrained else []
    say(f"Next: {shlex.join([*words, '--protocol', str(out), *as_words(images)])}")


def _default_budget(strategy: str) -> str:
    from radapt.adaptation.table import get_strategy
    from radapt.study.protocol import NO_LABELS

    return "64" if get_strategy(strategy).needs == "labelled" else NO_LABELS


def _write(draft: "Protocol", data: Path, target: Path | None, images: DataOptions, out: Path) -> None:
    """Write the protocol with the fingerprints of its images, and print it."""
    from radapt.models.table import default_size
    from radapt.study.protocol import digest, of_images, write_protocol

    paths = [data] if target is None else [data, target]
    requests = load_options(images, paths, size=default_size(draft.model))
    source = load_images(data, requests[0])
    other = None if target is None else load_images(target, requests[-1], source.classes)
    protocol = of_images(draft, source, other)
    write_protocol(out, protocol)
    for name, value in protocol.as_dict().items():
        if value is not None:
            say(f"{name:<21} {', '.join(value) if isinstance(value, list) else value}")
    say(f"Written: {out}, digest {digest(protocol)[:12]}. It may be changed until a study has used it.")


@takes_data(only=("label", "images", "patient", "classes", "positive"))
def scores(
    compared: Compared,
    images: DataOptions,
    out: File = Path("protocol.toml"),
    score: Score = None,
    metric: Metric = "auroc",
    claim: Claim = "better",
    margin: ScoreMargin = 0.0,
    threshold: Thresholds = None,
) -> None:
    """Write the claim of a comparison of two models' scores to a file, before they are compared."""
    from radapt.errors import AskedWrongly
    from radapt.files import check_new_toml
    from radapt.provenance import now
    from radapt.study.model_comparison import match
    from radapt.study.score_protocol import ScoreProtocol, images_of, write_score_protocol

    check_new_toml(out, "protocol")
    models = with_thresholds(opened(compared, images, score)[0], threshold)
    if len(models) != 2:
        raise AskedWrongly(f"A claim is about two models, the reference first. Got {len(models)}.")
    match(models)  # refuses what could not be compared
    reference, model = models
    protocol = ScoreProtocol(
        created=now().isoformat(timespec="seconds"),
        reference=reference.name,
        model=model.name,
        **images_of(models),
        metric=metric,
        claim=claim,
        margin=margin,
        threshold_reference=reference.threshold,
        threshold_model=model.threshold,
    )
    write_score_protocol(out, protocol)
    say(f"Written: {out}, digest {protocol.digest[:12]}. Give it to `radapt compare` as --protocol {out}.")
