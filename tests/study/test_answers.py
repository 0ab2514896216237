"""The short answers of a study, from outcomes whose truth is known."""

import re

import pytest
from outcomes import outcome

from radapt.evaluation.scores import Score, estimate_rows
from radapt.study.answers import Questions, answer, budget_lines, domain_names, short_name
from radapt.study.comparison import differences
from radapt.study.decision import decide
from radapt.study.results import _loss


def asked(*outcomes, **options):
    metric = options.get("metric", "balanced-accuracy")
    rows = [Score.from_dict(row) for one in outcomes for row in estimate_rows(one, metric)]
    loss = _loss(outcomes[0], metric)
    return Questions(
        "east", "west", rows, differences(outcomes, metric), classes=2, test_images=300, loss=loss, **options
    )


def test_a_gain_is_the_headline_with_what_was_lost_and_what_it_costs():
    study = asked(outcome("none", 0.6, runs=5), outcome("head", 0.8, source=0.6, seed=1, runs=5))
    answers = answer(study)
    assert answers.headline.startswith("The base model has a balanced accuracy of 90.0 % [")
    assert "Head with 100 labelled images helps: +20.0 points [" in answers.headline
    assert "90.0 % [" in answers.lost
    assert "on east, 60.0 % [" in answers.lost
    assert answers.action.startswith("Head with 100 labelled images: +20.0 points [")
    assert answers.cost.startswith("On east it loses more than the margin of 2.0 points: keep the base model")


def test_a_model_at_chance_is_called_so_and_what_was_not_shown_is_not_claimed():
    study = asked(outcome("none", 0.5), outcome("head", 0.52, seed=1))
    answers = answer(study)
    assert answers.headline.startswith("The base model has 90.0 % [")
    assert "on east and is not shown to be better than chance on west (50.0 % [" in answers.headline
    assert answers.headline.endswith("tried was shown to help, allowing for all comparisons.")
    assert "300 target test images could only show gains of about" in answers.action
    assert answers.cost == "Nothing is recommended, so nothing changes on east."


def test_harm_at_the_source_is_named_where_nothing_is_recommended():
    cost = answer(asked(outcome("none", 0.5), outcome("head", 0.52, source=0.3, seed=1))).cost
    assert "so nothing changes on east. Head with 100 labelled images would change it by -60.0 points" in cost


def test_of_one_training_run_nothing_is_claimed_of_the_strategy():
    answers = answer(asked(outcome("none", 0.6), outcome("head", 0.8, seed=1)))
    assert "scored higher in this training run" in answers.headline
    assert answers.next == (
        "Take head with 100 labelled images as the candidate, and run the study again with --seeds 5 and "
        "another --out: one training run cannot show that head helps."
    )
    first_look = asked(outcome("none", 0.6), outcome("head", 0.8, seed=1), quick=True)
    assert "run the study again without --quick, with --seeds 5 and another --out" in answer(first_look).next


def test_fewer_labels_that_are_enough_to_show_a_gain_are_named():
    study = asked(outcome("none", 0.6), outcome("head", 0.75, budget=16), outcome("full", 0.9, seed=2))
    assert answer(study).action.startswith("Full with 100 labelled images: +")
    assert "With 16 labels, a gain is shown already: head, +15.0 points" in answer(study).action
    assert "(head gains with 16 labels already)" in answer(study).next


def test_a_loss_is_claimed_only_where_its_interval_shows_it():
    lost = answer(asked(outcome("none", 0.6), outcome("head", 0.9, seed=1))).lost
    assert "The loss is shown: -30.0 points [" in lost
    assert "A loss is neither shown nor ruled out" in answer(asked(outcome("none", 0.9))).lost
    assert "Nothing is lost: +39.0 points [" in answer(asked(outcome("none", 0.99, source=0.6))).lost


def test_retraining_that_was_not_shown_to_beat_what_trains_nothing_is_not_praised():
    none, cheap = outcome("none", 0.6, runs=5), outcome("recalibrate", 0.8, budget=16, seed=7, runs=5)
    study = asked(none, cheap, outcome("full", 0.81, budget=16, seed=3, runs=5))
    answers = answer(study)
    sentence = "not shown to be better than recalibrate, which trains nothing"
    assert sentence in answers.headline
    assert sentence in answers.action
    assert sentence in budget_lines(decide(study.differences), {})[0]


