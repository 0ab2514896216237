"""The options of tables of scores, and reading what they name."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli.data_options import DataOptions, split_commas
from radapt.cli.printing import say
from radapt.cli.sections import DATA

if TYPE_CHECKING:
    from radapt.evaluation.evaluate import EvaluateOptions
    from radapt.evaluation.score_table import ScoreTable
    from radapt.predictions import Predictions

Score = Annotated[
    str | None,
    typer.Option(
        "--score",
        help="Tables of scores: the column with the probability of the finding; or one for each class or "
        "finding, separated by commas. Without it: FILE is no table of scores.",
        rich_help_panel=DATA,
    ),
]
KEPT = ("site", "age", "sex", "view")  # options that name a column to keep under their own name


def open_scores(path: Path, images: DataOptions, score: str | None, by: tuple[str, ...] = ()) -> "ScoreTable":
    """Read a table of scores as the options say, or a predictions file of a run; prints notes on it.

    `by` are columns to keep, by the names of `KEPT` or of the table.
    """
    from radapt.evaluation.score_columns import ScoreColumns
    from radapt.evaluation.score_table import is_saved, read_score_table, saved_predictions

    if is_saved(path):
        return saved_predictions(path)
    named = {name: images[name] for name in KEPT if images.get(name)}
    columns = ScoreColumns(
        scores=split_commas(score) or (),
        labels=split_commas(images["label"]) or (),
        images=images["images"],
        patient=images["patient"],
        split=images.get("split"),
        positive=images["positive"],
        classes=split_commas(images["classes"]),
        kept={name: named.get(name, name) for name in by},
    )
    table = read_score_table(path, columns)
    for note in table.notes:
        say(f"{table.name}: {note}", error=True)
    return table


def is_table_of_scores(run: Path, data: Path | None, score: str | None) -> bool:
    """Say whether the first argument is a table of scores.

    Raises
    ------
    AskedWrongly
        If DATA is missing, or there is DATA beside a table.
    """
    from radapt.errors import AskedWrongly
    from radapt.images.table_rows import is_table

    if not is_table(run):
        if score is not None:
            raise AskedWrongly(
                f"--score names a column of a table of scores (.csv, .tsv, .parquet). Got {run}."
            )
        if data is None:
            raise AskedWrongly(
                f"Got {run} without images to score: give DATA too, or a table of scores (.csv, .tsv)."
            )
        return False
    if data is not None:
        raise AskedWrongly(f"{run} is a table of scores, for which no images are read: leave {data} out.")
    return True


def table_result(
    table: "ScoreTable", settings: "EvaluateOptions", part: str | None, on: str | None
) -> "tuple[dict[str, Any], Predictions]":
    """Evaluate a table of scores; `on` are the images to choose a threshold or fit a recalibration on.

    The predictions that were scored are returned too.
    """
    from radapt.errors import AskedWrongly
    from radapt.evaluation.evaluate import evaluate_table, tested_rows

    if settings.shift is not None or settings.occlusion:
        what = "--shift" if settings.shift is not None else "--occlusion"
        raise AskedWrongly(f"{what} needs the images, and a table of scores has none: leave it out.")
    part = part or ("test" if "test" in table.splits else "all")
    settings = replace(settings, part=part)
    scored = table.predictions.take(tested_rows(table, settings, on)[0])
    result = evaluate_table(table, settings, on=on)
    return {**result, "learned_from": None, "tested_on": None, "notices": []}, scored
