"""The change of performance is unpaired, with an interval."""

import math

import numpy as np
import pytest
from drift_samples import patients
from samples import CLASSES

from radapt.drift.features import DriftFeatures
from radapt.drift.performance_change import performance_change, unpaired_difference
from radapt.stats.estimate import Estimate


def test_labels_that_the_scores_contradict_are_harm():
    rng = np.random.default_rng(0)
    reference, new = patients(60, rng), patients(50, rng)
    wrong = DriftFeatures(new.features, new.scores, 1 - new.labels, new.patients, CLASSES)
    assert {row["verdict"] for row in performance_change(reference, wrong)} == {"worse"}
    assert {row["verdict"] for row in performance_change(reference, new)} == {"inconclusive"}


def test_the_errors_of_both_sides_add_up_as_squares():
    one, other = Estimate(0.8, 0.7, 0.84, 10, 5, se=0.03), Estimate(0.9, 0.87, 0.93, 30, 20, se=0.04)
    apart = unpaired_difference(one, other)
    assert apart.value == pytest.approx(-0.1)
    assert apart.low == pytest.approx(-0.1 - math.hypot(0.1, 0.03))
    assert apart.high == pytest.approx(-0.1 + math.hypot(0.04, 0.03))
    assert (apart.n, apart.patients, apart.se) == (40, 25, pytest.approx(0.05))
