"""Score a trained model on images that it did not learn from, and measure what the scores rest on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.evaluation.one_class import one_class_notice
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.recalibration_trial import (
    RecalibrationPlan,
    evaluate_recalibration,
    split_for_recalibration,
)
from radapt.evaluation.score_table import Rows, ScoreTable
from radapt.evaluation.scores import score_rows
from radapt.evaluation.subgroups import MIN_IMAGES, score_groups, values_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import as_rows
from radapt.predictions import Predictions
from radapt.shortcuts.baselines import NAMES, Baselines, baseline_warnings, measure_baselines

if TYPE_CHECKING:
    from radapt.device import Hardware
    from radapt.models.classifier import Classifier

OWN_VALIDATION = "the validation images of the run"
NO_TRAIN = "The data set has no train images to fit it on."
NO_PIXELS = "A table of scores has no images."
SAME = "It would be tested on the images that it was fitted on."


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """Which images a model is scored on, and what is measured besides its scores."""

    part: str = "test"  # a split of the data set
    shift: str | None = None  # applied to the images first
    seed: int = 0
    occlusion: bool = False  # also score with parts of the images hidden, see `radapt.shortcuts.occlusion`
    performance: PerformanceOptions | None = None  # threshold and prevalence; None leaves performance out
    recalibration: RecalibrationPlan | None = None  # to try, fitted on other patients of the data set
    by: tuple[str, ...] = ()  # columns whose groups are scored, see `radapt.evaluation.subgroups`
    min_images: int = MIN_IMAGES  # that a group needs to be scored


def evaluate_model(
    classifier: "Classifier",
    record: Mapping[str, Any],
    data: Dataset,
    options: EvaluateOptions | None = None,
    *,
    validation: Predictions | None = None,
    hardware: "Hardware",
) -> dict[str, Any]:
    """Score a model on one split of a data set.

    Parameters
    ----------
    record
        What `run.json` says of the model; empty for a model without a run folder.
    validation
        The run's predictions for its validation images, on which a threshold is chosen if it has to be. With
        a recalibration the threshold is chosen on the images that the recalibration is fitted on.

    Returns
    -------
    dict
        "part", "images" and "patients": what was scored. "estimates", rows as in `scores.json`: their
        domain is "source" for the very data that the base model learned from, unshifted, and "target" for
        any other. "baselines", the scores of shortcut baselines, fitted on the data's `train` images without
        the shift; "baselines_left_out", with a reason each; and "warnings" of scores that a baseline nearly
        reaches, and of images that are nearly all called one class. With `occlusion`, "occlusion" (rows with
        the change against the whole images),
        "corner_permutation" (a row a corner) and "occlusion_warnings" (about shortcuts). With `by`,
        "subgroups": for each column its groups, those too small, and the gaps from the best to the worst.
        With `performance`, "performance", a row a finding. With a recalibration that too, and
        "recalibration", as `radapt.evaluation.recalibration_trial.evaluate_recalibration` returns it, with
        the "estimates" after it.

    Raises
    ------
    AskedWrongly
        If the images do not suit the model, lack such a column or split, or cannot be used to recalibrate.
    """
    from radapt.models.inference import predict
    from radapt.shortcuts.occlusion import occlusion_record

    return evaluate_scores(
        lambda images: predict(classifier, images, hardware),
        record,
        data,
        options,
        validation=validation,
        occlude=lambda images, whole: occlusion_record(classifier, images, whole, hardware),
    )


def evaluate_scores(
    predict: Callable[[ImageSet], Predictions],
    record: Mapping[str, Any],
    data: Dataset,
    options: EvaluateOptions | None = None,
    *,
    validation: Predictions | None = None,
    occlude: Callable[[ImageSet, Predictions], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Score whatever gives predictions for images, as `evaluate_model`; without a shift torch is not loaded.

    Parameters
    ----------
    occlude
        Scores images, whose predictions as a whole it gets, with parts of them hidden, for `occlusion`.

    Raises
    ------
    AskedWrongly
        As `evaluate_model`, or if occlusion is asked of what cannot give it.
    """
    options = options or EvaluateOptions()
    if options.occlusion and occlude is None:
        raise AskedWrongly(
            "Parts of images are hidden from the model of a run: give RUN, or leave --occlusion out."
        )
    trial = None
    if options.recalibration is not None:
        trial = split_for_recalibration(
            data, options.part, options.recalibration.on, record=record, seed=options.seed
        )
    images = _shifted(trial.tested_on if trial else data[options.part], options)
    groups = _groups(images.columns, options)  # unknown columns are refused before anything is computed
    predictions = predict(images)
    score = partial(_score_rows, record, at_home=_is_source(record, data) and options.shift is None)
    rows, words = score(predictions), OWN_VALIDATION
    if trial is not None:
        words = trial.words
        validation = predict(_shifted(trial.fitted_on, options))
    baselines = _baselines(data, options.part, images)
    return {
        "part": options.part,
        **_counts(predictions),
        "estimates": rows,
        **baselines.as_dict(),
        "warnings": as_rows(
            [
                *baseline_warnings(rows, baselines, f"the train images of {data.origin.name}"),
                *one_class_notice(predictions, "The model", "image"),
            ]
        ),
        **(occlude(images, predictions) if options.occlusion and occlude else {}),
        **_measure(predictions, options, groups, score, validation=validation, words=words),
    }


