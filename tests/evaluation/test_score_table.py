import csv
from pathlib import Path

import numpy as np
import pytest
from prediction_samples import SIX, random_two

from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.evaluate import EvaluateOptions, evaluate_table
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.recalibration_trial import RecalibrationPlan
from radapt.evaluation.score_columns import ScoreColumns
from radapt.evaluation.score_table import NO_PATIENTS, is_saved, read_score_table, saved_predictions
from radapt.evaluation.scores import score_rows
from radapt.evaluation.thresholds import Rule

HEAD = ("file", "patient", "label", "prob")
ROWS = [("a.png", "p1", "0", "0.1"), ("b.png", "p1", "1", "0.75"), ("c.png", "p2", "1", "0.5")]
COLUMNS = ScoreColumns(("prob",), ("label",), images="file", patient="patient")


def write(folder: Path, rows=ROWS, head=HEAD, name="scores.csv") -> Path:
    path = folder / name
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def changed(row: int, column: str, text: str) -> list[tuple[str, ...]]:
    rows = [list(each) for each in ROWS]
    rows[row][HEAD.index(column)] = text
    return [tuple(each) for each in rows]


def test_a_table_with_one_score_is_read_as_predictions_of_two_classes(tmp_path):
    table = read_score_table(write(tmp_path), COLUMNS)
    found = table.predictions
    assert (found.classes, found.positive) == (("no label", "label"), 1)
    assert found.scores[:, 1].tolist() == [0.1, 0.75, 0.5]
    assert found.labels.tolist() == [0, 1, 1]
    assert found.patients.tolist() == ["p1", "p1", "p2"]
    assert found.ids.tolist() == ["a.png", "b.png", "c.png"]
    assert (table.name, table.has_names, table.notes) == ("scores.csv", True, ())


def test_images_without_names_and_patients_are_numbered_and_said_to_be(tmp_path):
    table = read_score_table(write(tmp_path), ScoreColumns(("prob",), ("label",)))
    assert table.predictions.ids.tolist() == ["row 2", "row 3", "row 4"]
    assert table.predictions.patients.tolist() == ["row 2", "row 3", "row 4"]
    assert (table.has_names, table.notes) == (False, (NO_PATIENTS,))


@pytest.mark.parametrize(
    ("row", "column", "text", "words"),
    [
        (1, "prob", "1.3", "Row 3 .* has 1.3 in its column 'prob': divide percentages"),
        (1, "prob", "nan", "Row 3 .* has 'nan'"),
        (1, "prob", "inf", "Row 3 .* has inf"),
        (1, "prob", "", "Row 3 .* has nothing"),
        (2, "label", "", "needs a label. Row 4 .* has none"),
        (2, "label", "2", "0, 1, 2 are 3 labels, which need a column of scores each"),
        (0, "patient", " ", "needs a patient. Row 2"),
        (2, "file", "a.png", "'a.png' in 2 rows, such as rows 2 and 4"),
        (0, "label", "1", "1 is the label of every image"),
    ],
)
def test_what_cannot_be_scored_is_named_by_its_row(tmp_path, row, column, text, words):
    with pytest.raises(AskedWrongly, match=words):
        read_score_table(write(tmp_path, changed(row, column, text)), COLUMNS)


def test_a_table_needs_rows_and_the_columns_that_are_named(tmp_path):
    with pytest.raises(AskedWrongly, match="has no rows"):
        read_score_table(write(tmp_path, []), COLUMNS)
    with pytest.raises(UnknownName, match="Did you mean 'prob'"):
        read_score_table(write(tmp_path), ScoreColumns(("probe",), ("label",)))
    with pytest.raises(AskedWrongly, match="needs --score"):
        read_score_table(write(tmp_path), ScoreColumns((), ("label",)))


