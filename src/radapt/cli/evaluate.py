"""The command evaluate."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.artefacts import RECORD
from radapt.cli import options
from radapt.cli.data_options import (
    DataOptions,
    load_images,
    load_options_for,
    load_options_of,
    takes_data,
)
from radapt.cli.evaluation_tables import say_evaluation
from radapt.cli.known_images import learned_images, scored_part
from radapt.cli.models import open_classifier
from radapt.cli.printing import left_out_counts, say, say_json, say_notices
from radapt.cli.score_options import Score, is_table_of_scores, open_scores, table_result
from radapt.cli.sections import EVALUATION, OUTPUT
from radapt.images.notice import as_rows, from_rows

if TYPE_CHECKING:
    from radapt.evaluation.evaluate import EvaluateOptions
    from radapt.evaluation.performance import PerformanceOptions
    from radapt.evaluation.recalibration_trial import RecalibrationPlan
    from radapt.evaluation.thresholds import Threshold
    from radapt.exporting.onnx_model import OnnxModel
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
        help="Score subgroups by view, sex, age, site, device or a --column; repeatable. Without it: none.",
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
        "--html",
        help="Write a page with scores, calibration and decision curve. Without it: none.",
        rich_help_panel=OUTPUT,
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
        metavar="RUN",
        help="A run folder; a file of `radapt export` (.onnx); or a table of scores (.csv, .tsv, .parquet), "
        "with --score.",
        callback=options.fetched,
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
    from radapt.exporting.onnx_model import is_onnx, read_onnx_model

    of_table = is_table_of_scores(run, data, score)
    file = read_onnx_model(run, threads=threads) if is_onnx(run) else None
    settings = EvaluateOptions(
        shift=shift and _resolved(shift),
        seed=seed,
        occlusion=occlusion,
        performance=_performance(threshold, prevalence, always=html is not None),
        recalibration=_recalibration(recalibrate, on, of_table=of_table),
        by=tuple(dict.fromkeys(by or ())),
        min_images=min_images,
    )
    if of_table:
        table = open_scores(run, images, score, settings.by)
        result, scored = table_result(table, settings, part, on)
        _write_page(html, result, table.name, predictions=scored, notes=table.notes)
        _report(result, run.name, as_json, html)
    elif data is not None:
        if file is not None:
            settings = settings if threshold else _with_own(settings, file.thresholds)
            dataset, result = _file_result(file, run, (data, images), settings, part)
        else:
            dataset, classifier = _opened(run, data, images)
            settings = settings if threshold else _with_own(settings, _own_thresholds(run, classifier))
            part = scored_part(dataset, part, run, whole=settings.recalibration is None)
            dataset = dataset.with_all() if part == "all" else dataset
            hardware = (device, threads)
            result = _run_result(run, classifier, dataset, replace(settings, part=part), hardware)
        _write_page(html, result, f"{run.resolve().name} on {dataset.origin.name}")
        _report(result, dataset.origin.name, as_json, html)


def _resolved(shift: str) -> str:
    from radapt.shift.expression import resolved

    return resolved(shift)


def _own_thresholds(run: Path, classifier: "Classifier") -> "Mapping[str, Threshold]":
    from radapt.runs.folder import thresholds_of_run

    spec = classifier.spec
    return thresholds_of_run(run, spec.classes, None, exclusive=spec.outputs != "findings")


def _with_own(settings: "EvaluateOptions", own: "Mapping[str, Threshold]") -> "EvaluateOptions":
    """Return settings with the thresholds that a model comes with, by finding, in place of the usual 0.5."""
    from radapt.evaluation.performance import PerformanceOptions

    performance = settings.performance or PerformanceOptions()
    return replace(settings, performance=replace(performance, chosen=own)) if own else settings


def _write_page(html: Path | None, result: dict[str, Any], title: str, **options: Any) -> None:
    if html is not None:
        from radapt.report.evaluation_page import write_evaluation

        write_evaluation(html, result, title, **options)


def _file_result(
    file: "OnnxModel",
    path: Path,
    data: "tuple[Path, DataOptions]",
    settings: "EvaluateOptions",
    part: str | None,
) -> "tuple[Dataset, dict[str, Any]]":
    """Score an exported model, which keeps no images that it learned from."""
    from radapt.evaluation.evaluate import evaluate_scores
    from radapt.images.notice import Notice
    from radapt.models.predict_files import check_images
    from radapt.runs.learned import not_known

    about = file.metadata
    request = load_options_of(about.preprocessing, data[1], [data[0]])[0]
    dataset = load_images(data[0], request, file.classes)
    check_images(dataset, file.classes, findings=file.findings)
    whole = dataset.split_here and settings.recalibration is None
    part = part or ("all" if whole else "test")
    dataset = dataset.with_all() if part == "all" else dataset
    adapted = {"strategy": about.strategy or "none", "images": about.images or 0}
    record = {**adapted, "source": about.digests.get("source")}
    result = evaluate_scores(file.predict, record, dataset, replace(settings, part=part))
    learned = Notice("learned-unknown", "caution", not_known(f"the model in {path.name}"))
    say_notices([learned])
    unknown = {"learned_from": None, "tested_on": None}
    notices = as_rows([learned, *dataset.origin.notices])
    return dataset, {**result, **unknown, "notices": notices, **left_out_counts(dataset.origin)}


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
    from radapt.evaluation.thresholds import validation_of
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
