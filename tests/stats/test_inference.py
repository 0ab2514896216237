import json
import math
import re
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from radapt.errors import AskedWrongly, UnknownName
from radapt.metrics.table import METRICS, score
from radapt.predictions import Predictions
from radapt.stats.bootstrap import draw_weights
from radapt.stats.estimate import Estimate, minimum_detectable_difference, verdict
from radapt.stats.inference import difference, estimate
from radapt.stats.intervals import (
    auroc_interval,
    corrected_percentiles,
    difference_interval,
    logit_interval,
    mean_interval,
    mover_interval,
    percentiles,
    proportion_interval,
    t_quantile,
    wilson,
)


def predictions(positive, labels, patients=None) -> Predictions:
    high, found = np.asarray(positive, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    ids = np.array([f"image {row:05}" for row in range(len(found))], dtype=np.str_)
    whose = ids if patients is None else np.asarray(patients).astype(np.str_)
    return Predictions(np.stack([1 - high, high], axis=1), found, whose, ids, ("NORMAL", "PNEUMONIA"))


def clustered(
    rng: np.random.Generator, patients: int, images: int, alike: float, apart: float, copies: int = 1
) -> list[Predictions]:
    """Models of equal worth, `apart` standard deviations between the classes, on images of patients.

    `alike` is how much of the spread of scores is the patient's; between copies (models) all of that
    is shared and half of the rest.
    """
    whose = np.repeat(np.arange(patients), images)
    labels = (whose < patients // 2).astype(np.int64)
    own = rng.normal(size=patients)[whose]
    image = rng.normal(size=len(whose))
    models = []
    for _ in range(copies):
        noise = image if copies == 1 else math.sqrt(0.5) * (image + rng.normal(size=len(whose)))
        raw = math.sqrt(alike) * own + math.sqrt(1 - alike) * noise + apart * (labels - 0.5)
        models.append(predictions(1 / (1 + np.exp(-raw)), labels, whose))
    return models


def shuffled(given: Predictions, seed: int) -> Predictions:
    return given.take(np.random.default_rng(seed).permutation(len(given)))


# --- what an estimate is


def test_an_estimate_prints_as_a_number_with_its_interval():
    assert str(Estimate(0.9123, 0.8841, 0.9359, 100, 80)) == "0.912 [0.884, 0.936]"
    assert str(Estimate(-0.0001, -0.02, 0.02, 100, 80)) == "0.000 [-0.020, 0.020]"
    assert str(Estimate(math.nan, math.nan, math.nan, 0, 0)) == "not defined"


def test_an_estimate_survives_strict_json():
    for given in (
        estimate("auroc", clustered(np.random.default_rng(0), 20, 2, 0.5, 1.0)),
        estimate("auroc", [predictions([0.1, 0.2], [0, 0])]),
    ):
        again = Estimate.from_dict(json.loads(json.dumps(given.as_dict(), allow_nan=False)))
        assert repr(again) == repr(given)


def test_an_estimate_written_before_a_field_was_known_can_be_read():
    old = Estimate(0.9, 0.8, 0.95, 100, 80).as_dict()
    del old["p"], old["lower_is_better"]
    assert repr(Estimate.from_dict(old | {"metric": "auroc"})) == repr(Estimate(0.9, 0.8, 0.95, 100, 80))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.pop("high"), "an estimate lacks 'high'"),
        (lambda row: row.update(value="0.9"), "an estimate's 'value' is not '0.9'"),
        (lambda row: row.update(method=3), "an estimate's 'method' is not 3"),
    ],
)
def test_a_row_that_is_no_estimate_says_what_is_wrong_with_it(change, words):
    row = Estimate(0.9, 0.8, 0.95, 100, 80).as_dict()
    change(row)
    with pytest.raises(ValueError, match=re.escape(words)):
        Estimate.from_dict(row)


# --- Wilson


