"""Several differences tested together: adjusted p-values and simultaneous intervals.

This is the studentised step-down test of Romano & Wolf (2005, Econometrica 73:1237), also known as max-T
(Westfall & Young 1993, Resampling-Based Multiple Testing). The null distribution of the largest statistic
comes from bootstrap samples that all differences share, and so keeps their correlations.

Shapes: K differences, B samples.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.stats.intervals import LEVEL, SAME, Z, t_quantile
from radapt.stats.power import detectable_difference

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The result of one of several differences, adjusted for multiple testing."""

    p: float = math.nan  # two-sided, adjusted; NaN where it was not tested
    low: float = math.nan  # with `high`: the simultaneous 95 % interval
    high: float = math.nan
    detectable: float = math.nan  # minimum detectable difference, at 80 % power


UNTESTED = Adjusted()


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The errors of differences, by source."""

    samples: Floats  # (K, B), the differences in shared bootstrap samples of the test set, models fixed
    test_set: Floats  # (K,), standard error by the test set; also where all samples are equal
    seeds: Floats  # (K,), standard deviation between training seeds; 0 with one seed
    n_seeds: int
    widening: Floats  # (K,), factor of the test-set error for few patients, see `intervals.widening`
    groups: NDArray[np.int64]  # (K,), differences of one group are taken to vary equally between seeds


def adjust(values: Floats, spread: Spread, rng: np.random.Generator) -> list[Adjusted]:
    """Adjust differences for multiple testing.

    The standard error of each combines its test-set and training-seed errors. A few seeds estimate their
    standard deviation poorly, and the largest of many differences tends to be one whose seeds agree by
    chance: so the standard deviation is at least the median of its group. A group has the same number of
    labels, since trainings differ more with 16 of them than with all. Half of the variance of a difference is
    that of the common comparator, with R - 1 degrees of freedom, so that the median of many has 4 (R - 1) of
    them where all models vary equally (Satterthwaite 1946, Biometrics Bull. 2:110). A single difference has
    R - 1, and so has one that varies far more than the median. With fewer than five seeds fewer degrees of
    freedom are assumed, since the largest of many lies far in the tail, where Student's t is wider still. The
    error of the seeds is widened by Student's t.

    Parameters
    ----------
    values
        (K,), the differences; NaN where one is not defined.
    spread
        Their errors.
    rng
        Draws the errors of the training seeds.

    Returns
    -------
    list[Adjusted]
        In the same order; NaN for one that is not defined or has no standard error.
    """
    test_set = spread.test_set * spread.widening
    seeds = _error_of_seeds(spread)
    error = np.hypot(test_set, seeds)
    tested = np.flatnonzero(np.isfinite(values) & np.isfinite(error) & (error > 0))
    results = [Adjusted(1.0, 0.0, 0.0, 0.0) if value == 0 else UNTESTED for value in values]
    if not len(tested):
        return results
    error, value = error[tested], values[tested]
    null = np.abs(_null_samples(spread, test_set, seeds, rng)[tested] / error[:, None])
    statistic = np.abs(value) / error
    p_values = _step_down(statistic, null)
    critical = max(Z, float(np.quantile(null.max(axis=0), LEVEL, method="higher")))
    for place, p, middle, se in zip(tested, p_values, value, error, strict=True):
        half, detectable = critical * se, detectable_difference(float(se), critical)
        results[place] = Adjusted(float(p), float(middle - half), float(middle + half), detectable)
    return results


def _error_of_seeds(spread: Spread) -> Floats:
    """Compute the errors, (K,), of the mean over the seeds, widened by Student's t."""
    if spread.n_seeds < 2:
        return np.zeros_like(spread.test_set)
    members = spread.groups[:, None] == spread.groups
    median = np.array([np.median(spread.seeds[of_group]) for of_group in members])
    deviation = np.maximum(spread.seeds, median)
    share = np.divide(median, deviation, out=np.ones_like(deviation), where=deviation > 0) ** 2
    pooled = min(3.0, 0.75 * (spread.n_seeds - 1)) * (1 - 1 / members.sum(axis=1))
    freedom = (spread.n_seeds - 1) * (1 + pooled * share)
    factor = np.array([t_quantile(degrees) for degrees in freedom]) / Z
    return np.asarray(deviation / math.sqrt(spread.n_seeds) * factor, dtype=np.float64)


def _null_samples(spread: Spread, test_set: Floats, seeds: Floats, rng: np.random.Generator) -> Floats:
    """Draw differences, (K, B), under the null hypothesis."""
    samples = spread.samples
    null = (samples - samples.mean(axis=1, keepdims=True)) * spread.widening[:, None]
    equal = np.ptp(samples, axis=1) < SAME
    null[equal] = rng.standard_normal((int(equal.sum()), samples.shape[1])) * test_set[equal, None]
    if spread.n_seeds > 1:
        null = null + rng.standard_normal(samples.shape) * seeds[:, None]
    return np.asarray(null, dtype=np.float64)


def _step_down(statistic: Floats, null: Floats) -> Floats:
    """Compute adjusted p-values, (K,), each by the null maximum of itself and all smaller statistics."""
    order = np.argsort(statistic)  # from the smallest
    largest = np.maximum.accumulate(null[order], axis=0)
    beyond = (largest >= statistic[order, None]).sum(axis=1)
    p = (beyond + 1) / (null.shape[1] + 1)
    p = np.maximum.accumulate(p[::-1])[::-1]
    in_order = np.empty_like(p)
    in_order[order] = p
    return np.asarray(in_order, dtype=np.float64)