def test_a_gain_without_labels_is_a_gain_with_fewer_of_them():
    free = outcome("tent", 0.8, budget=0, seed=5)
    study = asked(outcome("none", 0.6), free, outcome("full", 0.95, seed=3))
    assert "Without labels, a gain is shown already: tent, +20.0 points" in answer(study).action
    assert "(tent gains without labels already)" in answer(study).next


def test_where_lower_is_better_that_is_said_of_every_difference():
    study = asked(outcome("none", 0.6, runs=5), outcome("head", 0.9, seed=1, runs=5), metric="brier")
    answers = answer(study)
    for text in (answers.headline, answers.action, *budget_lines(decide(study.differences, "brier"), {})):
        assert ", lower is better" in text
    assert "The loss is shown: +" in answers.lost


def test_a_model_that_is_better_at_the_source_too_is_not_said_to_lose():
    cost = answer(asked(outcome("none", 0.6, source=0.7), outcome("head", 0.9, source=0.95, seed=1))).cost
    assert cost.startswith("On east it scores better, too (+25.0 points [")
    none, head = outcome("none", 0.6, runs=5), outcome("head", 0.9, seed=1, runs=5)
    assert "it may lose more than the margin" in answer(asked(none, head)).cost


def test_every_budget_has_a_line_and_harm_is_named_in_it():
    outcomes = [outcome("none", 0.8), outcome("head", 0.5, seed=1, budget=16), outcome("full", 0.95, seed=2)]
    few, many = budget_lines(decide(differences(outcomes)), {})
    assert few == "16 labels: nothing scored higher than no adaptation; shown to do harm: head"
    assert many.startswith("100 labels: full scored higher in this training run, +15.0 points [")


def test_a_study_of_nothing_says_so():
    answers = answer(asked(outcome("none", 0.7)))
    assert answers.action == "Nothing but no adaptation was tried."
    assert "Nothing that was tried" not in answers.headline


@pytest.mark.parametrize(
    ("target", "shift", "name"),
    [
        ("west", None, "west"),
        (None, "noise@2", "east under the shift noise@2"),
        ("east", None, "east (target)"),
    ],
)
def test_the_sides_are_called_by_their_data_sets(target, shift, name):
    assert domain_names("east", target, shift)["target"] == name


def test_what_to_do_next_is_said_with_numbers_that_the_power_gives():
    study = asked(outcome("none", 0.5), outcome("head", 0.55, seed=1))
    words = answer(study).next
    more = int(
        re.fullmatch(r"Label ([\d,]+) more test images of west, then run it again .*", words)[1].replace(
            ",", ""
        )
    )
    (decision,) = decide(study.differences)
    assert decision.detectable * (300 / (300 + more)) ** 0.5 <= decision.best.estimate.gain
    assert more < 5 * 300
    hopeless = asked(outcome("none", 0.5), outcome("head", 0.52, seed=1))
    assert "takes more than 5 times as many test images" in answer(hopeless).next
    worse = asked(outcome("none", 0.9), outcome("head", 0.6, seed=1))
    assert answer(worse).next.startswith("Keep the base model, or try other strategies")
    assert not answer(asked(outcome("none", 0.9))).next


def test_a_strategy_that_helps_is_to_be_used_where_it_does():
    study = asked(outcome("none", 0.6, runs=5), outcome("head", 0.8, source=0.6, seed=1, runs=5))
    assert answer(study).next == "Use head with 100 labelled images on west, and keep the base model on east."


def test_lines_call_numbers_of_labels_as_they_were_asked_for_and_name_the_metric():
    study = asked(outcome("none", 0.6), outcome("head", 0.8, seed=1))
    (line,) = budget_lines(decide(study.differences), {100: "all (100)"})
    assert line.startswith("all (100) labels: head scored higher in this training run, +20.0 points [")
    assert line.endswith("of balanced accuracy; may lose more than the margin at the source")


def test_a_shifted_target_has_a_short_name():
    assert short_name("east under the shift noise@2", "east") == "east, shifted"
    assert short_name("west", "east") == "west"
