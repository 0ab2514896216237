from outcomes import outcome, predicted
from prediction_samples import random_three

from radapt.evaluation.scores import estimate_rows, score_rows
from radapt.metrics.table import metrics_for
from radapt.stats.inference import estimate


def test_an_outcome_has_a_row_for_each_metric_on_both_test_sets():
    made = outcome("head", 0.8, 0.9, budget=64, runs=2)
    rows = estimate_rows(made)
    shown = metrics_for(predicted(0.8))
    assert [(row["domain"], row["metric"]) for row in rows] == [
        (domain, name) for domain in ("target", "source") for name in shown
    ]
    assert {(row["strategy"], row["budget"]) for row in rows} == {("head", 64)}
    accuracy = next(row for row in rows if row["metric"] == "accuracy")
    assert accuracy.items() >= estimate("accuracy", made.predictions["target"]).as_dict().items()
    assert accuracy["se_seeds"] is not None


def test_a_metric_that_is_requested_is_added_once():
    made = outcome("head", 0.8)
    names = [row["metric"] for row in estimate_rows(made, "f1") if row["domain"] == "target"]
    assert names == [*metrics_for(predicted(0.8)), "f1"]
    assert len(estimate_rows(made, "auroc")) == len(estimate_rows(made))


def test_rows_of_one_model_are_named_by_where_its_images_are_from():
    rows = score_rows({"source-test": predicted(0.9), "target": predicted(0.6)}, strategy="none", images=0)
    assert [row["domain"] for row in rows if row["metric"] == "accuracy"] == ["source", "target"]
    assert [row["value"] for row in rows if row["metric"] == "accuracy"] == [0.9, 0.6]


def test_three_classes_have_rows_of_the_metrics_that_suit_them():
    three = random_three(60, seed=0)
    rows = score_rows({"target": three}, strategy="none", images=0)
    assert tuple(row["metric"] for row in rows) == metrics_for(three)