def _shifted(images: ImageSet, options: EvaluateOptions) -> ImageSet:
    if options.shift is None:
        return images
    from radapt.shift.shifted import shifted

    return shifted(images, options.shift, options.seed)


def tested_rows(table: ScoreTable, options: EvaluateOptions, on: str | None) -> tuple[Rows, Rows | None, str]:
    """Return the rows of a table to score, and those set aside for fitting, if any, and which they are."""
    performance = options.performance
    if options.recalibration is not None or (performance is not None and performance.rule.kind != "fixed"):
        return table.set_aside(options.part, on, seed=options.seed)
    return table.rows_of(options.part), None, ""


def evaluate_table(
    table: ScoreTable, options: EvaluateOptions | None = None, *, on: str | None = None
) -> dict[str, Any]:
    """Score a model that is known only by a table of scores.

    Parameters
    ----------
    options
        Those that need no pixels: a shift and occlusion are ignored.
    on
        The images to fit a recalibration or choose a threshold on, as for `ScoreTable.set_aside`.

    Returns
    -------
    dict
        As of `evaluate_model`, without baselines.

    Raises
    ------
    AskedWrongly
        If the table lacks such images or such a column.
    """
    options = options or EvaluateOptions(part="all")
    rows, others, words = tested_rows(table, options, on)
    validation = None if others is None else table.predictions.take(others)
    groups = _groups({name: values[rows] for name, values in table.columns.items()}, options)
    predictions = table.predictions.take(rows)
    score = partial(_score_rows, {}, at_home=False)
    return {
        "part": options.part,
        **_counts(predictions),
        "estimates": score(predictions),
        **Baselines((), tuple((name, NO_PIXELS) for name in NAMES)).as_dict(),
        "warnings": as_rows(one_class_notice(predictions, "The model", "image")),
        **_measure(predictions, options, groups, score, validation=validation, words=words),
    }


def _counts(predictions: Predictions) -> dict[str, int]:
    return {"images": len(predictions), "patients": len(set(predictions.patients.tolist()))}


def _groups(columns: Mapping[str, NDArray[np.str_]], options: EvaluateOptions) -> dict[str, NDArray[np.str_]]:
    return {column: values_of(columns, column) for column in options.by}


def _measure(
    predictions: Predictions,
    options: EvaluateOptions,
    groups: Mapping[str, NDArray[np.str_]],
    score: Callable[[Predictions], list[dict[str, Any]]],
    *,
    validation: Predictions | None,
    words: str,
) -> dict[str, Any]:
    """Return "performance", "recalibration" and "subgroups", as far as they are asked for."""
    performance, result = options.performance, dict[str, Any]()
    if options.recalibration is not None and validation is not None:
        performance = performance or PerformanceOptions()
        recalibrated, result["recalibration"] = evaluate_recalibration(
            options.recalibration, predictions, validation, performance, words=words
        )
        result["recalibration"]["estimates"] = score(recalibrated)
    if performance is not None:
        result["performance"] = evaluate_performance(
            predictions, performance, chosen_on=validation, words=words
        )
    if groups:
        result["subgroups"] = [
            score_groups([predictions], values, column, min_images=options.min_images).as_dict()
            for column, values in groups.items()
        ]
    return result


def _is_source(record: Mapping[str, Any], data: Dataset) -> bool:
    return record.get("source") == data.origin.fingerprint


def _score_rows(
    record: Mapping[str, Any], predictions: Predictions, *, at_home: bool
) -> list[dict[str, Any]]:
    return score_rows(
        {"source" if at_home else "target": predictions},
        strategy=str(record.get("strategy", "none")),
        images=int(record.get("images", 0)),
    )


def _baselines(data: Dataset, split: str, images: ImageSet) -> Baselines:
    if "train" not in data.splits or split in ("train", "all"):
        reason = NO_TRAIN if "train" not in data.splits else SAME
        return Baselines((), tuple((name, reason) for name in NAMES))
    return measure_baselines(data["train"], images)
