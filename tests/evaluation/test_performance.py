"""A threshold that was chosen elsewhere is held against what it does on the images tested."""

from dataclasses import replace

import numpy as np
import pytest
from samples import CLASSES

from radapt.evaluation.performance import PerformanceOptions, evaluate_performance, threshold_drops
from radapt.evaluation.thresholds import Rule, Threshold, parse_threshold
from radapt.predictions import Predictions

YOUDEN = PerformanceOptions(parse_threshold("youden"))


def said(images: int, *, apart: float, higher: float = 0.0, seed: int = 0) -> Predictions:
    """Images whose log odds stand so far apart by class, all raised by so much."""
    labels = np.arange(images) % 2
    odds = np.random.default_rng(seed).normal(size=images) + apart * (labels - 0.5) + higher
    positive = 1 / (1 + np.exp(-odds))
    names = np.array([f"{seed}-{row}" for row in range(images)])
    return Predictions(np.stack([1 - positive, positive], axis=1), labels, names, names, CLASSES)


def short(test, chosen_on, terms=YOUDEN):
    (found,) = evaluate_performance(test, terms, chosen_on=chosen_on, words="other images")
    return found, [one.metric for one in threshold_drops(found)]


def test_a_threshold_that_keeps_what_it_reached_is_not_doubted():
    found, metrics = short(said(300, apart=3, seed=1), said(300, apart=3))
    assert metrics == []
    reached = found["threshold"]["reached"]
    assert list(reached) == ["sensitivity", "specificity"]
    assert f"sensitivity {reached['sensitivity']['value']:.3f} and" in found["threshold"]["chosen_on"]


@pytest.mark.parametrize(("higher", "lost"), [(-1.5, "sensitivity"), (1.5, "specificity")])
def test_images_that_all_score_lower_or_higher_make_it_doubtful(higher, lost):
    found, metrics = short(said(300, apart=3, higher=higher, seed=1), said(300, apart=3))
    assert metrics == [lost]
    (one,) = threshold_drops(found)
    assert one.here.high < one.there.low - 0.1
    assert next(row["value"] for row in found["estimates"] if row["metric"] == "auroc") > 0.95


def test_what_so_few_images_promised_as_hardly_to_be_told_is_not_missed():
    test = said(300, apart=3, higher=-0.9, seed=1)
    _, of_many = short(test, said(600, apart=3))
    _, of_few = short(test, said(600, apart=3).take(np.arange(16)))
    assert (of_many, of_few) == (["sensitivity"], [])


def test_a_threshold_that_calls_next_to_nothing_is_doubted_whatever_it_reached_where_it_was_chosen():
    blind = said(300, apart=0, seed=2)
    high = replace(blind, scores=np.tile([0.5, 0.5], (300, 1)))
    _, metrics = short(said(300, apart=3, higher=-9, seed=1), high)
    assert metrics == ["balanced-accuracy"]


def test_a_fixed_threshold_is_held_against_a_coin_alone():
    found, metrics = short(said(300, apart=3, higher=-9, seed=1), None, PerformanceOptions())
    assert "reached" not in found["threshold"]
    assert metrics == ["balanced-accuracy"]
    assert short(said(300, apart=3, higher=-1, seed=1), None, PerformanceOptions())[1] == []


def test_a_threshold_that_a_model_comes_with_keeps_what_chose_it():
    own = Threshold(0.3, Rule("youden"), "chosen on 9 other images")
    test = said(60, apart=2, seed=1)
    (found,) = evaluate_performance(test, PerformanceOptions(chosen={"PNEUMONIA": own}))
    assert found["threshold"] == {"value": 0.3, "rule": "youden", "chosen_on": "chosen on 9 other images"}
    (wanted,) = evaluate_performance(test, PerformanceOptions(Rule("fixed", 0.3)))
    assert found["estimates"] == wanted["estimates"]
