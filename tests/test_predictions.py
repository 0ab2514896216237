import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from radapt.errors import AskedWrongly, BadArtefact
from radapt.parquet import read_table, write_table
from radapt.predictions import Predictions


def predictions(
    positive: list[float], labels: list[int], classes: tuple[str, str] = ("NORMAL", "PNEUMONIA")
) -> Predictions:
    high = np.array(positive, dtype=np.float64)
    return Predictions(
        scores=np.stack([1 - high, high], axis=1).reshape(-1, 2),
        labels=np.array(labels, dtype=np.int64),
        patients=np.array([f"p{row // 2}" for row in range(len(labels))], dtype=np.str_),
        ids=np.array([f"test/{row}.jpeg" for row in range(len(labels))], dtype=np.str_),
        classes=classes,
    )


@pytest.mark.parametrize(
    ("classes", "finding"),
    [
        (("NORMAL", "PNEUMONIA"), "PNEUMONIA"),
        (("Pneumonia", "normal"), "Pneumonia"),
        (("Effusion", "No Finding"), "Effusion"),
        (("effusion", "NO_FINDING"), "effusion"),
        (("TB", "healthy"), "TB"),
        (("TB", "controls"), "TB"),
        (("covid-positive", "covid-negative"), "covid-positive"),
        (("pneumonia", "no pneumonia"), "pneumonia"),
        (("abnormal", "normal"), "abnormal"),
        (("bacteria", "virus"), "virus"),
        (("negative", "normal"), "normal"),
    ],
)
def test_the_positive_class_is_the_one_that_is_a_finding_and_else_the_last(classes, finding):
    assert classes[predictions([0.5], [0], classes).positive] == finding


def test_three_classes_have_no_positive_one():
    three = Predictions(
        np.full((1, 3), 1 / 3), np.array([0]), np.array(["p"]), np.array(["i"]), ("a", "b", "c")
    )
    with pytest.raises(AskedWrongly, match="have 3: a, b, c"):
        _ = three.positive


def test_the_threshold_itself_is_called_positive():
    scored = predictions([0.3, 0.5, 0.7], [0, 0, 1])
    assert scored.decide().tolist() == [0, 1, 1]
    assert scored.decide(0.7).tolist() == [0, 0, 1]
    assert scored.decide(0.0).tolist() == [1, 1, 1]


def test_decisions_are_class_numbers_also_where_the_finding_comes_first():
    scored = predictions([0.3, 0.5, 0.7], [0, 0, 1], ("PNEUMONIA", "NORMAL"))
    assert scored.positive == 0
    assert scored.decide().tolist() == [0, 0, 1]
    assert scored.decide(0.6).tolist() == [0, 1, 1]


def test_of_three_classes_the_most_probable_is_given_whatever_the_threshold():
    scores = np.array([[0.4, 0.35, 0.25], [0.2, 0.2, 0.6]])
    given = Predictions(scores, np.array([0, 1]), np.array(["p", "q"]), np.array(["i", "j"]), ("a", "b", "c"))
    assert given.decide(0.9).tolist() == [0, 2]


def test_taking_rows_keeps_every_column_together():
    taken = predictions([0.1, 0.2, 0.9], [0, 0, 1]).take([2, 0])
    assert taken.scores[:, 1].tolist() == [0.9, 0.1]
    assert taken.labels.tolist() == [1, 0]
    assert taken.patients.tolist() == ["p1", "p0"]
    assert taken.ids.tolist() == ["test/2.jpeg", "test/0.jpeg"]


GOOD = {
    "scores": np.array([[0.2, 0.8], [0.5, 0.5]]),
    "labels": np.array([1, 0]),
    "patients": np.array(["p", "q"]),
    "ids": np.array(["i", "j"]),
    "classes": ("NORMAL", "PNEUMONIA"),
}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("labels", np.array([1]), "2 rows of scores, 1 labels"),
        ("labels", np.array([1, 2]), "from 0 to 1"),
        ("labels", np.array([1, -1]), "from 0 to 1"),
        ("labels", np.array([1.0, 0.0]), "are int64"),
        ("patients", np.array([1, 2]), "Patients and ids are text"),
        ("ids", np.array(["i", "i"]), "'i' 2 times"),
        ("scores", np.array([[0.2, 0.8], [0.5, 0.6]]), r"adds up to 1\.1000"),
        ("scores", np.array([[-0.2, 1.2], [0.5, 0.5]]), "negative"),
        ("scores", np.array([[np.nan, 0.8], [0.5, 0.5]]), "not a number"),
        ("scores", np.full((2, 2), 0.5, dtype=np.float32), "Got float32"),
        ("scores", np.full((2, 3), 1 / 3), r"shape \(2, 3\)"),
        ("classes", ("PNEUMONIA", "PNEUMONIA"), "name of its own"),
    ],
)
def test_columns_that_do_not_belong_together_are_refused(column, value, message):
    with pytest.raises(AskedWrongly, match=message):
        Predictions(**{**GOOD, column: value})


