"""Several differences tested together: adjusted p-values and simultaneous intervals, in numbers alone.

The largest of several differences is large by chance. How large that would be if there were none at all is
known from the bootstrap samples that all of them share, which keep what they have in common: the studentised
step-down test of Romano & Wolf (2005, Econometrica 73:1237), also called max-T (Westfall & Young 1993,
Resampling-Based Multiple Testing).

Shapes: K differences, B samples.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.stats.intervals import LEVEL, SAME, Z_POWER, Z, t_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What one of several differences shows, all of them being looked at."""

    p: float = math.nan  # two-sided, of no difference, adjusted; NaN where it was not tested
    low: float = math.nan  # with `high`: such intervals of all the differences hold all truths, 95 % of times
    high: float = math.nan
    detectable: float = math.nan  # the true difference that would be shown four times out of five


UNTESTED = Adjusted()


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How far differences are from the truth, by cause."""

    samples: Floats  # (K, B), the differences in shared bootstrap samples of the test set, the models held
    test_set: Floats  # (K,), standard error by the test set; also where samples are alike and know nothing
    seeds: Floats  # (K,), standard deviation between training seeds; 0 of one seed, which knows nothing
    n_seeds: int
    widening: Floats  # (K,), by how much few patients make intervals wider than the normal distribution's
    groups: NDArray[np.int64]  # (K,), differences of one group are expected to vary alike between seeds


def adjust(values: Floats, spread: Spread, rng: np.random.Generator) -> list[Adjusted]:
    """Adjust differences for being several.

    The standard error of each is that of the test set and that of the training seeds together. A few seeds
    know little of their own spread, and the largest of many differences is one whose seeds agree by chance:
    so none is taken to vary less than the median one of its group. A group has equally many labels, since
    trainings differ more with 16 of them than with all. Half of the variance of a difference is that of what
    all are compared with, of R - 1 degrees of freedom, so that the median of many has 4 (R - 1) of them where
    all models vary alike (Satterthwaite 1946, Biometrics Bull. 2:110). One difference alone has R - 1, and so
    has one that varies far more than the median. With fewer than five seeds less is taken to be known, since
    the largest of many lies far out, where Student's t is wider still. The error of the seeds is widened as
    Student's t of these.

    Parameters
    ----------
    values
        (K,), the differences; NaN where one is not defined.
    spread
        How far from the truth they are.
    rng
        Draws how far the training seeds may be off.

    Returns
    -------
    list[Adjusted]
        In the same order; of one that is not defined, or without any spread, without numbers.
    """
    test_set = spread.test_set * spread.widening
    seeds = _error_of_seeds(spread)
    error = np.hypot(test_set, seeds)
    tested = np.flatnonzero(np.isfinite(values) & np.isfinite(error) & (error > 0))
    found = [Adjusted(1.0, 0.0, 0.0, 0.0) if value == 0 else UNTESTED for value in values]
    if not len(tested):
        return found
    error, value = error[tested], values[tested]
    chance = np.abs(_by_chance(spread, test_set, seeds, rng)[tested] / error[:, None])
    statistic = np.abs(value) / error
    p_values = _step_down(statistic, chance)
    reach = max(Z, float(np.quantile(chance.max(axis=0), LEVEL, method="higher"))) * error
    for place, p, middle, far, one in zip(tested, p_values, value, reach, error, strict=True):
        found[place] = Adjusted(
            float(p), float(middle - far), float(middle + far), float(far + Z_POWER * one)
        )
    return found


def _error_of_seeds(spread: Spread) -> Floats:
    """Give (K,) errors of the mean over the seeds, widened as Student's t is of what they are known from."""
    if spread.n_seeds < 2:
        return np.zeros_like(spread.test_set)
    members = spread.groups[:, None] == spread.groups
    least = np.array([np.median(spread.seeds[of_group]) for of_group in members])
    own = np.maximum(spread.seeds, least)
    alike = np.divide(least, own, out=np.ones_like(own), where=own > 0) ** 2
    pooled = min(3.0, 0.75 * (spread.n_seeds - 1)) * (1 - 1 / members.sum(axis=1))
    freedom = (spread.n_seeds - 1) * (1 + pooled * alike)
    wider = np.array([t_quantile(each) for each in freedom]) / Z
    return np.asarray(own / math.sqrt(spread.n_seeds) * wider, dtype=np.float64)


def _by_chance(spread: Spread, test_set: Floats, seeds: Floats, rng: np.random.Generator) -> Floats:
    """Draw (K, B) differences as they would be if there were none."""
    samples = spread.samples
    apart = (samples - samples.mean(axis=1, keepdims=True)) * spread.widening[:, None]
    alike = np.ptp(samples, axis=1) < SAME
    apart[alike] = rng.standard_normal((int(alike.sum()), samples.shape[1])) * test_set[alike, None]
    if spread.n_seeds > 1:
        apart = apart + rng.standard_normal(samples.shape) * seeds[:, None]
    return np.asarray(apart, dtype=np.float64)


def _step_down(statistic: Floats, chance: Floats) -> Floats:
    """Give (K,) adjusted p-values: each against the largest by chance of itself and all smaller ones."""
    order = np.argsort(statistic)  # from the smallest
    largest = np.maximum.accumulate(chance[order], axis=0)
    beyond = (largest >= statistic[order, None]).sum(axis=1)
    p = (beyond + 1) / (chance.shape[1] + 1)
    p = np.maximum.accumulate(p[::-1])[::-1]
    back = np.empty_like(p)
    back[order] = p
    return np.asarray(back, dtype=np.float64)
