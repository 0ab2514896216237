import math
from statistics import NormalDist

import numpy as np
import pytest
from prediction_samples import better_by, clustered, predictions
from scipy import stats

from radapt.errors import AskedWrongly, UnknownName
from radapt.metrics.table import METRICS, score
from radapt.predictions import Predictions
from radapt.stats.estimate import minimum_detectable_difference, verdict
from radapt.stats.inference import difference, estimate


def shuffled(given: Predictions, seed: int) -> Predictions:
    return given.take(np.random.default_rng(seed).permutation(len(given)))


# --- what an estimate is


# --- Wilson


# --- the area under the ROC curve


# --- the draws


# --- estimates


@pytest.mark.parametrize("name", METRICS)
def test_an_estimate_is_the_score_between_its_ends(name):
    runs = clustered(np.random.default_rng(3), 80, 2, 0.5, 1.5, copies=3)
    estimated = estimate(name, runs, draws=400)
    assert estimated.value == pytest.approx(np.mean([score(name, run) for run in runs]), abs=1e-12)
    least, most = METRICS[name].range
    assert least < estimated.low < estimated.value < estimated.high < most
    assert (
        3.5 < (estimated.high - estimated.low) / estimated.se < 6.5
    )  # three runs: in part by Student's t of 2 degrees


def test_an_estimate_names_the_images_and_patients_it_rests_on():
    scored = predictions(np.linspace(0, 1, 10), [0, 0, 0, 0, 0, 0, 1, 1, 1, 1], list("aabbccddee"))
    counts = {name: (estimate(name, [scored]).n, estimate(name, [scored]).patients) for name in METRICS}
    assert (counts.pop("sensitivity"), counts.pop("specificity")) == ((4, 2), (6, 3))
    assert set(counts.values()) == {(10, 5)}


@pytest.mark.parametrize("name", ["ppv@0.02", "npv@0.02"])
def test_a_predictive_value_at_a_named_prevalence_has_an_interval_and_differences(name):
    old = clustered(np.random.default_rng(0), 80, 2, 0.5, 1.2)[0]
    estimated = estimate(name, [old], draws=400)
    assert estimated.value == pytest.approx(score(name, old))
    assert 0 <= estimated.low < estimated.value < estimated.high <= 1
    more = difference(name, [better_by(old, 0.8, seed=1)], [old], draws=400)
    assert more.low < more.value < more.high
    assert more.value > 0


def test_equal_seeds_give_equal_numbers_and_others_nearly_so():
    runs = clustered(np.random.default_rng(0), 60, 2, 0.5, 1.0, copies=2)
    first = estimate("auroc", runs, draws=300, seed=5)
    assert estimate("auroc", runs, draws=300, seed=5) == first
    other = estimate("auroc", runs, draws=300, seed=6)
    assert other != first
    assert other.low == pytest.approx(first.low, abs=0.03)


@pytest.mark.parametrize("name", METRICS)
def test_the_order_of_the_images_changes_nothing(name):
    runs = clustered(np.random.default_rng(0), 40, 3, 0.5, 1.0, copies=2)
    mixed = [shuffled(run, seed) for seed, run in enumerate(runs)]
    found, again = estimate(name, runs, draws=200), estimate(name, mixed, draws=200)
    assert again.as_dict() == pytest.approx(found.as_dict(), abs=1e-12)


def test_images_of_one_patient_that_agree_do_not_count_as_many():
    predictions = clustered(np.random.default_rng(0), 80, 5, 0.95, 1.2)[0]
    naive = Predictions(
        predictions.scores, predictions.labels, predictions.ids, predictions.ids, predictions.classes
    )
    for name in ("auroc", "accuracy", "sensitivity"):
        by_patient, by_image = estimate(name, [predictions]), estimate(name, [naive])
        assert by_patient.value == by_image.value
        assert by_patient.high - by_patient.low > 1.5 * (by_image.high - by_image.low)


