"""The command evaluate."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, load_options_for, say_notices, takes_data
from radapt.cli.models import open_classifier
from radapt.cli.printing import (
    estimate_table,
    left_out_counts,
    print_table,
    say,
    say_baselines,
    say_groups,
    say_json,
    say_occlusion,
)
from radapt.cli.score_options import Score, is_table_of_scores, open_scores, table_result
from radapt.cli.sections import EVALUATION
from radapt.cli.unlabelled import learned_from
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.evaluation.evaluate import EvaluateOptions
    from radapt.evaluation.performance import PerformanceOptions
    from radapt.evaluation.recalibration_trial import RecalibrationPlan
    from radapt.images.imageset import Dataset
    from radapt.models.classifier import Classifier
    from radapt.predictions import Predictions

_IDEAL = (
    "A calibration intercept of 0 and a slope of 1 are ideal; a calibrated model would have an error of "
    "{chance:.3f} by chance ({bins})."
)

Occlusion = Annotated[
    bool,
    typer.Option(
        "--occlusion",
        help="Also score with the border, the centre and the corners of the images hidden.",
        rich_help_panel=EVALUATION,
    ),
]
OperatingPoint = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        help="Report performance at this threshold: 0.5, youden, sensitivity=0.95, specificity=0.9 or "
        "cost=FN:FP.",
        rich_help_panel=EVALUATION,
    ),
]
Prevalence = Annotated[
    float | None,
    typer.Option(
        "--prevalence",
        help="Report performance at this prevalence of the finding.",
        rich_help_panel=EVALUATION,
    ),
]
Recalibrate = Annotated[
    str | None,
    typer.Option(
        "--recalibrate",
        help="Try temperature, platt or beta, fitted on other patients of DATA; prints calibration before "
        "and after.",
        rich_help_panel=EVALUATION,
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        help="The images that --recalibrate is fitted on: val (default), train, or a share of the patients "
        "to score, such as 0.3. Of a table of scores also those that --threshold is chosen on.",
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
        help="Minimum images of a subgroup of --by; half as many patients.",
        rich_help_panel=EVALUATION,
    ),
]


OptionalData = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DATA]", help="The images to score, as for `radapt train`; none with a table of scores."
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
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score a trained model on a data set, or a table of scores, with 95 % intervals by patient.

    The scores of a model stand beside those of shortcut baselines.
    """
    from radapt.evaluation.evaluate import EvaluateOptions
    from radapt.runs.folder import threshold_of
    from radapt.shift.expression import resolved

    of_table = is_table_of_scores(run, data, score)
    settings = EvaluateOptions(
        shift=shift and resolved(shift),
        seed=seed,
        occlusion=occlusion,
        performance=_performance(threshold or (None if of_table else threshold_of(run)), prevalence),
        recalibration=_recalibration(recalibrate, on, of_table=of_table),
        by=tuple(dict.fromkeys(by or ())),
        min_images=min_images,
    )
    if of_table:
        table = open_scores(run, images, score, settings.by)
        _report(table_result(table, settings, part, on), run.name, as_json)
    elif data is not None:
        dataset, classifier = _opened(run, data, images)
        part = scored_part(dataset, part, run, whole=settings.recalibration is None)
        dataset = dataset.with_all() if part == "all" else dataset
        hardware = (device, threads)
        _report(
            _run_result(run, classifier, dataset, replace(settings, part=part), hardware),
            dataset.origin.name,
            as_json,
        )


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
    from radapt.runs.folder import is_finished, read_record

    record: dict[str, Any] = read_record(run) if is_finished(run) else {}
    device, threads = hardware
    result = evaluate_model(
        classifier,
        record,
        dataset,
        settings,
        validation=validation_of(run),
        hardware=select_device(device, "fp32", threads),
    )
    known = say_learned(dataset, settings.part, run)
    run_notices = [str(notice) for notice in record.get("notices", ())]  # of the images it was trained on
    say_notices(notice for notice in run_notices if notice not in dataset.origin.notices)
    notices = list(dict.fromkeys([*run_notices, *dataset.origin.notices]))
    return {**result, **known, "notices": notices, **left_out_counts(dataset.origin)}


def _report(result: dict[str, Any], name: str, as_json: bool) -> None:
    if as_json:
        say_json(result)
    else:
        _say_result(result, name)


def _performance(threshold: str | None, prevalence: float | None) -> "PerformanceOptions | None":
    from radapt.evaluation.performance import PerformanceOptions
    from radapt.evaluation.thresholds import parse_threshold

    if threshold is None and prevalence is None:
        return None
    return PerformanceOptions(parse_threshold(threshold or "0.5"), prevalence)


def _recalibration(method: str | None, on: str | None, *, of_table: bool) -> "RecalibrationPlan | None":
    from radapt.errors import AskedWrongly
    from radapt.evaluation.recalibration_trial import RecalibrationPlan

    if method is None and on is not None and not of_table:
        raise AskedWrongly("--on names the images that --recalibrate is fitted on: give --recalibrate too.")
    return None if method is None else RecalibrationPlan(method, on or "val")


def _say_result(result: dict[str, Any], name: str) -> None:
    estimate_table(result["estimates"])
    say("")
    part = result["part"]
    say(
        f"On {counted(result['images'], 'image')} of {counted(result['patients'], 'patient')}: "
        f"{'all' if part == 'all' else f'the {part} images'} of {name}."
    )
    say_baselines(result)
    say_occlusion(result)
    for groups in result.get("subgroups", ()):
        say_groups(groups)
    if "recalibration" in result:
        _say_recalibration(result)
        return
    for row in result.get("performance", ()):
        _say_performance(row)


