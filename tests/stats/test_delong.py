import math

import numpy as np
import pytest

from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.stats.delong import cross_check, delong, delong_difference
from radapt.stats.estimate import Estimate
from radapt.stats.inference import difference, estimate
from radapt.stats.intervals import holm

# DeLong, DeLong & Clarke-Pearson 1988, as listed in the SAS/STAT User's Guide, PROC LOGISTIC, "Comparing
# Receiver Operating Characteristic Curves": albumin, total protein, K-G score, and 0 for those who benefit.
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""

# Turck et al. 2010, Intensive Care Med. 36:107: after subarachnoid haemorrhage, of each patient the grade of
# the World Federation of Neurological Surgeons and S100beta in 0.01 ug/l, by outcome.
GOOD = """
1:4 1:4 1:4 1:4 1:5 1:5 1:6 1:6 1:7 1:7 1:7 1:7 1:8 1:8 1:8 1:8 1:9 1:9 1:9 1:9 1:10 1:10 1:10 1:10 1:11
1:11 1:13 1:13 1:14 1:14 1:14 1:15 1:16 1:18 1:19 1:48 1:50 2:4 2:7 2:8 2:8 2:9 2:9 2:10 2:10 2:10 2:11
2:11 2:13 2:14 2:15 2:15 2:15 2:16 2:17 2:19 2:43 3:5 3:7 3:33 4:16 4:17 4:28 4:32 4:34 4:38 4:45 4:47
5:24 5:46 5:47 5:50
"""
POOR = """
1:7 1:8 2:7 2:7 2:9 2:9 2:10 2:10 2:11 2:14 2:25 2:30 2:41 2:58 3:13 4:13 4:16 4:23 4:26 4:27 4:48 4:71
4:96 5:3 5:12 5:22 5:32 5:33 5:35 5:44 5:44 5:49 5:52 5:56 5:70 5:71 5:74 5:77 5:82 5:86 5:207
"""


def predictions(scores, labels, patients=None) -> Predictions:
    high, ids = np.asarray(scores, dtype=np.float64), np.arange(len(labels)).astype(np.str_)
    whose = ids if patients is None else np.asarray(patients).astype(np.str_)
    both = np.stack([1 - high, high], axis=1)
    return Predictions(both, np.asarray(labels, dtype=np.int64), whose, ids, ("NORMAL", "PNEUMONIA"))


def ovarian() -> list[Predictions]:
    table = np.array(OVARIAN.split(), dtype=np.float64).reshape(-1, 4)
    table[:, 2] = 10 - table[:, 2]
    return [predictions(table[:, column] / 10, table[:, 3] == 1) for column in range(3)]


def haemorrhages() -> list[Predictions]:
    """The grade and S100beta as scores for a poor outcome."""
    good, poor = ([tuple(map(int, each.split(":"))) for each in block.split()] for block in (GOOD, POOR))
    table = np.array([*good, *poor], dtype=np.float64)
    return [predictions(column / 1000, [0] * len(good) + [1] * len(poor)) for column in table.T]


def pairs_of(given: Predictions) -> np.ndarray:
    """Say of each image with the finding and each without which scores higher: 1, 0 or 1/2."""
    positive = given.labels == 1
    high, low = given.scores[positive, 1], given.scores[~positive, 1]
    return (high[:, None] > low) + 0.5 * (high[:, None] == low)


def covariance_by_pairs(one: Predictions, other: Predictions) -> float:
    """DeLong's covariance of two areas from all pairs of images, each its own patient."""
    first, second = pairs_of(one), pairs_of(other)
    across = np.cov(first.mean(axis=1), second.mean(axis=1))[0, 1] / len(first)
    return across + np.cov(first.mean(axis=0), second.mean(axis=0))[0, 1] / first.shape[1]


