import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from samples import CLASSES, make_dataset, make_images

from radapt.drift.features import DriftFeatures, extract_features
from radapt.drift.monitor import describe_drift, find_drift
from radapt.drift.outliers import distances
from radapt.drift.performance_change import performance_change, unpaired_difference
from radapt.drift.pixels import NAMES as GREYS
from radapt.drift.pixels import compare_greys, grey_statistics
from radapt.drift.reference import ABOUT, MAX_IMAGES, NUMBERS, read_reference, write_reference
from radapt.drift.two_samples import (
    compare_by_classifier,
    compare_features,
    compare_scores,
    domain_classifier_auroc,
    log_odds_of_new,
    one_image_each,
    permute_sides,
)
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.holdout import split_validation
from radapt.runs.train import TrainOptions, train_model
from radapt.stats.estimate import Estimate
from radapt.training.recipe import Recipe

NULLS = 300


def patients(count, rng, *, images=(1, 4), width=4, mean=0.0, ill=0.5):
    """Patients with several images each, which resemble one another more than those of others."""
    numbers = np.repeat(np.arange(count), rng.integers(images[0], images[1] + 1, count))
    labels = (rng.random(count) < ill).astype(np.int64)
    centres = rng.normal(size=(count, width)) + mean
    centres[:, 0] += 3 * labels
    features = centres[numbers] + 0.3 * rng.normal(size=(len(numbers), width))
    score = 1 / (1 + np.exp(1.5 - features[:, 0]))
    return DriftFeatures(
        features.astype(np.float32),
        np.stack([1 - score, score], axis=1).astype(np.float32),
        labels[numbers],
        numbers,
        CLASSES,
    )


def one_each(looks, rng):
    return looks.take(one_image_each(looks.patients, rng))


def permuted(old, new, rng, strata=None):
    """Rows of two sides, in one stratum unless strata are given."""
    count = len(old) + len(new)
    strata = np.zeros(count, np.int64) if strata is None else strata
    return permute_sides(np.arange(count) >= len(old), strata, rng)


def both(old, new):
    return np.concatenate([old, new])


def without_labels(looks):
    return replace(looks, labels=np.full((len(looks), 2), np.nan, np.float32))


def found_between(old, new, **options):
    return find_drift(old, new, [f"image-{row}" for row in range(len(new))], **options)


# One image of each patient: how often is nothing called something?


@pytest.mark.parametrize("images", [(1, 4), (8, 8)], ids=["as-many-images", "more-images-of-the-new"])
def test_scores_and_features_drawn_alike_differ_no_more_than_one_time_in_twenty(images):
    rejected = np.zeros(2)
    for seed in range(NULLS):
        rng = np.random.default_rng([seed, *images])
        old, new = one_each(patients(30, rng), rng), one_each(patients(20, rng, images=images), rng)
        sides = permuted(old, new, rng)
        scores = compare_scores(both(old.scores, new.scores)[:, 1:], sides)[0]
        features = compare_features(both(old.features, new.features), sides)
        rejected += [scores.p <= 0.05, features.p <= 0.05]
    assert (rejected / NULLS <= 0.09).all(), rejected


def test_a_classifier_tells_images_drawn_alike_apart_no_more_than_one_time_in_twenty():
    rejected = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        old, new = one_each(patients(30, rng), rng), one_each(patients(20, rng), rng)
        sides = permuted(old, new, rng)
        rejected += compare_by_classifier(both(old.features, new.features), sides, rng).p <= 0.05
    assert rejected <= 10


def test_all_images_of_each_patient_would_cry_wolf():
    rejected = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        old, new = patients(30, rng, images=(8, 8)), patients(20, rng, images=(8, 8))
        scores = both(old.scores, new.scores)[:, 1:]
        rejected += compare_scores(scores, permuted(old, new, rng))[0].p <= 0.05
    assert rejected > 30


