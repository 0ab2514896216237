import numpy as np
import pytest
from prediction_samples import SIX, random_three, random_two, two
from sklearn import metrics as sk

from radapt.errors import AskedWrongly, UnknownName
from radapt.metrics.table import METRICS, compared_metrics, metric, metrics_for, metrics_suiting, score
from radapt.predictions import Predictions


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


@pytest.mark.parametrize("name", METRICS)
def test_which_class_comes_first_changes_nothing(name):
    swapped = two([0.1, 0.4, 0.6, 0.4, 0.7, 0.9], [0, 0, 0, 1, 1, 1], ("PNEUMONIA", "NORMAL"))
    assert score(name, swapped) == pytest.approx(score(name, SIX), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_two_classes_agree_with_scikit_learn_also_weighted_and_with_ties(name, levels):
    predictions = random_two(301, levels, seed=levels)
    assert score(name, predictions) == pytest.approx(by_hand(name, predictions), abs=1e-9)
    weights = np.random.default_rng(1).integers(0, 4, (5, 301)).astype(np.float64)
    found = METRICS[name](predictions, weights, 0.3)
    expected = [by_hand(name, predictions, row, 0.3) for row in weights]
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", [row.name for row in METRICS.values() if "multi-class" in row.classes])
def test_three_classes_agree_with_scikit_learn(name):
    predictions = random_three(300, seed=0)
    weights = np.random.default_rng(1).random((4, 300))
    expected = [by_hand(name, predictions, row) for row in weights]
    assert METRICS[name](predictions, weights) == pytest.approx(expected, abs=1e-9)
    if name == "auroc":
        whole = sk.roc_auc_score(predictions.labels, predictions.scores, multi_class="ovr", average="macro")
        assert score(name, predictions) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_many_rows_of_weights_give_what_each_gives_alone(name):
    predictions = random_two(3000, 50, seed=2)
    weights = np.random.default_rng(0).integers(0, 3, (400, 3000)).astype(np.float64)  # several chunks
    together = METRICS[name](predictions, weights)
    assert together[[0, 174, 175, 399]] == pytest.approx(
        [METRICS[name](predictions, weights[row : row + 1])[0] for row in (0, 174, 175, 399)], abs=1e-12
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


def test_metrics_that_need_one_finding_are_not_offered_for_three_classes():
    shown = (
        "accuracy",
        "balanced-accuracy",
        "auroc",
        "sensitivity",
        "specificity",
        "average-precision",
        "brier",
    )
    assert metrics_for(random_two(4, 5, seed=0)) == shown
    of_many = ("accuracy", "balanced-accuracy", "auroc", "average-precision", "brier")
    assert metrics_for(random_three(4, seed=0)) == of_many
    with pytest.raises(
        AskedWrongly, match=r"sensitivity is only for two classes.*For these there are: accuracy"
    ):
        score("sensitivity", random_three(9, seed=0))


def test_an_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'auroc'"):
        score("auro", SIX)


@pytest.mark.parametrize("name", ["f1", "mcc", "ppv@0.1", "npv@0.1"])
def test_every_metric_that_needs_one_finding_says_so(name):
    with pytest.raises(AskedWrongly, match=f"{name} is only for two classes"):
        score(name, random_three(9, seed=0))


@pytest.mark.parametrize("name", ["ppv", "npv@", "ppv@5%", "npv@1.5", "ppv@0"])
def test_a_predictive_value_without_a_prevalence_is_refused(name):
    with pytest.raises(AskedWrongly, match=r"needs a prevalence of the finding.*as in .pv@0\.05"):
        score(name, SIX)


@pytest.mark.parametrize("name", METRICS)
def test_no_value_lies_outside_its_range(name):
    least, most = METRICS[name].range
    wrong, right = two([1.0, 1.0, 0.0, 0.0], [0, 0, 1, 1]), two([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    ends = sorted([score(name, wrong), score(name, right)])
    assert ends == pytest.approx([least, most] if name != "average-precision" else [0.5, 1], abs=1e-9)


def test_an_alias_is_another_name_of_one_row_and_none_is_taken_twice():
    names = [name for row in METRICS.values() for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    assert metric("recall") is METRICS["sensitivity"]
    assert metric("auc").name == "auroc"


def test_a_row_says_how_it_is_written():
    assert METRICS["accuracy"].heading == "Accuracy, %"
    assert METRICS["accuracy"].gap_heading == "Accuracy, points"
    assert (METRICS["auroc"].heading, METRICS["auroc"].gap_heading) == ("AUROC", "AUROC")
    assert METRICS["mcc"].words == "Matthews correlation"
    at = metric("ppv@0.05")
    assert at.words == "positive predictive value at a prevalence of 0.05"
    assert at.heading == "Positive predictive value at a prevalence of 0.05, %"


def test_every_row_has_what_its_kind_of_interval_needs():
    for row in METRICS.values():
        assert (row.per_image is not None) == row.interval.startswith("class")
        assert row.range[0] < row.range[1]
        assert "binary" in row.classes


def test_studies_compare_by_three_metrics_in_the_order_of_columns():
    assert compared_metrics() == ("accuracy", "balanced-accuracy", "auroc")


def test_what_is_for_two_classes_is_refused_for_three_with_what_there_is():
    three = random_three(30, seed=0)
    assert metrics_suiting(three) == (
        "accuracy",
        "balanced-accuracy",
        "auroc",
        "average-precision",
        "brier",
        "log-loss",
    )
    with pytest.raises(
        AskedWrongly, match=r"f1 is only for two classes.* 3: a, b, c.*there are: accuracy, balanced-accuracy"
    ):
        score("f1", three)
