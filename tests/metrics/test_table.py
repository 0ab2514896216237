import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from radapt.errors import AskedWrongly, UnknownName
from radapt.metrics.decisions import npv_at, ppv_at
from radapt.metrics.ranking import baseline_precision, roc_curve
from radapt.metrics.table import METRICS, metric, metrics_for, score
from radapt.predictions import Predictions

TWO = ("NORMAL", "PNEUMONIA")


def two(positive, labels, classes=TWO) -> Predictions:
    """Predictions of two classes, where `positive` is the score of the finding and a label 1 means it."""
    high, found = np.asarray(positive, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    names = np.arange(len(found)).astype(np.str_)
    scores = np.stack([1 - high, high], axis=1).reshape(-1, 2)
    if classes[1] == "NORMAL":
        scores, found = scores[:, ::-1].copy(), 1 - found
    return Predictions(scores, found, names, names, classes)


def random_two(n: int, levels: int, seed: int) -> Predictions:
    """Few levels make many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 2)
    return two(np.clip(rng.integers(0, levels, n) + labels, 0, levels) / levels, labels)


def random_three(n: int, seed: int, levels: int = 7) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3)
    raw = 1 + rng.integers(0, levels, (n, 3)) + 2 * np.eye(3)[labels]
    names = np.arange(n).astype(np.str_)
    return Predictions(raw / raw.sum(axis=1, keepdims=True), labels, names, names, ("a", "b", "c"))


def by_hand(name: str, predictions: Predictions, weights=None, threshold: float = 0.5) -> float:
    """What scikit-learn says."""
    labels, found = predictions.labels, predictions.decide(threshold)
    if name == "accuracy":
        return sk.accuracy_score(labels, found, sample_weight=weights)
    if name == "balanced-accuracy":
        return sk.balanced_accuracy_score(labels, found, sample_weight=weights)
    if name == "auroc" and len(predictions.classes) > 2:
        areas = [
            sk.roc_auc_score(labels == c, predictions.scores[:, c], sample_weight=weights)
            for c in range(len(predictions.classes))
        ]
        return float(np.mean(areas))
    if name == "average-precision" and len(predictions.classes) > 2:
        each = [
            sk.average_precision_score(labels == c, predictions.scores[:, c], sample_weight=weights)
            for c in range(len(predictions.classes))
        ]
        return float(np.mean(each))
    if name == "brier":
        return sk.brier_score_loss(
            labels,
            predictions.scores,
            sample_weight=weights,
            labels=[0, 1, 2][: len(predictions.classes)],
            scale_by_half=True,
        )
    if name == "log-loss":
        each = range(len(predictions.classes))
        return sk.log_loss(labels, predictions.scores, sample_weight=weights, labels=list(each))
    positive = predictions.positive
    chance = predictions.scores[:, positive]
    if name == "auroc":
        return sk.roc_auc_score(labels == positive, chance, sample_weight=weights)
    if name == "average-precision":
        return sk.average_precision_score(labels == positive, chance, sample_weight=weights)
    if name == "f1":
        return sk.f1_score(labels, found, pos_label=positive, sample_weight=weights)
    if name == "mcc":
        return sk.matthews_corrcoef(labels, found, sample_weight=weights)
    which = positive if name == "sensitivity" else 1 - positive
    return sk.recall_score(labels, found, pos_label=which, sample_weight=weights)


# six images, three with the finding; pairs won 7 of 9 and one tied
SIX = two([0.1, 0.4, 0.6, 0.4, 0.7, 0.9], [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 4 / 6),
        ("auroc", 7.5 / 9),
        ("sensitivity", 2 / 3),
        ("specificity", 2 / 3),
        ("balanced-accuracy", 2 / 3),
        ("average-precision", (1 + 1 + 3 / 5) / 3),
        ("brier", (0.01 + 0.16 + 0.36 + 0.36 + 0.09 + 0.01) / 6),
        ("f1", 2 / 3),
        ("mcc", 1 / 3),
        ("log-loss", -np.log(0.9 * 0.6 * 0.4 * 0.4 * 0.7 * 0.9) / 6),
    ],
)
def test_six_images_score_what_one_counts_by_hand(name, value):
    assert score(name, SIX) == pytest.approx(value, abs=1e-12)


def test_a_lower_threshold_finds_more_and_clears_fewer():
    assert score("sensitivity", SIX, threshold=0.4) == 1.0
    assert score("specificity", SIX, threshold=0.4) == pytest.approx(1 / 3)
    assert score("accuracy", SIX, threshold=0.4) == pytest.approx(4 / 6)
    assert score("auroc", SIX, threshold=0.4) == score("auroc", SIX)


@pytest.mark.parametrize("name", METRICS)
def test_which_class_comes_first_changes_nothing(name):
    swapped = two([0.1, 0.4, 0.6, 0.4, 0.7, 0.9], [0, 0, 0, 1, 1, 1], ("PNEUMONIA", "NORMAL"))
    assert score(name, swapped) == pytest.approx(score(name, SIX), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_two_classes_agree_with_scikit_learn_also_weighted_and_with_ties(name, levels):
    given = random_two(301, levels, seed=levels)
    assert score(name, given) == pytest.approx(by_hand(name, given), abs=1e-9)
    weights = np.random.default_rng(1).integers(0, 4, (5, 301)).astype(np.float64)
    found = METRICS[name](given, weights, 0.3)
    expected = [by_hand(name, given, row, 0.3) for row in weights]
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", [row.name for row in METRICS.values() if "multi-class" in row.classes])
def test_three_classes_agree_with_scikit_learn(name):
    given = random_three(300, seed=0)
    weights = np.random.default_rng(1).random((4, 300))
    expected = [by_hand(name, given, row) for row in weights]
    assert METRICS[name](given, weights) == pytest.approx(expected, abs=1e-9)
    if name == "auroc":
        whole = sk.roc_auc_score(given.labels, given.scores, multi_class="ovr", average="macro")
        assert score(name, given) == pytest.approx(whole, abs=1e-9)


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


@pytest.mark.parametrize("name", METRICS)
def test_many_rows_of_weights_give_what_each_gives_alone(name):
    given = random_two(3000, 50, seed=2)
    weights = np.random.default_rng(0).integers(0, 3, (400, 3000)).astype(np.float64)  # several chunks
    together = METRICS[name](given, weights)
    assert together[[0, 174, 175, 399]] == pytest.approx(
        [METRICS[name](given, weights[row : row + 1])[0] for row in (0, 174, 175, 399)], abs=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
def test_a_count_of_two_is_the_image_twice(name):
    counts = np.array([1.0, 2, 0, 1, 3, 1])
    repeated = np.repeat(np.arange(6), counts.astype(int))
    twice = two(SIX.scores[repeated, 1], SIX.labels[repeated])
    assert METRICS[name](SIX, counts[None])[0] == pytest.approx(score(name, twice), abs=1e-12)


def test_what_needs_a_class_that_is_not_there_is_not_a_number():
    healthy = two([0.1, 0.6, 0.2], [0, 0, 0])
    values = {name: score(name, healthy) for name in METRICS}
    assert values.pop("accuracy") == pytest.approx(2 / 3)
    assert values.pop("specificity") == pytest.approx(2 / 3)
    assert values.pop("brier") == pytest.approx((0.01 + 0.36 + 0.04) / 3)
    assert values.pop("log-loss") > 0
    assert len(values) == 6
    assert all(np.isnan(value) for value in values.values())


@pytest.mark.parametrize("name", METRICS)
def test_no_images_and_no_weight_give_no_number(name):
    assert np.isnan(score(name, two([], [])))
    assert np.isnan(METRICS[name](SIX, np.zeros((3, 6)))).all()


def test_a_class_without_images_is_left_out_of_the_mean_of_classes():
    given = random_three(90, seed=3)
    there = given.take(given.labels != 2)
    areas = [sk.roc_auc_score(there.labels == c, there.scores[:, c]) for c in (0, 1)]
    assert score("auroc", there) == pytest.approx(np.mean(areas), abs=1e-12)
    recalls = [np.mean(there.decide()[there.labels == c] == c) for c in (0, 1)]
    assert score("balanced-accuracy", there) == pytest.approx(np.mean(recalls), abs=1e-12)


def test_metrics_that_need_one_finding_are_not_offered_for_three_classes():
    shown = (
        "accuracy",
        "auroc",
        "sensitivity",
        "specificity",
        "balanced-accuracy",
        "average-precision",
        "brier",
    )
    assert metrics_for(random_two(4, 5, seed=0)) == shown
    of_many = ("accuracy", "auroc", "balanced-accuracy", "average-precision", "brier")
    assert metrics_for(random_three(4, seed=0)) == of_many
    with pytest.raises(
        AskedWrongly, match=r"sensitivity only for two classes.*For these there are: accuracy"
    ):
        score("sensitivity", random_three(9, seed=0))


def test_an_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'auroc'"):
        score("auro", SIX)


@pytest.mark.parametrize("name", ["f1", "mcc", "ppv@0.1", "npv@0.1"])
def test_every_metric_that_needs_one_finding_says_so(name):
    with pytest.raises(AskedWrongly, match=f"{name} only for two classes"):
        score(name, random_three(9, seed=0))


def test_a_model_that_knows_nothing_has_the_precision_of_how_common_the_finding_is():
    labels = np.arange(200) < 30
    assert score("average-precision", two(np.full(200, 0.5), labels)) == pytest.approx(0.15)
    assert baseline_precision(two(np.full(200, 0.5), labels)) == pytest.approx(0.15)
    assert np.isnan(baseline_precision(two([0.1, 0.2], [0, 0])))
    assert baseline_precision(random_three(90, seed=0)) == pytest.approx(1 / 3)


def test_predictive_values_are_those_of_a_table_of_so_many_images():
    """Sensitivity 0.9 and specificity 0.8 for 50 of 1,000: 45 of 235 calls are right, 760 of 765."""
    assert ppv_at(np.array([0.9]), np.array([0.8]), 0.05) == pytest.approx([45 / 235])
    assert npv_at(np.array([0.9]), np.array([0.8]), 0.05) == pytest.approx([760 / 765])
    assert np.isnan(ppv_at(np.array([0.0]), np.array([1.0]), 0.05)).all()


def test_at_the_images_own_prevalence_predictive_values_are_what_one_counts():
    given = random_two(301, 7, seed=0)
    own = float(np.mean(given.labels))
    called = given.decide() == 1
    assert score(f"ppv@{own!r}", given) == pytest.approx(given.labels[called].mean())
    assert score(f"npv@{own!r}", given) == pytest.approx(1 - given.labels[~called].mean())
    weights = np.random.default_rng(0).random((6, 301))
    expected = [
        ppv_at(*(METRICS[name](given, weights) for name in ("sensitivity", "specificity")), 0.02),
    ]
    assert metric("ppv@0.02")(given, weights) == pytest.approx(expected[0], abs=1e-12)


@pytest.mark.parametrize("name", ["ppv", "npv@", "ppv@5%", "npv@1.5", "ppv@0"])
def test_a_predictive_value_without_a_prevalence_is_refused(name):
    with pytest.raises(AskedWrongly, match=r"how common the finding is.*as in .pv@0\.05"):
        score(name, SIX)


@pytest.mark.parametrize("name", METRICS)
def test_no_value_lies_outside_its_range(name):
    least, most = METRICS[name].range
    wrong, right = two([1.0, 1.0, 0.0, 0.0], [0, 0, 1, 1]), two([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    ends = sorted([score(name, wrong), score(name, right)])
    assert ends == pytest.approx([least, most] if name != "average-precision" else [0.5, 1], abs=1e-9)


@pytest.mark.parametrize("levels", [1, 4, 500])
def test_the_roc_curve_encloses_the_auroc_and_leaves_corners_out(levels):
    given = random_two(200, levels, seed=5)
    fpr, tpr = roc_curve(given)
    every = sk.roc_curve(given.labels, given.scores[:, 1], drop_intermediate=False)
    corners = set(zip(fpr.round(9), tpr.round(9), strict=True))
    assert corners <= set(zip(every[0].round(9), every[1].round(9), strict=True))
    assert len(corners) < len(every[0]) or levels < 500
    assert np.trapezoid(tpr, fpr) == pytest.approx(score("auroc", given), abs=1e-12)


def test_a_weighted_roc_curve_encloses_the_weighted_auroc():
    given = random_two(200, 20, seed=6)
    weights = np.random.default_rng(0).random(200)
    fpr, tpr = roc_curve(given, weights)
    assert np.trapezoid(tpr, fpr) == pytest.approx(METRICS["auroc"](given, weights[None])[0], abs=1e-12)


def test_the_roc_curve_runs_from_corner_to_corner_and_never_back():
    for fpr, tpr in (roc_curve(SIX), roc_curve(two([0.5, 0.5], [0, 1])), roc_curve(two([1.0, 0.0], [0, 1]))):
        assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
        assert (np.diff(fpr) >= 0).all()
        assert (np.diff(tpr) >= 0).all()


def test_without_the_finding_the_roc_curve_has_no_height():
    fpr, tpr = roc_curve(two([0.1, 0.6], [0, 0]))
    assert fpr[-1] == 1
    assert np.isnan(tpr).all()
