"""Commands that score a trained model: evaluate."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.data_options import DataOptions, load_images, say_notices, takes_data, wanted_by
from radapt.cli.models import open_classifier
from radapt.cli.printing import (
    estimate_table,
    print_table,
    say,
    say_baselines,
    say_groups,
    say_json,
    say_occlusion,
)
from radapt.cli.unlabelled import learned_from
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset

_RIGHT = "An intercept of 0 and a slope of 1 are right; by chance the error would be {chance:.3f} ({bins})."


@takes_data(reading=False)
def evaluate(
    run: options.Run,
    data: options.Data,
    images: DataOptions,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            help="The images to score: train, val, test, all; else test, or all of what has no splits.",
        ),
    ] = None,
    shift: options.Shift = None,
    occlusion: Annotated[
        bool,
        typer.Option(
            "--occlusion", help="Score it with border, centre and corners of the images hidden, too."
        ),
    ] = False,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            help="0.5, youden, sensitivity=0.95, specificity=0.9, cost=FN:FP: appraise it there.",
        ),
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option("--prevalence", help="How common the finding is where it would be used.")
    ] = None,
    recalibrate: Annotated[
        str | None,
        typer.Option(
            "--recalibrate",
            help="temperature, platt, beta: fitted on other patients of DATA; calibration before and after.",
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            help="What --recalibrate is fitted on: val (default), train, or a share of the patients, as 0.3.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Score groups apart: view, sex, age, site, device, a --column; repeatable."
        ),
    ] = None,
    fewest: Annotated[
        int, typer.Option("--fewest", min=2, help="Images that a group of --by needs; half as many patients.")
    ] = 20,
    as_json: options.Json = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score a trained model on a data set, with 95 % intervals drawn by patient, beside cheap classifiers."""
    from radapt.device import select_device
    from radapt.errors import AskedWrongly
    from radapt.evaluation.evaluate import evaluate_model
    from radapt.evaluation.performance import PerformanceOptions
    from radapt.evaluation.recalibration_trial import RecalibrationPlan
    from radapt.evaluation.thresholds import parse_threshold
    from radapt.runs.folder import is_finished, read_record
    from radapt.shift.expression import resolved

    terms = None
    if threshold is not None or prevalence is not None:
        terms = PerformanceOptions(parse_threshold(threshold or "0.5"), prevalence)
    if on is not None and recalibrate is None:
        raise AskedWrongly("--on says what a recalibration is fitted on. Give --recalibrate with it.")
    remedy = None if recalibrate is None else RecalibrationPlan(recalibrate, on or "val")
    classifier = open_classifier(run)
    record: dict[str, Any] = read_record(run) if is_finished(run) else {}
    dataset = load_images(data, wanted_by(classifier, images))
    part = scored_part(dataset, part, run, whole=remedy is None)
    found = evaluate_model(
        classifier,
        record,
        dataset.with_all() if part == "all" else dataset,
        split=part,
        shift=shift and resolved(shift),
        seed=seed,
        occlusion=occlusion,
        terms=terms,
        chosen_on=_validation(run),
        remedy=remedy,
        by=tuple(dict.fromkeys(by or ())),
        fewest=fewest,
        hardware=select_device(device, "fp32", threads),
    )
    known = say_learned(dataset.with_all() if part == "all" else dataset, part, run)
    own = [str(notice) for notice in record.get("notices", ())]  # of the images that it was trained on
    say_notices(notice for notice in own if notice not in dataset.origin.notices)
    if as_json:
        notices = list(dict.fromkeys([*own, *dataset.origin.notices]))
        say_json({**found, **known, "notices": notices})
        return
    estimate_table(found["estimates"])
    say("")
    say(
        f"On {counted(found['images'], 'image')} of {counted(found['patients'], 'patient')}: "
        f"{'all' if part == 'all' else f'the {part} images'} of {dataset.origin.name}."
    )
    say_baselines(found)
    say_occlusion(found)
    for groups in found.get("subgroups", ()):
        say_groups(groups)
    if "recalibration" in found:
        _say_recalibration(found)
        return
    for row in found.get("appraisal", ()):
        _say_appraisal(row)


