"""Paired differences between strategies, and the best among them."""

import json

import pytest
from outcomes import outcome

from radapt.stats.estimate import Estimate, points
from radapt.stats.max_t import Adjusted
from radapt.study.comparison import (
    Difference,
    best_model,
    best_per_budget,
    differences,
    no_surer_than_alone,
    outcome_of,
)


def test_where_none_is_recommended_the_best_row_is_the_largest_gain():
    none = outcome("none", 0.8)
    rows = differences([none, outcome("head", 0.81, seed=1), outcome("full", 0.5, seed=2)])
    assert [row.strategy for row in best_per_budget(rows)] == ["head"]
    assert best_per_budget(differences([none])) == []


def test_of_models_that_gain_as_much_the_best_is_that_of_the_fewest_labels():
    same = [outcome("head", 0.8, seed=1, budget=budget) for budget in (100, 10)]
    assert best_model(differences([outcome("none", 0.6), *same])).budget == 10


def test_where_nothing_was_compared_there_is_no_best_but_no_adaptation():
    none = outcome("none", 0.8)
    assert best_model(differences([none])) is None
    assert outcome_of([none]) is none


def test_every_strategy_is_held_against_none_and_scratch_of_its_own_budget():
    rows = differences(
        [
            outcome("none", 0.5),
            outcome("scratch", 0.6, budget=16, seed=1),
            outcome("head", 0.7, budget=16, seed=2),
            outcome("head", 0.8, budget=64, seed=3),
        ]
    )
    assert {(row.strategy, row.against, row.budget) for row in rows} == {
        ("scratch", "none", 16),
        ("head", "none", 16),
        ("head", "scratch", 16),
        ("head", "none", 64),
    }
    head = next(
        row for row in rows if row.budget == 16 and row.against == "scratch" and row.domain == "target"
    )
    assert head.estimate.value == pytest.approx(0.1)


def test_points_are_written_with_their_sign_and_interval():
    assert points(0.061, 0.02, 0.104) == "+6.1 points [2.0, 10.4]"


def test_gains_are_adjusted_for_being_several():
    several = [outcome("none", 0.7), *(outcome(name, 0.78, seed=9) for name in ("head", "full", "last-k"))]
    alone = differences(several[:2])
    together = differences(several)

    def of_head(rows):
        return next(
            row
            for row in rows
            if (row.strategy, row.against, row.domain, row.metric)
            == ("head", "none", "target", "balanced-accuracy")
        )

    one, three = of_head(alone).adjusted, of_head(together).adjusted
    assert one.p <= three.p
    assert three.low <= one.low < one.high <= three.high
    assert three.p < 3 * one.p + 0.01  # three of the same are one: what they have in common is known
    assert of_head(together).verdict == ("better" if three.p < 0.05 else "inconclusive")


def test_what_is_shown_among_several_isno_surer_than_alone_than_alone_and_its_interval_leaves_0_out():
    for p, low in ((0.041, -0.005), (0.01, 0.02), (0.2, -0.01)):
        alone = Estimate(0.12, 0.01, 0.22, 100, 90, se=0.05, p=0.02)
        held = no_surer_than_alone(Adjusted(p, low, 0.25, 0.15), alone)
        assert held.p == max(p, 0.02)
        assert (held.low >= 0) == (held.p < 0.05)
        assert held.high == 0.25
        assert held.detectable == 0.15
    worse = no_surer_than_alone(
        Adjusted(0.03, -0.3, 0.01, 0.15), Estimate(-0.12, -0.22, -0.01, 100, 90, p=0.02)
    )
    assert (worse.low, worse.high) == (-0.3, 0.0)
    unsure = no_surer_than_alone(Adjusted(0.3, -0.1, 0.6, 0.5), Estimate(0.25, -0.6, 1.0, 8, 8, p=0.55))
    assert (unsure.p, unsure.low, unsure.high, unsure.detectable) == (0.55, -0.6, 1.0, 0.85)


def test_a_difference_is_read_back_as_it_was_written():
    rows = differences(
        [
            outcome("none", 0.5, runs=2),
            outcome("head", 0.8, seed=1, runs=2),
            outcome("full", 0.5, seed=2, runs=2),
        ]
    )
    for row in rows:
        again = Difference.from_dict(json.loads(json.dumps(row.as_dict())), seeds=2)
        assert again.as_dict() == row.as_dict()
        assert (again.verdict, again.seeds) == (row.verdict, row.seeds)
