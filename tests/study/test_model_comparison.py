from dataclasses import replace

import numpy as np
import pytest
from outcomes import outcome, predicted

from radapt.errors import AskedWrongly
from radapt.predictions import Predictions
from radapt.stats.inference import difference, estimate
from radapt.study.comparison import differences
from radapt.study.model_comparison import (
    Model,
    common_test_set,
    compare_models,
    images_in_common,
    in_a_sentence,
    match,
)


def model(name: str, right: float, seed: int = 0) -> Model:
    return Model(name, (predicted(right, seed=seed),), f"{name}.csv")


A, B, C = model("a", 0.7), model("b", 0.9, 1), model("c", 0.71, 2)


def test_models_are_compared_as_the_strategies_of_a_study_are():
    outcomes = [outcome("none", 0.7), outcome("head", 0.9, seed=1), outcome("full", 0.71, seed=2)]
    study = [row for row in differences(outcomes) if (row.domain, row.against) == ("target", "none")]
    comparison = compare_models([A, B, C]).differences
    assert len(comparison) == len(study) == 6
    for one, other in zip(comparison, study, strict=True):
        assert (one.metric, one.estimate, one.adjusted) == (other.metric, other.estimate, other.adjusted)


def test_only_images_that_all_have_scored_are_compared_in_the_order_of_the_first():
    order = np.random.default_rng(0).permutation(300)
    fewer = replace(B, runs=(B.runs[0].take(order[:200]),))
    comparison = compare_models([A, fewer])
    assert comparison.scored == (300, 200)
    kept = A.runs[0].take(np.sort(order[:200]))
    assert all(run.ids.tolist() == kept.ids.tolist() for each in comparison.models for run in each.runs)
    (row,) = [row for row in comparison.differences if row.metric == "auroc"]
    assert row.estimate == difference("auroc", [B.runs[0].take(np.sort(order[:200]))], [kept])
    assert [each["unmatched"] for each in comparison.as_dict()["models"]] == [100, 0]


def test_models_that_share_no_image_are_refused_unless_they_stand_side_by_side():
    other = Model("other", (predicted(0.9, domain="s"),), "other.csv")
    assert not images_in_common([A, other])
    with pytest.raises(AskedWrongly, match="a has 't0', other has 's0'"):
        compare_models([A, other])
    comparison = compare_models([A, other], pair=False)
    assert (comparison.differences, comparison.verdicts, comparison.as_dict()["images"]) == ((), (), None)
    scores = {(row.strategy, row.metric): row.estimate for row in comparison.scores}
    assert scores["other", "auroc"] == estimate("auroc", other.runs)


def test_images_with_other_labels_are_refused():
    labels = B.runs[0].labels.copy()
    labels[[3, 8]] = 1 - labels[[3, 8]]
    with pytest.raises(AskedWrongly, match="2 images of 300 have another label in b than in a, such as 't3'"):
        compare_models([A, replace(B, runs=(replace(B.runs[0], labels=labels),))])


def test_the_positive_class_is_paired_whatever_classes_are_called_and_however_they_are_ordered():
    run = B.runs[0]
    renamed = replace(run, classes=("no y", "y"))
    turned = replace(run, scores=run.scores[:, ::-1], labels=1 - run.labels, classes=run.classes[::-1])
    for other in (renamed, turned):
        models, _ = match([A, replace(B, runs=(other,))])
        np.testing.assert_array_equal(models[1].runs[0].scores, run.scores)
        np.testing.assert_array_equal(models[1].runs[0].labels, run.labels)
    three = Predictions(
        np.full((300, 3), 1 / 3), run.labels, run.patients, run.ids, ("NORMAL", "PNEUMONIA", "other")
    )
    with pytest.raises(AskedWrongly, match="Models of the same classes are compared"):
        match([A, replace(B, runs=(three,))])


