"""The command evaluate."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.artefacts import RECORD
from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options_for, takes_data
from radapt.cli.evaluation_tables import say_evaluation
from radapt.cli.known_images import learned_images, scored_part, validation_of
from radapt.cli.models import open_classifier
from radapt.cli.printing import left_out_counts, say, say_json, say_notices
from radapt.cli.score_options import Score, is_table_of_scores, open_scores, table_result
from radapt.cli.sections import EVALUATION, OUTPUT
from radapt.images.notice import as_rows, from_rows

if TYPE_CHECKING:
    from radapt.evaluation.evaluate import EvaluateOptions
    from radapt.evaluation.performance import PerformanceOptions
    from radapt.evaluation.recalibration_trial import RecalibrationPlan
    from radapt.images.imageset import Dataset
    from radapt.models.classifier import Classifier

Occlusion = Annotated[
    bool,
    typer.Option(
        "--occlusion",
        help="Score also with the border, the centre or the corners of the images hidden.",
        rich_help_panel=EVALUATION,
    ),
]
OperatingPoint = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        help="Report performance at this threshold: a probability such as 0.5, or youden, "
        "sensitivity=0.95, specificity=0.9 or cost=FN:FP. Without it: that of an imported RUN; 0.5 with "
        "--prevalence or --html.",
        rich_help_panel=EVALUATION,
    ),
]
Prevalence = Annotated[
    float | None,
    typer.Option(
        "--prevalence",
        help="Report performance also at this prevalence of the finding. Without it: at that of the images.",
        rich_help_panel=EVALUATION,
    ),
]
Recalibrate = Annotated[
    str | None,
    typer.Option(
        "--recalibrate",
        help="Try a recalibration, fitted on other patients of DATA, and print calibration before and after: "
        "temperature, platt or beta. Without it: none.",
        rich_help_panel=EVALUATION,
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        help="The images that --recalibrate is fitted on: val, train, or a share of the patients to score, "
        "such as 0.3. For a table of scores also those that --threshold is chosen on.  [default: val]",
        rich_help_panel=EVALUATION,
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        help="Score subgroups by view, sex, age, site, device or a --column; repeatable.",
        rich_help_panel=EVALUATION,
    ),
]
MinImages = Annotated[
    int,
    typer.Option(
        "--min-images",
        min=2,
        help="Minimum number of images of a subgroup of --by that is scored; it needs half as many patients.",
        rich_help_panel=EVALUATION,
    ),
]


Page = Annotated[
    Path | None,
    typer.Option(
        "--html", help="Write a page with scores, calibration and decision curve.", rich_help_panel=OUTPUT
    ),
]
OptionalData = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA", help="The images to score, as for `radapt train`. A table of scores needs none."
    ),
]
RunOrScores = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="A run folder; or a table of scores (.csv, .tsv, .parquet), with --score."
    ),
]


@takes_data(preprocessing=False)
def evaluate(
    run: RunOrScores,
    images: DataOptions,
    data: OptionalData = None,
    score: Score = None,
    part: options.ScoredPart = None,
    shift: options.Shift = None,
    occlusion: Occlusion = False,
    threshold: OperatingPoint = None,
    prevalence: Prevalence = None,
    recalibrate: Recalibrate = None,
    on: On = None,
    by: By = None,
    min_images: MinImages = 20,
    as_json: options.Json = False,
    html: Page = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score a trained model on a data set, or a table of scores, with 95 % intervals by patient.

    The scores of a model stand beside those of shortcut baselines.
    """
    from radapt.evaluation.evaluate import EvaluateOptions
    from radapt.report.evaluation_page import write_evaluation
    from radapt.runs.folder import threshold_of
    from radapt.shift.expression import resolved

    of_table = is_table_of_scores(run, data, score)
    settings = EvaluateOptions(
        shift=shift and resolved(shift),
        seed=seed,
        occlusion=occlusion,
        performance=_performance(
            threshold or (None if of_table else threshold_of(run)), prevalence, always=html is not None
        ),
        recalibration=_recalibration(recalibrate, on, of_table=of_table),
        by=tuple(dict.fromkeys(by or ())),
        min_images=min_images,
    )
    if of_table:
        table = open_scores(run, images, score, settings.by)
        result, scored = table_result(table, settings, part, on)
        if html is not None:
            write_evaluation(html, result, table.name, predictions=scored, notes=table.notes)
        _report(result, run.name, as_json, html)
    elif data is not None:
        dataset, classifier = _opened(run, data, images)
        part = scored_part(dataset, part, run, whole=settings.recalibration is None)
        dataset = dataset.with_all() if part == "all" else dataset
        hardware = (device, threads)
        result = _run_result(run, classifier, dataset, replace(settings, part=part), hardware)
        if html is not None:
            write_evaluation(html, result, f"{run.resolve().name} on {dataset.origin.name}")
        _report(result, dataset.origin.name, as_json, html)


def _opened(run: Path, data: Path, images: DataOptions) -> tuple["Dataset", "Classifier"]:
    classifier = open_classifier(run)
    request = load_options_for(classifier, images, [data])[0]
    return load_images(data, request, classifier.spec.classes), classifier


def _run_result(
    run: Path,
    classifier: "Classifier",
    dataset: "Dataset",
    settings: "EvaluateOptions",
    hardware: tuple[str, int | None],
) -> dict[str, Any]:
    from radapt.device import select_device
    from radapt.evaluation.evaluate import evaluate_model
    from radapt.report.folder import expected_in
    from radapt.runs.folder import is_finished, read_record

    record: dict[str, Any] = read_record(run) if is_finished(run) else {}
    result = evaluate_model(
        classifier,
        record,
        dataset,
        settings,
        validation=validation_of(run),
        hardware=select_device(hardware[0], "fp32", hardware[1]),
    )
    known, learned = learned_images(dataset, settings.part, run)
    with expected_in(run / RECORD):  # the notices of the images it was trained on
        notices = [*from_rows(record.get("notices", ())), *learned]
    say_notices(notice for notice in notices if notice not in dataset.origin.notices)
    notices += dataset.origin.notices
    return {**result, **known, "notices": as_rows(notices), **left_out_counts(dataset.origin)}


def _report(result: dict[str, Any], name: str, as_json: bool, html: Path | None) -> None:
    if as_json:
        say_json(result)
        return
    say_evaluation(result, name)
    if html is not None:
        say(f"Page: {html}")


def _performance(
    threshold: str | None, prevalence: float | None, *, always: bool
) -> "PerformanceOptions | None":
    from radapt.evaluation.performance import PerformanceOptions
    from radapt.evaluation.thresholds import parse_threshold

    if threshold is None and prevalence is None and not always:
        return None
    return PerformanceOptions(parse_threshold(threshold or "0.5"), prevalence)


def _recalibration(method: str | None, on: str | None, *, of_table: bool) -> "RecalibrationPlan | None":
    from radapt.errors import AskedWrongly
    from radapt.evaluation.recalibration_trial import RecalibrationPlan

    if method is None and on is not None and not of_table:
        raise AskedWrongly("--on names the images that --recalibrate is fitted on: give --recalibrate too.")
    return None if method is None else RecalibrationPlan(method, on or "val")
