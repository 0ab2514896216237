"""What a difference between images costs, where labels say so: scores on new ones less those on old."""

import math
from dataclasses import replace
from typing import Any

from radapt.drift.features import DriftFeatures
from radapt.metrics.table import metrics_for
from radapt.stats.estimate import Estimate, verdict
from radapt.stats.inference import estimate


def performance_change(reference: DriftFeatures, new: DriftFeatures) -> list[dict[str, Any]]:
    """Return by how much each metric is better on new images than on the reference's, with its interval.

    Returns
    -------
    list[dict]
        "metric", "new", "reference" and "difference" (each as an `Estimate` writes itself), and "verdict":
        "worse", "better" or "inconclusive".
    """
    here, there = new.predictions(), reference.predictions()
    rows = []
    for metric in metrics_for(here):
        one, other = estimate(metric, [here]), estimate(metric, [there])
        apart = less(one, other)
        rows.append(
            {
                "metric": metric,
                "new": one.as_dict(),
                "reference": other.as_dict(),
                "difference": apart.as_dict(),
                "verdict": verdict(apart),
            }
        )
    return rows


def less(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two estimates on images of different patients, with a 95 % interval.

    Each side's distance from its value to the end of its interval counts as that side's error there, and
    errors of independent samples add up as squares (Zou & Donner 2008, Stat. Med. 27:1693). So what each
    interval owes to few patients, or to a score of 1, is in that of the difference.
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