def test_the_bootstrap_spread_of_an_accuracy_is_the_binomial_one():
    labels = np.arange(800) % 2
    hit = np.random.default_rng(0).random(800) < 0.8
    scored = predictions(np.where(hit == (labels == 1), 0.9, 0.1), labels)
    share = hit.mean()
    assert estimate("accuracy", [scored], draws=4000).se == pytest.approx(
        math.sqrt(share * (1 - share) / 800), rel=0.05
    )


def test_runs_that_differ_widen_the_interval_by_what_theory_says():
    """Constant in the images, so that all of the spread is that of the runs."""
    labels = np.arange(400) % 2
    right = [0.70, 0.80, 0.85, 0.95]
    runs = []
    for share in right:
        hit = np.arange(400) % 200 < share * 200
        runs.append(predictions(np.where(hit == (labels == 1), 0.9, 0.1), labels))
    pooled = estimate("accuracy", runs, draws=4000)
    alone = [estimate("accuracy", [run], draws=4000).se for run in runs]
    between = np.std(right, ddof=1) / math.sqrt(4)
    assert pooled.se > between  # R draws from R runs alone would give sqrt(3/4) of it
    assert pooled.se < math.hypot(between, max(alone)) * 1.05
    assert "and of 4 training runs" in pooled.method


def test_one_run_alone_is_not_said_to_have_been_resampled():
    estimated = estimate("f1", clustered(np.random.default_rng(0), 40, 2, 0.5, 1.0), draws=100)
    assert estimated.method == "percentiles of 100 bootstrap samples of patients, drawn within each class"
    alone = estimate("auroc", clustered(np.random.default_rng(0), 40, 1, 0.5, 1.0), draws=100)
    assert "images, each its own patient" in alone.method


