import numpy as np
import pytest
from prediction_samples import SIX, random_two, two

from radapt.metrics.decisions import (
    accuracy,
    balanced_accuracy,
    correct,
    f1,
    mcc,
    npv_at,
    ppv_at,
    predictive_value,
    sensitivity,
    specificity,
)
from radapt.metrics.table import METRICS, metric, score

ONES = np.ones((1, 6))


def test_a_lower_threshold_finds_more_and_clears_fewer():
    assert score("sensitivity", SIX, threshold=0.4) == 1.0
    assert score("specificity", SIX, threshold=0.4) == pytest.approx(1 / 3)
    assert score("accuracy", SIX, threshold=0.4) == pytest.approx(4 / 6)
    assert score("auroc", SIX, threshold=0.4) == score("auroc", SIX)


def test_predictive_values_are_those_of_a_table_of_so_many_images():
    """Sensitivity 0.9 and specificity 0.8 for 50 of 1,000: 45 of 235 calls are right, 760 of 765."""
    assert ppv_at(np.array([0.9]), np.array([0.8]), 0.05) == pytest.approx([45 / 235])
    assert npv_at(np.array([0.9]), np.array([0.8]), 0.05) == pytest.approx([760 / 765])
    assert np.isnan(ppv_at(np.array([0.0]), np.array([1.0]), 0.05)).all()


def test_at_the_images_own_prevalence_predictive_values_are_what_one_counts():
    predictions = random_two(301, 7, seed=0)
    own = float(np.mean(predictions.labels))
    called = predictions.decide() == 1
    assert score(f"ppv@{own!r}", predictions) == pytest.approx(predictions.labels[called].mean())
    assert score(f"npv@{own!r}", predictions) == pytest.approx(1 - predictions.labels[~called].mean())
    weights = np.random.default_rng(0).random((6, 301))
    expected = [
        ppv_at(*(METRICS[name](predictions, weights) for name in ("sensitivity", "specificity")), 0.02),
    ]
    assert metric("ppv@0.02")(predictions, weights) == pytest.approx(expected[0], abs=1e-12)


def test_each_metric_is_what_the_confusion_matrix_says():
    """SIX has two of each kind that is right, and one false positive and one false negative."""
    for function in (accuracy, balanced_accuracy, sensitivity, specificity, f1):
        assert function(SIX, ONES) == pytest.approx(2 / 3)
    assert mcc(SIX, ONES) == pytest.approx((2 * 2 - 1 * 1) / 9)
    assert correct(SIX).tolist() == [1, 1, 0, 0, 1, 1]
    assert correct(SIX, 0.95).tolist() == [1, 1, 1, 0, 0, 0]


def test_weights_count_images_more_than_once():
    weights = np.array([[1.0, 1, 1, 3, 1, 1]])  # the false negative three times
    assert sensitivity(SIX, weights) == pytest.approx(2 / 5)
    assert specificity(SIX, weights) == pytest.approx(2 / 3)
    assert f1(SIX, weights) == pytest.approx(4 / (4 + 1 + 3))


def test_decisions_that_are_all_the_same_have_no_correlation_and_no_predictive_value_of_the_other():
    assert mcc(SIX, ONES, 0.0) == 0
    assert f1(SIX, ONES, 1.0) == 0
    assert np.isnan(predictive_value(ppv_at, 0.1)(SIX, ONES, 1.0)).all()
    assert predictive_value(npv_at, 0.1)(SIX, ONES, 1.0) == pytest.approx(0.9)
    assert np.isnan(mcc(two([0.2, 0.7], [0, 0]), np.ones((1, 2)))).all()
