import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from radapt.errors import AskedWrongly
from radapt.evaluation.thresholds import (
    Threshold,
    choose_threshold,
    parse_threshold,
    thresholds_for,
    thresholds_of,
    validation_of,
)
from radapt.metrics.table import score
from radapt.predictions import Predictions


def two(positive, labels) -> Predictions:
    high, ids = np.asarray(positive, dtype=np.float64), np.arange(len(labels)).astype(np.str_)
    scores = np.stack([1 - high, high], axis=1)
    return Predictions(scores, np.asarray(labels, dtype=np.int64), ids, ids, ("NORMAL", "PNEUMONIA"))


def random_two(seed: int, levels: int = 40) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(300) % 3 == 0)
    return two(np.clip((rng.integers(0, levels, 300) + labels * levels / 3) / levels / 1.5, 0, 1), labels)


def chosen(text: str, predictions: Predictions) -> Threshold:
    return choose_threshold(parse_threshold(text), predictions, on="the validation split")


@pytest.mark.parametrize(
    "text", ["0.5", "0", "1", "youden", "sensitivity=0.95", "specificity=0.9", "cost=5:1"]
)
def test_a_rule_prints_as_it_is_written(text):
    assert str(parse_threshold(text)) == text
    assert parse_threshold(f" {text.upper()} ") == parse_threshold(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yuden", "no rule for a threshold called 'yuden'. There are, for example: 0.5, youden"),
        ("", "no rule for a threshold called ''"),
        ("youden=1", "no rule for a threshold called 'youden=1'"),
        ("recall=0.9", "no rule for a threshold called 'recall=0.9'"),
        ("nan", "no rule for a threshold called 'nan'"),
        ("sensitivity=95", "The sensitivity to reach is a share from 0 to 1. Got 'sensitivity=95'"),
        ("50", "A threshold is a probability from 0 to 1. Got '50'"),
        ("cost=5", "Costs are two numbers above 0"),
        ("cost=0:1", "Costs are two numbers above 0"),
        ("cost=inf:1", "Costs are two numbers above 0"),
    ],
)
def test_nonsense_is_answered_in_a_sentence(text, words):
    with pytest.raises(AskedWrongly) as caught:
        parse_threshold(text)
    assert words in str(caught.value)


def test_a_fixed_threshold_is_chosen_on_nothing():
    choice = chosen("0.3", two([], []))
    assert (choice.value, choice.chosen_on) == (0.3, "fixed beforehand")


@pytest.mark.parametrize("text", ["0", "sensitivity=1", "cost=1000:1"])
def test_a_threshold_of_0_says_what_it_means(text):
    predictions = two([0.1, 0.2, 0.8, 0.9], [1, 0, 0, 1])
    choice = chosen(text, predictions)
    assert choice.value == 0
    assert choice.chosen_on.endswith("; at 0 every image is predicted positive, whatever its score")
    assert "every image" not in chosen("specificity=0.9", predictions).chosen_on


@pytest.mark.parametrize("seed", range(5))
def test_youdens_threshold_is_the_best_that_the_roc_curve_has(seed):
    predictions = random_two(seed)
    fpr, tpr, _ = roc_curve(predictions.labels, predictions.scores[:, 1], drop_intermediate=False)
    choice = chosen("youden", predictions)
    reached = (
        score("sensitivity", predictions, choice.value) + score("specificity", predictions, choice.value) - 1
    )
    assert reached == pytest.approx((tpr - fpr).max(), abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.95, 1.0])
def test_a_share_to_be_reached_is_reached_and_no_further_threshold_reaches_it(share):
    predictions = random_two(1)
    of_finding = chosen(f"sensitivity={share}", predictions).value
    of_others = chosen(f"specificity={share}", predictions).value
    assert score("sensitivity", predictions, of_finding) >= share
    assert score("specificity", predictions, of_others) >= share
    steps = np.unique(predictions.scores[:, 1])
    higher, lower = steps[steps > of_finding], steps[steps < of_others]
    if len(higher) > 1:
        assert score("sensitivity", predictions, higher[1]) < share
    if len(lower):
        assert score("specificity", predictions, lower[-1]) < share


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=20),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_no_threshold_costs_less_than_the_one_chosen(images, missed, alarm):
    labels = np.array([image[1] for image in images])
    if labels.all() or not labels.any():
        return
    predictions = two([image[0] / 8 for image in images], labels)

    def cost(threshold):
        called = predictions.decide(threshold) == 1
        return missed * (labels & ~called).sum() + alarm * (~labels & called).sum()

    choice = chosen(f"cost={missed}:{alarm}", predictions)
    assert cost(choice.value) == min(cost(value) for value in np.arange(-0.5, 9.5) / 8)


