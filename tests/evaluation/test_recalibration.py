import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV, _SigmoidCalibration
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.calibration import calibration
from radapt.evaluation.recalibration import MIN_TEMPERATURE, RECALIBRATORS, Recalibrator, recalibrate
from radapt.metrics.table import score
from radapt.predictions import Predictions

ON = "the validation split"


def two(chance, labels) -> Predictions:
    high, ids = np.asarray(chance, dtype=np.float64), np.arange(len(labels)).astype(np.str_)
    both = np.stack([1 - high, high], axis=1)
    return Predictions(both, np.asarray(labels, dtype=np.int64), ids, ids, ("NORMAL", "PNEUMONIA"))


def made(seed: int, slope: float = 0.4, shift: float = 0.7, n: int = 600) -> Predictions:
    rng = np.random.default_rng(seed)
    said = rng.normal(0, 2, n)
    return two(expit(said), rng.random(n) < expit(slope * said + shift))


def losses(found: np.ndarray, given: Predictions, targets=None) -> float:
    low, high = np.log(given.scores.T)
    total = found[0] * high - found[1] * low + found[2]
    targets = given.labels if targets is None else targets
    return float((np.logaddexp(0, total) - targets * total).sum())


@pytest.mark.parametrize("method", RECALIBRATORS)
def test_recalibrated_scores_mean_more_of_what_they_say_on_other_images(method):
    before = made(1, n=6000)
    after = recalibrate(method, made(0, n=6000), on=ON).apply(before)
    assert score("log-loss", after) < score("log-loss", before)
    assert score("brier", after) < score("brier", before)
    assert score("auroc", after) == pytest.approx(score("auroc", before), abs=1e-12)
    if method != "temperature":  # which has no intercept
        calibrated = calibration([after], draws=40)
        assert calibrated.slope.value == pytest.approx(1, abs=0.15)
        assert calibrated.intercept.value == pytest.approx(0, abs=0.12)


def test_a_temperature_is_the_likeliest():
    predictions = made(0)
    best = minimize(
        lambda log: losses(np.array([np.exp(log[0])] * 2 + [0]), predictions), [0.0], method="Nelder-Mead"
    )
    recalibration = recalibrate("temperature", predictions, on=ON).maps[0]
    assert recalibration.a == recalibration.b == pytest.approx(np.exp(best.x[0]), rel=1e-4)
    assert recalibration.c == 0


def test_platts_line_is_the_likeliest_for_his_targets():
    predictions = made(0, n=40)
    having, others = int(predictions.labels.sum()), int((1 - predictions.labels).sum())
    targets = np.where(predictions.labels == 1, (having + 1) / (having + 2), 1 / (others + 2))
    best = minimize(
        lambda both: losses(np.array([both[0], both[0], both[1]]), predictions, targets),
        [1.0, 0.0],
        method="BFGS",
        tol=1e-9,
    )
    recalibration = recalibrate("platt", predictions, on=ON).maps[0]
    assert (recalibration.a, recalibration.c) == pytest.approx(tuple(best.x), abs=1e-6)
    odds = np.log(predictions.scores[:, 1] / predictions.scores[:, 0])
    off = targets - expit(recalibration.a * odds + recalibration.c)
    assert (off.sum(), off @ odds) == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize(("seed", "slope", "n"), [(0, 0.4, 40), (1, 1.5, 600), (2, -0.3, 300), (3, 1, 5000)])
def test_platts_line_is_scikit_learns(seed, slope, n):
    """Which smooths the targets as Platt does, and is given the log odds as scores."""
    given, other = made(seed, slope, n=n), made(seed + 10)
    odds, there = (np.log(each.scores[:, 1] / each.scores[:, 0]) for each in (given, other))
    theirs = _SigmoidCalibration().fit(odds, given.labels)
    ours = recalibrate("platt", given, on=ON)
    assert (ours.maps[0].a, ours.maps[0].c) == pytest.approx((-theirs.a_, -theirs.b_), abs=1e-6)
    assert ours.apply(other).scores[:, 1] == pytest.approx(theirs.predict(there), abs=1e-6)


def test_platts_scores_are_those_of_a_calibrated_classifier_of_scikit_learn():
    given, other = made(4), made(5)
    odds, there = (np.log(each.scores[:, 1:] / each.scores[:, :1]) for each in (given, other))
    sure = LogisticRegression().fit(odds, given.labels)
    sure.coef_, sure.intercept_ = np.ones((1, 1)), np.zeros(1)  # so that its scores are the log odds
    theirs = CalibratedClassifierCV(FrozenEstimator(sure), method="sigmoid").fit(odds, given.labels)
    ours = recalibrate("platt", given, on=ON).apply(other).scores
    assert ours == pytest.approx(theirs.predict_proba(there), abs=1e-6)


def test_beta_calibration_is_the_likeliest_and_never_turns_scores_round():
    predictions = made(0)
    recalibration = recalibrate("beta", predictions, on=ON).maps[0]
    best = minimize(losses, [1.0, 1.0, 0.0], args=(predictions,), method="BFGS", tol=1e-9)
    assert (recalibration.a, recalibration.b, recalibration.c) == pytest.approx(tuple(best.x), abs=1e-4)
    rng = np.random.default_rng(0)
    bent = rng.random(400)
    predictions = two(bent, rng.random(400) < expit(1.5 * np.log(bent) + 1.2 * np.log(1 - bent) + 2))
    assert minimize(losses, [1.0, 1.0, 0.0], args=(predictions,), method="BFGS").x[1] < 0
    recalibration = recalibrate("beta", predictions, on=ON).maps[0]
    assert recalibration.b == 0
    assert recalibration.a >= 0


