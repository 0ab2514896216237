import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from samples import CLASSES, make_dataset, make_images, trained_on, write_images

from radapt.adaptation.strategy import AdaptContext
from radapt.errors import AskedWrongly
from radapt.evaluation.prevalence import estimate_prevalence
from radapt.images.imageset import Dataset, ImageSet
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.training.recipe import Recipe


def draw_images(share: float, patients: int, seed: int) -> ImageSet:
    """Two images a patient, so many with the finding: a square in noise, at times too faint."""
    whole = make_images(4 * patients, seed=seed, name=f"new{seed}")
    having = round(share * patients)
    per_patient = whole.labels[::2]
    kept = np.concatenate(
        [np.flatnonzero(per_patient == 1)[:having], np.flatnonzero(per_patient == 0)[: patients - having]]
    )
    chosen = whole.take(np.flatnonzero(np.isin(np.arange(len(whole)) // 2, kept)))
    rng = np.random.default_rng(seed)
    mixed = 0.45 * chosen.pixels + 0.55 * rng.integers(0, 256, chosen.pixels.shape)
    return chosen.with_pixels(mixed.astype(np.uint8))


@pytest.fixture(scope="module")
def model(hardware):
    untrained = build(new_spec("compact", CLASSES, size=16), seed=0)
    recipe = Recipe(epochs=6, batch_size=32)
    return trained_on(untrained, draw_images(0.5, 150, 1), recipe, AdaptContext(hardware))


def test_the_share_of_images_with_the_finding_is_told_from_scores_alone(model, hardware):
    source, new = predict(model, draw_images(0.5, 150, 2), hardware), draw_images(0.2, 150, 3)
    (row,) = estimate_prevalence(model, source, new, draws=100, hardware=hardware)
    assert row["finding"] == "PNEUMONIA"
    assert row["source"] == 0.5
    assert row["prevalence"]["low"] <= 0.2 <= row["prevalence"]["high"] < 0.5
    assert row["check"]["passed"] is None
    assert row["map"] is None
    assert "could not be checked" in row["why"]
    assert "the labelled target images 0 of NORMAL and 0 of PNEUMONIA." in row["why"]
    hidden = replace(new, labels=1 - new.labels)
    assert estimate_prevalence(model, source, hidden, draws=100, hardware=hardware) == [row]


def test_labelled_images_say_whether_the_estimate_holds(model, hardware):
    source, new = predict(model, draw_images(0.5, 150, 2), hardware), draw_images(0.2, 150, 3)
    (alike,) = estimate_prevalence(
        model, source, new, labelled=draw_images(0.3, 100, 4), draws=40, hardware=hardware
    )
    assert alike["check"]["passed"] is True
    assert alike["map"]["c"] < 0
    assert alike["why"] is None
    dark = new.with_pixels(new.pixels // 3)
    (refuted,) = estimate_prevalence(model, source, dark, labelled=dark, draws=40, hardware=hardware)
    assert refuted["check"]["passed"] is False
    assert refuted["map"] is None
    assert "this estimate does not hold" in refuted["why"]


def test_each_of_several_findings_has_a_row_and_one_that_cannot_be_told_says_why(hardware):
    names = ("Mass", "Nodule", "Rare")

    def three(images):
        has = np.stack([images.labels, 1 - images.labels, np.zeros(len(images))], axis=1).astype(np.float32)
        return replace(images, labels=has, classes=names)

    model = build(new_spec("compact", names, size=16, findings=True), seed=0)
    source, new = predict(model, three(draw_images(0.5, 60, 2)), hardware), three(draw_images(0.3, 40, 3))
    unknown = replace(new, labels=np.full_like(new.labels, np.nan))
    rows = estimate_prevalence(model, source, unknown, labelled=new, draws=40, hardware=hardware)
    assert [row["finding"] for row in rows] == list(names)
    assert rows[0]["prevalence"]["n"] == 80
    assert rows[0]["check"]["passed"] is not None
    assert "source images of both classes" in rows[2]["left_out"]
    without = three(draw_images(0.5, 60, 2))
    none = predict(model, replace(without, labels=np.zeros_like(without.labels)), hardware)
    with pytest.raises(AskedWrongly, match="both classes"):
        estimate_prevalence(model, none, unknown, draws=40, hardware=hardware)


def test_of_three_classes_none_is_the_finding(hardware):
    model = build(new_spec("compact", ("A", "B", "C"), size=16), seed=0)
    images = replace(draw_images(0.5, 20, 2), classes=("A", "B", "C"))
    with pytest.raises(AskedWrongly, match="is for one finding. These predictions have 3"):
        estimate_prevalence(model, predict(model, images, hardware), images, draws=40, hardware=hardware)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images that a model does not tell apart without error."""
    parts = {"train": draw_images(0.5, 150, 11), "test": draw_images(0.5, 20, 12)}
    return write_images(tmp_path_factory.mktemp("images"), Dataset(parts, make_dataset().origin))


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """Thirty images without labels."""
    where = tmp_path_factory.mktemp("new")
    for row, pixels in enumerate(draw_images(0.4, 30, 7).pixels):
        Image.fromarray(pixels).save(where / f"image{row}.png")
    return where


@pytest.fixture
def trained(folder, tmp_path_factory, radapt):
    out = tmp_path_factory.getbasetemp() / "survey-run"
    if not out.exists():
        words = ("--size", 16, "--epochs", 2, "--out", out)
        assert radapt("train", folder, *words)[0] == 0
    return out


def test_a_folder_without_labels_has_its_prevalence_estimated(trained, new, folder, radapt):
    code, out, err = radapt("prevalence", trained, new)
    assert code == 0
    assert "against the validation images of the run" in out
    assert "PNEUMONIA" in out
    assert "UNCHECKED: PNEUMONIA: This estimate assumes that images of a class look alike" in err
    assert "give labelled images like these to --labelled" in err
    code, out, _ = radapt("prevalence", trained, new, "--labelled", folder, "--json")
    document = json.loads(out)
    (row,) = document["findings"]
    assert (code, document["images"], document["patients"]) == (
        0,
        len(list(new.rglob("*.png"))),
        document["images"],
    )
    assert row["check"]["passed"] in (True, False)
    assert row["prevalence"]["low"] <= row["prevalence"]["value"] <= row["prevalence"]["high"]


def test_of_the_runs_own_images_those_that_it_did_not_learn_from_are_taken(trained, folder, radapt):
    code, out, _ = radapt("prevalence", trained, folder)
    assert code == 0
    assert out.startswith("40 images of 40 patients")
    code, _, err = radapt("prevalence", trained, folder, "--labelled", "train")
    assert code == 2
    assert "was trained on the train images" in err


def test_images_are_not_held_against_themselves(trained, folder, radapt):
    validation = trained / "predictions" / "validation.parquet"
    aside = validation.rename(validation.with_suffix(".aside"))
    code, _, err = radapt("prevalence", trained, folder)
    assert code == 2
    assert "40 patients of these images are among the test images of the run" in err
    aside.rename(validation)
