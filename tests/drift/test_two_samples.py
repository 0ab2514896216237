"""Tests of two samples hold their rate of false alarms, and see what has moved."""

import math

import numpy as np
import pytest
from drift_samples import both, one_each, patients, permuted

from radapt.drift.two_samples import (
    compare_by_classifier,
    compare_features,
    compare_scores,
    domain_classifier_auroc,
    log_odds_of_new,
    one_image_each,
)

NULLS = 300


@pytest.mark.parametrize("images", [(1, 4), (8, 8)], ids=["as-many-images", "more-images-of-the-new"])
def test_scores_and_features_drawn_alike_differ_no_more_than_one_time_in_twenty(images):
    rejected = np.zeros(2)
    for seed in range(NULLS):
        rng = np.random.default_rng([seed, *images])
        reference, new = one_each(patients(30, rng), rng), one_each(patients(20, rng, images=images), rng)
        sides = permuted(reference, new, rng)
        scores = compare_scores(both(reference.scores, new.scores)[:, 1:], sides)[0]
        features = compare_features(both(reference.features, new.features), sides)
        rejected += [scores.p <= 0.05, features.p <= 0.05]
    assert (rejected / NULLS <= 0.09).all(), rejected


def test_a_classifier_tells_images_drawn_alike_apart_no_more_than_one_time_in_twenty():
    rejected = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        reference, new = one_each(patients(30, rng), rng), one_each(patients(20, rng), rng)
        sides = permuted(reference, new, rng)
        rejected += compare_by_classifier(both(reference.features, new.features), sides, rng).p <= 0.05
    assert rejected <= 10


def test_all_images_of_each_patient_would_cry_wolf():
    rejected = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        reference, new = patients(30, rng, images=(8, 8)), patients(20, rng, images=(8, 8))
        scores = both(reference.scores, new.scores)[:, 1:]
        rejected += compare_scores(scores, permuted(reference, new, rng))[0].p <= 0.05
    assert rejected > 30


def test_every_test_sees_features_that_have_moved():
    rng = np.random.default_rng(0)
    reference, new = one_each(patients(60, rng), rng), one_each(patients(60, rng, mean=3), rng)
    sides, features = permuted(reference, new, rng), both(reference.features, new.features)
    assert compare_scores(both(reference.scores, new.scores)[:, 1:], sides)[0].p == 0.001
    assert compare_features(features, sides).p == 0.001
    apart = compare_by_classifier(features, sides, rng)
    assert apart.statistic > 0.9
    assert apart.p == 0.001


def test_in_one_stratum_scores_are_compared_by_the_distance_of_kolmogorov_and_smirnov():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(0)
    reference, new = rng.integers(0, 9, (40, 1)), rng.integers(1, 9, (30, 1))  # with ties
    found = compare_scores(both(reference, new).astype(np.float32), permuted(reference, new, rng))[0]
    exact = ks_2samp(reference[:, 0], new[:, 0])
    assert found.statistic == pytest.approx(exact.statistic)


def test_in_one_stratum_the_classifier_gives_the_area_that_a_ridge_regression_gives():
    from sklearn.linear_model import Ridge
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    reference, new = rng.normal(size=(60, 3)), rng.normal([1, 0, 0], size=(60, 3))
    rows, truth = both(reference, new).astype(np.float32), np.repeat([0, 1], 60)
    found = compare_by_classifier(rows, permuted(reference, new, rng), rng).statistic
    model = Ridge(alpha=80).fit(rows[::2], truth[::2])
    assert found == pytest.approx(roc_auc_score(truth[1::2], model.predict(rows[1::2])), abs=0.08)


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
    reference, new = rng.normal(size=(2, 40, 300)).astype(np.float32)
    sides = np.repeat([0, 1], 40)
    assert domain_classifier_auroc(np.concatenate([reference, new + 1]), sides, np.arange(80)) > 0.95


def test_one_patient_alone_cannot_be_told_apart():
    features = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    sides = np.repeat([0, 1], [5, 4])
    assert math.isnan(domain_classifier_auroc(features, sides, np.array([0, 1, 2, 3, 4, 5, 5, 5, 5])))


def test_a_image_is_called_new_by_what_other_patients_look_like():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 2)).astype(np.float32)
    sides = np.repeat([0, 1], 30)
    features[30:, 0] += 4
    features[30:33, 0] -= 4  # a patient who looks like the reference
    whose = np.concatenate([np.arange(30), 30 + np.arange(30) // 3])
    surely = log_odds_of_new(features, sides, whose, one_image_each(whose, rng))
    assert surely[33:].min() > surely[30:33].max()