def test_every_test_sees_features_that_have_moved():
    rng = np.random.default_rng(0)
    old, new = one_each(patients(60, rng), rng), one_each(patients(60, rng, mean=3), rng)
    sides, features = permuted(old, new, rng), both(old.features, new.features)
    assert compare_scores(both(old.scores, new.scores)[:, 1:], sides)[0].p == 0.001
    assert compare_features(features, sides).p == 0.001
    apart = compare_by_classifier(features, sides, rng)
    assert apart.statistic > 0.9
    assert apart.p == 0.001


def test_in_one_stratum_scores_are_compared_by_the_distance_of_kolmogorov_and_smirnov():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(0)
    old, new = rng.integers(0, 9, (40, 1)), rng.integers(1, 9, (30, 1))  # with ties
    found = compare_scores(both(old, new).astype(np.float32), permuted(old, new, rng))[0]
    exact = ks_2samp(old[:, 0], new[:, 0])
    assert found.statistic == pytest.approx(exact.statistic)


def test_in_one_stratum_the_classifier_gives_the_area_that_a_ridge_regression_gives():
    from sklearn.linear_model import Ridge
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(60, 3)), rng.normal([1, 0, 0], size=(60, 3))
    rows, truth = both(old, new).astype(np.float32), np.repeat([0, 1], 60)
    found = compare_by_classifier(rows, permuted(old, new, rng), rng).statistic
    model = Ridge(alpha=80).fit(rows[::2], truth[::2])
    assert found == pytest.approx(roc_auc_score(truth[1::2], model.predict(rows[1::2])), abs=0.08)


@pytest.mark.parametrize("labelled", [True, False])
def test_another_mixture_of_classes_alone_is_called_images_that_differ_no_more_than_one_time_in_twenty(
    labelled,
):
    alarms, mixtures = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        old, new = one_each(patients(120, rng, ill=0.75), rng), one_each(patients(60, rng, ill=0.45), rng)
        found = describe_drift(old, new if labelled else without_labels(new), alpha=0.05, rng=rng)
        assert found.allowing_for == ("labels" if labelled else "scores")
        alarms += found.images.alarm
        mixtures += bool(found.mixture_differs)
    assert alarms <= 5
    assert mixtures > 32


def test_where_the_reference_lacks_images_of_a_class_no_unlikely_mixture_stands_in_for_the_likely_one():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        old, new = one_each(patients(100, rng, ill=0.97), rng), one_each(patients(60, rng), rng)
        found = describe_drift(old, without_labels(new), alpha=0.05, rng=rng)
        assert found.allowing_for is None


@pytest.mark.parametrize("labelled", [True, False])
def test_images_that_differ_are_noticed_whatever_the_mixture(labelled):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        old, new = patients(120, rng, ill=0.75), patients(60, rng, ill=0.3)
        new.features[:, 1] += 1.5  # in which the classes do not differ
        found = describe_drift(
            one_each(old, rng),
            one_each(new if labelled else without_labels(new), rng),
            alpha=0.05,
            rng=rng,
        )
        assert found.verdict == ("both" if labelled else "images")
        assert found.mixture_differs is (True if labelled else None)


def test_images_of_one_class_that_changed_are_noticed_though_the_others_did_not():
    rng = np.random.default_rng(0)
    old, new = one_each(patients(120, rng), rng), one_each(patients(80, rng), rng)
    new.features[new.labels == 1, 2] += 1.5
    assert describe_drift(old, new, alpha=0.05, rng=rng).verdict == "images"


def test_one_image_of_each_patient_is_drawn():
    numbers = np.array([3, 3, 3, 0, 1, 1])
    drawn = {tuple(one_image_each(numbers, np.random.default_rng(seed))) for seed in range(50)}
    assert all(numbers[list(rows)].tolist() == [0, 1, 3] for rows in drawn)
    assert len(drawn) == 6


