import numpy as np
import pytest
from scipy.special import expit

from radapt.errors import AskedWrongly
from radapt.evaluation.label_shift import check_label_shift, estimate_label_shift, estimate_shares
from radapt.metrics.table import score
from radapt.predictions import Predictions


def draw_predictions(
    prevalence: float, n: int, seed: int, sure: float = 2.0, moved: float = 0.0
) -> Predictions:
    """Images, three to a patient, whose log odds are `sure` times too large; `moved` shifts one."""
    rng = np.random.default_rng(seed)
    patients = np.arange(n) // 3
    has = (rng.random(n // 3 + 1) < prevalence)[patients].astype(np.int64)
    seen = rng.normal(size=n) + 2.0 * (has - 0.5) + moved * has
    chance = expit(sure * 2.0 * seen)
    ids = np.arange(n).astype(np.str_)
    return Predictions(
        np.stack([1 - chance, chance], axis=1), has, patients.astype(np.str_), ids, ("NORMAL", "PNEUMONIA")
    )


def by_expectation_maximisation(chance: np.ndarray, own: float) -> float:
    """Saerens, Latinne & Decaestecker 2002, equation 2.7, until it stands still."""
    new = own
    for _ in range(20000):
        having, lacking = new / own * chance, (1 - new) / (1 - own) * (1 - chance)
        last, new = new, float(np.mean(having / (having + lacking)))
        if abs(new - last) < 1e-14:
            break
    return new


def test_the_prevalence_is_where_expectation_maximisation_ends():
    source, target = draw_predictions(0.6, 900, 0), draw_predictions(0.2, 600, 1)
    label_shift = estimate_label_shift(source, target, draws=40)
    odds = (
        label_shift.calibration_map.a * np.log(target.scores[:, 1] / target.scores[:, 0])
        + label_shift.calibration_map.c
    )
    assert label_shift.prevalence.value == pytest.approx(
        by_expectation_maximisation(expit(odds), label_shift.source), abs=1e-6
    )


def test_scores_that_are_too_sure_are_first_made_to_mean_what_they_say():
    label_shift = estimate_label_shift(
        draw_predictions(0.5, 6000, 0, sure=3.0), draw_predictions(0.5, 600, 1, sure=3.0), draws=40
    )
    assert label_shift.calibration_map.a == pytest.approx(1 / 3, rel=0.1)


@pytest.mark.parametrize("truth", [0.05, 0.3, 0.8])
def test_the_interval_holds_the_prevalence(truth):
    held = []
    for seed in range(40):
        target = draw_predictions(truth, 450, 1000 + seed)
        label_shift = estimate_label_shift(
            draw_predictions(0.6, 600, seed), target, draws=100, seed=seed
        ).prevalence
        held.append(label_shift.low <= truth <= label_shift.high)
    assert np.mean(held) >= 0.85


def test_the_labels_of_the_target_are_not_looked_at():
    source, target = draw_predictions(0.6, 600, 0), draw_predictions(0.2, 300, 1)
    hidden = Predictions(target.scores, 1 - target.labels, target.patients, target.ids, target.classes)
    assert repr(estimate_label_shift(source, hidden, draws=50)) == repr(
        estimate_label_shift(source, target, draws=50)
    )


def test_corrected_scores_mean_what_they_say_in_the_target():
    source, target = draw_predictions(0.6, 3000, 0), draw_predictions(0.1, 3000, 1)
    correction = estimate_label_shift(source, target, draws=40).correction()
    after = correction.apply(target)
    assert score("brier", after) < 0.8 * score("brier", target)
    assert after.scores[:, 1].mean() == pytest.approx(target.labels.mean(), abs=0.02)
    assert score("auroc", after) == pytest.approx(score("auroc", target))
    assert correction.fitted_on == "3,000 unlabelled images of 1,000 target patients"


def test_the_mixture_of_three_classes_is_estimated_from_their_mean_scores():
    def scored(counts, rng):
        strata = np.repeat([0, 1, 2], counts)
        odds = np.exp(rng.normal(size=(len(strata), 3)) + 2 * np.eye(3)[strata])
        return odds / odds.sum(axis=1, keepdims=True), strata

    rng = np.random.default_rng(0)
    source, strata = scored([600, 300, 100], rng)
    shares = estimate_shares(source, strata, scored([200, 300, 500], rng)[0])
    assert sum(shares.values()) == pytest.approx(1)
    assert [shares[kind] for kind in range(3)] == pytest.approx([0.2, 0.3, 0.5], abs=0.05)
    assert estimate_shares(source, strata, source) == pytest.approx({0: 0.6, 1: 0.3, 2: 0.1}, abs=1e-3)


def test_where_images_of_a_class_look_alike_it_says_that_they_could_not_be_told_apart():
    label_shift = estimate_label_shift(
        draw_predictions(0.6, 600, 0),
        draw_predictions(0.2, 600, 1),
        labelled=draw_predictions(0.3, 200, 2),
        draws=40,
    )
    assert label_shift.check.passed
    assert "could not be distinguished" in str(label_shift.check)
    assert "labelled target patients" in str(label_shift.check)


def test_where_images_of_a_class_look_different_it_says_that_the_estimate_does_not_hold():
    other = draw_predictions(0.4, 400, 1, moved=-1.5)
    label_shift = estimate_label_shift(draw_predictions(0.6, 600, 0), other, labelled=other, draws=40)
    assert label_shift.check.passed is False
    assert "within PNEUMONIA (p " in str(label_shift.check)
    assert "does not hold" in str(label_shift.check)


def test_without_labels_or_with_few_the_check_is_said_to_be_impossible():
    source = draw_predictions(0.6, 600, 0)
    assert "could not be checked" in str(
        estimate_label_shift(source, draw_predictions(0.2, 90, 1), draws=40).check
    )
    few = check_label_shift(source, draw_predictions(0.5, 15, 3))
    assert few.passed is None
    assert few.text.endswith("the labelled target images 2 of NORMAL and 3 of PNEUMONIA.")


def test_the_check_errs_one_time_in_twenty():
    source = [draw_predictions(0.5, 240, seed) for seed in range(40)]
    there = [draw_predictions(0.5, 150, 1000 + seed) for seed in range(40)]
    wrong = [check_label_shift(one, other).passed is False for one, other in zip(source, there, strict=True)]
    assert sum(wrong) <= 6, "of a check that errs so often 7 are seen 3 times in 1,000"


def test_one_finding_is_corrected_as_findings_are():
    source, target = draw_predictions(0.6, 600, 0), draw_predictions(0.2, 300, 1)

    def alone(given):
        labels = given.labels[:, None].astype(np.float32)
        return Predictions(given.scores[:, 1:], labels, given.patients, given.ids, ("PNEUMONIA",))

    one = estimate_label_shift(alone(source), alone(target), draws=50)
    assert one.prevalence == estimate_label_shift(source, target, draws=50).prevalence
    after = one.correction().apply(alone(target))
    assert after.scores[:, 0] == pytest.approx(
        estimate_label_shift(source, target, draws=50).correction().apply(target).scores[:, 1]
    )


def test_what_cannot_be_estimated_is_refused():
    source, target = draw_predictions(0.6, 600, 0), draw_predictions(0.2, 300, 1)
    with pytest.raises(AskedWrongly, match="Got 0 and 1 of the source, 300 of the target"):
        estimate_label_shift(source.take(np.flatnonzero(source.labels == 1)[:1]), target)
    with pytest.raises(AskedWrongly, match="40 bootstrap samples"):
        estimate_label_shift(source, target, draws=3)
    sure = draw_predictions(0.5, 60, 0)
    parted = Predictions(
        np.eye(2)[sure.labels] * 0.8 + 0.1, sure.labels, sure.patients, sure.ids, sure.classes
    )
    with pytest.raises(AskedWrongly, match="separate its classes perfectly"):
        estimate_label_shift(parted, target)
    none = Predictions(
        np.tile([1 - 1e-9, 1e-9], (90, 1)),
        target.labels[:90],
        target.patients[:90],
        target.ids[:90],
        target.classes,
    )
    with pytest.raises(
        AskedWrongly, match="none or all of the images have. Its estimated prevalence is 0.000"
    ):
        estimate_label_shift(source, none, draws=40).correction()
