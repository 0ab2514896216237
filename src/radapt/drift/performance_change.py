"""Performance change: scores on labelled new images less those on the reference."""

import math
from dataclasses import replace
from typing import Any

from radapt.drift.features import DriftFeatures
from radapt.metrics.table import metrics_for
from radapt.stats.estimate import Estimate, verdict
from radapt.stats.inference import estimate


def performance_change(reference: DriftFeatures, new: DriftFeatures) -> list[dict[str, Any]]:
    """Return, for each metric, its value on new images less that on the reference, with an interval.

    Returns
    -------
    list[dict]
        "metric", "new", "reference" and "difference" (each as of `Estimate.as_dict`), and "verdict":
        "worse", "better" or "inconclusive".
    """
    here, there = new.predictions(), reference.predictions()
    rows = []
    for metric in metrics_for(here):
        one, other = estimate(metric, [here]), estimate(metric, [there])
        change = unpaired_difference(one, other)
        rows.append(
            {
                "metric": metric,
                "new": one.as_dict(),
                "reference": other.as_dict(),
                "difference": change.as_dict(),
                "verdict": verdict(change),
            }
        )
    return rows


def unpaired_difference(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two estimates on images of different patients, with a 95 % interval.

    The distances from each value to the ends of its interval are combined as squares (MOVER: Zou & Donner
    2008, Stat. Med. 27:1693). So asymmetric intervals, of few patients or of a score of 1, carry over to the
    difference.
    """
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return replace(
        one,
        value=value,
        low=low,
        high=high,
        n=one.n + other.n,
        patients=one.patients + other.patients,
        method="unpaired: the intervals of both sides, each drawn by patient, combined",
        se=math.hypot(one.se, other.se),
    )