def test_a_missed_image_that_costs_more_lowers_the_threshold():
    values = [chosen(f"cost={missed}:1", random_two(2)).value for missed in (0.01, 0.5, 2, 10, 1000)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_where_nothing_is_worth_calling_nothing_is_called_though_a_score_is_1():
    predictions = two([1.0, 0.2, 0.6], [0, 1, 0])
    assert (predictions.decide(chosen("cost=1:100", predictions).value) == 0).all()
    assert (predictions.decide(chosen("specificity=1", predictions).value) == 0).all()


def test_scores_that_are_next_to_one_another_are_still_told_apart():
    low = 0.3
    predictions = two([low, np.nextafter(low, 1)], [0, 1])
    assert (predictions.decide(chosen("youden", predictions).value) == [0, 1]).all()


def test_what_chose_a_threshold_is_always_said():
    predictions = random_two(3)
    choice = chosen("sensitivity=0.9", predictions)
    assert choice.chosen_on.startswith(
        "chosen on 300 images of the validation split, 100 of them with the finding"
    )
    assert f"sensitivity {score('sensitivity', predictions, choice.value):.3f}" in choice.chosen_on
    assert f"specificity {score('specificity', predictions, choice.value):.3f}" in str(choice)
    assert Threshold.from_dict(json.loads(json.dumps(choice.as_dict(), allow_nan=False))) == choice


def test_the_finding_may_be_the_first_class_or_the_only_finding():
    predictions = random_two(4)
    swapped = Predictions(
        predictions.scores[:, ::-1].copy(),
        1 - predictions.labels,
        predictions.patients,
        predictions.ids,
        ("PNEUMONIA", "NORMAL"),
    )
    alone = Predictions(
        predictions.scores[:, 1:],
        predictions.labels[:, None].astype(np.float32),
        predictions.patients,
        predictions.ids,
        ("PNEUMONIA",),
    )
    for text in ("youden", "sensitivity=0.8", "cost=3:1"):
        assert chosen(text, swapped) == chosen(text, predictions) == chosen(text, alone)


def test_images_that_cannot_choose_are_refused():
    with pytest.raises(
        AskedWrongly, match=r"youden needs images with and images without.*Got 0 with and 2 without"
    ):
        chosen("youden", two([0.1, 0.4], [0, 0]))
    assert chosen("specificity=0.5", two([0.1, 0.4], [0, 0])).value == pytest.approx(0.25)
    ids = np.array(["a", "b"])
    three = Predictions(np.full((2, 3), 1 / 3), np.array([0, 1]), ids, ids, ("a", "b", "c"))
    with pytest.raises(
        AskedWrongly, match="A threshold is for one finding. These predictions have 3: a, b, c"
    ):
        chosen("youden", three)
    several = Predictions(np.full((2, 2), 0.5), np.eye(2, dtype=np.float32), ids, ids, ("a", "b"))
    with pytest.raises(AskedWrongly, match=r"done for each of `apart\(\)`"):
        chosen("youden", several)


def test_each_finding_has_a_threshold_of_its_own_and_two_classes_have_one():
    rule, classes = parse_threshold("youden"), ("NORMAL", "PNEUMONIA")
    one = random_two(0)
    thresholds = thresholds_for(rule, classes, exclusive=True, validation=one, on="some")
    assert thresholds == {"PNEUMONIA": choose_threshold(rule, one, on="some")}
    other = random_two(1)
    findings = Predictions(
        np.stack([one.scores[:, 1], other.scores[:, 1]], axis=1),
        np.stack([one.labels, other.labels], axis=1).astype(np.float32),
        one.patients,
        one.ids,
        ("edema", "mass"),
    )
    thresholds = thresholds_for(rule, findings.classes, exclusive=False, validation=findings, on="some")
    expected = [choose_threshold(rule, each, on="some").value for each in (one, other)]
    assert [thresholds[name].value for name in findings.classes] == expected
    fixed = thresholds_for(parse_threshold("0.3"), classes, exclusive=True, validation=None, on="")
    assert {name: each.value for name, each in fixed.items()} == {"PNEUMONIA": 0.3}
    with pytest.raises(AskedWrongly, match="has 3 classes"):
        thresholds_for(rule, "abc", exclusive=True, validation=None, on="")
    with pytest.raises(AskedWrongly, match="has no predictions for them"):
        thresholds_for(rule, classes, exclusive=True, validation=None, on="")


def test_a_rule_needs_the_validation_images_of_a_run(tmp_path):
    assert validation_of(tmp_path) is None
    with pytest.raises(AskedWrongly, match="has no predictions for them"):
        thresholds_of(tmp_path, ("NORMAL", "PNEUMONIA"), "youden", exclusive=True)
    assert thresholds_of(None, ("NORMAL", "PNEUMONIA"), None, exclusive=True) == {}
