"""What is no image to be judged is told from images, and images are not suspected."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from audits import audit_of, paths
from PIL import Image, ImageDraw

from radapt.datasets.phantom import draw
from radapt.images.pixels import read_grey
from radapt.images.preprocessing import Preprocessing
from radapt.images.unusable import blank, sentence, unusable_kinds, unusable_warnings


def chest(size=128):
    return draw(1, hospital="digital", size=size, seed=3).pixels[0]


def lungs(size=128):
    """A mask of two lungs, with the smooth edges that resampling leaves."""
    picture = Image.new("L", (1024, 1024))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((150, 200, 450, 850), fill=255)
    pen.ellipse((570, 200, 870, 850), fill=255)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def ends(image):
    """Four in five pixels driven to black or white."""
    kept = np.random.default_rng(0).random(image.shape) < 0.2
    return np.where(kept, image, np.where(image > np.median(image), 255, 0)).astype(np.uint8)


ODD = {
    "blank": lambda image: np.full_like(image, 90),
    "near-white": lambda image: (228 + image / 10).astype(np.uint8),
    "near-black": lambda image: (image / 9).astype(np.uint8),
    "mask": lambda image: lungs(len(image)),
    "clipped": ends,
    "negative": lambda image: 255 - image,
}


@pytest.mark.parametrize("kind", ODD)
def test_a_picture_that_is_no_image_is_called_what_it_is(kind):
    odd = ODD[kind](chest())
    assert unusable_kinds(np.stack([chest(), odd, chest()])) == ["", kind, ""]
    assert blank(np.stack([chest(), odd])).tolist() == [False, kind == "blank"]
    said = sentence(kind, odd)
    assert said[0].isupper()
    assert said.endswith(".")


@pytest.mark.parametrize("kind", ODD)
def test_the_audit_names_each_once_even_among_few_images(kind, tmp_path):
    images = draw(8, hospital="digital", size=128, seed=1)
    for number, image in enumerate(images.pixels):
        path = tmp_path / "images" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ODD[kind](image) if number == 3 else image).save(path)
    audit = audit_of(tmp_path / "images")
    assert paths(audit, kind, "warning") == {frozenset(["B/3.png"])}
    for other in ODD.keys() - {kind}:
        assert not paths(audit, other)


def test_a_image_mostly_outside_its_window_is_said_to_be_so_and_others_are_not():
    images = np.stack([chest(), chest()])
    clipped, whole = unusable_warnings(images, [0.8, 0.2])
    assert clipped == ("clipped", "Lies mostly outside its window: 80% of it is cut off.")
    assert whole == ("", "")


def test_a_mask_of_two_levels_at_full_size_is_one():
    assert unusable_kinds((lungs() > 127).astype(np.uint8)[None] * 255) == ["mask"]


def test_real_images_are_not_suspected(shared):
    files = [file for file in (shared / "data/nih_originals").rglob("*.png") if file.is_file()]
    files += sorted((shared / "data/chest_xray").rglob("*.jpeg"))[::29]
    files += sorted((shared / "data/nih_adult").rglob("*.*"))[::5]
    images = [
        read_grey(file, Preprocessing(128)) for file in files if file.suffix in (".png", ".jpg", ".jpeg")
    ]
    assert len(images) > 300
    assert set(unusable_warnings(np.stack(images), [0.0] * len(images))) == {("", "")}
    negatives = unusable_kinds(255 - np.stack(images))
    assert negatives.count("negative") > 0.95 * len(images)


def test_prediction_marks_what_it_should_not_be_believed_on(tmp_path, trained, radapt):
    (tmp_path / "images").mkdir()
    Image.fromarray(chest()).save(tmp_path / "images/chest.png")
    Image.new("L", (64, 64), 255).save(tmp_path / "images/white.png")
    (tmp_path / "images/note.txt").write_text("mine")
    code, out, _ = radapt("predict", trained, tmp_path / "images", "--json")
    result = json.loads(out)
    unusable_warnings = {image["path"].rpartition("/")[2]: image.get("warning") for image in result["images"]}
    assert code == 0
    assert unusable_warnings["chest.png"] is None
    assert unusable_warnings["white.png"].startswith("Shows nothing: 100 % of its pixels have one grey level")
    assert result["passed"] == {".txt": 1}
    _, out, _ = radapt("predict", trained, tmp_path / "images")
    assert "WARNING" in out
    assert "Shows nothing" in out
    assert "Passed over: 1 .txt." in out


def test_prediction_takes_what_a_data_set_would_take(tmp_path, trained, radapt):
    names = ["a.png", "masks/a.png", ".hidden/b.png", "images/c.png", "labels/c.png", "sub/d\udcff.png"]
    names += [f"other/{name}" for name in ("images/e.png", "labels/f.png")]  # not the masks of these images
    for name in names:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(lungs() if "labels" in name else chest()).save(tmp_path / "images" / name)
    for name in ("archive.zip", "list.xml", "image.mhd", "Thumbs.db"):
        (tmp_path / "images" / name).write_text("mine")
    code, out, _ = radapt("predict", trained, tmp_path / "images", "--json")
    result = json.loads(out)
    assert (code, result["failed"]) == (0, [])
    assert [Path(image["path"]).name for image in result["images"]] == [
        "a.png",
        "c.png",
        "e.png",
        "d\\xff.png",
    ]
    endings, called = {".mhd": 1, ".xml": 1, ".zip": 1}, {"in folders named 'labels' beside images": 1}
    assert result["passed"] == {**endings, **called, "in folders of masks": 2}
    words = [sys.executable, "-m", "radapt", "predict", trained, tmp_path / "images"]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
    done = subprocess.run(words, capture_output=True, text=True, env=plain, timeout=120)
    assert (done.returncode, "d\\xff.png" in done.stdout) == (0, True)


def test_prediction_goes_on_after_a_missing_file(tmp_path, trained, radapt):
    Image.fromarray(chest()).save(tmp_path / "chest.png")
    code, out, _ = radapt("predict", trained, tmp_path / "gone.png", tmp_path / "chest.png")
    assert code == 0
    assert f"not read: {tmp_path / 'gone.png'} is missing" in out
    assert "1 of 2 images were read." in out


@pytest.mark.parametrize(
    "words", [["predict", "RUN", ""], ["pack", "DATA", "--out", ""], ["pack", "DATA", "--out="]]
)
def test_an_empty_word_is_no_path(words, tmp_path, radapt, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = radapt(*words)
    assert code == 2
    assert "There is an empty argument" in err
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_among_the_images(tmp_path, radapt):
    for name in ("A/a.png", "B/b.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(chest(64)).save(tmp_path / name)
    for words in (("preview", "--out"), ("audit", "--html"), ("pack", "--out")):
        code, _, err = radapt(words[0], tmp_path, words[1], tmp_path / "A/new.png")
        assert code == 2
        assert "would lie among the images" in err
    run = tmp_path / "run"  # that there is none is not reached
    for words in (
        ["train", tmp_path],
        ["adapt", run, tmp_path],
        ["adapt", run, run, "--source", tmp_path],
        ["study", tmp_path, "--shift", "original"],
        ["study", run, "--target", tmp_path],
        ["shift", tmp_path, "--preset", "noise(3)"],
        ["stress", run, tmp_path],
    ):
        code, _, err = radapt(*words, "--out", tmp_path / "A/new.png")
        assert (code, err.count("\n")) == (2, 1)
        assert "would lie among the images" in err
    assert not (tmp_path / "A/new.png").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that was trained for one step; gives its run."""
    from dataclasses import replace

    from conftest import make_dataset
    from radapt.device import select_device
    from radapt.runs.train import TrainOptions, train_model
    from radapt.training.recipe import recipe_for

    out = tmp_path_factory.mktemp("run") / "run"
    recipe = replace(recipe_for("compact"), epochs=1, steps=1)
    data = make_dataset(size=32)
    train_model(data, out, TrainOptions(recipe=recipe), hardware=select_device("cpu", "fp32"))
    return out