def test_patients_are_those_of_the_first_and_other_groups_are_noted():
    def with_patients(given: Model, patients) -> Model:
        return replace(given, runs=(replace(given.runs[0], patients=patients),))

    pairs = np.array([f"p{row // 2}" for row in range(300)])
    first = with_patients(A, pairs)
    same, notes = match([first, with_patients(B, np.char.add("q", pairs))])
    assert notes == ()
    assert same[1].runs[0].patients.tolist() == pairs.tolist()
    _, notes = match([first, B])
    assert notes == ("b groups the images into other patients than a, whose patients are used.",)


def test_verdicts_say_which_scored_better_and_what_could_have_been_shown():
    better, unclear = compare_models([A, B, C]).verdicts
    assert better.startswith("b scored better than a: +20.0 points [")
    assert "(at least 1" in better
    assert unclear.startswith("No difference between c and a was shown: +1.0 points [")
    assert "would have been shown four times out of five" in unclear
    worse = compare_models([B, A], "brier")
    assert worse.verdicts[0].startswith("a scored worse than b: +12.0 points [")
    assert "of Brier score, of which lower is better, on these images (at least" in worse.verdicts[0]
    one_class = replace(A, runs=(A.runs[0].take(np.flatnonzero(A.runs[0].labels == 0)),))
    (row,) = [row for row in compare_models([one_class, B]).differences if row.metric == "auroc"]
    assert in_a_sentence(row) == "b against a: the AUROC is not defined on these images."


def test_models_need_names_of_their_own():
    for models in ([A], [A, A]):
        with pytest.raises(AskedWrongly, match="Two models or more"):
            compare_models(models)


def test_runs_are_compared_on_a_test_set_that_all_have(tmp_path):
    runs = [tmp_path / name for name in ("one", "two")]
    for run in runs:
        (run / "predictions").mkdir(parents=True)
        for name, domain in (("source-test", "s"), ("target-test", "t")):
            predicted(0.8, domain=domain).save(run / "predictions" / f"{name}.parquet")
    assert common_test_set(runs, []) == "target-test"
    source = Model("vendor", (predicted(0.8, domain="s"),), "")
    assert common_test_set(runs, [source]) == "source-test"
    other = Model("vendor", (predicted(0.8, domain="x"),), "")
    with pytest.raises(AskedWrongly, match="one has source-test, target-test; "):
        common_test_set(runs, [other])


def test_each_model_may_decide_at_a_threshold_of_its_own():
    from_half = compare_models([A, B], "balanced-accuracy")
    strict = replace(B, threshold=0.9)  # no image of B has so high a score
    comparison = compare_models([A, strict], "balanced-accuracy")
    scores = {(row.strategy, row.metric): row.estimate.value for row in comparison.scores}
    before = {(row.strategy, row.metric): row.estimate.value for row in from_half.scores}
    assert (scores["b", "sensitivity"], scores["b", "specificity"]) == (0, 1)
    for metric in ("auroc", "brier"):
        assert scores["b", metric] == before["b", metric]
    for metric in ("sensitivity", "auroc", "balanced-accuracy"):
        assert scores["a", metric] == before["a", metric]
    changed = {row.metric: row.estimate.value for row in comparison.differences}
    assert changed["balanced-accuracy"] == pytest.approx(0.5 - before["a", "balanced-accuracy"])
    assert changed["auroc"] == {row.metric: row.estimate.value for row in from_half.differences}["auroc"]
    assert [each["threshold"] for each in comparison.as_dict()["models"]] == [0.5, 0.9]


def test_the_same_decisions_at_another_threshold_have_the_same_scores():
    moved = replace(B, threshold=0.7)  # scores are 0.2 and 0.8
    for one, other in zip(compare_models([A, B]).scores, compare_models([A, moved]).scores, strict=True):
        assert one.estimate == other.estimate


def test_studies_of_other_targets_that_share_names_are_noted():
    one, other = replace(A, target="noise@3, seed 0"), replace(B, target="noise@1, seed 0")
    (note,) = compare_models([one, other]).notes
    assert "noise@1, seed 0, noise@3, seed 0" in note
    assert "paired by name alone" in note
    assert compare_models([one, replace(B, target=one.target)]).notes == ()
    assert compare_models([one, B]).notes == ()