def test_several_findings_have_a_score_each_and_may_lack_a_label(tmp_path):
    head = ("edema", "mass", "p1", "p2")
    rows = [("1", "", "0.9", "0.2"), ("0", "1.0", "0.4", "0.8"), ("-1", "0", "0.3", "0.7")]
    columns = ScoreColumns(("p1", "p2"), ("edema", "mass"))
    table = read_score_table(write(tmp_path, rows, head), columns).predictions
    assert (table.classes, table.exclusive) == (("edema", "mass"), False)
    np.testing.assert_array_equal(table.labels, [[1, np.nan], [0, 1], [np.nan, 0]])
    with pytest.raises(AskedWrongly, match="Row 2 .* has 'yes' in its column 'edema'"):
        read_score_table(write(tmp_path, [("yes", "0", "0.1", "0.1")], head), columns)
    with pytest.raises(AskedWrongly, match="2 columns of scores and 3 of labels"):
        read_score_table(write(tmp_path, rows, head), ScoreColumns(("p1", "p2"), ("edema", "mass", "p1")))


def test_predictions_of_a_run_are_a_table_too(tmp_path):
    path = tmp_path / "target-test.parquet"
    SIX.save(path)
    assert is_saved(path)
    assert not is_saved(write(tmp_path))
    np.testing.assert_array_equal(saved_predictions(path).predictions.scores, SIX.scores)


@pytest.fixture
def large(tmp_path) -> Path:
    predictions = random_two(120, 50, seed=0)
    head = ("file", "patient", "label", "prob", "site", "part")
    scores = map(repr, predictions.scores[:, 1].tolist())
    rows = [
        (f"{row}.png", f"p{row // 2}", label, score, "AB"[row % 2], "val" if row < 40 else "test")
        for row, (label, score) in enumerate(zip(predictions.labels, scores, strict=True))
    ]
    return write(tmp_path, rows, head)


def test_a_table_is_scored_as_predictions_are(large):
    columns = ScoreColumns(("prob",), ("label",), "file", "patient", "part", kept={"site": "site"})
    table = read_score_table(large, columns)
    options = EvaluateOptions(part="test", performance=PerformanceOptions(Rule("youden")), by=("site",))
    result = evaluate_table(table, options)
    tested, validation = (table.predictions.take(table.rows_of(part)) for part in ("test", "val"))
    assert result["estimates"] == score_rows({"target": tested}, strategy="none", images=0)
    assert result["performance"] == evaluate_performance(
        tested, options.performance, chosen_on=validation, words="the val images of scores.csv"
    )
    assert (result["images"], result["patients"]) == (80, 40)
    assert [each["group"] for each in result["subgroups"][0]["groups"]] == ["A", "B"]
    assert {row["reason"] for row in result["baselines_left_out"]} == {"A table of scores has no images."}


def test_what_is_chosen_or_fitted_is_tested_on_other_patients(large):
    columns = ScoreColumns(("prob",), ("label",), "file", "patient")
    table = read_score_table(large, columns)
    rows, others, words = table.set_aside("all", None, seed=0)
    patients = table.predictions.patients
    assert not set(patients[rows].tolist()) & set(patients[others].tolist())
    assert len(rows) + len(others) == 120
    assert 30 <= len(others) <= 42
    assert words == "those set aside from the images of scores.csv"
    options = EvaluateOptions(part="all", recalibration=RecalibrationPlan("platt"))
    result = evaluate_table(table, options, on="0.4")
    fitted = 120 - result["images"]
    assert f"{fitted} images of" in result["recalibration"]["map"]["fitted_on"]
    with pytest.raises(AskedWrongly, match="--split names their column"):
        table.set_aside("all", "val", seed=0)
    with pytest.raises(AskedWrongly, match="between 0 and 1. Got 2"):
        table.set_aside("all", "2", seed=0)


def test_splits_that_share_patients_are_refused(large):
    table = read_score_table(large, ScoreColumns(("prob",), ("label",), "file", "site", "part"))
    with pytest.raises(AskedWrongly, match="2 patients would be both"):
        table.set_aside("test", "val", seed=0)