@pytest.mark.parametrize(("hits", "trials"), [(0, 12), (1, 29), (15, 148), (81, 263), (56, 56)])
def test_wilson_is_scipys(hits, trials):
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    assert wilson(hits / trials, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "published"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_gives_what_newcombe_1998_printed(hits, trials, published):
    """Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(hits / trials, trials) == pytest.approx(published, abs=5e-5)


# --- the area under the ROC curve


def test_an_area_of_many_patients_has_the_interval_of_its_standard_error():
    low, high = auroc_interval(0.8, 0.004, 5000, 5000)
    assert (low, high) == pytest.approx((0.8 - 1.96 * 0.004, 0.8 + 1.96 * 0.004), abs=2e-4)


@pytest.mark.parametrize(("hits", "trials"), [(29, 30), (3, 12), (400, 800)])
def test_a_share_of_independent_images_has_wilsons_interval_but_for_few_patients_somewhat_wider(hits, trials):
    share = hits / trials
    low, high = proportion_interval(share, math.sqrt(share * (1 - share) / trials), trials)
    narrow, wide = wilson(share, trials), wilson(share, trials * (1.96 / stats.t.ppf(0.975, trials - 1)) ** 2)
    assert (low, high) == pytest.approx(wide, abs=1e-3)
    assert low <= narrow[0] < share < narrow[1] <= high


def test_a_logit_interval_is_symmetric_in_the_logarithm_of_the_odds():
    low, high = logit_interval(0.9, 0.02, 400)
    odds = [math.log(value / (1 - value)) for value in (low, 0.9, high)]
    assert odds[2] - odds[1] == pytest.approx(odds[1] - odds[0])
    assert odds[2] - odds[1] == pytest.approx(stats.t.ppf(0.975, 399) * 0.02 / 0.09, rel=1e-4)
    assert logit_interval(0.001, 0.5, 3) == pytest.approx((0, 1), abs=1e-9)


def test_two_intervals_put_together_give_what_newcombe_1998_printed_of_a_difference():
    """Statistics in Medicine 17:873, table II, 56/70 less 48/80, method 10."""
    one, other = wilson(56 / 70, 70), wilson(48 / 80, 80)
    ends = np.array([one, (-other[1], -other[0])])
    found = mover_interval(np.array([56 / 70, -48 / 80]), ends, np.eye(2))
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_parts_that_err_together_reach_as_far_as_their_sum_and_opposed_ones_make_up_for_each_other():
    means, ends = np.array([0.4, 0.3]), np.array([[0.3, 0.6], [0.1, 0.4]])
    assert mover_interval(means, ends, np.ones((2, 2))) == pytest.approx((0.4, 1.0))
    opposed = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert mover_interval(means, ends, opposed) == pytest.approx((0.6, 0.8))


def test_a_mean_of_few_patients_has_a_wider_interval_than_its_spread_says_and_none_without_any():
    low, high = mean_interval(0.2, 0.05, 8)
    plain = logit_interval(0.2, 0.05, 8)
    assert low < plain[0] < 0.2 < plain[1] < high
    assert mean_interval(0.2, 0.0, 8) == wilson(0.2, 8)
    assert mean_interval(0.0, 0.1, 8) == wilson(0.0, 8)


def test_where_the_spread_is_that_of_hanley_and_mcneil_the_ends_are_just_far_enough():
    def spread(area, having, others):
        above, below = area / (2 - area), 2 * area**2 / (1 + area)
        sums = area * (1 - area) + (having - 1) * (above - area**2) + (others - 1) * (below - area**2)
        return math.sqrt(sums / (having * others))

    low, high = auroc_interval(0.95, spread(0.95, 40, 60), 40, 60)
    far = stats.t.ppf(0.975, 41)
    assert (0.95 - low) / spread(low, 40, 60) == pytest.approx(far, rel=1e-3)
    assert (high - 0.95) / spread(high, 40, 60) == pytest.approx(far, rel=1e-3)
    assert 0.95 - low > high - 0.95


@pytest.mark.parametrize("area", [0.0, 0.01, 0.5, 0.999, 1.0])
def test_the_interval_of_an_area_holds_it_and_lies_between_0_and_1(area):
    low, high = auroc_interval(area, 0.03, 12, 200)
    assert 0 <= low <= area <= high <= 1


# --- the draws


def test_a_drawn_patient_brings_all_its_images():
    patients = np.array(["a", "b", "a", "c", "b", "d", "a"])
    labels = np.array([0, 0, 0, 1, 0, 1, 0])
    weights = draw_weights(labels, patients, 200, np.random.default_rng(0))
    assert weights.shape == (200, 7)
    for one in "abcd":
        assert (weights[:, patients == one] == weights[:, patients == one][:, :1]).all()


def test_every_sample_has_as_many_patients_of_each_class_as_there_are():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 90)
    patients = np.array(
        [f"{label} {number}" for label, number in zip(labels, rng.integers(0, 12, 90), strict=True)]
    )
    weights = draw_weights(labels, patients, 300, rng)
    first = np.unique(patients, return_index=True)[1]
    for which in range(3):
        mine = first[labels[first] == which]
        assert (weights[:, mine].sum(axis=1) == len(mine)).all()
        assert weights[:, mine].mean(axis=0) == pytest.approx(np.ones(len(mine)), abs=0.3)
        assert weights[:, mine].var() == pytest.approx(1 - 1 / len(mine), abs=0.1)


def test_a_patient_alone_with_its_mixture_is_drawn_among_those_of_its_main_class():
    patients = np.array(["a", "b", "c", "d", "both", "both", "both"])
    labels = np.array([0, 0, 1, 1, 1, 0, 1])
    weights = draw_weights(labels, patients, 500, np.random.default_rng(0))
    assert set(np.unique(weights[:, 4])) == {0, 1, 2, 3}  # of three patients: c, d, both
    assert (weights[:, [2, 3, 4]].sum(axis=1) == 3).all()
    assert (weights[:, [0, 1]].sum(axis=1) == 2).all()


def test_patients_who_share_a_mixture_are_a_group_of_their_own():
    patients = np.array(["a", "b", "c", "d", "x", "x", "y", "y"])
    labels = np.array([0, 0, 1, 1, 0, 1, 1, 0])
    weights = draw_weights(labels, patients, 100, np.random.default_rng(0))
    assert (weights[:, 4] + weights[:, 6] == 2).all()


def test_a_image_is_drawn_alike_in_any_order_of_images():
    given = clustered(np.random.default_rng(0), 30, 3, 0.5, 1.0)[0]
    order = np.random.default_rng(1).permutation(len(given))
    straight = draw_weights(given.labels, given.patients, 50, np.random.default_rng(2))
    mixed = draw_weights(given.labels[order], given.patients[order], 50, np.random.default_rng(2))
    assert (straight[:, order] == mixed).all()


# --- estimates


@pytest.mark.parametrize("name", METRICS)
def test_an_estimate_is_the_score_between_its_ends(name):
    runs = clustered(np.random.default_rng(3), 80, 2, 0.5, 1.5, copies=3)
    found = estimate(name, runs, draws=400)
    assert found.value == pytest.approx(np.mean([score(name, run) for run in runs]), abs=1e-12)
    least, most = METRICS[name].range
    assert least < found.low < found.value < found.high < most
    assert 3.5 < (found.high - found.low) / found.se < 6.5  # three runs: in part by Student's t of 2 degrees


def test_an_estimate_names_the_images_and_patients_it_rests_on():
    given = predictions(np.linspace(0, 1, 10), [0, 0, 0, 0, 0, 0, 1, 1, 1, 1], list("aabbccddee"))
    counts = {name: (estimate(name, [given]).n, estimate(name, [given]).patients) for name in METRICS}
    assert (counts.pop("sensitivity"), counts.pop("specificity")) == ((4, 2), (6, 3))
    assert set(counts.values()) == {(10, 5)}


@pytest.mark.parametrize("name", ["ppv@0.02", "npv@0.02"])
def test_a_predictive_value_at_a_named_prevalence_has_an_interval_and_differences(name):
    old = clustered(np.random.default_rng(0), 80, 2, 0.5, 1.2)[0]
    found = estimate(name, [old], draws=400)
    assert found.value == pytest.approx(score(name, old))
    assert 0 <= found.low < found.value < found.high <= 1
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
    given = clustered(np.random.default_rng(0), 80, 5, 0.95, 1.2)[0]
    naive = Predictions(given.scores, given.labels, given.ids, given.ids, given.classes)
    for name in ("auroc", "accuracy", "sensitivity"):
        by_patient, by_image = estimate(name, [given]), estimate(name, [naive])
        assert by_patient.value == by_image.value
        assert by_patient.high - by_patient.low > 1.5 * (by_image.high - by_image.low)


def test_the_bootstrap_spread_of_an_accuracy_is_the_binomial_one():
    labels = np.arange(800) % 2
    hit = np.random.default_rng(0).random(800) < 0.8
    given = predictions(np.where(hit == (labels == 1), 0.9, 0.1), labels)
    share = hit.mean()
    assert estimate("accuracy", [given], draws=4000).se == pytest.approx(
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
    found = estimate("f1", clustered(np.random.default_rng(0), 40, 2, 0.5, 1.0), draws=100)
    assert found.method == "percentiles of 100 bootstrap samples of patients, drawn within each class"
    alone = estimate("auroc", clustered(np.random.default_rng(0), 40, 1, 0.5, 1.0), draws=100)
    assert "images, each its own patient" in alone.method


@pytest.mark.parametrize(
    ("name", "trials"),
    [("accuracy", 25), ("auroc", 10), ("sensitivity", 15), ("specificity", 10)],
)
def test_a_perfect_score_still_has_an_interval(name, trials):
    labels = np.repeat([0, 1], [20, 30])
    given = predictions(np.where(labels == 1, 0.9, 0.1), labels, np.arange(50) // 2)
    found = estimate(name, [given])
    assert (found.value, found.high) == (1, 1)
    expected = stats.binomtest(trials, trials).proportion_ci(0.95, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert f"({trials})" in found.method


def test_one_patient_with_the_finding_tells_next_to_nothing():
    labels = np.repeat([0, 1], [40, 3])
    whose = [f"healthy {row}" for row in range(40)] + ["ill"] * 3
    given = predictions(np.random.default_rng(0).random(43), labels, whose)
    for name in ("auroc", "sensitivity", "balanced-accuracy"):
        found = estimate(name, [given])
        assert found.high - found.low > 0.7
        assert found.method.startswith("Wilson")
        assert "(1)" in found.method


def test_what_is_not_defined_has_no_interval():
    found = estimate("auroc", [predictions([0.1, 0.2], [0, 0])])
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert found.as_dict()["value"] is None
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
        found = estimate("auroc", runs, draws=200)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) >= 0.93  # five runs are few: the interval is as much wider as Student's t


# --- differences


def better_by(given: Predictions, gain: float, seed: int) -> Predictions:
    """The same images seen by a model that separates the classes better."""
    raw = np.log(given.scores[:, 1] / given.scores[:, 0])
    noise = np.random.default_rng(seed).normal(0, 0.2, len(given))
    return predictions(
        1 / (1 + np.exp(-(raw + gain * (given.labels - 0.5) + noise))), given.labels, given.patients
    )


def test_a_difference_is_paired_and_so_much_narrower_than_two_intervals():
    old = clustered(np.random.default_rng(0), 100, 2, 0.5, 1.0)[0]
    new = better_by(old, 0.4, seed=1)
    found = difference("auroc", [new], [old])
    assert found.value == pytest.approx(score("auroc", new) - score("auroc", old), abs=1e-12)
    one, other = estimate("auroc", [new]), estimate("auroc", [old])
    assert found.high - found.low < 0.5 * min(one.high - one.low, other.high - other.low)
    assert verdict(found) == "better"
    assert found.method.startswith("paired")


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
    found = difference(name, runs, [shuffled(run, 1) for run in runs])
    assert (found.value, found.low, found.high, found.se, found.p) == (0, 0, 0, 0, 1)
    assert verdict(found) == "inconclusive"
    assert minimum_detectable_difference(found) == 0


def test_two_perfect_models_may_yet_differ_by_what_so_few_patients_hide():
    labels = np.arange(60) % 2
    found = difference(
        "accuracy",
        [predictions(np.where(labels == 1, 0.9, 0.1), labels)],
        [predictions(np.where(labels == 1, 0.8, 0.2), labels)],
    )
    reach = stats.binomtest(0, 60).proportion_ci(0.95, method="wilson").high
    assert (found.low, found.value, found.high) == pytest.approx((-reach, 0, reach), abs=1e-9)
    assert verdict(found) == "inconclusive"
    assert "to both sides the upper Wilson limit of 0 in 60 patients" in found.method


def test_a_difference_of_everything_does_not_exceed_one():
    labels = np.arange(60) % 2
    right, wrong = np.where(labels == 1, 0.9, 0.1), np.where(labels == 1, 0.1, 0.9)
    found = difference("accuracy", [predictions(right, labels)], [predictions(wrong, labels)])
    assert (found.value, found.high) == (1, 1)
    assert 0.9 < found.low < 1
    assert verdict(found) == "better"


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
        found = difference(name, [new], [old], draws=400)
        assert found.lower_is_better == METRICS[name].lower_is_better
        assert verdict(found) == "better"
        assert found.gain > 0
    assert difference("brier", [new], [old]).high < 0


def test_percentiles_are_corrected_by_where_the_number_lies_among_its_samples():
    samples = np.random.default_rng(0).normal(1, 0.1, 20_001)
    middle = float(np.median(samples))
    assert corrected_percentiles(middle, samples, 50) == pytest.approx(percentiles(samples, 50), abs=2e-3)
    low, high = corrected_percentiles(middle - 0.05, samples, 5000)  # half a spread below: a whole one lower
    assert (low, high) == pytest.approx((0.9 - 0.196, 0.9 + 0.196), abs=0.01)


@pytest.mark.parametrize("trials", [2, 5, 8, 30, 400])
def test_an_interval_leaves_0_out_just_where_the_p_value_is_below_one_in_twenty(trials):
    rng = np.random.default_rng(0)
    said = set()
    for draws in (60, 400, 2001):
        for shift in np.concatenate([np.linspace(-5, 5, 101), rng.normal(2.1, 0.4, 200)]):
            samples = rng.normal(shift, 1, draws)
            low, high, p = difference_interval(shift, samples, trials)
            assert low <= shift <= high
            assert (p < 0.05) == (low > 0 or high < 0)
            said.add(p < 0.05)
    assert said == (
        {False} if trials == 2 else {True, False}
    )  # two patients show nothing within five spreads


def test_a_p_value_is_the_tail_of_the_samples_widened_by_students_t():
    rng = np.random.default_rng(0)
    for trials in (8, 30, 400):
        for shift in np.linspace(0, 4, 41):
            samples = rng.normal(shift, 1, 4001)
            beyond = min(np.sum(samples <= 0), np.sum(samples >= 0))
            z = stats.norm.isf((beyond + 1) / 4002)
            expected = 2 * stats.t.sf(z * math.sqrt((trials - 1) / trials), trials - 1)
            assert difference_interval(shift, samples, trials)[2] == pytest.approx(expected, abs=1e-9)


def test_a_difference_on_the_other_side_of_0_than_its_samples_is_none():
    samples = np.random.default_rng(0).normal(4, 1, 2000)
    low, high, p = difference_interval(-0.5, samples, 100)
    assert low <= -0.5 < 0 < high
    assert p == 1


def test_students_point_is_right_from_one_degree_of_freedom():
    known = {1: 12.706204736, 2: 4.302652730, 5: 2.570581836, 30: 2.042272456}  # any table of t
    for freedom, point in known.items():
        assert t_quantile(freedom) == pytest.approx(point, abs=1e-8)


def test_too_few_patients_for_any_tail_are_judged_by_students_t():
    samples = np.random.default_rng(0).normal(1, 0.2, 60)
    low, high, p = difference_interval(1.0, samples, 4)
    se = samples.std(ddof=1) * math.sqrt(4 / 3)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 3, 1.0, se))
    assert p == pytest.approx(2 * stats.t.sf(1 / se, 3))


def test_a_difference_that_is_not_there_is_found_one_time_in_twenty():
    """Type-I error of two equally good models on clustered images, 1,000 test sets."""
    rng = np.random.default_rng(4)
    wrong = 0
    for seed in range(1000):
        one, other = clustered(rng, 120, 2, 0.4, 1.2, copies=2)
        wrong += verdict(difference("auroc", [one], [other], draws=300, seed=seed)) != "inconclusive"
    assert 0.03 <= wrong / 1000 <= 0.075


def test_the_smallest_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(150):
        old = clustered(rng, 120, 1, 0.0, 1.2)[0]
        found.append(difference("auroc", [better_by(old, 0.09, int(rng.integers(2**32)))], [old], draws=200))
    power = np.mean([verdict(each) == "better" for each in found])
    gain, least = (
        np.mean([each.value for each in found]),
        np.mean([minimum_detectable_difference(each) for each in found]),
    )
    expected = NormalDist().cdf(gain / (least / 2.802) - 1.96)
    assert power == pytest.approx(expected, abs=0.1)
    assert minimum_detectable_difference(Estimate(0.1, 0.0, 0.2, 10, 10, se=0.05)) == pytest.approx(
        0.1401, abs=1e-4
    )


def test_the_verdict_follows_the_interval_and_not_the_value():
    assert verdict(Estimate(0.061, 0.020, 0.104, 624, 428)) == "better"
    assert verdict(Estimate(-0.061, -0.104, -0.020, 624, 428)) == "worse"
    assert verdict(Estimate(0.061, -0.001, 0.104, 624, 428)) == "inconclusive"
    assert verdict(Estimate(math.nan, math.nan, math.nan, 0, 0)) == "inconclusive"


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
    found = difference("balanced-accuracy", [right], [normal])
    assert found.value == pytest.approx(0.5)
    assert found.p >= p * (1 - 1e-9)
    if ill < 8:
        assert found.p == pytest.approx(p)
    assert (found.low > 0) == (found.p < 0.05)


def test_a_perfect_balanced_accuracy_has_the_intervals_of_both_classes_put_together():
    labels = np.repeat([0, 1], [20, 30])
    found = estimate(
        "balanced-accuracy", [predictions(np.where(labels, 0.9, 0.1), labels, np.arange(50) // 2)]
    )
    ends = [stats.binomtest(n, n).proportion_ci(0.95, method="wilson").low for n in (10, 15)]
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(1 - np.hypot(*[(1 - low) / 2 for low in ends]))


def test_a_model_that_calls_all_images_the_same_is_known_to_be_a_coin():
    labels = np.repeat([0, 1], [60, 80])
    found = estimate("balanced-accuracy", [predictions(np.full(140, 0.1), labels)])
    assert found.value == 0.5
    assert 0.45 < found.low < 0.5 < found.high < 0.55
    assert found.method.startswith("Wilson score intervals of each class combined")
