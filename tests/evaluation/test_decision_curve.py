import numpy as np
import pytest

from radapt.errors import AskedWrongly
from radapt.evaluation.decision_curve import THRESHOLDS, decision_curve
from radapt.metrics.table import score
from radapt.predictions import Predictions


def two(chance, labels, patients=None) -> Predictions:
    high, ids = np.asarray(chance, dtype=np.float64), np.arange(len(labels)).astype(np.str_)
    whose = ids if patients is None else np.asarray(patients).astype(np.str_)
    both = np.stack([1 - high, high], axis=1)
    return Predictions(both, np.asarray(labels, dtype=np.int64), whose, ids, ("NORMAL", "PNEUMONIA"))


def made(seed: int, n: int = 300, apart: float = 2.0) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3 == 0)
    return two(1 / (1 + np.exp(-(rng.normal(size=n) + apart * (labels - 0.5)))), labels, np.arange(n) // 2)


def test_net_benefit_is_what_vickers_and_elkin_count():
    """True positives less weighed false positives, per image, at the images' own prevalence."""
    predictions = made(0)
    own = float(predictions.labels.mean())
    curve = decision_curve([predictions], prevalence=own, draws=40)
    for index in (4, 29, 79):
        t = THRESHOLDS[index]
        called = predictions.scores[:, 1] >= t
        true, false = (called & (predictions.labels == 1)).sum(), (called & (predictions.labels == 0)).sum()
        assert curve.model[index] == pytest.approx((true - false * t / (1 - t)) / 300, abs=1e-12)
        assert curve.treat_all[index] == pytest.approx((100 - 200 * t / (1 - t)) / 300, abs=1e-12)


def test_at_another_prevalence_only_the_mixture_changes():
    predictions = made(0)
    curve = decision_curve([predictions], prevalence=0.05, thresholds=np.array([0.1]), draws=40)
    hits, clears = score("sensitivity", predictions, 0.1), score("specificity", predictions, 0.1)
    assert curve.model[0] == pytest.approx(0.05 * hits - 0.95 * (1 - clears) / 9)
    assert curve.treat_all[0] == pytest.approx(0.05 - 0.95 / 9)


def test_acting_on_all_is_worth_nothing_where_the_threshold_is_the_prevalence():
    curve = decision_curve([made(0)], prevalence=0.2, thresholds=np.array([0.1, 0.2, 0.3]), draws=40)
    assert curve.treat_all[1] == pytest.approx(0, abs=1e-12)
    assert curve.treat_all[0] > 0 > curve.treat_all[2]


def test_the_band_lies_about_the_curve_and_holds_the_truth():
    many = made(99, n=60000)
    at = np.array([0.2, 0.5, 0.8])
    truth = decision_curve([many], prevalence=0.1, thresholds=at, draws=40).model
    held = []
    for seed in range(120):
        curve = decision_curve([made(seed)], prevalence=0.1, thresholds=at, draws=200)
        assert ((curve.low <= curve.model) & (curve.model <= curve.high)).all()
        held.append((curve.low <= truth) & (truth <= curve.high))
    assert 0.9 <= np.mean(held) <= 0.99


def test_a_model_that_is_always_right_still_has_a_band():
    labels = np.arange(40) % 2
    curve = decision_curve([two(np.where(labels, 0.9, 0.1), labels)], prevalence=0.3, draws=40)
    assert curve.model[50] == pytest.approx(0.3)
    assert curve.low[50] < 0.3
    assert curve.helps()[50]


def test_a_model_that_knows_nothing_is_not_shown_to_help():
    rng = np.random.default_rng(0)
    curve = decision_curve([two(rng.random(200), np.arange(200) % 2)], prevalence=0.5, draws=400)
    assert curve.helps().mean() < 0.05
    assert decision_curve([made(0, n=2000)], prevalence=0.33, draws=100).helps()[30]


def test_the_curve_of_several_runs_is_their_mean():
    one = made(0)
    other = two(one.scores[:, 1] ** 2, one.labels, one.patients)
    apart = [decision_curve([run], prevalence=0.2, draws=40).model for run in (one, other)]
    curve = decision_curve([one, other], prevalence=0.2, draws=40)
    assert curve.model == pytest.approx(np.mean(apart, axis=0))
    assert curve.method.endswith("and of 2 training runs")


def test_the_finding_may_be_the_first_class():
    predictions = made(0)
    swapped = Predictions(
        predictions.scores[:, ::-1].copy(),
        1 - predictions.labels,
        predictions.patients,
        predictions.ids,
        predictions.classes[::-1],
    )
    one, other = (decision_curve([each], prevalence=0.2, draws=40) for each in (predictions, swapped))
    assert other.model == pytest.approx(one.model, abs=1e-12)


def test_what_makes_no_curve_is_refused():
    with pytest.raises(AskedWrongly, match="The prevalence is above 0 and below 1. Got 62"):
        decision_curve([made(0)], prevalence=62)
    with pytest.raises(AskedWrongly, match="A threshold of a decision curve is above 0 and below 1. Got 1"):
        decision_curve([made(0)], prevalence=0.1, thresholds=np.array([0.5, 1.0]))
    with pytest.raises(AskedWrongly, match="images with and images without"):
        decision_curve([two([0.1, 0.2], [0, 0])], prevalence=0.1)
    with pytest.raises(AskedWrongly, match="at least one training run"):
        decision_curve([], prevalence=0.1)
