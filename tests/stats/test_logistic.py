import numpy as np
import pytest
from prediction_samples import SIX, two
from scipy.optimize import minimize

from radapt.stats.logistic import EDGE, fit_logistic, log_odds


def made(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = np.stack([rng.normal(size=n), rng.normal(size=n) ** 2, np.ones(n)], axis=1)
    chance = 1 / (1 + np.exp(-features @ (1.0, -0.5, 0.2)))
    return features, (rng.random(n) < chance).astype(np.float64)


def likeliest(features, targets, weights, offset=0.0):
    """What a general minimiser finds."""

    def loss(coefficients):
        odds = features @ coefficients + offset
        return float(weights @ (np.logaddexp(0, odds) - targets * odds))

    return minimize(loss, np.zeros(features.shape[1]), method="BFGS", options={"gtol": 1e-8}).x


def test_coefficients_are_those_of_maximum_likelihood_for_each_row_of_weights():
    features, targets = made()
    weights = np.random.default_rng(1).integers(0, 4, (3, 200)).astype(np.float64)
    expected = [likeliest(features, targets, row) for row in weights]
    assert fit_logistic(features, targets, weights) == pytest.approx(np.array(expected), abs=1e-4)
    assert fit_logistic(features, targets)[0] == pytest.approx(
        likeliest(features, targets, np.ones(200)), abs=1e-4
    )


def test_an_offset_has_a_coefficient_of_one():
    features, targets = made()
    offset = np.linspace(-1, 1, 200)
    fitted = fit_logistic(features, targets, offset=offset)[0]
    assert fitted == pytest.approx(likeliest(features, targets, np.ones(200), offset), abs=1e-4)


def test_targets_may_be_shares():
    fitted = fit_logistic(np.ones((3, 1)), np.array([0.2, 0.3, 0.4]))
    assert fitted[0, 0] == pytest.approx(np.log(0.3 / 0.7))


def test_features_that_separate_the_targets_have_no_finite_solution():
    features = np.stack([np.arange(6.0), np.ones(6)], axis=1)
    separated, mixed = np.array([0.0, 0, 0, 1, 1, 1]), np.array([0.0, 1, 0, 1, 0, 1])
    assert np.isnan(fit_logistic(features, separated)).all()
    assert np.isfinite(fit_logistic(features, mixed)).all()


def test_one_row_without_a_solution_does_not_spoil_the_others():
    features = np.stack([np.arange(6.0), np.ones(6)], axis=1)
    targets = np.array([0.0, 1, 0, 1, 0, 1])
    weights = np.array([np.ones(6), [1, 0, 1, 0, 0, 1]])  # the second leaves out what overlaps
    fitted = fit_logistic(features, targets, weights)
    assert np.isfinite(fitted[0]).all()
    assert np.isnan(fitted[1]).all()


def test_log_odds_are_of_the_finding_and_finite_for_certain_scores():
    assert log_odds(SIX) == pytest.approx(np.log(SIX.scores[:, 1] / SIX.scores[:, 0]))
    assert log_odds(two([1.0, 0.0], [1, 0])) == pytest.approx([-np.log(EDGE), np.log(EDGE)])
