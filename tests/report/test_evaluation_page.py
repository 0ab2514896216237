"""A model that is known by its scores alone gets a page, as a run has one."""

import numpy as np
from prediction_samples import random_two
from samples import CLASSES

from radapt.evaluation.evaluate import EvaluateOptions, evaluate_model, evaluate_table
from radapt.evaluation.performance import PerformanceOptions
from radapt.evaluation.score_table import ScoreTable
from radapt.images.load import UNSAFE
from radapt.images.notice import as_rows
from radapt.models.table import build, new_spec
from radapt.report.evaluation_page import render_evaluation


def evaluated(**options):
    predictions = random_two(80, 20, seed=3)
    values = np.array(["north", "south"] * 40)
    table = ScoreTable("scores.csv", predictions, np.full(80, ""), {"site": values}, True, ())
    options = EvaluateOptions(part="all", performance=PerformanceOptions(), **options)
    return evaluate_table(table, options), predictions


def test_the_page_holds_the_scores_the_groups_and_the_curves():
    result, predictions = evaluated(by=("site",))
    page = render_evaluation(
        {**result, "notices": []}, "scores.csv", predictions=predictions, notes=["A note."]
    )
    for words in ("Evaluation of scores.csv", "all: 80 images of 80 patients", "By site", "north", "A note."):
        assert words in page
    for words in ("ROC curve", "Calibration slope", "Decision curve"):
        assert words in page
    accuracy = next(row for row in result["estimates"] if row["metric"] == "accuracy")
    assert f"<b>{100 * accuracy['value']:.1f}</b>" in page
    assert "Shortcut baselines" not in page


def test_without_predictions_no_curve_is_drawn_and_notices_are_shown():
    result, _ = evaluated()
    page = render_evaluation({**result, "notices": as_rows([UNSAFE])}, "x")
    assert "ROC curve" not in page
    assert f"<strong>Unsafe split.</strong> {UNSAFE.text}" in page


def test_the_baselines_of_a_model_on_a_data_set_are_shown_with_what_they_were_fitted_on(dataset, hardware):
    model = build(new_spec("compact", CLASSES, size=16), seed=0).eval()
    result = evaluate_model(model, {}, dataset, hardware=hardware)
    page = render_evaluation({**result, "notices": []}, "a run")
    assert "Shortcut baselines" in page
    assert "fitted on train images,<br> tested on test images" in page