def test_digits_that_differ_from_machine_to_machine_do_not_tell_images_apart():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 3)).astype(np.float32)
    features[:, 2] = np.where(np.arange(80) < 40, 0.1234567, 0.1234568)
    sides = permuted(features[:40], features[40:], rng)
    assert compare_by_classifier(features, sides, rng).p > 0.05
    assert compare_features(features, sides).p > 0.05


def test_of_many_features_the_principal_components_tell_images_apart():
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(2, 40, 300)).astype(np.float32)
    sides = np.repeat([0, 1], 40)
    assert domain_classifier_auroc(np.concatenate([old, new + 1]), sides, np.arange(80)) > 0.95


def test_one_patient_alone_cannot_be_told_apart():
    features = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    sides = np.repeat([0, 1], [5, 4])
    assert math.isnan(domain_classifier_auroc(features, sides, np.array([0, 1, 2, 3, 4, 5, 5, 5, 5])))


def test_a_image_is_called_new_by_what_other_patients_look_like():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 2)).astype(np.float32)
    sides = np.repeat([0, 1], 30)
    features[30:, 0] += 4
    features[30:33, 0] -= 4  # a patient who looks old
    whose = np.concatenate([np.arange(30), 30 + np.arange(30) // 3])
    surely = log_odds_of_new(features, sides, whose, one_image_each(whose, rng))
    assert surely[33:].min() > surely[30:33].max()


# The pixels


def ramps(count, rng, *, lean=0.0):
    """Images of 24 x 24 pixels that are brighter to one side, each by another amount, and noisy."""
    slope = rng.normal(size=(count, 1, 1)) * 10 + lean
    levels = 120 + slope * np.linspace(-1, 1, 24) + 12 * rng.normal(size=(count, 24, 24))
    return np.clip(levels, 0, 255).astype(np.uint8)


def greys_of(count, rng, **options):
    return grey_statistics(ramps(count, rng, **options))


def test_grey_statistics_drawn_alike_differ_no_more_than_one_time_in_twenty():
    rng = np.random.default_rng(0)
    images = greys_of(1500, rng)
    rejected = 0
    for _ in range(100):
        rows = rng.permutation(len(images))[:50]
        sides = permuted(rows[:30], rows[30:], rng)
        rejected += compare_greys(images[rows], sides)[0].p <= 0.05
    assert rejected <= 10


def test_grey_statistics_are_compared_within_strata():
    rng = np.random.default_rng(0)
    dark, bright = greys_of(60, rng), grey_statistics(np.clip(ramps(60, rng), 0, 215) + 40)
    images = np.concatenate([dark[:10], bright[:40], dark[10:50], bright[40:50]])  # the mixture differs alone
    kinds = np.repeat([0, 1, 0, 1], [10, 40, 40, 10])
    assert compare_greys(images, permuted(images[:50], images[50:], rng))[0].p == 0.001
    test, differ = compare_greys(images, permuted(images[:50], images[50:], rng, kinds))
    assert test.p > 0.05
    mean = next(each for each in differ if each.name == "mean")
    assert mean.new == pytest.approx(mean.reference, abs=0.02)


def test_a_grey_statistic_is_what_its_name_says():
    image = np.zeros((1, 32, 32), np.uint8)
    image[:, 16:, 16:] = 255
    said = dict(zip(GREYS, grey_statistics(image)[0].tolist(), strict=True))
    assert said["mean"] == said["white"] == 0.25
    assert said["black"] == 0.75
    assert said["levels"] == 2
    assert said["side"] == said["foot"] == said["corners"] * 2 == 0.5
    assert said["across"] == said["coarse"] == 0
    assert said["cell-6-6"] > 0 > said["cell-1-1"] == said["cell-1-6"]


def test_images_that_lean_and_their_mirror_images_lean_oppositely():
    image = np.triu(np.full((40, 40), 200, np.uint8))[None]
    both = grey_statistics(np.concatenate([image, image[:, :, ::-1]]))
    slant = both[:, GREYS.index("slant")]
    assert slant[0] == pytest.approx(-slant[1], abs=1e-3)
    assert slant[0] < -0.9


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda images: images // 2, "mean", "darker: mean grey 0.23"),
        (lambda images: images[:, :, ::-1], "side", "right half darker: right half less left -0.1"),
        (lambda images: np.clip(images, 110, 130), "spread", "less contrast: spread of grey 0.0"),
    ],
    ids=["darker", "mirrored", "clipped"],
)
def test_what_was_done_to_the_pixels_is_said(change, name, words):
    rng = np.random.default_rng(0)
    old, new = greys_of(60, rng, lean=30), grey_statistics(change(ramps(60, rng, lean=30)))
    test, differ = compare_greys(both(old, new), permuted(old, new, rng))
    assert test.p == 0.001
    assert str(next(each for each in differ if each.name == name)).startswith(words)