def variance_by_patients(given: Predictions, against: Predictions | None = None) -> float:
    """Obuchowski's variance from all pairs of images, patient by patient, as it is printed."""
    won = pairs_of(given) - (0 if against is None else pairs_of(against))
    area = won.mean()
    positive = given.labels == 1
    m, n = won.shape
    names = np.unique(given.patients)
    of_finding = [won.mean(axis=1)[given.patients[positive] == name] for name in names]
    of_others = [won.mean(axis=0)[given.patients[~positive] == name] for name in names]
    up = np.array([each.sum() - len(each) * area for each in of_finding])
    down = np.array([each.sum() - len(each) * area for each in of_others])
    i10, i01 = (sum(len(each) > 0 for each in side) for side in (of_finding, of_others))
    i = len(names)
    s10, s01 = i10 / ((i10 - 1) * m) * (up**2).sum(), i01 / ((i01 - 1) * n) * (down**2).sum()
    s11 = i / (i - 1) * (up * down).sum()
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def clustered(seed: int, levels: int = 12) -> tuple[Predictions, Predictions]:
    """Two models on images of 40 patients, some of whom have images of both classes; few levels make ties."""
    rng = np.random.default_rng(seed)
    whose = rng.integers(0, 40, 160)
    labels = (rng.random(160) < np.where(whose < 20, 0.8, 0.15)).astype(int)
    own, image = rng.normal(size=40)[whose], rng.normal(size=(2, 160))
    raw = own + image + labels
    scores = np.round(levels / (1 + np.exp(-raw))) / levels
    return predictions(scores[0], labels, whose), predictions(scores[1], labels, whose)


def test_the_standard_errors_of_the_ovarian_data_are_those_of_all_pairs():
    for given in ovarian():
        formula = delong(given)
        assert formula.value == pytest.approx(pairs_of(given).mean(), abs=1e-12)
        assert formula.se**2 == pytest.approx(covariance_by_pairs(given, given), abs=1e-12)
    assert len(ovarian()[0]) == 43


def test_the_ovarian_data_give_what_is_published_for_them():
    """The tables "ROC Association Statistics" and "ROC Contrast Estimation" of the same guide."""
    albumin, protein, kg = ovarian()
    areas = {"K-G": (0.7258, 0.1028), "total protein": (0.6478, 0.1000), "albumin": (0.7366, 0.0927)}
    for given, (area, error) in zip((kg, protein, albumin), areas.values(), strict=True):
        formula = delong(given)
        assert (round(formula.value, 4), round(formula.se, 4)) == (area, error)
    less = delong_difference(protein, kg)
    assert (round(less.value, 4), round(less.se, 4), round(less.p, 4)) == (-0.0780, 0.1046, 0.4561)
    more = delong_difference(albumin, kg)
    assert (round(more.value, 4), round(more.se, 4), round(more.p, 4)) == (0.0108, 0.0953, 0.9102)


def test_what_the_package_proc_gives_of_haemorrhages_is_found_to_ten_digits():
    """The numbers are in its own tests: `test-var.R`, `test-cov.R` and `test-roc.test.R`."""
    grade, s100b = haemorrhages()
    assert delong(grade).value == pytest.approx(0.823678861788618, rel=1e-10)
    assert delong(s100b).value == pytest.approx(0.731368563685637, rel=1e-10)
    variances = delong(grade).se ** 2, delong(s100b).se ** 2
    assert variances == pytest.approx((0.00146991470882363, 0.00266868245717244), rel=1e-10)
    less = delong_difference(grade, s100b)
    assert (sum(variances) - less.se**2) / 2 == pytest.approx(0.00119615567376754, rel=1e-10)
    assert less.value / less.se == pytest.approx(2.20898359144091, rel=1e-10)
    assert less.p == pytest.approx(0.0271757822291882, rel=1e-10)
    assert (less.low, less.high) == pytest.approx((0.0104061769564846, 0.174214419249478), rel=1e-10)