def scored_part(dataset: "Dataset", part: str | None, run: Path, *, whole: bool = True) -> str:
    """Say which images are scored: test, or all of a data set without splits.

    It is test where the run learned from the data set, or from images of the same pixels, or knows images of
    the same names: a copy of it, or the same images read otherwise, has another fingerprint.
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
        names = _known_to(run)
        shared = sum(name in names for each in sets for name in each.ids.tolist())
        what = "of a name that the run was chosen or tested by, so that the others may have trained it"
    if not shared:
        return "all"
    say(
        f"{dataset.origin.name}: {counted(shared, 'image')} {what}. A fifth is scored, split off by patient, "
        "and may hold such images too; --part all scores all.",
        error=True,
    )
    return "test"


def say_learned(dataset: "Dataset", part: str, run: Path) -> Mapping[str, int | None]:
    """Say how many of the images to score the run has learned from; give that and how many it was tested on.

    They are None where the run keeps no digests.
    """
    from radapt.runs.learned import count_known, read_learned

    digests = read_learned(run)
    if digests is None:
        return {"learned_from": None, "tested_on": None}
    images = dataset[part]
    known = {
        name: count_known(images, digests[kind])
        for name, kind in (("learned_from", "learned"), ("tested_on", "tested"))
    }
    if own := known["learned_from"]:
        say(
            f"WARNING: {own:,} of the {counted(len(images), 'image')} to score trained the run "
            "or chose its epoch, pixel for pixel. Scores on them look better than they are.",
            error=True,
        )
    return known


def _known_to(run: Path) -> frozenset[str]:
    """Give the names of the images that a run has answers for, those that chose and those that tested it."""
    from radapt.artefacts import prediction_files
    from radapt.predictions import Predictions

    answers = prediction_files(run)
    return frozenset(name for path in answers for name in Predictions.load(path).ids.tolist())


def _validation(run: Path) -> Any:
    """Read the run's answers for its validation images, if it kept some."""
    from radapt.artefacts import VALIDATION, predictions_file
    from radapt.predictions import Predictions

    path = predictions_file(run, VALIDATION)
    return Predictions.load(path) if path.is_file() else None


def _say_recalibration(found: dict[str, Any]) -> None:
    """Print each finding's calibration before and after, or scores after where classes are not findings."""
    from radapt.metrics.table import in_words

    after = found["recalibration"]
    say("")
    say(f"Recalibrated by {after['map']['method']}, fitted on {after['map']['fitted_on']}:")
    if not after["appraisal"]:
        estimate_table(after["estimates"])
    for old, new in zip(found["appraisal"], after["appraisal"], strict=True):
        print_table(
            [f"{old['finding']}, {old['images']:,} images", "before", "after"], _two_columns(old, new)
        )
        at = new["threshold"]
        say(f"Thresholds: {at['chosen_on']}. {_RIGHT.format(**new['expected_error'])}")
    for row in after["changes"]:
        say(f"Change in {in_words(row['metric'])}: {_written(row)} (below 0 is better).")
    for warning in after["warnings"]:
        say(f"WARNING: {warning}", error=True)


def _two_columns(*sides: dict[str, Any]) -> list[list[str]]:
    """Give the rows of a table: a name, and what it is on each side."""
    named = [
        {
            "threshold": f"{side['threshold']['value']:.3g}",
            "calibration intercept": _written(side["calibration"]["intercept"]),
            "calibration slope": _written(side["calibration"]["slope"]),
            "expected calibration error": f"{side['expected_error']['value']:.3f}",
            **{row["metric"]: _written(row) for row in side["estimates"]},
        }
        for side in sides
    ]
    return [[name, *(side[name] for side in named)] for name in named[0]]


def _written(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "not defined"
    if row["low"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _say_appraisal(row: dict[str, Any]) -> None:
    at = row["threshold"]
    say(f"{row['finding']}, called from {at['value']:.3g} on ({at['chosen_on']}):")
    print_table(
        ["metric", "value"],
        [[one["metric"], _written(one)] for one in row["estimates"]],
    )
    slope, error = row["calibration"]["slope"], row["expected_error"]
    if slope["value"] is not None:
        say(f"Calibration slope {slope['value']:.2f} [{slope['low']:.2f}, {slope['high']:.2f}] (1 is right).")
    say(
        f"Expected calibration error {error['value']:.3f} ({error['bins']}; {error['chance']:.3f} by chance)."
    )
    if row["cross_check"]:
        say(row["cross_check"])