def scored_part(dataset: "Dataset", part: str | None, run: Path, *, whole: bool = True) -> str:
    """Return the part of a data set to score: "test", or "all" for a data set without splits of its own.

    It is "test" if the run learned from the data set, or knows images with the same pixels or of the same
    names: a copy of the data set, or the same images read with other options, has another fingerprint.

    Parameters
    ----------
    part
        The part that the user asks for, which is returned as it is.
    whole
        Whether "all" may be returned; False where other images of the data set are needed for fitting.
    """
    from radapt.runs.learned import count_known, read_learned

    if part is not None:
        return part
    if not (whole and dataset.split_here) or dataset.origin.fingerprint in learned_from(run):
        return "test"
    sets, digests = dataset.splits.values(), read_learned(run)
    shared = 0 if digests is None else sum(count_known(each, digests["learned"]) for each in sets)
    what = "trained the run or chose its epoch"
    if not shared:
        names = _known_names(run)
        shared = sum(name in names for each in sets for name in each.ids.tolist())
        what = "named as the run's validation or test images, so the others may be among its training images"
    if not shared:
        return "all"
    say(
        f"{dataset.origin.name}: {counted(shared, 'image')} {what}. A fifth is scored, split off by patient, "
        "and may contain such images too; --part all scores all.",
        error=True,
    )
    return "test"


def say_learned(dataset: "Dataset", part: str, run: Path) -> Mapping[str, int | None]:
    """Warn if the run learned from images to score, and return how many it learned from and was tested on.

    Both counts are None if the run keeps no digests of its images.
    """
    from radapt.runs.learned import count_known, read_learned

    digests = read_learned(run)
    if digests is None:
        return {"learned_from": None, "tested_on": None}
    images = dataset[part]
    counts = {
        name: count_known(images, digests[kind])
        for name, kind in (("learned_from", "learned"), ("tested_on", "tested"))
    }
    if learned := counts["learned_from"]:
        say(
            f"WARNING: {learned:,} of the {counted(len(images), 'image')} to score trained the run "
            "or chose its epoch, pixel for pixel. Scores on them look better than they are.",
            error=True,
        )
    return counts


def _known_names(run: Path) -> frozenset[str]:
    """Return the names of a run's validation and test images."""
    from radapt.artefacts import prediction_files
    from radapt.predictions import Predictions

    return frozenset(name for path in prediction_files(run) for name in Predictions.load(path).ids.tolist())


def validation_of(run: Path) -> "Predictions | None":
    """Read the run's predictions for its validation images, if it has kept them."""
    from radapt.artefacts import VALIDATION, predictions_file
    from radapt.predictions import Predictions

    path = predictions_file(run, VALIDATION)
    return Predictions.load(path) if path.is_file() else None


def _say_recalibration(result: dict[str, Any]) -> None:
    """Print the calibration of each finding before and after; of a multi-class model the scores after."""
    from radapt.metrics.table import metric

    after = result["recalibration"]
    say("")
    say(f"Recalibrated by {after['map']['method']}, fitted on {after['map']['fitted_on']}:")
    if not after["performance"]:
        estimate_table(after["estimates"])
    for before_row, after_row in zip(result["performance"], after["performance"], strict=True):
        head = f"{before_row['finding']}, {before_row['images']:,} images"
        print_table([head, "before", "after"], _columns(before_row, after_row))
        threshold = after_row["threshold"]
        say(f"Thresholds: {threshold['chosen_on']}. {_IDEAL.format(**after_row['expected_error'])}")
    for row in after["changes"]:
        say(f"Change in {metric(row['metric']).words}: {_interval(row)} (below 0 is better).")
    for warning in after["warnings"]:
        say(f"WARNING: {warning}", error=True)


def _columns(*sides: dict[str, Any]) -> list[list[str]]:
    """Return the rows of a table: the name of a measure, and its value on each side."""
    values = [
        {
            "threshold": f"{side['threshold']['value']:.3g}",
            "calibration intercept": _interval(side["calibration"]["intercept"]),
            "calibration slope": _interval(side["calibration"]["slope"]),
            "expected calibration error": f"{side['expected_error']['value']:.3f}",
            **{row["metric"]: _interval(row) for row in side["estimates"]},
        }
        for side in sides
    ]
    return [[name, *(side[name] for side in values)] for name in values[0]]


def _interval(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "not defined"
    if row["low"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _say_performance(row: dict[str, Any]) -> None:
    threshold = row["threshold"]
    say(f"{row['finding']}, positive from {threshold['value']:.3g} on ({threshold['chosen_on']}):")
    print_table(["metric", "value"], [[each["metric"], _interval(each)] for each in row["estimates"]])
    slope, error = row["calibration"]["slope"], row["expected_error"]
    if slope["value"] is not None:
        say(f"Calibration slope {slope['value']:.2f} [{slope['low']:.2f}, {slope['high']:.2f}] (1 is ideal).")
    say(
        f"Expected calibration error {error['value']:.3f} ({error['bins']}; {error['chance']:.3f} by chance)."
    )
    if row["cross_check"]:
        say(row["cross_check"])
