import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prediction_samples import SIX, random_three, random_two, two
from sklearn import metrics as sk

from radapt.metrics.ranking import auroc, average_precision, baseline_precision, roc_curve
from radapt.metrics.table import METRICS, score


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=25),
)
def test_auroc_is_the_share_of_pairs_won(images):
    values = np.array([image[0] / 5 for image in images])
    labels = np.array([int(image[1]) for image in images])
    weights = np.array([float(image[2]) for image in images])
    won = total = 0.0
    for high, weight_high in zip(values[labels == 1], weights[labels == 1], strict=True):
        for low, weight_low in zip(values[labels == 0], weights[labels == 0], strict=True):
            won += weight_high * weight_low * ((high > low) + 0.5 * (high == low))
            total += weight_high * weight_low
    found = METRICS["auroc"](two(values, labels), weights[None])[0]
    assert found == pytest.approx(won / total, abs=1e-12) if total else np.isnan(found)


def test_a_model_that_knows_nothing_has_the_precision_of_how_common_the_finding_is():
    labels = np.arange(200) < 30
    assert score("average-precision", two(np.full(200, 0.5), labels)) == pytest.approx(0.15)
    assert baseline_precision(two(np.full(200, 0.5), labels)) == pytest.approx(0.15)
    assert np.isnan(baseline_precision(two([0.1, 0.2], [0, 0])))
    assert baseline_precision(random_three(90, seed=0)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("levels", [1, 4, 500])
def test_the_roc_curve_encloses_the_auroc_and_leaves_corners_out(levels):
    predictions = random_two(200, levels, seed=5)
    fpr, tpr = roc_curve(predictions)
    every = sk.roc_curve(predictions.labels, predictions.scores[:, 1], drop_intermediate=False)
    corners = set(zip(fpr.round(9), tpr.round(9), strict=True))
    assert corners <= set(zip(every[0].round(9), every[1].round(9), strict=True))
    assert len(corners) < len(every[0]) or levels < 500
    assert np.trapezoid(tpr, fpr) == pytest.approx(score("auroc", predictions), abs=1e-12)


def test_a_weighted_roc_curve_encloses_the_weighted_auroc():
    predictions = random_two(200, 20, seed=6)
    weights = np.random.default_rng(0).random(200)
    fpr, tpr = roc_curve(predictions, weights)
    assert np.trapezoid(tpr, fpr) == pytest.approx(METRICS["auroc"](predictions, weights[None])[0], abs=1e-12)


def test_the_roc_curve_runs_from_corner_to_corner_and_never_back():
    for fpr, tpr in (roc_curve(SIX), roc_curve(two([0.5, 0.5], [0, 1])), roc_curve(two([1.0, 0.0], [0, 1]))):
        assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
        assert (np.diff(fpr) >= 0).all()
        assert (np.diff(tpr) >= 0).all()


def test_without_the_finding_the_roc_curve_has_no_height():
    fpr, tpr = roc_curve(two([0.1, 0.6], [0, 0]))
    assert fpr[-1] == 1
    assert np.isnan(tpr).all()


def test_only_the_order_of_scores_counts():
    squared = two(SIX.scores[:, 1] ** 3, SIX.labels)
    for function in (auroc, average_precision):
        assert function(squared, np.ones((1, 6))) == pytest.approx(function(SIX, np.ones((1, 6))))


def test_a_perfect_order_scores_one_and_a_reversed_one_has_an_area_of_nothing():
    right, wrong = two([0.1, 0.2, 0.8], [0, 0, 1]), two([0.8, 0.9, 0.1], [0, 0, 1])
    ones = np.ones((1, 3))
    assert (auroc(right, ones)[0], average_precision(right, ones)[0]) == (1, 1)
    assert auroc(wrong, ones)[0] == 0
    assert average_precision(wrong, ones)[0] == pytest.approx(1 / 3)
