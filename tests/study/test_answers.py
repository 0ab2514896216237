"""The short answers of a study, from outcomes whose truth is known."""

import pytest
from outcomes import outcome

from radapt.evaluation.scores import Score, estimate_rows
from radapt.study.answers import Questions, answer, budget_lines, domain_names
from radapt.study.comparison import differences
from radapt.study.decision import decide


def asked(*outcomes, **options):
    rows = [Score.from_dict(row) for one in outcomes for row in estimate_rows(one)]
    return Questions("east", "west", rows, differences(outcomes), classes=2, test_images=300, **options)


def test_a_gain_is_the_headline_with_what_was_lost_and_what_it_costs():
    study = asked(outcome("none", 0.6, runs=5), outcome("head", 0.8, source=0.6, seed=1, runs=5))
    answers = answer(study)
    assert answers.headline.startswith("The base model has a balanced accuracy of 90.0 % [")
    assert "Head with 100 labelled images helps: +20.0 points [" in answers.headline
    assert "90.0 % [" in answers.lost
    assert "on east, 60.0 % [" in answers.lost
    assert answers.action.startswith("Take head with 100 labelled images: +20.0 points [")
    assert answers.cost.startswith("On east it loses more than the margin of 2.0 points: keep the base model")


def test_a_model_at_chance_is_called_so_and_what_was_not_shown_is_not_claimed():
    study = asked(outcome("none", 0.5), outcome("head", 0.52, seed=1))
    answers = answer(study)
    assert answers.headline.startswith(
        "The base model is not shown to be better than chance on west (balanced"
    )
    assert answers.headline.endswith("Nothing that was tried was shown to help.")
    assert "300 target test images could only show gains of about" in answers.action
    assert answers.cost == "Nothing is recommended, so nothing changes on east."


def test_of_one_training_run_nothing_is_claimed_of_the_strategy():
    answers = answer(asked(outcome("none", 0.6), outcome("head", 0.8, seed=1)))
    assert "scored higher in this training run" in answers.headline
    assert "it takes 5 seeds to claim it of the strategy" in answers.action


def test_fewer_labels_that_are_enough_to_show_a_gain_are_named():
    study = asked(outcome("none", 0.6), outcome("head", 0.75, budget=16), outcome("full", 0.9, seed=2))
    assert "Take full with 100 labelled images" in answer(study).action
    assert "16 labels already show a gain: head, +15.0 points" in answer(study).action


def test_what_was_not_lost_is_not_said_to_be():
    assert "The intervals overlap" in answer(asked(outcome("none", 0.9), outcome("head", 0.9, seed=1))).lost
    assert answer(asked(outcome("none", 0.99, source=0.6))).lost.endswith("Nothing is lost.")


def test_every_budget_has_a_line_and_harm_is_named_in_it():
    outcomes = [outcome("none", 0.8), outcome("head", 0.5, seed=1, budget=16), outcome("full", 0.95, seed=2)]
    few, many = budget_lines(decide(differences(outcomes)))
    assert few == "16 labels: nothing scored higher than no adaptation; shown to do harm: head"
    assert many.startswith("100 labels: full scored higher in this training run, +15.0 points [")


def test_a_study_of_nothing_says_so():
    answers = answer(asked(outcome("none", 0.7)))
    assert answers.action == "Nothing but no adaptation was tried."
    assert "Nothing that was tried" not in answers.headline


@pytest.mark.parametrize(
    ("target", "shift", "name"),
    [("west", None, "west"), (None, "noise@2", "east under noise@2"), ("east", None, "east (target)")],
)
def test_the_sides_are_called_by_their_data_sets(target, shift, name):
    assert domain_names("east", target, shift)["target"] == name
