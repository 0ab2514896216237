"""The difference between scores on independent images."""

import math

import numpy as np
import pytest

from radapt.stats.estimate import Estimate
from radapt.stats.independent import independent_difference
from radapt.stats.intervals import wilson


def share(right: int, images: int) -> Estimate:
    low, high = wilson(right / images, images)
    return Estimate(right / images, low, high, images, images)


def test_of_two_proportions_it_is_newcombes_interval():
    """The first example of Newcombe (1998), Statistics in Medicine 17, 873: 56/70 less 48/80, method 10."""
    change = independent_difference(share(56, 70), share(48, 80))
    assert change.value == pytest.approx(0.2)
    assert (change.low, change.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert (change.n, change.patients) == (150, 150)


def test_it_holds_the_truth_about_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for one, other in zip(rng.binomial(150, 0.9, 2000), rng.binomial(100, 0.7, 2000), strict=True):
        change = independent_difference(share(int(one), 150), share(int(other), 100))
        held += change.low <= 0.2 <= change.high
    assert 0.93 < held / 2000 < 0.97


def test_what_is_not_defined_stays_so():
    unknown = Estimate(math.nan, math.nan, math.nan, 10, 10)
    assert math.isnan(independent_difference(unknown, share(5, 10)).value)
    assert math.isnan(independent_difference(share(5, 10), Estimate(0.5, math.nan, math.nan, 9, 9)).low)
