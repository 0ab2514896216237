"""The command compare."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, takes_data
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.score_options import Score, open_scores
from radapt.cli.sections import COMPARISON, EVALUATION, OUTPUT
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.study.comparison import Difference
    from radapt.study.model_comparison import Model, ModelComparison
    from radapt.study.score_protocol import ScoreProtocol

DEFAULT_METRIC = "balanced-accuracy"
Compared = Annotated[
    list[Path],
    typer.Argument(
        metavar="A B...",
        help="Tables of scores, predictions files, run folders or studies; the first is the reference.",
    ),
]
Thresholds = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        help="The probability from which on an image is predicted positive: one for all models (0.3), or one "
        "for each by its name (vendor=0.3,own=0.5).  [default: 0.5]",
        rich_help_panel=EVALUATION,
    ),
]
Claim = Annotated[
    Path | None,
    typer.Option(
        "--protocol",
        help="Test the claim of this protocol, which `radapt protocol scores` wrote. Without it: no claim.",
        rich_help_panel=COMPARISON,
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html",
        help="Write a page with scores, differences and ROC curves. Without it: none.",
        rich_help_panel=OUTPUT,
    ),
]


@takes_data(only=("label", "images", "patient", "classes", "positive"))
def compare(
    compared: Compared,
    images: DataOptions,
    score: Score = None,
    metric: options.Metric = DEFAULT_METRIC,
    threshold: Thresholds = None,
    protocol: Claim = None,
    as_json: options.Json = False,
    html: Page = None,
) -> None:
    """Compare models by their scores of the same images, paired, with intervals by patient."""
    from radapt.report.comparison_page import write_comparison
    from radapt.study.model_comparison import compare_models, images_in_common
    from radapt.study.score_protocol import read_score_protocol, verdict_on_scores

    claim = None if protocol is None else read_score_protocol(protocol)
    models, of_studies = opened(compared, images, score)
    models = with_thresholds(models, threshold)
    if claim is not None:
        models = _under(claim, models, threshold)
        metric = _metric_of(claim, metric)
    result = compare_models(models, metric, pair=not of_studies or images_in_common(models))
    if claim is not None:
        verdict = verdict_on_scores(claim, result)
        claimed = {**claim.as_dict(), "digest": claim.digest, "verdict": verdict.as_dict()}
        result = replace(result, claimed=claimed)
    if html is not None:
        write_comparison(result, html)
    if as_json:
        say_json(result.as_dict())
        return
    say_comparison(result)
    if html is not None:
        say(f"Page: {html}")


def _under(claim: "ScoreProtocol", models: "list[Model]", threshold: str | None) -> "list[Model]":
    """Return models with the thresholds of a protocol, once they are found to be those that it is about."""
    from radapt.study.score_protocol import check_models

    own = {claim.reference: claim.threshold_reference, claim.model: claim.threshold_model}
    if threshold is None:
        models = [replace(model, threshold=own.get(model.name, 0.5)) for model in models]
    check_models(claim, models)
    return models


def _metric_of(claim: "ScoreProtocol", metric: str) -> str:
    from radapt.errors import AskedWrongly
    from radapt.metrics.table import metric as find_metric

    if metric != DEFAULT_METRIC and find_metric(metric).name != claim.metric:
        raise AskedWrongly(f"The metric of the protocol is {claim.metric}: leave --metric {metric} out.")
    return claim.metric


def opened(paths: list[Path], images: DataOptions, score: str | None) -> tuple[list["Model"], bool]:
    """Read what is compared; says too whether these are studies only."""
    from radapt.artefacts import predictions_file
    from radapt.images.table_rows import is_table
    from radapt.predictions import Predictions
    from radapt.report.folder import kind_of
    from radapt.study.model_comparison import Model, common_test_set

    kinds = ["table" if is_table(path) else kind_of(path) for path in paths]
    names = _names(paths)
    read: dict[int, list[Model]] = {}
    for place, (path, kind, name) in enumerate(zip(paths, kinds, names, strict=True)):
        if kind == "study":
            from radapt.study.finished_models import models_of_study

            read[place] = [replace(model, name=f"{name}: {model.name}") for model in models_of_study(path)]
        elif kind == "table":
            read[place] = [_of_table(path, name, images, score)]
    runs = [path for path, kind in zip(paths, kinds, strict=True) if kind == "run"]
    if runs:
        part = common_test_set(runs, [model for models in read.values() for model in models])
        for place, (path, kind, name) in enumerate(zip(paths, kinds, names, strict=True)):
            if kind == "run":
                predictions = Predictions.load(predictions_file(path, part))
                read[place] = [Model(name, (predictions,), f"{part} of {name}")]
    models = [model for place in sorted(read) for model in read[place]]
    return models, set(kinds) == {"study"}


def with_thresholds(models: "list[Model]", text: str | None) -> "list[Model]":
    """Give each model the threshold that the option says."""
    from radapt.errors import AskedWrongly, UnknownName

    if text is None:
        return models
    names = [model.name for model in models]
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    thresholds = {}
    for name, _, number in pairs:
        for each in [name.strip()] if name else names:
            if each not in names:
                raise UnknownName("model", each, names)
            thresholds[each] = probability(number)
    if not thresholds:
        raise AskedWrongly(f"--threshold takes 0.3, or vendor=0.3,own=0.5. Got {text!r}.")
    return [replace(model, threshold=thresholds.get(model.name, 0.5)) for model in models]


def probability(text: str) -> float:
    """Read a probability from 0 to 1."""
    from radapt.errors import AskedWrongly

    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise AskedWrongly(f"A threshold is a probability from 0 to 1, as vendor=0.3. Got {text.strip()!r}.")
    return value


def _of_table(path: Path, name: str, images: DataOptions, score: str | None) -> "Model":
    from radapt.errors import AskedWrongly
    from radapt.study.model_comparison import Model

    table = open_scores(path, images, score)
    if not table.has_names:
        raise AskedWrongly(
            f"Models are paired image by image: name the column of images in {path}, as --images file."
        )
    return Model(name, (table.predictions,), path.name)


def _names(paths: list[Path]) -> list[str]:
    """Return a short name for each path; the whole path where short names are the same."""
    short = [path.resolve().name.partition(".")[0] or str(path) for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def say_comparison(result: "ModelComparison") -> None:
    """Print the scores of models, their differences from the first, the images, and the verdicts."""
    metrics = list(dict.fromkeys(row.metric for row in result.scores))
    cells = {(row.strategy, row.metric): str(row.estimate) for row in result.scores}
    rows = [[model.name, *(cells[model.name, each] for each in metrics)] for model in result.models]
    print_table(["model", *metrics], rows)
    say("")
    if result.paired:
        compared = list(dict.fromkeys(row.metric for row in result.differences))
        differences = {(row.strategy, row.metric): row for row in result.differences}
        print_table(
            [f"against {result.models[0].name}", *(f"{each}, points" for each in compared)],
            [
                [model.name, *(_cell(differences[model.name, each]) for each in compared)]
                for model in result.models[1:]
            ],
        )
        say("")
        matched = result.models[0].runs[0]
        patients = len(set(matched.patients.tolist()))
        say(f"Paired on {counted(len(matched), 'image')} of {counted(patients, 'patient')}:")
    else:
        say("The studies have no test image in common, so that nothing is paired:")
    for model, scored in zip(result.models, result.scored, strict=True):
        left = scored - len(model.runs[0])
        at = f", threshold {model.threshold:g}" if model.threshold != 0.5 else ""
        runs = f", {counted(len(model.runs), 'training run')}" if len(model.runs) > 1 else ""
        say(
            f"  {model.name}: {len(model.runs[0]):,} of {counted(scored, 'image')} ({model.about}{runs}{at})"
            + (f", {left:,} unmatched" if left else "")
        )
    for note in result.notes:
        say(f"NOTE: {note}")
    say("")
    for sentence in result.verdicts:
        say(sentence)
    if result.claimed:
        verdict = result.claimed["verdict"]
        say(f"{verdict['word']}. {verdict['reason']} (Protocol {result.claimed['digest'][:12]}.)")


def _cell(row: "Difference") -> str:
    return f"{row.estimate.points.replace(' points', '')} {row.verdict}"
