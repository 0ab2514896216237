"""Scores, labels and flags of single images, as a table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from commands import run_command
from PIL import Image
from samples import make_dataset, write_images

from radapt.evaluation.thresholds import choose_threshold, parse_threshold
from radapt.predictions import Predictions


@pytest.fixture(scope="module")
def with_reference(tmp_path_factory) -> Path:
    """A run whose reference has enough patients to flag images by."""
    out = tmp_path_factory.mktemp("reference")
    data = write_images(out / "images", make_dataset(train=240))
    words = ["train", data, "--size", "32", "--epochs", "1", "--out", out / "run"]
    run_command(*words)
    return out / "run"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def files(folder, tmp_path):
    """The test images, and one of noise that is unlike them."""
    noise = np.random.default_rng(0).integers(0, 2, (40, 40), dtype=np.uint8) * 255
    Image.fromarray(noise).save(tmp_path / "noise.png")
    return [*sorted((folder / "test").glob("*/*.png")), tmp_path / "noise.png"]


def test_labels_follow_the_threshold_and_unlike_images_are_flagged(with_reference, files, radapt, tmp_path):
    out = tmp_path / "scores.csv"
    code, printed, err = radapt("predict", with_reference, *files, "--threshold", "youden", "--out", out)
    assert code == 0, err
    validation = Predictions.load(with_reference / "predictions" / "validation.parquet")
    chosen = choose_threshold(parse_threshold("youden"), validation, on="the validation images of the run")
    assert f"PNEUMONIA from {chosen.value:.3g} on, {chosen.chosen_on}." in printed
    rows = rows_of(out)
    assert [row["file"] for row in rows] == [str(path) for path in files]
    for row in rows:
        positive = float(row["score:PNEUMONIA"]) >= chosen.value
        assert row["label"] == ("PNEUMONIA" if positive else "NORMAL")
        assert row["unlike_reference"] == ("yes" if float(row["distance_percentile"]) > 95 else "no")
    assert rows[-1]["unlike_reference"] == "yes"
    assert sum(row["unlike_reference"] == "yes" for row in rows) < len(rows) / 2
    assert f"Table: {out}" in printed


def test_every_image_is_positive_from_0_on(trained, files, radapt, tmp_path):
    out = tmp_path / "scores.csv"
    code, _, err = radapt("predict", trained, *files[:3], "--threshold", "0", "--out", out)
    assert code == 0
    assert {row["label"] for row in rows_of(out)} == {"PNEUMONIA"}
    assert {row["unlike_reference"] for row in rows_of(out)} == {""}
    assert "a reference of fewer than 10 patients" in err


def test_a_threshold_that_is_none_is_refused(trained, files, radapt):
    code, _, err = radapt("predict", trained, files[0], "--threshold", "best")
    assert (code, "There is no rule for a threshold called 'best'" in err) == (2, True)
