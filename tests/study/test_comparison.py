import re

import pytest
from outcomes import outcome

from radapt.stats.estimate import Estimate, points
from radapt.stats.max_t import Adjusted
from radapt.study.comparison import best_model, best_per_budget, differences, no_surer_than_alone, outcome_of
from radapt.study.decision import decide, recommend


def test_a_gain_is_recommended_with_its_interval():
    rows = differences([outcome("none", 0.6, runs=5), outcome("head", 0.8, seed=1, runs=5)])
    text = recommend(rows)
    assert text.startswith("With 100 labelled images, head helps: +20.0 points [")
    assert "of balanced accuracy on the target images (at least " in text
    (decision,) = decide(rows)
    assert decision.claim == "helps"
    assert 0.05 < decision.best.gain_at_least < decision.best.estimate.low + 0.02


@pytest.mark.parametrize("runs", [1, 3, 4])
def test_fewer_than_five_seeds_claim_no_help_of_the_strategy(runs):
    rows = differences([outcome("none", 0.6, runs=runs), outcome("head", 0.8, seed=1, runs=runs)])
    text = recommend(rows)
    assert decide(rows)[0].claim == "scored higher"
    assert "helps" not in text
    assert "scored higher than no adaptation: +20.0 points" in text
    assert "that takes 5." in text


def test_no_gain_is_called_no_difference_that_this_test_set_could_show():
    text = recommend(differences([outcome("none", 0.80), outcome("head", 0.81, seed=1)]))
    assert "nothing was shown to help: the largest measured gain, +1.3 points" in text
    assert re.search(
        r"on this test set a gain of about \d+\.\d points would have been shown four times", text
    )
    assert "head helps" not in text


def test_the_best_rows_are_those_that_the_recommendation_names():
    none, weak = outcome("none", 0.6), outcome("head", 0.61, seed=1, budget=10)
    rows = differences([none, weak, outcome("head", 0.8, seed=1), outcome("full", 0.9, seed=2)])
    assert [(row.strategy, row.budget) for row in best_per_budget(rows)] == [("full", 100)]
    assert "With 100 labelled images, this trained model (full) scored higher" in recommend(rows)


def test_where_none_is_recommended_the_best_row_is_the_largest_gain():
    none = outcome("none", 0.8)
    rows = differences([none, outcome("head", 0.81, seed=1), outcome("full", 0.5, seed=2)])
    assert [row.strategy for row in best_per_budget(rows)] == ["head"]
    assert best_per_budget(differences([none])) == []


def test_the_best_is_the_largest_gain_that_is_named_whether_or_not_it_needs_labels():
    none, free = outcome("none", 0.6), outcome("tent", 0.9, seed=3, budget=0)
    rows = differences([none, free, outcome("head", 0.8, seed=1), outcome("full", 0.7, seed=2, budget=10)])
    assert "Without labels, this trained model (tent) scored higher" in recommend(rows)
    best = best_model(rows)
    assert (best.strategy, best.budget) == ("tent", 0)
    assert outcome_of([none, free], best.strategy, best.budget) is free


def test_of_models_that_gain_as_much_the_best_is_that_of_the_fewest_labels():
    same = [outcome("head", 0.8, seed=1, budget=budget) for budget in (100, 10)]
    assert best_model(differences([outcome("none", 0.6), *same])).budget == 10


def test_where_nothing_was_compared_there_is_no_best_but_no_adaptation():
    none = outcome("none", 0.8)
    assert best_model(differences([none])) is None
    assert outcome_of([none]) is none


def test_harm_is_named():
    text = recommend(differences([outcome("none", 0.8), outcome("full", 0.5, seed=1)]))
    assert "Made worse by full." in text


def test_a_base_model_that_bought_nothing_is_said_to():
    rows = differences([outcome("none", 0.5), outcome("scratch", 0.9, seed=1), outcome("head", 0.6, seed=2)])
    assert "which so bought nothing here" in recommend(rows)


def test_training_from_scratch_that_does_as_well_is_mentioned():
    rows = differences([outcome("none", 0.5), outcome("scratch", 0.89, seed=1), outcome("head", 0.9, seed=2)])
    assert "training from scratch could not be told apart" in recommend(rows)


def test_forgetting_is_said():
    rows = differences([outcome("none", 0.5, source=0.95), outcome("full", 0.9, source=0.6, seed=1)])
    assert "On the source images it loses more than the margin: -35.0 points" in recommend(rows)


def test_each_budget_has_a_sentence():
    rows = differences(
        [
            outcome("none", 0.5),
            outcome("head", 0.52, budget=16, seed=1),
            outcome("head", 0.9, budget=256, seed=2),
        ]
    )
    text = recommend(rows)
    assert text.index("With 16 labelled images, nothing was shown") < text.index(
        "With 256 labelled images, this trained model (head)"
    )


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
    assert points(Estimate(0.061, 0.02, 0.104, 100, 100)) == "+6.1 points [2.0, 10.4]"


def test_scratch_alone_says_nothing_of_the_base_model():
    text = recommend(differences([outcome("none", 0.5), outcome("scratch", 0.9, seed=1)]))
    assert "(scratch) scored higher" in text
    assert "bought nothing" not in text


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


@pytest.mark.parametrize(
    ("cheap", "head", "words"),
    [
        (0.60, 0.90, "It is worth retraining: +30.0 points"),
        (
            0.80,
            0.80,
            "Retraining was not shown to be worth it: norm-refresh, which trains nothing, does as well",
        ),
        (0.90, 0.65, "Retraining is not worth it: norm-refresh, which trains nothing, does better"),
    ],
)
def test_retraining_is_held_against_what_trains_nothing(cheap, head, words):
    told = recommend(
        differences(
            [
                outcome("none", 0.5),
                outcome("norm-refresh", cheap, budget=0, seed=1),
                outcome("head", head, budget=64, seed=2),
            ]
        )
    )
    about = told[told.index("With 64 labelled images") :]
    assert words in about
    assert ("does as well" in about) == (cheap == head)


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
