"""Differences between scores on two sets of images that have no patient in common."""

import math

from radapt.stats.estimate import Estimate

METHOD = "from the intervals of both (MOVER, Zou and Donner 2008), the sets being independent"


def independent_difference(one: Estimate, other: Estimate) -> Estimate:
    """Return `one` less `other`, which were estimated on independent images, with an interval.

    Its ends lie as far from the difference as the ends of the two intervals, added in squares: the method of
    variance estimates recovery (Zou and Donner 2008, doi:10.1002/sim.3095). Of two proportions
    with Wilson intervals it is that of Newcombe (1998).

    Returns
    -------
    Estimate
        In the metric's own unit; NaN where one of the two is not defined, or has no interval.
    """
    ends = (one.value, one.low, one.high, other.value, other.low, other.high)
    images, patients = one.n + other.n, one.patients + other.patients
    if any(map(math.isnan, ends)):
        return Estimate(math.nan, math.nan, math.nan, images, patients, lower_is_better=one.lower_is_better)
    value = one.value - other.value
    return Estimate(
        value,
        value - math.hypot(one.value - one.low, other.high - other.value),
        value + math.hypot(one.high - one.value, other.value - other.low),
        images,
        patients,
        level=one.level,
        method=METHOD,
        lower_is_better=one.lower_is_better,
    )
