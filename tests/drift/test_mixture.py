"""A difference in the mixture of classes is not one in the images."""

from dataclasses import replace

import numpy as np
import pytest
from drift_samples import found_between, one_each, patients, without_labels

from radapt.drift.monitor import describe_drift


@pytest.mark.parametrize("labelled", [True, False])
def test_another_mixture_of_classes_alone_is_called_images_that_differ_no_more_than_one_time_in_twenty(
    labelled,
):
    alarms, mixtures = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        reference, new = (
            one_each(patients(120, rng, ill=0.75), rng),
            one_each(patients(60, rng, ill=0.45), rng),
        )
        drift = describe_drift(reference, new if labelled else without_labels(new), alpha=0.05, rng=rng)
        assert drift.allowing_for == ("labels" if labelled else "scores")
        alarms += drift.images.alarm
        mixtures += bool(drift.mixture_differs)
    assert alarms <= 5
    assert mixtures > 32


def test_where_the_reference_lacks_images_of_a_class_no_unlikely_mixture_stands_in_for_the_likely_one():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        reference, new = one_each(patients(100, rng, ill=0.97), rng), one_each(patients(60, rng), rng)
        drift = describe_drift(reference, without_labels(new), alpha=0.05, rng=rng)
        assert drift.allowing_for is None


@pytest.mark.parametrize("labelled", [True, False])
def test_images_that_differ_are_noticed_whatever_the_mixture(labelled):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        reference, new = patients(120, rng, ill=0.75), patients(60, rng, ill=0.3)
        new.features[:, 1] += 1.5  # in which the classes do not differ
        drift = describe_drift(
            one_each(reference, rng),
            one_each(new if labelled else without_labels(new), rng),
            alpha=0.05,
            rng=rng,
        )
        assert drift.verdict == ("both" if labelled else "images")
        assert drift.mixture_differs is (True if labelled else None)


def test_images_of_one_class_that_changed_are_noticed_though_the_others_did_not():
    rng = np.random.default_rng(0)
    reference, new = one_each(patients(120, rng), rng), one_each(patients(80, rng), rng)
    new.features[new.labels == 1, 2] += 1.5
    assert describe_drift(reference, new, alpha=0.05, rng=rng).verdict == "images"


def test_where_the_mixture_of_classes_alone_differs_that_is_said():
    rng = np.random.default_rng(0)
    reference, new = patients(200, rng, ill=0.4), patients(100, rng, ill=0.9)
    drift = found_between(reference, new)
    assert (drift["verdict"], drift["alarm"]) == ("mixture", False)
    assert drift["appearance"] == {"differ": False, "allowing_for": "labels"}
    assert drift["patients"] == {"reference": 200, "new": 100}
    assert drift["mixture"]["differs"] is True
    assert drift["mixture"]["by"] == "labels"
    (share,) = drift["mixture"]["classes"]
    assert share["class"] == "PNEUMONIA"
    assert share["p"] == drift["mixture"]["p"] < 1e-6
    whose = [np.unique(side.patients[side.labels == 1]).size / side.people for side in (reference, new)]
    assert [share["reference"], share["new"]] == pytest.approx(whose)
    first, second, *_ = drift["words"]
    assert first.startswith("The mixture of classes differs, by labels: ")
    assert second.startswith("No difference in the images beyond that was found on 100 patients.")
    assert " ".join(drift["words"]).count("The mixture of classes differs") == 1


def test_without_labels_the_mixture_is_estimated_from_scores_and_that_is_said():
    rng = np.random.default_rng(0)
    reference, new = patients(200, rng, ill=0.4), patients(100, rng, ill=0.9)
    drift = found_between(reference, without_labels(new))
    assert (drift["verdict"], drift["alarm"]) == ("mixture", False)
    assert drift["appearance"] == {"differ": False, "allowing_for": "scores"}
    (share,) = drift["mixture"]["classes"]
    assert share["low"] < 0.9 < share["high"]
    assert share["new"] == pytest.approx(0.9, abs=0.06)
    assert share["p"] is None
    assert drift["patients"]["reference"] < 200
    assert "assumes that images of a class look alike on both sides" in drift["words"][-1]


def test_scores_that_part_the_classes_without_error_tell_the_mixture_too():
    rng = np.random.default_rng(0)
    reference, new = patients(120, rng, ill=0.4), patients(100, rng, ill=0.8)
    for side in (reference, new):
        side.scores[:] = np.eye(2)[side.labels] * 0.9 + 0.05
    (share,) = found_between(reference, without_labels(new))["mixture"]["classes"]
    ill = np.unique(new.patients[new.labels == 1]).size / new.people
    assert share["new"] == pytest.approx(ill, abs=0.001)
    assert share["low"] is None


def several_findings(looks, rng):
    """The same images, as of two findings: the classes' own, and one that some have beside it."""
    other = rng.random(len(looks)) < 0.3
    labels = np.stack([looks.labels == 1, other], axis=1).astype(np.float32)
    scores = np.stack([looks.scores[:, 1], np.where(other, 0.7, 0.2)], axis=1)
    return replace(looks, scores=scores, labels=labels, classes=("pneumonia", "effusion"))


@pytest.mark.parametrize("labelled", [True, False])
def test_the_mixture_of_several_findings_is_told_finding_by_finding(labelled):
    rng = np.random.default_rng(0)
    reference = several_findings(patients(200, rng, ill=0.4), rng)
    new = several_findings(patients(100, rng, ill=0.9), rng)
    drift = found_between(reference, new if labelled else without_labels(new))
    assert drift["verdict"] == "mixture"
    ill, effusion = drift["mixture"]["classes"]
    assert (ill["class"], effusion["class"]) == ("pneumonia", "effusion")
    assert ill["new"] == pytest.approx(0.9, abs=0.08)
    assert effusion["new"] == pytest.approx(0.3, abs=0.15)
    assert drift["mixture"]["p"] < 1e-6


def test_a_class_that_the_reference_lacks_is_not_compared_and_differs_in_the_mixture():
    rng = np.random.default_rng(0)
    new = patients(60, rng, ill=0.5)
    drift = found_between(patients(60, rng, ill=0), new)
    ill = np.unique(new.patients[new.labels == 1]).size
    assert drift["mixture"]["differs"] is True
    assert drift["patients"] == {"reference": 60, "new": 60 - ill}
    assert f"New patients of classes that the reference lacks were left out: {ill}." in drift["words"][-1]


def test_where_no_class_is_on_both_sides_images_are_not_told_from_the_mixture():
    rng = np.random.default_rng(0)
    drift = found_between(patients(60, rng, ill=0), patients(60, rng, ill=1))
    assert drift["alarm"] is drift["mixture"]["differs"] is True
    assert drift["appearance"] == {"differ": None, "allowing_for": None}
    assert drift["words"][0].startswith("Images, or their mixture of classes, differ, by these tests: ")
    assert "may be only the mixture that differs" in drift["words"][-1]


def test_a_reference_without_labels_says_nothing_of_the_mixture():
    rng = np.random.default_rng(0)
    drift = found_between(without_labels(patients(60, rng)), without_labels(patients(50, rng)))
    assert drift["verdict"] == "nothing"
    assert drift["mixture"] == {"differs": None, "by": None, "p": None, "classes": []}