@pytest.mark.parametrize(
    ("name", "trials"),
    [("accuracy", 25), ("auroc", 10), ("sensitivity", 15), ("specificity", 10)],
)
def test_a_perfect_score_still_has_an_interval(name, trials):
    labels = np.repeat([0, 1], [20, 30])
    scored = predictions(np.where(labels == 1, 0.9, 0.1), labels, np.arange(50) // 2)
    estimated = estimate(name, [scored])
    assert (estimated.value, estimated.high) == (1, 1)
    expected = stats.binomtest(trials, trials).proportion_ci(0.95, method="wilson")
    assert estimated.low == pytest.approx(expected.low, abs=1e-9)
    assert f"for {trials} " in estimated.method


def test_one_patient_with_the_finding_tells_next_to_nothing():
    labels = np.repeat([0, 1], [40, 3])
    whose = [f"healthy {row}" for row in range(40)] + ["ill"] * 3
    scored = predictions(np.random.default_rng(0).random(43), labels, whose)
    for name in ("auroc", "sensitivity", "balanced-accuracy"):
        estimated = estimate(name, [scored])
        assert estimated.high - estimated.low > 0.7
        assert estimated.method.startswith("Wilson")
        assert "for 1 " in estimated.method


def test_what_is_not_defined_has_no_interval():
    estimated = estimate("auroc", [predictions([0.1, 0.2], [0, 0])])
    assert math.isnan(estimated.value)
    assert math.isnan(estimated.low)
    assert estimated.as_dict()["value"] is None
    assert math.isnan(estimate("accuracy", [predictions([], [])]).value)


def test_requests_that_make_no_sense_are_refused():
    runs = clustered(np.random.default_rng(0), 10, 2, 0.5, 1.0)
    with pytest.raises(AskedWrongly, match="at least one training run"):
        estimate("auroc", [])
    with pytest.raises(AskedWrongly, match="40 bootstrap samples"):
        estimate("auroc", runs, draws=10)
    with pytest.raises(UnknownName, match="accuracy"):
        estimate("acuracy", runs)


@pytest.mark.parametrize(("alike", "images"), [(0.0, 1), (0.6, 3)])
def test_intervals_cover_the_truth_as_often_as_they_say(alike, images):
    """300 test sets of 120 patients; an AUROC of 0.8 is 1.19 standard deviations between the classes."""
    apart = math.sqrt(2) * NormalDist().inv_cdf(0.8)
    rng = np.random.default_rng(2)
    found = [
        estimate("auroc", clustered(rng, 120, images, alike, apart), draws=400, seed=seed)
        for seed in range(300)
    ]
    covered = np.mean([each.low <= 0.8 <= each.high for each in found])
    assert 0.91 <= covered <= 0.98


def test_intervals_of_several_runs_cover_the_worth_of_training_itself():
    """Training seeds that move every model's AUROC, five runs on one test set."""
    rng = np.random.default_rng(3)
    apart = math.sqrt(2) * NormalDist().inv_cdf(0.8)
    truth = np.mean([NormalDist().cdf((apart + luck) / math.sqrt(2)) for luck in rng.normal(0, 0.3, 20000)])
    covered = []
    for _ in range(200):
        runs = []
        for luck in rng.normal(0, 0.3, 5):
            state = np.random.default_rng(rng.integers(2**32))
            runs.append(clustered(state, 120, 1, 0.0, apart + luck)[0])
        estimated = estimate("auroc", runs, draws=200)
        covered.append(estimated.low <= truth <= estimated.high)
    assert np.mean(covered) >= 0.93  # five runs are few: the interval is as much wider as Student's t


# --- differences


def test_a_difference_is_paired_and_so_much_narrower_than_two_intervals():
    old = clustered(np.random.default_rng(0), 100, 2, 0.5, 1.0)[0]
    new = better_by(old, 0.4, seed=1)
    gap = difference("auroc", [new], [old])
    assert gap.value == pytest.approx(score("auroc", new) - score("auroc", old), abs=1e-12)
    one, other = estimate("auroc", [new]), estimate("auroc", [old])
    assert gap.high - gap.low < 0.5 * min(one.high - one.low, other.high - other.low)
    assert verdict(gap) == "better"
    assert gap.method.startswith("paired")


@pytest.mark.parametrize("name", METRICS)
def test_turned_round_a_difference_turns_its_sign(name):
    old = clustered(np.random.default_rng(0), 100, 2, 0.5, 1.0)[0]
    new = better_by(old, 0.8, seed=1)
    there, back = difference(name, [new], [old], draws=500), difference(name, [old], [new], draws=500)
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low), abs=1e-12
    )
    assert {verdict(there), verdict(back)} in ({"better", "worse"}, {"inconclusive"})


@pytest.mark.parametrize("name", METRICS)
def test_a_model_does_not_differ_from_itself(name):
    runs = clustered(np.random.default_rng(0), 40, 2, 0.5, 1.0, copies=2)
    gap = difference(name, runs, [shuffled(run, 1) for run in runs])
    assert (gap.value, gap.low, gap.high, gap.se, gap.p) == (0, 0, 0, 0, 1)
    assert verdict(gap) == "inconclusive"
    assert minimum_detectable_difference(gap) == 0


def recalibrated(run, scale=0.37, offset=-0.8):
    """The model with a temperature and a bias, computed in float32 as a network does."""
    raw = np.log(run.scores[:, 1] / run.scores[:, 0]).astype(np.float32) * np.float32(scale)
    return predictions(1 / (1 + np.exp(-(raw.astype(np.float64) + offset))), run.labels, run.patients)


@pytest.mark.parametrize("name", ["auroc", "average-precision"])
def test_recalibrating_changes_no_ranking_and_so_nothing_that_rests_on_it(name):
    runs = clustered(np.random.default_rng(0), 400, 2, 0.5, 1.0, copies=2)
    moved = [recalibrated(run) for run in runs]
    gap = difference(name, moved, runs)
    assert (gap.value, gap.low, gap.high, gap.se, gap.p) == (0, 0, 0, 0, 1)
    assert difference("accuracy", moved, runs).low < 0, "a decision at one threshold is another"


