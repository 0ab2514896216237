"""The performance of one model: discrimination, at a threshold, calibration, and clinical utility."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from radapt.errors import AskedWrongly
from radapt.evaluation.calibration import brier_parts, calibration, expected_error, reliability_curve
from radapt.evaluation.decision_curve import decision_curve
from radapt.evaluation.thresholds import Rule, Threshold, choose_threshold
from radapt.files import plain
from radapt.metrics.ranking import baseline_precision
from radapt.predictions import Predictions
from radapt.stats.delong import cross_check
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate

AT_THRESHOLD = ("sensitivity", "specificity", "balanced-accuracy", "accuracy", "f1", "mcc")
OF_SCORES = ("auroc", "average-precision", "brier", "log-loss")
RATES = ("sensitivity", "specificity")
MIN_DROP = 0.10  # minimum drop in sensitivity or specificity before the threshold is flagged
MIN_ABOVE_CHANCE = 0.05  # minimum balanced accuracy above 0.5, below which the threshold is flagged

FIXED = Rule("fixed", 0.5)


@dataclass(frozen=True, slots=True)
class PerformanceOptions:
    """How the performance of a model is evaluated.

    Raises
    ------
    AskedWrongly
        If the prevalence is not between 0 and 1.
    """

    rule: Rule = FIXED
    prevalence: float | None = None  # where the model would be used; None: that of the images
    chosen: Mapping[str, Threshold] = field(default_factory=dict)  # by label, in place of what a rule chooses
    fallback: Rule | None = None  # for a label whose images lack a class that the rule needs; None: an error

    def __post_init__(self) -> None:
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise AskedWrongly(f"A prevalence lies between 0 and 1, as 0.05. Got {self.prevalence:g}.")


def evaluate_performance(
    test: Predictions, options: PerformanceOptions, *, chosen_on: Predictions | None = None, words: str = ""
) -> list[dict[str, Any]]:
    """Evaluate predictions label by label; nothing of three classes or more that exclude one another.

    Parameters
    ----------
    test
        The predictions to evaluate.
    chosen_on
        Predictions of other images to choose the threshold on, if the rule needs them.
    words
        Which images `chosen_on` is of, as "the validation images of the run".

    Returns
    -------
    list[dict]
        For each label "finding", "images", "prevalence" (of what follows, and whose), "threshold" (with the
        sensitivity and specificity that it "reached", if it was chosen here), "estimates" (a row a metric),
        "baseline_precision", "calibration", "reliability", "expected_error", "brier_parts", "decision_curve"
        and "cross_check" (a sentence where two standard errors of the AUROC disagree).
        Labels without both positive and negative images are left out.

    Raises
    ------
    AskedWrongly
        If the rule has to choose a threshold and there are no images to choose it on.
    """
    if options.rule.kind != "fixed" and chosen_on is None:
        raise AskedWrongly(
            f"The threshold {options.rule} is chosen on validation images, and this run has no predictions "
            "for them. Give a number, as --threshold 0.5, or train again."
        )
    rows = []
    for name, label in _by_label(test):
        if len(np.unique(label.labels)) == 2:
            validation = dict(_by_label(chosen_on)).get(name) if chosen_on is not None else None
            rows.append(plain(_evaluate_label(name, label, options, validation, words)))
    return rows


def _by_label(predictions: Predictions) -> Iterator[tuple[str, Predictions]]:
    """Yield the name of each label with its predictions of two classes."""
    if predictions.binary:
        yield predictions.classes[predictions.positive], predictions
    elif not predictions.exclusive:
        for name, (_, label) in zip(predictions.classes, predictions.apart(), strict=True):
            yield name, label


def _evaluate_label(
    name: str, test: Predictions, options: PerformanceOptions, validation: Predictions | None, words: str
) -> dict[str, Any]:
    choosing = test if validation is None else validation
    given = options.chosen.get(name)
    threshold = given or _chosen(options, choosing, words)
    test_prevalence = baseline_precision(test)
    prevalence = test_prevalence if options.prevalence is None else options.prevalence
    values = (f"ppv@{prevalence:.6g}", f"npv@{prevalence:.6g}")
    rows = [
        {"metric": metric, **estimate(metric, [test], threshold=threshold.value).as_dict()}
        for metric in (*OF_SCORES, *AT_THRESHOLD, *values)
    ]
    area = estimate("auroc", [test])
    fitted = calibration([test])
    return {
        "finding": name,
        "images": len(test),
        "prevalence": {
            "value": prevalence,
            "whose": "as among these images" if options.prevalence is None else "as given",
        },
        "threshold": _threshold_row(threshold, None if given else choosing),
        "estimates": rows,
        "baseline_precision": test_prevalence,
        "calibration": {"intercept": fitted.intercept.as_dict(), "slope": fitted.slope.as_dict()},
        "reliability": _fields(reliability_curve(test)),
        "expected_error": _fields(expected_error(test)),
        "brier_parts": _fields(brier_parts(test, bins=10)),
        "decision_curve": _fields(decision_curve([test], prevalence=prevalence)),
        "cross_check": cross_check(area, test),
    }


def _chosen(options: PerformanceOptions, images: Predictions, words: str) -> Threshold:
    try:
        return choose_threshold(options.rule, images, on=words)
    except AskedWrongly:
        if options.fallback is None:
            raise
        return choose_threshold(options.fallback, images, on=words)


def _fields(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass ready for JSON: arrays as lists, NaN as None."""

    def bare(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [bare(entry) for entry in value.tolist()]
        return None if isinstance(value, float) and math.isnan(value) else value

    return {name: bare(value) for name, value in asdict(record).items()}


def _threshold_row(threshold: Threshold, images: Predictions | None) -> dict[str, Any]:
    """Return a threshold with what it reached on the images that it was chosen on, if these are here."""
    row = {"value": threshold.value, "rule": str(threshold.rule), "chosen_on": threshold.chosen_on}
    if images is None or threshold.rule.kind == "fixed":
        return row
    reached = {rate: estimate(rate, [images], threshold=threshold.value).as_dict() for rate in RATES}
    return {**row, "reached": reached}


@dataclass(frozen=True, slots=True)
class ThresholdWarning:
    """A threshold that is questionable on the test images, by one metric."""

    metric: str  # "sensitivity", "specificity" or "balanced-accuracy"
    here: Estimate  # on the test images
    there: Estimate | None  # on the images that it was chosen on; None for balanced accuracy near chance


def threshold_drops(finding: Mapping[str, Any]) -> list[ThresholdWarning]:
    """List what makes the threshold of a label questionable, from its row of `evaluate_performance`.

    It is questionable if its sensitivity or specificity is lost on the test images: the whole 95 % interval
    lies more than `MIN_DROP` below the whole interval on the images it was chosen on. It is questionable too
    if its balanced accuracy is not shown to be more than `MIN_ABOVE_CHANCE` above 0.5. A fixed threshold is
    checked for the second alone.
    """
    here = {row["metric"]: Estimate.from_dict(row) for row in finding["estimates"]}
    reached = {rate: Estimate.from_dict(row) for rate, row in finding["threshold"].get("reached", {}).items()}
    lost = [
        ThresholdWarning(rate, here[rate], there)
        for rate, there in reached.items()
        if here[rate].high < there.low - MIN_DROP
    ]
    balanced = here["balanced-accuracy"]
    near_chance = (
        [ThresholdWarning("balanced-accuracy", balanced, None)]
        if balanced.low <= 0.5 + MIN_ABOVE_CHANCE
        else []
    )
    return lost + near_chance
