"""Scores by group: who the model is worse for, and whether that can be told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from samples import CLASSES, make_dataset

from radapt.errors import AskedWrongly
from radapt.evaluation.evaluate import EvaluateOptions, evaluate_model
from radapt.evaluation.subgroups import UNKNOWN, score_groups, values_of
from radapt.images.imageset import Dataset
from radapt.metrics.table import score
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions


def said(right: dict[str, float], images: int = 80) -> tuple[Predictions, np.ndarray]:
    """Predictions that are right on a share of the images of each group, two images a patient."""
    count = images * len(right)
    labels = np.arange(count) // 2 % 2
    groups = np.repeat(list(right), images)
    rng = np.random.default_rng(0)
    wanted = np.concatenate([rng.permutation(images) < share * images for share in right.values()])
    sick = np.where(wanted, labels, 1 - labels) * 0.8 + 0.1 + rng.uniform(-0.05, 0.05, count)
    ids = np.array([f"f{row}" for row in range(count)])
    patients = np.array([f"p{row // 2}" for row in range(count)])
    return Predictions(np.stack([1 - sick, sick], 1), labels, patients, ids, CLASSES), groups


def test_each_group_has_the_scores_of_its_own_images_with_intervals():
    predictions, values = said({"PA": 0.95, "AP": 0.7})
    groups = score_groups([predictions], values, "view")
    assert [each.name for each in groups.groups] == ["AP", "PA"]
    for each in groups.groups:
        own = predictions.take(values == each.name)
        assert (each.images, each.patients) == (80, 40)
        assert list(each.estimates) == ["auroc", "sensitivity", "specificity", "accuracy"]
        for metric, given in each.estimates.items():
            assert given.value == score(metric, own)
            assert given.low <= given.value <= given.high


def test_a_gap_that_is_there_is_shown_and_one_by_chance_is_not():
    predictions, values = said({"PA": 0.95, "AP": 0.7})
    gap = {each.metric: each for each in score_groups([predictions], values, "view").gaps}["accuracy"]
    assert (gap.best, gap.worst) == ("PA", "AP")
    assert gap.value == pytest.approx(0.25)
    assert 0 < gap.low < gap.value < gap.high
    predictions, values = said({"M": 0.85, "F": 0.8625})
    gap = {each.metric: each for each in score_groups([predictions], values, "sex").gaps}["accuracy"]
    assert gap.low < 0 < gap.value


def test_intervals_of_gaps_hold_the_true_gap_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    held, rounds = 0, 40
    for _ in range(rounds):
        images = 200
        labels = np.arange(2 * images) % 2
        right = rng.random(2 * images) < np.repeat([0.9, 0.75], images)
        sick = np.where(right, labels, 1 - labels) * 0.8 + 0.1
        names = np.arange(2 * images).astype(str)
        predictions = Predictions(np.stack([1 - sick, sick], 1), labels, names, names, CLASSES)
        gaps = score_groups([predictions], np.repeat(["a", "b"], images), "g").gaps
        gap = next(each for each in gaps if each.metric == "accuracy")
        held += gap.low <= 0.15 <= gap.high
    assert held >= 0.85 * rounds


def test_groups_that_are_too_small_are_listed_and_not_scored():
    predictions, values = said({"PA": 0.9, "AP": 0.9, "LL": 0.9})
    values = values.copy()
    ap, ll = np.flatnonzero(values == "AP"), np.flatnonzero(values == "LL")
    values[ap[19:]] = "PA"
    values[ll[predictions.labels[ll] == 1]] = "PA"
    groups = score_groups([predictions], values, "view")
    reasons = {each.name: each.too_small for each in groups.groups}
    assert reasons == {"AP": "fewer than 20 images", "LL": "no image of PNEUMONIA", "PA": ""}
    assert groups.gaps == ()
    listed = groups.as_dict()
    assert [each["group"] for each in listed["too_small"]] == ["AP", "LL"]
    assert "estimates" not in listed["too_small"][0]
    one = replace(predictions, patients=np.full(len(predictions), "one"))
    small = score_groups([one], values, "view").groups[-1]
    assert small.too_small == "fewer than 10 patients"
    assert score_groups([predictions], values, "view", min_images=10).groups[0].too_small == ""


def test_ages_come_in_bands_of_twenty_years_and_in_their_order():
    ages = np.array(["0", "19", "20", "79", "80", "90", "", "100"])
    assert values_of({"age": ages}, "age").tolist() == [
        *("0 to 19", "0 to 19", "20 to 39", "60 to 79"),
        *("80 and over", "80 and over", UNKNOWN, "80 and over"),
    ]
    predictions, _ = said({"x": 0.9})
    values = np.array(["100 to 119", UNKNOWN, "20 to 39", "0 to 19"])[np.arange(80) % 4]
    assert [each.name for each in score_groups([predictions], values, "age").groups] == [
        *("0 to 19", "20 to 39", "100 to 119", UNKNOWN),
    ]


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(AskedWrongly, match="'sex'. Their columns are: view"):
        values_of({"view": np.full(8, "PA")}, "sex")
    with pytest.raises(AskedWrongly, match="They have no columns"):
        values_of({}, "sex")


def test_several_findings_are_scored_by_group_too():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (80, 2)).astype(np.float32)
    ids = np.arange(80).astype(str)
    predictions = Predictions(rng.random((80, 2)), labels, ids, ids, ("mass", "nodule"))
    values = np.repeat(["a", "b"], 40)
    assert all(each.estimates for each in score_groups([predictions], values, "site").groups)
    labels[:40] = 0
    first, second = score_groups([replace(predictions, labels=labels)], values, "site").groups
    assert first.too_small == "no finding that some images have and others have not"
    assert second.estimates


def test_an_evaluation_scores_the_groups_that_it_is_asked_for(hardware):
    data = make_dataset(test=80)
    test = replace(
        data["test"],
        columns={"view": np.repeat(["PA", "AP"], 40), "sex": np.tile(["M", "F"], 40)},
    )
    data = Dataset({**data.splits, "test": test}, data.origin)
    model = build(new_spec("compact", data.classes, size=16), seed=0)
    result = evaluate_model(model, {}, data, EvaluateOptions(by=("view", "sex")), hardware=hardware)
    assert [each["column"] for each in result["subgroups"]] == ["view", "sex"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert "subgroups" not in evaluate_model(model, {}, data, hardware=hardware)
