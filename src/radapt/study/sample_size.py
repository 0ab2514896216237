"""How many test patients show a difference, and how many labelled images reach it: the plan of a study.

The standard error of a difference comes from a pilot study, or from assumptions (`radapt.stats.power`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.artefacts import STUDY
from radapt.errors import AskedWrongly
from radapt.files import read_document
from radapt.metrics.table import metric as find_metric
from radapt.stats.intervals import Z_POWER, Z
from radapt.stats.power import ASSUMABLE, Assumptions, Comparison
from radapt.study.comparison import Difference, best_model
from radapt.text import counted, listed

DEFAULT_PATIENTS = (50, 100, 200, 400, 800)

Planned = Callable[[float], Comparison]  # of a difference


def plan_from_pilot(folder: Path, differences: Sequence[float], patients: Sequence[int]) -> dict[str, Any]:
    """Plan from a finished study: its best model's difference from no adaptation on the target images.

    The test-set part of its standard error falls with the root of the patients, that of the training seeds
    does not. The critical value is that of the pilot's own test, which allows for all its comparisons, so the
    power at the pilot's own patients of its detectable difference is 80 %.

    Parameters
    ----------
    folder
        The study folder.
    differences
        In units of the metric: 0.05 is 5 points.
    patients
        Numbers of test patients.

    Returns
    -------
    dict
        For JSON, see `docs/schemas/plan-printed.json`.

    Raises
    ------
    AskedWrongly
        If the study compares nothing, or its difference has no standard error.
    BadArtefact
        If the study is damaged or is not finished.
    """
    study = read_document(folder / STUDY)
    metric, seeds = study["plan"]["metric"], int(study["plan"]["seeds"])
    rows = [Difference.from_dict(row, seeds=seeds) for row in study["differences"]]
    row = best_model(rows, metric)
    if row is None or not row.estimate.se > 0:
        raise AskedWrongly(f"{folder} holds no comparison with no adaptation whose standard error is known.")
    comparison = comparison_of(row)
    target = study["roles"]["target test"]
    about = (
        f"The pilot compares {row.strategy} with no adaptation on "
        f"{counted(row.estimate.patients, 'patient')}, and allows for all its comparisons. {_of_seeds(seeds)}"
    )
    return {
        "basis": "pilot",
        "about": about,
        **_tables(metric, lambda _: comparison, differences, patients, target["images"] / target["patients"]),
        "labelled": [each for curve in study["curves"] for each in _labelled(study, curve, differences)],
    }


def _of_seeds(seeds: int) -> str:
    if seeds > 1:
        return f"It has {seeds} training seeds, and so has the study that is planned."
    return "It has one training seed: what training again would change is not in these numbers."


def comparison_of(row: Difference) -> Comparison:
    """Return how the standard error of a study's difference depends on its test patients."""
    estimate = row.estimate
    of_test_set = estimate.se if math.isnan(estimate.se_test_set) else estimate.se_test_set
    seeds = 0.0 if math.isnan(estimate.se_seeds) else estimate.se_seeds
    critical = row.detectable / estimate.se - Z_POWER
    return Comparison(of_test_set * math.sqrt(estimate.patients), seeds, max(Z, critical))


def plan_from_assumptions(
    assumed: Assumptions, differences: Sequence[float], patients: Sequence[int]
) -> dict[str, Any]:
    """Plan one comparison from assumptions; the result is as that of `plan_from_pilot`.

    Raises
    ------
    AskedWrongly
        If an assumption is outside its range, or the score leaves no room for a difference.
    """
    _check(assumed, differences)
    about = (
        f"One comparison with a model of {find_metric(assumed.metric).words} {assumed.score:g}, prevalence "
        f"{assumed.prevalence:g}, {assumed.images_per_patient:g} images a patient (correlation of their "
        f"errors {assumed.correlation:g}), correlation of the two models' errors "
        f"{assumed.model_correlation:g}. "
        "Training seeds are not in these numbers. How many labelled images it takes, a pilot can say."
    )
    return {
        "basis": "assumptions",
        "about": about,
        **_tables(assumed.metric, assumed.comparison, differences, patients, assumed.images_per_patient),
        "labelled": [],
    }


def _check(assumed: Assumptions, differences: Iterable[float]) -> None:
    if assumed.metric not in ASSUMABLE:
        raise AskedWrongly(
            f"Without a pilot study, the metric is one of {listed(ASSUMABLE)}. Got {assumed.metric}: give "
            "--pilot."
        )
    for name, value in (("score", assumed.score), ("prevalence", assumed.prevalence)):
        if not 0 < value < 1:
            raise AskedWrongly(f"The {name} lies between 0 and 1. Got {value:g}.")
    if assumed.images_per_patient < 1:
        raise AskedWrongly(f"A patient has one image or more. Got {assumed.images_per_patient:g}.")
    if not (0 <= assumed.correlation <= 1 and 0 <= assumed.model_correlation < 1):
        raise AskedWrongly(
            "Correlations lie between 0 and 1, and two models' errors are not the same (below 1). "
            f"Got {assumed.correlation:g} and {assumed.model_correlation:g}."
        )
    largest = max(differences)
    if assumed.score + largest > 1:
        raise AskedWrongly(f"A score of {assumed.score:g} leaves no room for {100 * largest:g} points more.")


def _tables(
    metric: str, planned: Planned, differences: Sequence[float], patients: Sequence[int], images: float
) -> dict[str, Any]:
    """Return the power of each difference at each number of patients, and the patients it takes.

    `images` is the mean number of a patient.
    """
    if not all(0 < each <= 1 for each in differences):
        raise AskedWrongly(f"Points are above 0 and 100 at most. Got {_points(differences)}.")
    if min(patients) < 2:
        raise AskedWrongly(f"A test set has 2 patients or more. Got {min(patients)}.")
    required = []
    for size in differences:
        enough = planned(size).patients(size)
        of_enough = None if enough is None else round(enough * images)
        required.append({"points": 100 * size, "patients": enough, "images": of_enough})
    return {
        "metric": metric,
        "power": [
            {
                "points": 100 * size,
                "patients": count,
                "images": round(count * images),
                "power": planned(size).power(size, count),
            }
            for size in differences
            for count in patients
        ],
        "required": required,
    }


def _points(differences: Iterable[float]) -> str:
    return listed([f"{100 * each:g}" for each in differences])


def _labelled(
    study: Mapping[str, Any], curve: Mapping[str, Any], differences: Iterable[float]
) -> Iterable[dict[str, Any]]:
    """Return with how many labelled images a strategy's learning curve lies so far above no adaptation.

    Its band reaches to twice the largest budget; None where it does not come so far.
    """
    metric = curve["metric"]
    base = next(
        row["value"]
        for row in study["estimates"]
        if (row["strategy"], row["domain"], row["metric"]) == ("none", "target", metric)
    )
    for size in differences:
        reached = {
            end: next((each["images"] for each in curve["band"] if each[end] >= base + size), None)
            for end in ("value", "high", "low")
        }
        yield {
            "strategy": curve["strategy"],
            "points": 100 * size,
            "images": reached["value"],
            "low": reached["high"],
            "high": reached["low"],
            "tried": curve["budgets"],
        }
