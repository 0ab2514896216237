"""A corner by which a model goes is named: one that a hand-made model reads, and a letter in real images."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run_command
from pages import Page
from samples import make_images
from torch import Tensor, nn

from radapt.models.classifier import Classifier, Spec
from radapt.models.inference import predict
from radapt.models.table import build
from radapt.report.render import render
from radapt.shortcuts.corner_permutation import CORNERS, UNDEFINED, corner_of, permute_corners
from radapt.shortcuts.occlusion import mask_of

MARKER = Path(__file__).resolve().parents[2] / "benchmarks" / "marker.py"
IMAGES = {"train": 200, "test": 80}  # of each class


class ReadsCorner(nn.Module):
    """A trunk whose only feature is the mean grey level of the upper left corner."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :6, :6].mean(dim=(1, 2, 3))[:, None]


def model_of(weight: float) -> Classifier:
    """A model whose log-odds of the second class are `weight` times the corner's grey level."""
    head = nn.Linear(1, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0], [weight]]))
        head.bias.zero_()
    return Classifier(Spec("compact", ("NORMAL", "PNEUMONIA"), 32), ReadsCorner(), head, ())


def permuted(classifier, images, hardware):
    return permute_corners(classifier, images, predict(classifier, images, hardware), hardware)


def test_all_that_a_model_of_one_corner_knows_comes_from_that_corner(hardware):
    images = make_images(80, size=32)
    pixels = images.pixels.copy()
    pixels[images.labels == 1, :6, :6] = 255
    shares = {row.corner: row.share for row in permuted(model_of(1.0), images.with_pixels(pixels), hardware)}
    assert shares["upper left"].value == pytest.approx(1)
    assert [shares[corner].value for corner in CORNERS[1:]] == [0, 0, 0]
    assert shares["upper left"].patients == 40


def test_of_a_model_that_does_not_tell_the_classes_no_share_is_defined(hardware):
    rows = permuted(model_of(0.0), make_images(80, size=32), hardware)
    assert all(np.isnan(row.share.value) for row in rows)
    assert {row.share.method for row in rows} == {UNDEFINED}


def test_images_of_several_labels_have_no_share(hardware):
    images = make_images(40, size=32)
    several = replace(images, labels=np.eye(2, dtype=np.float32)[images.labels])
    whole = predict(model_of(1.0), images, hardware)
    assert permute_corners(model_of(1.0), several, whole, hardware) == []


def test_corners_are_permuted_only_where_classes_exclude_one_another_and_have_images_enough(hardware):
    images = make_images(40, size=32)
    classifier = build(Spec("compact", images.classes, 32))
    assert [each.corner for each in permuted(classifier, images, hardware)] == list(CORNERS)
    few = images.take([*np.flatnonzero(images.labels == 0), *np.flatnonzero(images.labels == 1)[:9]])
    assert permuted(classifier, few, hardware) == []


def test_the_four_corners_are_those_that_are_hidden():
    together = sum(corner_of(corner, 128, 96).astype(int) for corner in CORNERS)
    assert np.array_equal(together == 1, mask_of("corners hidden", 128, 96))
    assert corner_of("upper left", 128, 96)[:24, :18].all()
    assert corner_of("lower right", 128, 96)[-24:, -18:].all()


@pytest.fixture(scope="module")
def image_folder(shared, tmp_path_factory) -> Path:
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


def scores_of(image_folder: Path, run: Path) -> dict:
    words = ["--size", "64", "--epochs", "6", "--steps", "20", "--batch-size", "32", "--out", str(run)]
    run_command("train", image_folder, *words)
    return json.loads((run / "scores.json").read_text())


def shares_of(found: dict) -> dict[str, float]:
    return {row["corner"]: row["value"] for row in found["corner_permutation"]}


@pytest.mark.slow
def test_a_letter_planted_in_real_images_is_caught_and_named_in_the_report(image_folder, tmp_path):
    scores = scores_of(image_folder / "marked", tmp_path / "run")
    shares = shares_of(scores)
    assert shares.pop("upper left") > 0.2
    assert max(shares.values()) < 0.1
    named = [one for one in scores["occlusion_warnings"] if " corner:" in one["text"]]
    assert len(named) == 1
    assert named[0]["text"].startswith("Shortcut suspected in the upper left corner:")
    text = Page(render(tmp_path / "run")).text
    assert "Shortcut suspected in the upper left corner: replacing that corner" in text
    _, err = run_command("evaluate", tmp_path / "run", image_folder / "marked", "--occlusion")
    assert "CAUTION: The scores may rest on a shortcut. Shortcut suspected in the upper left corner" in err


@pytest.mark.slow
def test_without_the_letter_no_corner_of_real_images_is_named(image_folder, tmp_path):
    scores = scores_of(image_folder / "plain", tmp_path / "run")
    assert max(shares_of(scores).values()) < 0.1
    assert not [one for one in scores["occlusion_warnings"] if "corner" in one["text"]]
    assert "Shortcut suspected in the upper left corner" not in Page(render(tmp_path / "run")).text
