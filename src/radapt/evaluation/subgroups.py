"""Performance by subgroup: by view, sex, age, site, device, or any other column of the images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.images.columns import AGE
from radapt.metrics.table import metrics_for
from radapt.predictions import Predictions
from radapt.stats.bootstrap import align
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate
from radapt.text import listed, whole_number

METRICS = ("auroc", "sensitivity", "specificity", "accuracy")
MIN_IMAGES = 20  # minimum images of a group; it also needs half as many patients
YEARS = 20  # width of an age band
UNKNOWN = "not known"
GAP_METHOD = (
    "the two intervals put together as for independent groups; the best and the worst were picked by these "
    "very scores, so with many groups the gap is on the large side"
)


@dataclass(frozen=True, slots=True)
class Group:
    """The images with the same value in a column, and their scores."""

    name: str
    images: int
    patients: int
    estimates: Mapping[str, Estimate]  # by metric; empty if the group is too small
    too_small: str  # reason why it was not scored; "" if it was

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        about = {"group": self.name, "images": self.images, "patients": self.patients}
        if self.too_small:
            return {**about, "reason": self.too_small}
        scores = [{"metric": metric, **score.as_dict()} for metric, score in self.estimates.items()]
        return {**about, "estimates": scores}


@dataclass(frozen=True, slots=True)
class Gap:
    """Difference between the best and the worst group in one metric."""

    metric: str
    best: str
    worst: str
    value: float  # best minus worst, 0 or more
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            **{"metric": self.metric, "best": self.best, "worst": self.worst, "value": self.value},
            **{"low": self.low, "high": self.high, "method": GAP_METHOD},
        }


@dataclass(frozen=True, slots=True)
class Groups:
    """Scores of a model for each value of a column."""

    column: str
    groups: tuple[Group, ...]  # small ones have no estimates
    gaps: tuple[Gap, ...]  # one per metric that two or more groups were scored by

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            "column": self.column,
            "groups": [each.as_dict() for each in self.groups if not each.too_small],
            "too_small": [each.as_dict() for each in self.groups if each.too_small],
            "gaps": [each.as_dict() for each in self.gaps],
        }


def values_of(columns: Mapping[str, NDArray[np.str_]], column: str) -> NDArray[np.str_]:
    """Return the group of each image, (n,): its value in one of these columns, ages in bands of 20 years.

    Raises
    ------
    AskedWrongly
        If the images have no such column.
    """
    if column not in columns:
        known = f"Their columns are: {listed(columns)}." if columns else "They have no columns at all."
        raise AskedWrongly(
            f"These images have no column {column!r}. {known} --column NAME keeps a column of a table."
        )
    values = columns[column].tolist()
    named = [_band(text) if column == AGE and text else text or UNKNOWN for text in values]
    return np.array(named, dtype=np.str_)


def _band(age: str) -> str:
    first = int(age) // YEARS * YEARS
    # Ages above 89 are stored as 90.
    return f"{first} to {first + YEARS - 1}" if first < 80 else "80 and over"


def score_groups(
    runs: Sequence[Predictions], values: NDArray[np.str_], column: str, *, min_images: int = MIN_IMAGES
) -> Groups:
    """Score predictions for each group.

    Parameters
    ----------
    runs
        Predictions of the same n images by models of one or more training seeds.
    values
        (n,), the group of each image of the first of them.
    column
        Name of the column that the groups come from.
    min_images
        Minimum number of images of a group. It also needs half as many patients, and images of every class
        (for findings: both positive and negative images of at least one). Other groups are not scored.

    Returns
    -------
    Groups
        Estimates with 95 % intervals by patient; and for each metric the gap between the best and the worst
        group, with an interval combined from theirs (Zou & Donner 2008, Statistics in Medicine 27:1693).
    """
    runs = align(runs, runs[:1])
    groups = tuple(
        _group(name, [run.take(values == name) for run in runs], min_images)
        for name in sorted(set(values.tolist()), key=_rank)
    )
    metrics = [metric for metric in METRICS if metric in metrics_for(runs[0])]
    gaps = (gap_of(metric, groups) for metric in metrics)
    return Groups(column, groups, tuple(gap for gap in gaps if gap is not None))


def _rank(name: str) -> tuple[Any, ...]:
    """Return a key for natural sort order: numbers in names by size, unknown last."""
    parts = (
        ("", number) if (number := whole_number(text)) is not None else (text, 0)
        for text in ("".join(run) for _, run in groupby(name, str.isdecimal))
    )
    return (name == UNKNOWN, *parts)


def _group(name: str, runs: Sequence[Predictions], min_images: int) -> Group:
    predictions = runs[0]
    patients = len(np.unique(predictions.patients))
    reason = _too_small(predictions, patients, min_images)
    metrics = () if reason else [metric for metric in METRICS if metric in metrics_for(predictions)]
    estimates = {metric: estimate(metric, runs) for metric in metrics}
    return Group(name, len(predictions), patients, estimates, reason)


def _too_small(predictions: Predictions, patients: int, min_images: int) -> str:
    if len(predictions) < min_images:
        return f"fewer than {min_images} images"
    if patients < min_images // 2:
        return f"fewer than {min_images // 2} patients"
    if predictions.exclusive:
        missing = [
            name for label, name in enumerate(predictions.classes) if not (predictions.labels == label).any()
        ]
        return f"no image of {', '.join(missing)}" if missing else ""
    both = (predictions.labels == 1).any(axis=0) & (predictions.labels == 0).any(axis=0)
    return "" if both.any() else "no finding that some images have and others have not"


def gap_of(metric: str, groups: tuple[Group, ...]) -> Gap | None:
    """Return the gap between the best and the worst scored group; None with fewer than two."""
    scored = [
        (each.name, each.estimates[metric])
        for each in groups
        if metric in each.estimates and not math.isnan(each.estimates[metric].value)
    ]
    if len(scored) < 2:
        return None
    best, worst = (pick(scored, key=lambda each: each[1].value) for pick in (max, min))
    (top, high), (bottom, low) = best, worst
    value = high.value - low.value
    return Gap(
        metric,
        top,
        bottom,
        value,
        max(-1.0, value - math.hypot(high.value - high.low, low.high - low.value)),
        min(1.0, value + math.hypot(high.high - high.value, low.value - low.low)),
    )