@pytest.mark.parametrize(
    "change",
    [
        lambda scores: np.full_like(scores, 0.5),
        lambda scores: np.round(scores, 1),
        lambda scores: np.where(np.arange(len(scores)) == 7, 1 - scores, scores),
    ],
)
def test_a_ranking_that_ties_or_moves_images_is_another(change):
    (run,) = clustered(np.random.default_rng(0), 40, 2, 0.5, 1.0)
    gap = difference("auroc", predictions(change(run.scores[:, 1]), run.labels, run.patients), run)
    assert gap.low < gap.value < gap.high


def test_a_certain_score_does_not_hide_that_the_others_are_ranked_otherwise():
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 100)

    def model(sign):
        scores = 0.5 + sign * (labels - 0.5) * 4e-4 + rng.normal(0, 2e-4, 200)
        return predictions(np.where(np.arange(200) == 199, 1.0, scores), labels)

    assert difference("auroc", model(1), model(-1)).low > 0.5


def test_two_perfect_models_may_yet_differ_by_what_so_few_patients_hide():
    labels = np.arange(60) % 2
    gap = difference(
        "accuracy",
        [predictions(np.where(labels == 1, 0.9, 0.1), labels)],
        [predictions(np.where(labels == 1, 0.8, 0.2), labels)],
    )
    reach = stats.binomtest(0, 60).proportion_ci(0.95, method="wilson").high
    assert (gap.low, gap.value, gap.high) == pytest.approx((-reach, 0, reach), abs=1e-9)
    assert verdict(gap) == "inconclusive"
    assert "the upper Wilson limit of 0 in 60 patients" in gap.method


def test_a_difference_of_everything_does_not_exceed_one():
    labels = np.arange(60) % 2
    right, wrong = np.where(labels == 1, 0.9, 0.1), np.where(labels == 1, 0.1, 0.9)
    gap = difference("accuracy", [predictions(right, labels)], [predictions(wrong, labels)])
    assert (gap.value, gap.high) == (1, 1)
    assert 0.9 < gap.low < 1
    assert verdict(gap) == "better"


def test_images_in_another_order_are_matched_by_id():
    old = clustered(np.random.default_rng(0), 40, 3, 0.5, 1.0)[0]
    new = better_by(old, 0.5, seed=1)
    straight = difference("auroc", [new], [old], draws=200)
    assert difference("auroc", [shuffled(new, 1)], [shuffled(old, 2)], draws=200) == straight


def test_different_images_labels_or_classes_are_not_compared():
    one = clustered(np.random.default_rng(0), 10, 2, 0.5, 1.0)[0]
    with pytest.raises(AskedWrongly, match="Got 20 images and 19, of which 19 are the same"):
        difference("auroc", [one], [one.take(range(19))])
    relabelled = predictions(one.scores[:, 1], 1 - one.labels, one.patients)
    with pytest.raises(AskedWrongly, match="labels or patients differ"):
        difference("auroc", [one], [relabelled])
    renamed = Predictions(one.scores, one.labels, one.patients, one.ids, ("NORMAL", "TB"))
    with pytest.raises(AskedWrongly, match="NORMAL, PNEUMONIA and NORMAL, TB"):
        difference("auroc", [one], [renamed])
    with pytest.raises(AskedWrongly, match="Got none"):
        difference("auroc", [one], [])


def test_runs_of_one_seed_are_pairs_so_their_common_luck_cancels():
    base = clustered(np.random.default_rng(0), 100, 1, 0.0, 0.8)[0]
    old = [better_by(base, luck, seed=3) for luck in (0.0, 0.5, 1.0, 1.5)]
    new = [better_by(base, luck + 0.3, seed=3) for luck in (0.0, 0.5, 1.0, 1.5)]
    paired, crossed = difference("auroc", new, old), difference("auroc", new, old[:3])
    assert paired.high - paired.low < 0.5 * (crossed.high - crossed.low)
    assert "4 pairs of training runs" in paired.method
    assert "7 training runs, 4 and 3" in crossed.method


