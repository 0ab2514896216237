"""How far a model's answers can be relied on: at a threshold, as probabilities, and in use."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
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
SIDES = ("sensitivity", "specificity")
MIN_DROP = 0.10  # of a side, that the interval has to lie below that of the images a threshold was chosen on
MIN_ABOVE_CHANCE = 0.05  # of balanced accuracy above 0.5, that a threshold has to be shown to be worth

FIXED = Rule("fixed", 0.5)


@dataclass(frozen=True, slots=True)
class PerformanceOptions:
    """On what terms a model is appraised.

    Raises
    ------
    AskedWrongly
        If the prevalence is no share.
    """

    rule: Rule = FIXED
    prevalence: float | None = None  # where the model would be used; None: as among the images
    instead: Rule | None = None  # of a finding whose images lack a class to choose by; None: that is refused

    def __post_init__(self) -> None:
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise AskedWrongly(f"A prevalence lies between 0 and 1, as 0.05. Got {self.prevalence:g}.")


def evaluate_performance(
    test: Predictions, terms: PerformanceOptions, *, chosen_on: Predictions | None = None, words: str = ""
) -> list[dict[str, Any]]:
    """Appraise predictions, finding by finding; of three classes or more that exclude one another, nothing.

    Parameters
    ----------
    test
        What is appraised.
    chosen_on
        Predictions of other images, on which the threshold is chosen where the rule has to choose.
    words
        Which images these are, as "the validation images of the run".

    Returns
    -------
    list[dict]
        For each finding "finding", "images", "prevalence" (of what follows, and whose), "threshold" (with the
        sensitivity and specificity that it "reached" where it was chosen), "estimates" (a row a metric),
        "baseline_precision", "calibration", "reliability", "expected_error", "brier_parts", "decision_curve"
        and "cross_check" (a sentence where two ways to tell the AUROC's error disagree).
        Findings without images on both sides are left out.

    Raises
    ------
    AskedWrongly
        If the rule has to choose a threshold and there are no images to choose it on.
    """
    if terms.rule.kind != "fixed" and chosen_on is None:
        raise AskedWrongly(
            f"The threshold {terms.rule} is chosen on validation images, and this run kept no answers "
            "for any. Give a number, as --threshold 0.5, or train again."
        )
    rows = []
    for name, given in _apart(test):
        if len(np.unique(given.labels)) == 2:
            others = dict(_apart(chosen_on)).get(name) if chosen_on is not None else None
            rows.append(plain(_one(name, given, terms, others, words)))
    return rows


def _apart(given: Predictions) -> Iterator[tuple[str, Predictions]]:
    """Give predictions of two classes, finding by finding."""
    if given.binary:
        yield given.classes[given.positive], given
    elif not given.exclusive:
        for name, (_, part) in zip(given.classes, given.apart(), strict=True):
            yield name, part


def _one(
    name: str, test: Predictions, terms: PerformanceOptions, others: Predictions | None, words: str
) -> dict[str, Any]:
    choosing = test if others is None else others
    threshold = _chosen(terms, choosing, words)
    own = baseline_precision(test)
    prevalence = own if terms.prevalence is None else terms.prevalence
    values = (f"ppv@{prevalence:.6g}", f"npv@{prevalence:.6g}")
    rows = [
        {"metric": metric, **estimate(metric, [test], threshold=threshold.value).as_dict()}
        for metric in (*OF_SCORES, *AT_THRESHOLD, *values)
    ]
    area = estimate("auroc", [test])
    found = calibration([test])
    return {
        "finding": name,
        "images": len(test),
        "prevalence": {
            "value": prevalence,
            "whose": "as among these images" if terms.prevalence is None else "as given",
        },
        "threshold": _threshold(threshold, choosing),
        "estimates": rows,
        "baseline_precision": own,
        "calibration": {"intercept": found.intercept.as_dict(), "slope": found.slope.as_dict()},
        "reliability": _fields(reliability_curve(test)),
        "expected_error": _fields(expected_error(test)),
        "brier_parts": _fields(brier_parts(test, bins=10)),
        "decision_curve": _fields(decision_curve([test], prevalence=prevalence)),
        "cross_check": cross_check(area, test),
    }


def _chosen(terms: PerformanceOptions, images: Predictions, words: str) -> Threshold:
    try:
        return choose_threshold(terms.rule, images, on=words)
    except AskedWrongly:
        if terms.instead is None:
            raise
        return choose_threshold(terms.instead, images, on=words)


def _fields(given: Any) -> dict[str, Any]:
    """Give the fields of a dataclass ready for JSON: arrays as lists, what is not a number as None."""

    def bare(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [bare(each) for each in value.tolist()]
        return None if isinstance(value, float) and math.isnan(value) else value

    return {name: bare(value) for name, value in asdict(given).items()}


def _threshold(given: Threshold, images: Predictions) -> dict[str, Any]:
    said = {"value": given.value, "rule": str(given.rule), "chosen_on": given.chosen_on}
    if given.rule.kind == "fixed":
        return said
    reached = {side: estimate(side, [images], threshold=given.value).as_dict() for side in SIDES}
    return {**said, "reached": reached}


@dataclass(frozen=True, slots=True)
class ThresholdWarning:
    """What a threshold comes to on the images tested, where that makes it questionable."""

    metric: str  # "sensitivity", "specificity" or "balanced-accuracy"
    here: Estimate
    there: Estimate | None  # on the images that it was chosen on; None of a balanced accuracy near a coin's


def threshold_drops(found: Mapping[str, Any]) -> list[ThresholdWarning]:
    """Say what makes the threshold of a finding questionable, given its row; nothing where it holds.

    It is questionable if its sensitivity or its specificity is lost on the images tested, the whole 95 %
    interval lying more than `SHORT` below the whole interval on the images that chose it; or if its balanced
    accuracy is not shown to be more than `COIN` above a coin's 0.5. Of a fixed threshold the second is asked
    alone, as of rows of before "reached" was kept.
    """
    here = {row["metric"]: Estimate.from_dict(row) for row in found["estimates"]}
    there = {side: Estimate.from_dict(row) for side, row in found["threshold"].get("reached", {}).items()}
    lost = [
        ThresholdWarning(side, here[side], given)
        for side, given in there.items()
        if here[side].high < given.low - MIN_DROP
    ]
    balanced = here["balanced-accuracy"]
    coin = (
        [ThresholdWarning("balanced-accuracy", balanced, None)]
        if balanced.low <= 0.5 + MIN_ABOVE_CHANCE
        else []
    )
    return lost + coin