def test_one_class_alone_is_refused():
    with pytest.raises(AskedWrongly, match="two classes or more"):
        Predictions(np.ones((1, 1)), np.array([0]), np.array(["p"]), np.array(["i"]), ("NORMAL",))


def test_a_float32_softmax_passes_as_probabilities():
    logits = np.random.default_rng(0).normal(0, 5, (1000, 4)).astype(np.float32)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)
    names = np.arange(1000).astype(np.str_)
    assert len(Predictions(scores, np.zeros(1000, dtype=np.int64), names, names, tuple("abcd"))) == 1000


def test_a_saved_table_comes_back_to_the_bit_with_its_classes_in_order(tmp_path):
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([1, 1, 1], 50)
    names = np.array([f"röntgen/{row}.png" for row in range(50)])
    classes = ("zoster", "NORMAL", "a class that no image has")
    saved = Predictions(scores, rng.integers(0, 2, 50), names[::-1].copy(), names, classes)
    saved.save(tmp_path / "test.parquet")
    loaded = Predictions.load(tmp_path / "test.parquet")
    assert loaded.classes == classes
    assert loaded.scores.tobytes() == scores.tobytes()
    assert loaded.labels.tolist() == saved.labels.tolist()
    assert loaded.patients.tolist() == saved.patients.tolist()
    assert loaded.ids.tolist() == saved.ids.tolist()


def test_a_saved_table_can_be_read_without_radapt(tmp_path):
    predictions([0.25, 0.75], [0, 1]).save(tmp_path / "test.parquet")
    table = read_table(tmp_path / "test.parquet")
    assert list(table) == ["id", "patient", "label", "score:NORMAL", "score:PNEUMONIA"]
    assert table["label"].tolist() == ["NORMAL", "PNEUMONIA"]


def test_no_images_at_all_can_be_saved_too(tmp_path):
    predictions([], []).save(tmp_path / "none.parquet")
    assert len(Predictions.load(tmp_path / "none.parquet")) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patient": None}, "lacks patient"),
        ({"score:NORMAL": None, "score:PNEUMONIA": None}, "lacks score:CLASS"),
        ({"label": np.array(["NORMAL", "TB"])}, "labelled 'TB'"),
        ({"score:NORMAL": np.array([0.9, 0.9])}, "adds up to"),
        ({"score:NORMAL": np.array(["many", "few"])}, "does not hold predictions"),
    ],
)
def test_a_table_that_cannot_be_predictions_is_refused(tmp_path: Path, change, message):
    predictions([0.25, 0.75], [0, 1]).save(tmp_path / "test.parquet")
    columns = read_table(tmp_path / "test.parquet") | change
    write_table(tmp_path / "bad.parquet", {name: held for name, held in columns.items() if held is not None})
    with pytest.raises(BadArtefact, match=message):
        Predictions.load(tmp_path / "bad.parquet")


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(BadArtefact, match="nowhere"):
        Predictions.load(tmp_path / "nowhere.parquet")


def test_scoring_does_not_wait_for_heavy_libraries():
    heavy = ("torch", "pandas", "sklearn", "scipy", "matplotlib", "pyarrow")
    ours = (
        *("stats.inference", "stats.delong", "evaluation.thresholds", "evaluation.calibration"),
        *("evaluation.label_shift", "evaluation.decision_curve"),
    )
    modules = ", ".join(f"radapt.{name}" for name in ours)
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_predictions_are_rows_and_a_short_line_and_a_figure():
    of_images = Predictions(
        scores=np.array([[0.9, 0.1], [0.2, 0.8]]),
        labels=np.array([0, 1]),
        patients=np.array(["p", "q"]),
        ids=np.array(["a.png", "b.png"]),
        classes=("NORMAL", "PNEUMONIA"),
    )
    assert repr(of_images) == "Predictions(2 images of 2 patients; NORMAL, PNEUMONIA)"
    assert of_images.rows()[1] == {
        "image": "b.png",
        "patient": "q",
        "label": "PNEUMONIA",
        "score NORMAL": 0.2,
        "score PNEUMONIA": 0.8,
    }
    assert of_images.to_frame().shape == (2, 5)
    shown = of_images._repr_html_()
    assert "2 images of 2 patients" in shown
    assert "<td>PNEUMONIA</td><td>0.200</td><td>0.800</td>" in shown
    for secret in ("b.png", "<td>q</td>", "<th>image</th>", "<th>patient</th>"):
        assert secret not in shown
    assert len(of_images.plot().axes) == 1  # of the finding alone