def test_a_smaller_loss_is_better_and_its_difference_is_below_0():
    old = clustered(np.random.default_rng(0), 100, 2, 0.5, 1.0)[0]
    new = better_by(old, 0.8, seed=1)
    for name in METRICS:
        gap = difference(name, [new], [old], draws=400)
        assert gap.lower_is_better == METRICS[name].lower_is_better
        assert verdict(gap) == "better"
        assert gap.gain > 0
    assert difference("brier", [new], [old]).high < 0


def test_a_difference_that_is_not_there_is_found_one_time_in_twenty():
    """Type-I error of two equally good models on clustered images, 1,000 test sets."""
    rng = np.random.default_rng(4)
    wrong = 0
    for seed in range(1000):
        one, other = clustered(rng, 120, 2, 0.4, 1.2, copies=2)
        wrong += verdict(difference("auroc", [one], [other], draws=300, seed=seed)) != "inconclusive"
    assert 0.03 <= wrong / 1000 <= 0.075


def test_a_difference_says_by_what_its_interval_is():
    def of(patients: int) -> str:
        rng = np.random.default_rng(3)
        whose = np.repeat(np.arange(patients), 6).astype(np.str_)
        ids = np.arange(len(whose)).astype(np.str_)
        labels = np.arange(len(whose)) % 2
        one, other = (
            Predictions(rng.dirichlet((1, 1), len(whose)), labels, whose, ids, ("NORMAL", "PNEUMONIA"))
            for _ in range(2)
        )
        return difference("auroc", [one], [other], draws=400).method

    assert of(3).startswith("paired: Student's t by the spread of")
    assert of(30).startswith("paired: percentiles of")


@pytest.mark.parametrize(("ill", "p"), [(1, 1.0), (4, 0.125), (5, 0.0625), (6, 0.03125), (12, 2**-11)])
def test_of_samples_that_are_all_alike_p_is_that_of_the_exact_sign_test(ill, p):
    """One model is right throughout, the other calls everyone normal: McNemar's p on the ill."""
    labels = np.repeat([1, 0], [ill, 20])
    right, normal = (
        predictions(np.where(labels, 0.9, 0.1), labels),
        predictions(np.full(20 + ill, 0.1), labels),
    )
    gap = difference("balanced-accuracy", [right], [normal])
    assert gap.value == pytest.approx(0.5)
    assert gap.p >= p * (1 - 1e-9)
    if ill < 8:
        assert gap.p == pytest.approx(p)
    assert (gap.low > 0) == (gap.p < 0.05)


def test_a_perfect_balanced_accuracy_has_the_intervals_of_both_classes_put_together():
    labels = np.repeat([0, 1], [20, 30])
    estimated = estimate(
        "balanced-accuracy", [predictions(np.where(labels, 0.9, 0.1), labels, np.arange(50) // 2)]
    )
    ends = [stats.binomtest(n, n).proportion_ci(0.95, method="wilson").low for n in (10, 15)]
    assert (estimated.value, estimated.high) == (1, 1)
    assert estimated.low == pytest.approx(1 - np.hypot(*[(1 - low) / 2 for low in ends]))


def test_a_model_that_calls_all_images_the_same_is_known_to_be_a_coin():
    labels = np.repeat([0, 1], [60, 80])
    estimated = estimate("balanced-accuracy", [predictions(np.full(140, 0.1), labels)])
    assert estimated.value == 0.5
    assert 0.45 < estimated.low < 0.5 < estimated.high < 0.55
    assert estimated.method.startswith("Wilson score intervals of each class combined")


def test_predictions_of_one_model_need_no_list():
    run, other = clustered(np.random.default_rng(0), 40, 1, 0.5, 1.0, copies=2)
    assert str(estimate("auroc", run)) == str(estimate("auroc", [run]))
    assert str(difference("auroc", run, other)) == str(difference("auroc", [run], [other]))