def test_beta_of_scores_that_run_the_wrong_way_says_the_share_of_the_finding():
    rng = np.random.default_rng(3)
    said = rng.normal(1, 2, 400)
    labels = rng.random(400) < expit(-said)
    turned = two(expit(said), labels)
    after = recalibrate("beta", turned, on=ON).apply(turned)
    assert after.scores[:, 1] == pytest.approx(labels.mean())


def test_platt_has_an_answer_where_no_image_is_wrong_and_beta_says_that_it_has_not():
    predictions = two([0.1, 0.2, 0.3, 0.8, 0.9], [0, 0, 0, 1, 1])
    found = recalibrate("platt", predictions, on=ON).apply(predictions)
    assert (found.decide() == predictions.labels).all()
    assert ((found.scores > 0.05) & (found.scores < 0.95)).all()
    with pytest.raises(AskedWrongly, match="beta has no finite solution. These have one: temperature"):
        recalibrate("beta", predictions, on=ON)
    assert recalibrate("temperature", predictions, on=ON).maps[0].a == pytest.approx(
        1 / MIN_TEMPERATURE, rel=1e-3
    )


def test_which_class_comes_first_changes_nothing():
    predictions = made(0)
    swapped = Predictions(
        predictions.scores[:, ::-1].copy(),
        1 - predictions.labels,
        predictions.patients,
        predictions.ids,
        predictions.classes[::-1],
    )
    for method in RECALIBRATORS:
        one, other = (recalibrate(method, each, on=ON).apply(each) for each in (predictions, swapped))
        assert other.scores[:, 0] == pytest.approx(one.scores[:, 1], abs=1e-9)


@pytest.mark.parametrize("method", RECALIBRATORS)
def test_findings_are_each_recalibrated_on_the_images_labelled_for_them(method):
    parts = [made(seed, slope, 0.0) for seed, slope in ((0, 0.4), (1, 2.0))]
    scores = np.stack([part.scores[:, 1] for part in parts], axis=1)
    labels = np.stack([part.labels for part in parts], axis=1).astype(np.float32)
    labels[:100, 0] = np.nan
    ids = parts[0].ids
    predictions = Predictions(scores, labels, ids, ids, ("square", "dark"))
    recalibration = recalibrate(method, predictions, on=ON)
    apart = [recalibrate(method, part, on=ON).maps[0] for part in (parts[0].take(range(100, 600)), parts[1])]
    assert recalibration.maps == tuple(apart)
    after = recalibration.apply(predictions)
    assert after.labels is predictions.labels
    assert after.scores[:, 1] == pytest.approx(
        recalibrate(method, parts[1], on=ON).apply(parts[1]).scores[:, 1]
    )


def test_a_temperature_serves_three_classes_and_the_others_say_that_they_do_not():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(900, 3)) * 2
    truth = np.exp(0.5 * logits) / np.exp(0.5 * logits).sum(axis=1, keepdims=True)
    labels = (rng.random((900, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = np.arange(900).astype(np.str_)
    predictions = Predictions(said, labels, ids, ids, ("a", "b", "c"))
    recalibration = recalibrate("temperature", predictions, on=ON)
    assert recalibration.maps[0].a == pytest.approx(0.5, rel=0.15)
    powers = said ** recalibration.maps[0].a
    assert recalibration.apply(predictions).scores == pytest.approx(
        powers / powers.sum(axis=1, keepdims=True), abs=1e-12
    )
    with pytest.raises(AskedWrongly, match="for 3 classes use temperature"):
        recalibrate("platt", predictions, on=ON)


def test_scores_of_0_and_1_stay_probabilities():
    predictions = two([0.0, 1.0, 0.3, 0.7, 0.0, 1.0], [0, 1, 1, 0, 1, 0])
    for method in ("temperature", "platt"):
        scores = recalibrate(method, predictions, on=ON).apply(predictions).scores
        assert np.isfinite(scores).all()
        assert scores.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-12)


def test_a_recalibration_says_what_it_was_fitted_on_and_survives_json():
    recalibration = recalibrate("beta", made(0), on=ON)
    assert recalibration.fitted_on == "600 images of 600 patients, the validation split"
    assert (
        Recalibrator.from_dict(json.loads(json.dumps(recalibration.as_dict(), allow_nan=False)))
        == recalibration
    )


def test_what_cannot_be_fitted_or_applied_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'platt'"):
        recalibrate("plat", made(0), on=ON)
    with pytest.raises(AskedWrongly, match="Got 2 images, none of 'PNEUMONIA'"):
        recalibrate("temperature", two([0.2, 0.4], [0, 0]), on=ON)
    other = made(0)
    renamed = Predictions(other.scores, other.labels, other.patients, other.ids, ("NORMAL", "TB"))
    with pytest.raises(
        AskedWrongly, match="for the classes NORMAL, PNEUMONIA. Got predictions of NORMAL, TB"
    ):
        recalibrate("platt", other, on=ON).apply(renamed)


def test_the_likelihood_of_a_known_slope_is_recovered():
    recalibration = recalibrate("platt", made(5, n=20000), on=ON).maps[0]
    assert (recalibration.a, recalibration.c) == pytest.approx((0.4, 0.7), abs=0.05)