def test_images_that_vary_more_either_way_are_noticed_though_none_is_usual():
    rng = np.random.default_rng(0)
    lean = np.where(np.arange(80) % 2, 40.0, -40.0)[:, None, None]
    images = both(greys_of(80, rng), greys_of(80, rng, lean=lean))
    test, differ = compare_greys(images, permuted(images[:80], images[80:], rng))
    side = next(each for each in differ if each.name == "side")
    assert test.p == 0.001
    assert str(side).startswith("varying more: right half less left")


def test_a_grey_statistic_that_never_changes_tells_nothing():
    rng = np.random.default_rng(0)
    images = greys_of(40, rng)
    images[:, :50] = 1
    assert compare_greys(images, permuted(images[:20], images[20:], rng))[0].p > 0.05


def test_pixels_that_the_features_do_not_see_raise_the_alarm():
    rng = np.random.default_rng(1)
    old, new = one_each(patients(60, rng), rng), one_each(patients(50, rng), rng)
    old = replace(old, greys=greys_of(60, rng))
    found = found_between(old, replace(new, greys=grey_statistics(ramps(50, rng) // 2)))
    assert [test["name"] for test in found["tests"] if test["differs"]] == ["pixels"]
    assert found["words"][0] == "Images differ, by grey statistics of the pixels (ranks)."
    assert "darker: median grey 0.23" in found["words"][1]
    assert found["greys"][0]["p"] == 0.001
    assert len(found["tests"]) == 4
    assert all(test["adjusted"] == min(1, 4 * test["p"]) for test in found["tests"])


# Image by image


def test_of_images_like_the_reference_one_in_twenty_is_farther_than_its_95th_percentile():
    rng = np.random.default_rng(0)
    far = distances(patients(150, rng, width=12), patients(400, rng, width=12)).percentile
    assert 0.02 < (far > 95).mean() < 0.09
    assert 40 < np.median(far) < 60


def test_a_image_unlike_any_of_the_reference_is_beyond_all_of_them():
    rng = np.random.default_rng(0)
    new = patients(30, rng)
    new.features[7] = 25
    found = distances(patients(60, rng), new)
    assert found.percentile[7] == 100
    assert found.distance.argmax() == 7


# The whole


@pytest.fixture(scope="module")
def alike():
    rng = np.random.default_rng(0)
    return found_between(patients(60, rng), patients(50, rng))


@pytest.fixture(scope="module")
def moved():
    rng = np.random.default_rng(1)
    return found_between(patients(60, rng), patients(50, rng, mean=2))


def test_images_drawn_alike_raise_no_alarm(alike):
    assert alike["alarm"] is False
    assert alike["verdict"] == "nothing"
    first, second, third = alike["words"]
    assert first == "No difference in the images was found, on 50 patients. It may be a small one."
    assert second.startswith("The mixture of classes was not found to differ, by labels: PNEUMONIA ")
    assert third == "Images were compared within classes."
    assert alike["appearance"] == {"differ": False, "allowing_for": "labels"}


def test_an_alarm_speaks_of_images_and_not_of_the_model(moved):
    assert moved["alarm"] is moved["appearance"]["differ"] is True
    assert moved["verdict"] == "images"
    assert moved["words"][0].startswith("Images differ, by ")
    assert not any("wrong" in sentence for sentence in moved["words"])


def test_the_answer_is_strict_json_with_a_p_value_for_each_test(moved):
    tests = json.loads(json.dumps(moved, allow_nan=False))["tests"]
    assert [test["name"] for test in tests] == ["bbsd", "mmd", "classifier"]
    assert all(0 < test["p"] <= test["adjusted"] <= 1 for test in tests)
    assert all(test["adjusted"] == min(1, 3 * test["p"]) for test in tests)


def test_where_the_mixture_of_classes_alone_differs_that_is_said():
    rng = np.random.default_rng(0)
    old, new = patients(200, rng, ill=0.4), patients(100, rng, ill=0.9)
    found = found_between(old, new)
    assert (found["verdict"], found["alarm"]) == ("mixture", False)
    assert found["appearance"] == {"differ": False, "allowing_for": "labels"}
    assert found["patients"] == {"reference": 200, "new": 100}
    assert found["mixture"]["differs"] is True
    assert found["mixture"]["by"] == "labels"
    (share,) = found["mixture"]["classes"]
    assert share["class"] == "PNEUMONIA"
    assert share["p"] == found["mixture"]["p"] < 1e-6
    whose = [np.unique(side.patients[side.labels == 1]).size / side.people for side in (old, new)]
    assert [share["reference"], share["new"]] == pytest.approx(whose)
    first, second, *_ = found["words"]
    assert first.startswith("The mixture of classes differs, by labels: ")
    assert second.startswith("No difference in the images beyond that was found, on 100 patients.")
    assert " ".join(found["words"]).count("The mixture of classes differs") == 1


def test_without_labels_the_mixture_is_estimated_from_scores_and_that_is_said():
    rng = np.random.default_rng(0)
    old, new = patients(200, rng, ill=0.4), patients(100, rng, ill=0.9)
    found = found_between(old, without_labels(new))
    assert (found["verdict"], found["alarm"]) == ("mixture", False)
    assert found["appearance"] == {"differ": False, "allowing_for": "scores"}
    (share,) = found["mixture"]["classes"]
    assert share["low"] < 0.9 < share["high"]
    assert share["new"] == pytest.approx(0.9, abs=0.06)
    assert share["p"] is None
    assert found["patients"]["reference"] < 200
    assert "supposes that images of a class look alike in both" in found["words"][-1]


def test_scores_that_part_the_classes_without_error_tell_the_mixture_too():
    rng = np.random.default_rng(0)
    old, new = patients(120, rng, ill=0.4), patients(100, rng, ill=0.8)
    for side in (old, new):
        side.scores[:] = np.eye(2)[side.labels] * 0.9 + 0.05
    (share,) = found_between(old, without_labels(new))["mixture"]["classes"]
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
    old = several_findings(patients(200, rng, ill=0.4), rng)
    new = several_findings(patients(100, rng, ill=0.9), rng)
    found = found_between(old, new if labelled else without_labels(new))
    assert found["verdict"] == "mixture"
    ill, effusion = found["mixture"]["classes"]
    assert (ill["class"], effusion["class"]) == ("pneumonia", "effusion")
    assert ill["new"] == pytest.approx(0.9, abs=0.08)
    assert effusion["new"] == pytest.approx(0.3, abs=0.15)
    assert found["mixture"]["p"] < 1e-6


def test_a_class_that_the_reference_lacks_is_not_compared_and_differs_in_the_mixture():
    rng = np.random.default_rng(0)
    new = patients(60, rng, ill=0.5)
    found = found_between(patients(60, rng, ill=0), new)
    ill = np.unique(new.patients[new.labels == 1]).size
    assert found["mixture"]["differs"] is True
    assert found["patients"] == {"reference": 60, "new": 60 - ill}
    assert f"{ill} new patients of classes that the reference lacks were left out." in found["words"][-1]


def test_where_no_class_is_on_both_sides_images_are_not_told_from_the_mixture():
    rng = np.random.default_rng(0)
    found = found_between(patients(60, rng, ill=0), patients(60, rng, ill=1))
    assert found["alarm"] is found["mixture"]["differs"] is True
    assert found["appearance"] == {"differ": None, "allowing_for": None}
    assert found["words"][0].startswith("Inputs differ, by ")
    assert "may be that alone that differs" in found["words"][-1]


def test_a_reference_without_labels_says_nothing_of_the_mixture():
    rng = np.random.default_rng(0)
    found = found_between(without_labels(patients(60, rng)), without_labels(patients(50, rng)))
    assert found["verdict"] == "nothing"
    assert found["mixture"] == {"differs": None, "by": None, "p": None, "classes": []}


def test_without_labels_there_is_no_harm_to_tell():
    rng = np.random.default_rng(1)
    found = found_between(patients(60, rng), without_labels(patients(50, rng, mean=2)))
    assert found["performance_change"] is None
    assert found["verdict"] == "images"
    assert "their scores do not show how their classes are mixed" in " ".join(found["words"])
    assert found["words"][-1] == "Whether the model does worse on them, only labels can say."


def test_the_images_named_are_the_farthest_and_those_least_alike(moved):
    far = moved["outliers"]["images"]
    assert len(far) == len(moved["least_similar"]) == 10
    assert [image["distance"] for image in far] == sorted((f["distance"] for f in far), reverse=True)
    assert moved["outliers"]["share"] > 3 * moved["outliers"]["expected"]
    assert all(image["id"].startswith("image-") for image in moved["least_similar"])
    assert moved["least_similar"][0]["probability"] > 0.9


def test_images_of_nine_patients_are_too_few():
    rng = np.random.default_rng(0)
    with pytest.raises(AskedWrongly, match="10 patients at least on both sides. Got 9 new patients, and 60"):
        found_between(patients(60, rng), patients(9, rng))


def test_equal_seeds_give_equal_answers():
    rng = np.random.default_rng(0)
    old, new = patients(30, rng), patients(20, rng)
    assert found_between(old, new, seed=3) == found_between(old, new, seed=3)


# What it costs


def test_labels_that_the_scores_contradict_are_harm():
    rng = np.random.default_rng(0)
    old, new = patients(60, rng), patients(50, rng)
    wrong = DriftFeatures(new.features, new.scores, 1 - new.labels, new.patients, CLASSES)
    assert {row["verdict"] for row in performance_change(old, wrong)} == {"worse"}
    assert {row["verdict"] for row in performance_change(old, new)} == {"inconclusive"}


def test_the_errors_of_both_sides_add_up_as_squares():
    one, other = Estimate(0.8, 0.7, 0.84, 10, 5, se=0.03), Estimate(0.9, 0.87, 0.93, 30, 20, se=0.04)
    apart = unpaired_difference(one, other)
    assert apart.value == pytest.approx(-0.1)
    assert apart.low == pytest.approx(-0.1 - math.hypot(0.1, 0.03))
    assert apart.high == pytest.approx(-0.1 + math.hypot(0.04, 0.03))
    assert (apart.n, apart.patients, apart.se) == (40, 25, pytest.approx(0.05))


# What travels with a model


@pytest.fixture(scope="module")
def classifier():
    return build(new_spec("compact", CLASSES, size=16), seed=0)


@pytest.fixture
def kept(classifier, hardware, tmp_path):
    write_reference(classifier, make_images(30), tmp_path, hardware, about={"of": "squares"})
    return tmp_path


def test_a_reference_is_what_the_model_sees(classifier, hardware, kept):
    looks, images = read_reference(kept, classifier), make_images(30)
    assert looks.features.shape[0] == len(looks) == 30
    assert np.allclose(looks.scores, predict(classifier, images, hardware).scores, atol=1e-6)
    assert (looks.labels == images.labels).all()
    assert (looks.greys == grey_statistics(images.pixels)).all()
    assert looks.people == 15
    assert json.loads((kept / ABOUT).read_text())["of"] == "squares"


def test_a_reference_names_no_image_and_no_patient(kept):
    data = (kept / NUMBERS).read_bytes() + (kept / ABOUT).read_bytes()
    assert b"image-" not in data


def test_a_reference_is_of_whole_patients_and_no_more_than_a_thousand_images(classifier, hardware, tmp_path):
    images = make_images(MAX_IMAGES + 101)
    write_reference(classifier, images, tmp_path, hardware, about={})
    looks = read_reference(tmp_path, classifier)
    assert MAX_IMAGES - 2 < len(looks) <= MAX_IMAGES
    assert (np.bincount(looks.patients) == 2).sum() >= looks.people - 1


def test_a_run_without_a_reference_says_what_to_give(classifier, tmp_path):
    with pytest.raises(AskedWrongly, match="no reference to compare images with.*Give --reference DATA"):
        read_reference(tmp_path, classifier)


def test_the_reference_of_another_model_is_refused(kept):
    other = build(new_spec("compact", CLASSES, size=16), seed=1)
    with pytest.raises(BadArtefact, match="the reference of another model"):
        read_reference(kept, other)


def test_a_reference_without_grey_statistics_is_refused(classifier, kept):
    from safetensors.numpy import load, save

    arrays = load((kept / NUMBERS).read_bytes())
    data = save({name: values for name, values in arrays.items() if name != "greys"})
    (kept / NUMBERS).write_bytes(data)
    about = json.loads((kept / ABOUT).read_text())
    (kept / ABOUT).write_text(json.dumps({**about, "sha256": hashlib.sha256(data).hexdigest()}))
    with pytest.raises(BadArtefact, match="could not be read: 'greys'"):
        read_reference(kept, classifier)


def test_a_damaged_reference_is_refused(classifier, kept):
    data = bytearray((kept / NUMBERS).read_bytes())
    data[-1] ^= 1
    (kept / NUMBERS).write_bytes(data)
    with pytest.raises(BadArtefact, match="its sha256 differs"):
        read_reference(kept, classifier)
    (kept / ABOUT).write_text("[]")
    with pytest.raises(BadArtefact, match="not a reference of this radapt's"):
        read_reference(kept, classifier)


def test_training_leaves_a_reference_of_images_that_did_not_train(hardware, tmp_path):
    data = make_dataset(train=200)
    recipe = Recipe(epochs=1, batch_size=16)
    record = train_model(data, tmp_path / "base", TrainOptions(recipe=recipe), hardware=hardware)
    base = load_classifier(tmp_path / "base")
    looks, (_, valid) = read_reference(tmp_path / "base", base), split_validation(data["train"], seed=0)
    assert len(looks) == record["validated_on"]["images"] == 20
    assert np.allclose(looks.features, extract_features(base, valid, hardware).features, atol=1e-5)

    adapt_model(base, data, tmp_path / "head", AdaptOptions("head", epochs=1), hardware=hardware)
    assert len(read_reference(tmp_path / "head", load_classifier(tmp_path / "head"))) == 40
    adapt_model(base, data, tmp_path / "few", AdaptOptions("head", budget=20, epochs=1), hardware=hardware)
    assert not (tmp_path / "few" / ABOUT).exists()


def test_what_the_model_sees_with_several_views_is_what_it_says(hardware):
    several = build(replace(new_spec("compact", CLASSES, size=16), views=3), seed=0)
    images = make_images(6)
    said = extract_features(several, images, hardware).predictions().scores
    assert np.allclose(said, predict(several, images, hardware).scores, atol=1e-6)
