import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from radapt.errors import AskedWrongly
from radapt.evaluation.calibration import brier_parts, calibration, expected_error, reliability_curve
from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.stats.intervals import proportion_interval, wilson
from radapt.stats.logistic import fit_logistic, log_odds


def two(chance, labels, patients=None) -> Predictions:
    high, ids = np.asarray(chance, dtype=np.float64), np.arange(len(labels)).astype(np.str_)
    whose = ids if patients is None else np.asarray(patients).astype(np.str_)
    both = np.stack([1 - high, high], axis=1)
    return Predictions(both, np.asarray(labels, dtype=np.int64), whose, ids, ("NORMAL", "PNEUMONIA"))


def made(n: int, seed: int, slope: float = 1.0, shift: float = 0.0, images: int = 1) -> Predictions:
    """Images whose log odds are `slope` times what they say, plus `shift`; a patient may have several."""
    rng = np.random.default_rng(seed)
    said = np.repeat(rng.normal(0, 1.5, n // images), images) + rng.normal(0, 0.5, n // images * images)
    return two(
        expit(said), rng.random(len(said)) < expit(slope * said + shift), np.arange(len(said)) // images
    )


# --- the regression


@pytest.mark.parametrize("seed", range(4))
def test_the_regression_finds_what_a_search_finds(seed):
    rng = np.random.default_rng(seed)
    features = np.stack([rng.normal(0, 3, 120), rng.exponential(size=120), np.ones(120)], axis=1)
    targets = rng.random(120)
    weights, offset = rng.integers(0, 4, (3, 120)).astype(float), rng.normal(size=120)

    def loss(found, row):
        total = features @ found + offset
        return (weights[row] * (np.logaddexp(0, total) - targets * total)).sum()

    for row, found in enumerate(fit_logistic(features, targets, weights, offset)):
        by_search = minimize(loss, np.zeros(3), args=(row,), method="BFGS", options={"gtol": 1e-9})
        assert loss(found, row) <= by_search.fun + 1e-9
        assert found == pytest.approx(by_search.x, abs=1e-5)


def test_far_scores_do_not_throw_the_regression_off():
    said = np.concatenate([np.linspace(-25, 25, 60), [24.0, -24.0]])
    has = np.concatenate([np.linspace(-25, 25, 60) > 0, [False, True]]).astype(float)
    features = np.stack([said, np.ones(62)], axis=1)
    fitted = fit_logistic(features, has)[0]
    slope = features.T @ (has - expit(features @ fitted))
    assert slope == pytest.approx([0, 0], abs=1e-6)


def test_where_there_is_no_finite_answer_there_is_none():
    line = np.stack([np.arange(6.0), np.ones(6)], axis=1)
    assert np.isnan(fit_logistic(line, np.array([0.0, 0, 0, 1, 1, 1]))).all()
    assert np.isnan(fit_logistic(line, np.zeros(6))).all()
    weights = np.array([[1.0] * 6, [1.0, 1, 0, 0, 1, 1]])
    fitted = fit_logistic(line, np.array([0.0, 0, 1, 0, 1, 1]), weights)
    assert np.isfinite(fitted[0]).all()
    assert np.isnan(fitted[1]).all()


def test_log_odds_are_exact_at_both_ends():
    predictions = Predictions(
        np.array([[1 - 1e-11, 1e-11], [1e-11, 1 - 1e-11], [1.0, 0.0]]),
        np.array([0, 1, 0]),
        *[np.array(["a", "b", "c"])] * 2,
        ("NORMAL", "PNEUMONIA"),
    )
    assert log_odds(predictions) == pytest.approx([-25.328436, 25.328436, -27.631021], abs=1e-5)


# --- intercept and slope


def test_intercept_and_slope_are_those_that_a_search_finds():
    predictions = made(500, seed=0, slope=0.6, shift=0.4)
    odds, has = logit(predictions.scores[:, 1]), predictions.labels

    def loss(total):
        return (np.logaddexp(0, total) - has * total).sum()

    calibrated = calibration([predictions], draws=200)
    line = minimize(lambda both: loss(both[0] * odds + both[1]), [1.0, 0.0], method="BFGS", tol=1e-9)
    assert calibrated.slope.value == pytest.approx(line.x[0], abs=1e-5)
    large = minimize(lambda shift: loss(odds + shift[0]), [0.0], method="BFGS", tol=1e-9)
    assert calibrated.intercept.value == pytest.approx(large.x[0], abs=1e-5)
    assert calibrated.intercept.n == 500


def test_a_model_that_means_what_it_says_has_intercept_0_and_slope_1_within_its_intervals():
    held = []
    for seed in range(100):
        calibrated = calibration([made(300, seed, images=3)], draws=200)
        held += [
            calibrated.slope.low <= 1 <= calibrated.slope.high,
            calibrated.intercept.low <= 0 <= calibrated.intercept.high,
        ]
    assert 0.9 <= np.mean(held) <= 0.99


def test_a_model_that_is_too_sure_has_a_slope_below_1():
    calibrated = calibration([made(2000, seed=1, slope=0.5)], draws=200)
    assert calibrated.slope.high < 1
    assert calibrated.slope.low < 0.5 < calibrated.slope.high
    low = calibration([made(2000, seed=1, shift=1.0)], draws=200)
    assert low.intercept.low > 0.5


def test_the_calibration_of_several_runs_is_their_mean():
    runs = [made(400, 2, slope) for slope in (1.0, 1.0)]
    runs[1] = two(expit(2 * logit(runs[0].scores[:, 1])), runs[0].labels, runs[0].patients)
    slopes = [calibration([run], draws=100).slope.value for run in runs]
    calibrated = calibration(runs, draws=100).slope
    assert calibrated.value == pytest.approx(np.mean(slopes))
    assert "2 training runs" in calibrated.method


def test_scores_that_are_all_alike_have_an_intercept_and_no_slope():
    calibrated = calibration([two([0.3] * 40, [0, 1] * 20)], draws=100)
    assert calibrated.intercept.value == pytest.approx(logit(0.5) - logit(0.3))
    assert math.isnan(calibrated.slope.value)
    assert "all scores are equal" in calibrated.slope.method


def test_without_errors_or_without_a_class_calibration_is_not_defined():
    for given in (two([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]), two([0.1, 0.2], [0, 0])):
        calibrated = calibration([given], draws=50)
        assert math.isnan(calibrated.slope.value)
        assert calibrated.slope.method.startswith("not defined")
    three = Predictions(
        np.full((2, 3), 1 / 3), np.array([0, 1]), *[np.array(["a", "b"])] * 2, ("a", "b", "c")
    )
    with pytest.raises(AskedWrongly, match="Calibration is for one finding. These predictions have 3"):
        calibration([three])


# --- the curve and what is summed over it


def test_bins_by_quantile_hold_about_as_many_images_and_never_part_equal_scores():
    predictions = made(1000, seed=0)
    curve = reliability_curve(predictions)
    assert curve.bins == "10 bins of about equally many images"
    assert set(curve.images.tolist()) == {100}
    few = two(np.repeat([0.1, 0.2, 0.9], [50, 3, 7]), np.arange(60) % 2)
    curve = reliability_curve(few)
    assert set(np.cumsum(curve.images).tolist()) <= {50, 53, 60}


def test_bins_of_equal_width_leave_out_those_without_images():
    curve = reliability_curve(two([0.05, 0.07, 0.55, 0.95, 1.0], [0, 1, 0, 1, 1]), bins=10, by="width")
    assert curve.predicted == pytest.approx([0.06, 0.55, 0.975])
    assert curve.observed == pytest.approx([0.5, 0, 1])
    assert curve.images.tolist() == [2, 1, 2]
    assert curve.bins == "3 bins of equal width"


def test_with_a_patient_a_image_the_band_is_wilsons():
    predictions = made(400, seed=3)
    curve = reliability_curve(predictions, bins=4)
    for k in range(4):
        ends = wilson(curve.observed[k], 100)
        assert (curve.low[k], curve.high[k]) == pytest.approx(ends, rel=0.03)


def test_images_of_one_patient_that_agree_widen_the_band_to_that_of_patients():
    labels = np.repeat(np.arange(30) % 2, 4)
    predictions = two(np.full(120, 0.5), labels, np.arange(120) // 4)
    curve = reliability_curve(predictions, bins=1)
    assert (curve.low[0], curve.high[0]) == pytest.approx(proportion_interval(0.5, math.sqrt(0.25 / 29), 30))
    alike = reliability_curve(two(np.full(120, 0.5), np.zeros(120), np.arange(120) // 4), bins=1)
    assert (alike.low[0], alike.high[0]) == pytest.approx(wilson(0.0, 30))


def test_the_expected_error_is_what_one_counts_by_hand():
    predictions = two([0.1, 0.3, 0.6, 0.8], [0, 1, 0, 1])
    error = expected_error(predictions, bins=2)
    assert error.value == pytest.approx((2 * abs(0.5 - 0.2) + 2 * abs(0.5 - 0.7)) / 4)
    assert str(error).startswith("0.250 (2 bins of about equally many images;")


def test_a_model_that_is_right_has_the_expected_error_of_chance_and_a_wrong_one_more():
    right = [expected_error(made(500, seed)) for seed in range(40)]
    assert np.mean([each.value for each in right]) == pytest.approx(
        np.mean([each.chance for each in right]), rel=0.15
    )
    assert 0.8 <= np.mean([each.value <= each.chance_high for each in right]) <= 1
    wrong = expected_error(made(500, 0, slope=0.3))
    assert wrong.value > wrong.chance_high


@pytest.mark.parametrize("bins", [None, 1, 5, 40])
@pytest.mark.parametrize("by", ["quantile", "width"])
def test_the_parts_of_the_brier_score_add_up_to_it(bins, by):
    rng = np.random.default_rng(0)
    for given in (made(300, 0, slope=0.5), two(rng.integers(0, 6, 200) / 5, rng.random(200) < 0.3)):
        parts = brier_parts(given, bins=bins, by=by)
        assert parts.brier == pytest.approx(score("brier", given), abs=1e-12)
        whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within
        assert whole == pytest.approx(parts.brier, abs=1e-12)
        assert min(parts.reliability, parts.resolution, parts.uncertainty) >= -1e-15
        if bins is None:
            assert parts.within == pytest.approx(0, abs=1e-12)


def test_murphys_parts_are_what_one_works_out_by_hand():
    """Ten images given 0.2, of which one has it, and ten given 0.8, of which nine have."""
    labels = [1] + [0] * 9 + [1] * 9 + [0]
    parts = brier_parts(two([0.2] * 10 + [0.8] * 10, labels))
    assert (parts.reliability, parts.resolution) == pytest.approx((0.01, 0.16))
    assert (parts.uncertainty, parts.brier) == pytest.approx((0.25, 0.10))


# Forecasts of rain by the Finnish Meteorological Institute for Tampere, 2003 (P. Nurmi), a day and two ahead,
# of more than 0.2 mm and of more than 4.4 mm: a chance in tenths, days given it, and on how many it rained.
RAIN = {
    "any, 24 h": "0:46:1 1:55:1 2:59:5 3:41:5 4:19:4 5:22:8 6:22:6 7:34:16 8:24:16 9:11:8 10:13:11",
    "much, 24 h": "0:243:4 1:58:1 2:19:3 3:13:3 4:5:2 5:1:1 6:6:5 8:1:1",
    "any, 48 h": "0:31:1 1:53:5 2:67:7 3:39:7 4:38:12 5:16:5 6:26:8 7:30:14 8:31:15 9:8:6 10:7:6",
    "much, 48 h": "0:244:6 1:60:2 2:21:3 3:8:2 4:10:4 5:1:0 6:2:2",
}


@pytest.mark.parametrize(
    ("forecasts", "published"),
    [
        ("any, 24 h", (0.144, 0.025, 0.060, 0.179, 0.194)),
        ("much, 24 h", (0.037, 0.003, 0.020, 0.054, 0.312)),
        ("any, 48 h", (0.178, 0.027, 0.036, 0.187, 0.047)),
        ("much, 48 h", (0.044, 0.003, 0.011, 0.052, 0.146)),
    ],
)
def test_the_parts_of_the_brier_score_are_those_published_for_forecasts_of_rain(forecasts, published):
    """WMO working group on forecast verification, cawcr.gov.au/projects/verification/POP3, to 3 digits."""
    chance, rained = [], []
    for given, days, wet in (map(int, each.split(":")) for each in RAIN[forecasts].split()):
        chance += [given / 10] * days
        rained += [1] * wet + [0] * (days - wet)
    found = brier_parts(two(chance, rained))
    skill = 1 - found.brier / found.uncertainty
    parts = found.brier, found.reliability, found.resolution, found.uncertainty, skill
    assert len(chance) == 346
    assert parts == pytest.approx(published, abs=0.00051)


def test_no_images_and_no_bins_are_refused():
    with pytest.raises(AskedWrongly, match="measured on images, at least one. Got none"):
        reliability_curve(two([], []))
    with pytest.raises(AskedWrongly, match="number of bins is 1 or more. Got 0"):
        expected_error(two([0.5], [1]), bins=0)


def test_a_reliability_curve_is_scikit_learns_where_no_score_stands_twice():
    from sklearn.calibration import calibration_curve

    predictions = made(500, seed=3, slope=0.7)
    curve = reliability_curve(predictions, bins=10)
    observed, predicted = calibration_curve(
        predictions.labels, predictions.scores[:, 1], n_bins=10, strategy="quantile"
    )
    assert curve.observed == pytest.approx(observed, abs=0.021), (
        "an image on an edge may count on either side"
    )
    assert curve.predicted == pytest.approx(predicted, abs=0.01)
