"""The command compare."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, takes_data
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.score_options import Score, open_scores
from radapt.cli.sections import OUTPUT
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.study.comparison import Difference
    from radapt.study.model_comparison import Model, ModelComparison

Compared = Annotated[
    list[Path],
    typer.Argument(
        metavar="A B...",
        help="Tables of scores, predictions files, run folders or studies; the first is the reference.",
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html", help="Write a page with scores, differences and ROC curves.", rich_help_panel=OUTPUT
    ),
]


@takes_data(only=("label", "images", "patient", "classes", "positive"))
def compare(
    compared: Compared,
    images: DataOptions,
    score: Score = None,
    metric: options.Metric = "balanced-accuracy",
    as_json: options.Json = False,
    html: Page = None,
) -> None:
    """Compare models by their scores of the same images, paired, with intervals by patient."""
    from radapt.report.comparison_page import write_comparison
    from radapt.study.model_comparison import compare_models, images_in_common

    models, of_studies = _opened(compared, images, score)
    result = compare_models(models, metric, pair=not of_studies or images_in_common(models))
    if html is not None:
        write_comparison(result, html)
    if as_json:
        say_json(result.as_dict())
        return
    _say_comparison(result)
    if html is not None:
        say(f"Page: {html}")


def _opened(paths: list[Path], images: DataOptions, score: str | None) -> tuple[list["Model"], bool]:
    """Read what is compared; says too whether these are studies only."""
    from radapt.artefacts import predictions_file
    from radapt.images.table_rows import is_table
    from radapt.predictions import Predictions
    from radapt.report.folder import kind_of
    from radapt.study.model_comparison import Model, common_test_set, models_of_study

    kinds = ["table" if is_table(path) else kind_of(path) for path in paths]
    names = _names(paths)
    read: dict[int, list[Model]] = {}
    for place, (path, kind, name) in enumerate(zip(paths, kinds, names, strict=True)):
        if kind == "study":
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


def _say_comparison(result: "ModelComparison") -> None:
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
        runs = f", {counted(len(model.runs), 'training run')}" if len(model.runs) > 1 else ""
        say(
            f"  {model.name}: {len(model.runs[0]):,} of {counted(scored, 'image')} ({model.about}{runs})"
            + (f", {left:,} unmatched" if left else "")
        )
    for note in result.notes:
        say(f"NOTE: {note}")
    say("")
    for sentence in result.verdicts:
        say(sentence)


def _cell(row: "Difference") -> str:
    return f"{row.estimate.points.replace(' points', '')} {row.verdict}"
