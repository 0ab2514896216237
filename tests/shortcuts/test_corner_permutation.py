"""A letter planted in real images by `benchmarks/marker.py` is caught and named; without it no corner is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import Page

from radapt.report.render import render

RADAPT = str(Path(sys.executable).with_name("radapt"))
MARKER = Path(__file__).resolve().parents[2] / "benchmarks" / "marker.py"
IMAGES = {"train": 300, "test": 100}  # of each class


@pytest.fixture(scope="module")
def radiographs(shared, tmp_path_factory) -> Path:
    """Some of the real images with the letter, and the same without."""
    folder = tmp_path_factory.mktemp("marker")
    for split, count in IMAGES.items():
        for kind in (shared / "data" / "chest_xray" / split).iterdir():
            (folder / "source" / split / kind.name).mkdir(parents=True)
            files = sorted(kind.iterdir())
            for file in files[:: len(files) // count][:count]:
                shutil.copy(file, folder / "source" / split / kind.name)
    words = [sys.executable, MARKER, folder / "source", folder / "images"]
    subprocess.run(words, check=True, capture_output=True)
    return folder / "images"


def scores_of(radiographs: Path, run: Path) -> dict:
    words = ["--size", "64", "--epochs", "8", "--steps", "20", "--out", str(run)]
    subprocess.run([RADAPT, "train", str(radiographs), *words], check=True, capture_output=True)
    return json.loads((run / "scores.json").read_text())


def shares_of(found: dict) -> dict[str, float]:
    return {row["corner"]: row["value"] for row in found["exchanged"]}


@pytest.mark.slow
def test_a_letter_planted_in_real_images_is_caught_and_named_in_the_report(radiographs, tmp_path):
    scores = scores_of(radiographs / "marked", tmp_path / "run")
    shares = shares_of(scores)
    assert shares.pop("upper left") > 0.2
    assert max(shares.values()) < 0.1
    named = [one for one in scores["suspicions"] if " corner:" in one]
    assert len(named) == 1
    assert named[0].startswith("Shortcut suspected in the upper left corner:")
    text = Page(render(tmp_path / "run")).text
    assert "Shortcut suspected in the upper left corner. Given no more than that corner" in text
    told = subprocess.run(
        [RADAPT, "evaluate", str(tmp_path / "run"), str(radiographs / "marked"), "--occlusion"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "WARNING: Shortcut suspected in the upper left corner" in told.stderr


@pytest.mark.slow
def test_without_the_letter_no_corner_of_real_images_is_named(radiographs, tmp_path):
    scores = scores_of(radiographs / "plain", tmp_path / "run")
    assert max(shares_of(scores).values()) < 0.1
    assert not [one for one in scores["suspicions"] if "corner" in one]
    assert "Shortcut suspected in the upper left corner" not in Page(render(tmp_path / "run")).text
