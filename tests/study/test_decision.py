"""What a study decides at each budget, and the sentences of its recommendation."""

import re

import pytest
from outcomes import outcome

from radapt.study.comparison import best_model, best_per_budget, differences, outcome_of
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
    assert re.search(r"than no adaptation in (this|these \d) training runs?: \+20.0 points", text)
    assert "takes 5 seeds" in text


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
    assert (
        "With 100 labelled images, full scored higher than no adaptation in this training run"
        in recommend(rows)
    )


def test_the_best_is_the_largest_gain_that_is_named_whether_or_not_it_needs_labels():
    none, free = outcome("none", 0.6), outcome("tent", 0.9, seed=3, budget=0)
    rows = differences([none, free, outcome("head", 0.8, seed=1), outcome("full", 0.7, seed=2, budget=10)])
    assert "Without labels, tent scored higher" in recommend(rows)
    best = best_model(rows)
    assert (best.strategy, best.budget) == ("tent", 0)
    assert outcome_of([none, free], best.strategy, best.budget) is free


def test_harm_is_named():
    text = recommend(differences([outcome("none", 0.8), outcome("full", 0.5, seed=1)]))
    assert "Worse than no adaptation: full." in text


def test_a_base_model_that_bought_nothing_is_said_to():
    rows = differences([outcome("none", 0.5), outcome("scratch", 0.9, seed=1), outcome("head", 0.6, seed=2)])
    assert "which was of no use here" in recommend(rows)


def test_training_from_scratch_that_does_as_well_is_mentioned():
    rows = differences([outcome("none", 0.5), outcome("scratch", 0.89, seed=1), outcome("head", 0.9, seed=2)])
    assert "no significant difference from training from scratch was found" in recommend(rows)


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
        "With 256 labelled images, head scored higher"
    )


def test_scratch_alone_says_nothing_of_the_base_model():
    text = recommend(differences([outcome("none", 0.5), outcome("scratch", 0.9, seed=1)]))
    assert "scratch scored higher" in text
    assert "of no use" not in text


@pytest.mark.parametrize(
    ("cheap", "head", "words"),
    [
        (0.60, 0.90, "It is worth retraining: +30.0 points"),
        (
            0.80,
            0.80,
            "Retraining was not shown to be worth it: no significant difference from norm-refresh, which",
        ),
        (0.90, 0.65, "Retraining is not worth it: norm-refresh, which trains nothing, does better"),
    ],
)
def test_retraining_is_held_against_what_trains_nothing(cheap, head, words):
    sentence = recommend(
        differences(
            [
                outcome("none", 0.5),
                outcome("norm-refresh", cheap, budget=0, seed=1),
                outcome("head", head, budget=64, seed=2),
            ]
        )
    )
    about = sentence[sentence.index("With 64 labelled images") :]
    assert words in about
    assert ("no significant difference" in about) == (cheap == head)
