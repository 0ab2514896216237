import numpy as np
import pytest
from prediction_samples import SIX, random_three, two

from radapt.metrics.scoring_rules import WORST_LOSS, brier, log_loss, losses, squared_errors

ONES = np.ones((1, 6))


def test_scores_are_the_means_of_what_each_image_adds():
    assert squared_errors(SIX) == pytest.approx([0.01, 0.16, 0.36, 0.36, 0.09, 0.01])
    assert losses(SIX) == pytest.approx(-np.log([0.9, 0.6, 0.4, 0.4, 0.7, 0.9]))
    assert brier(SIX, ONES)[0] == pytest.approx(squared_errors(SIX).mean())
    assert log_loss(SIX, ONES)[0] == pytest.approx(losses(SIX).mean())


def test_of_three_classes_the_squared_error_is_half_the_sum_over_them():
    three = random_three(12, seed=0)
    row = three.scores[0].copy()
    row[three.labels[0]] -= 1
    assert squared_errors(three)[0] == pytest.approx((row**2).sum() / 2)
    assert losses(three)[0] == pytest.approx(-np.log(three.scores[0, three.labels[0]]))


def test_certainty_that_is_wrong_has_a_finite_loss():
    wrong = two([1.0, 0.0], [0, 1])
    assert losses(wrong) == pytest.approx([WORST_LOSS, WORST_LOSS])
    assert squared_errors(wrong).tolist() == [1, 1]


@pytest.mark.parametrize("rule", [brier, log_loss])
def test_the_true_probabilities_score_best(rule):
    """Of ten images with one score three are positive: no other score does better than 0.3."""
    labels = np.arange(10) < 3
    at = [rule(two(np.full(10, p), labels), np.ones((1, 10)))[0] for p in (0.2, 0.3, 0.4)]
    assert min(at) == at[1]


@pytest.mark.parametrize("rule", [brier, log_loss])
def test_no_weight_gives_no_number(rule):
    assert np.isnan(rule(SIX, np.zeros((2, 6)))).all()