def test_the_differences_of_the_ovarian_data_are_those_of_all_pairs():
    albumin, protein, kg = ovarian()
    for one, other in ((albumin, kg), (protein, kg), (albumin, protein)):
        formula = delong_difference(one, other)
        variance = sum(covariance_by_pairs(each, each) for each in (one, other))
        assert formula.se**2 == pytest.approx(variance - 2 * covariance_by_pairs(one, other), abs=1e-12)
        assert formula.value == pytest.approx(score("auroc", one) - score("auroc", other), abs=1e-12)
        assert formula.p == pytest.approx(math.erfc(abs(formula.value / formula.se) / math.sqrt(2)))


@pytest.mark.parametrize("seed", range(4))
def test_images_of_one_patient_are_added_up_as_obuchowski_does(seed):
    one, other = clustered(seed)
    assert delong(one).se ** 2 == pytest.approx(variance_by_patients(one), abs=1e-12)
    assert delong_difference(one, other).se ** 2 == pytest.approx(variance_by_patients(one, other), abs=1e-12)


def test_with_a_patient_a_image_obuchowski_is_delong():
    given = clustered(0)[0]
    apart = predictions(given.scores[:, 1], given.labels)
    assert delong(apart).se ** 2 == pytest.approx(covariance_by_pairs(apart, apart), abs=1e-12)
    assert delong(given).se > 1.2 * delong(apart).se


def test_the_order_of_the_images_and_of_the_classes_changes_nothing():
    one, other = clustered(1)
    mixed = other.take(np.random.default_rng(0).permutation(len(other)))
    assert repr(delong_difference(one, mixed)) == repr(delong_difference(one, other))
    swapped = Predictions(
        one.scores[:, ::-1].copy(), 1 - one.labels, one.patients, one.ids, one.classes[::-1]
    )
    assert delong(swapped).se == pytest.approx(delong(one).se, abs=1e-12)
    alone = Predictions(
        one.scores[:, 1:], one.labels[:, None].astype(np.float32), one.patients, one.ids, ("PNEUMONIA",)
    )
    assert delong(alone).as_dict() == delong(one).as_dict()


def test_the_bootstrap_and_the_formula_agree():
    one, other = clustered(2)
    by_draws = estimate("auroc", [one], draws=2000)
    assert by_draws.se == pytest.approx(delong(one).se, rel=0.1)
    assert cross_check(by_draws, one) == ""
    by_draws = difference("auroc", [one], [other], draws=2000)
    assert by_draws.se == pytest.approx(delong_difference(one, other).se, rel=0.1)
    assert cross_check(by_draws, one, other) == ""


def test_a_bootstrap_of_images_in_place_of_patients_is_noticed():
    given = clustered(3)[0]
    apart = predictions(given.scores[:, 1], given.labels)
    said = cross_check(estimate("auroc", [apart], draws=400), given)
    assert "differ by more than 25%" in said
    assert f"{delong(given).se:.4f} by DeLong's formula" in said


def test_where_there_is_nothing_to_compare_nothing_is_said():
    healthy = predictions([0.1, 0.4, 0.3], [0, 0, 0])
    assert math.isnan(delong(healthy).value)
    assert math.isnan(delong_difference(healthy, predictions([0.2, 0.4, 0.3], [0, 0, 0])).low)
    assert cross_check(Estimate(math.nan, math.nan, math.nan, 3, 3), healthy) == ""
    one_patient = predictions([0.1, 0.4, 0.3, 0.8], [0, 0, 1, 1], ["a", "b", "c", "c"])
    assert delong(one_patient).value == 0.75
    assert math.isnan(delong(one_patient).se)


def test_a_model_does_not_differ_from_itself_by_formula_either():
    one = clustered(0)[0]
    formula = delong_difference(one, one)
    assert (formula.value, formula.se, formula.p) == (0, 0, 1)


def test_holm_gives_what_one_works_out_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, none smaller than the one before."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(holm([0.01, math.nan])[1])
