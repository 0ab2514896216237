"""Shortcut baselines stand beside every model's score."""

import json
from dataclasses import replace

import numpy as np
import pytest
from outcomes import outcome
from pages import Page
from PIL import Image
from samples import make_dataset, make_images

from radapt.errors import AskedWrongly
from radapt.evaluation.evaluate import NO_TRAIN, SAME, EvaluateOptions, evaluate_model
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.models.checkpoint import load_classifier
from radapt.report.json_summary import read_numbers
from radapt.report.render import render
from radapt.runs.folder import read_record
from radapt.runs.train import TrainOptions, train_model
from radapt.shortcuts.baselines import (
    NAMES,
    baseline_warnings,
    measure_baselines,
    predict_baselines,
    reason_unavailable,
)
from radapt.study.domains import real_domains
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.study.results import shortcut_baselines
from radapt.training.recipe import recipe_for


def brighter(dataset: Dataset) -> Dataset:
    """Images of the second class are a little brighter all over, which a thumbnail sees at once."""
    return Dataset(
        {
            name: images.with_pixels(images.pixels + (10 * images.labels[:, None, None]).astype(np.uint8))
            for name, images in dataset.splits.items()
        },
        replace(dataset.origin, fingerprint="brighter"),
    )


def with_files(images: ImageSet, **columns: list[int]) -> ImageSet:
    return replace(images, files={name: np.array(values) for name, values in columns.items()})


@pytest.fixture(scope="module")
def easy() -> Dataset:
    return brighter(make_dataset(train=120, test=60, size=32))


@pytest.fixture(scope="module")
def run(easy, hardware, tmp_path_factory):
    out = tmp_path_factory.mktemp("easy") / "run"
    recipe = replace(recipe_for("compact"), epochs=1, steps=2)
    train_model(easy, out, TrainOptions(recipe=recipe), hardware=hardware)
    return out


def test_the_files_of_a_folder_say_how_large_they_are(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        side = 20 + 4 * (number % 2)
        path = tmp_path / "images" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side, side + number), dtype=np.uint8)).save(path)
    dataset = load_dataset(tmp_path / "images", LoadOptions(size=16))
    for images in dataset.splits.values():
        for row, name in enumerate(images.ids.tolist()):
            with Image.open(tmp_path / "images" / name) as image:
                said = {name: int(values[row]) for name, values in images.files.items()}
                size = (tmp_path / "images" / name).stat().st_size
                assert said == {"bytes": size, "width": image.width, "height": image.height, "bits": 8}


def test_a_file_that_tells_the_label_is_found_out_and_one_that_does_not_is_not():
    train, test = make_images(80), make_images(60, seed=1)
    telling = [with_files(s, bytes=(1000 + 500 * s.labels).tolist()) for s in (train, test)]
    rng = np.random.default_rng(0)
    silent = [with_files(s, bytes=rng.integers(1000, 1500, len(s)).tolist()) for s in (train, test)]
    (told,) = measure_baselines(*telling, ["file"]).fitted
    (silence,) = measure_baselines(*silent, ["file"]).fitted
    assert told.estimate.value == 1
    assert silence.estimate.low < 0.5 < silence.estimate.high


def test_a_floor_that_cannot_be_had_is_left_out_with_its_reason():
    train, test = make_images(40), make_images(20, seed=1)
    known = [with_files(s, bytes=[7] * len(s), bits=[8] * len(s)) for s in (train, test)]
    assert "The files of these images are not known" in reason_unavailable("file", train, known[1])
    assert "all of the same size" in reason_unavailable("file", *known)
    assert reason_unavailable("thumbnail", *known) == ""
    measured = measure_baselines(train, test)
    assert [each.name for each in measured.fitted] == ["border", "thumbnail", "grey"]
    assert [name for name, _ in measured.left_out] == ["file"]
    of_one = measure_baselines(train, test.take(test.labels == 0))
    assert "are of one class" in dict(of_one.left_out)["thumbnail"]
    findings = [replace(s, labels=np.eye(2, dtype=np.float32)[s.labels]) for s in (train, test)]
    assert {reason for _, reason in measure_baselines(*findings).left_out} == {
        "A baseline is of images of one class each. These may have several findings."
    }
    with pytest.raises(AskedWrongly, match="may have several findings"):
        predict_baselines(*findings, ["grey"])


def test_a_image_that_was_changed_has_no_file(images):
    measured = with_files(images, bytes=list(range(12)))
    assert measured.take([3, 4]).files["bytes"].tolist() == [3, 4]
    assert measured.with_pixels(measured.pixels).files == {}


def test_a_run_whose_score_a_thumbnail_reaches_is_doubted_on_its_page(run):
    scores = json.loads((run / "scores.json").read_text())
    rows = {row["name"]: row for row in scores["baselines"]}
    assert rows.keys() == {"border", "thumbnail", "grey"}
    assert rows["thumbnail"]["auroc"] > 0.95
    assert {(row["trained_on"], row["domain"]) for row in rows.values()} == {("source", "source")}
    (warning,) = (each for each in scores["warnings"] if each["kind"] == "baseline")
    fitted = "fitted on the labels of the train images of squares"
    assert warning["text"].startswith(
        f"A classifier of 8 x 8 grey levels, {fitted}, reaches 1.000 on these images; this"
    )
    text = Page(render(run)).text
    assert "Shortcut baselines: what can be predicted without the lungs" in text
    assert warning["text"] in text
    assert "Left out: “file”." in text
    assert read_numbers(run)["warnings"] == scores["warnings"]


def test_an_evaluation_has_baselines_of_the_images_it_was_given(run, easy, hardware):
    model, record = load_classifier(run), read_record(run)
    result = evaluate_model(model, record, easy, hardware=hardware)
    assert [row["name"] for row in result["baselines"]] == ["border", "thumbnail", "grey"]
    for row in result["baselines"]:
        assert row["low"] <= row["auroc"] <= row["high"]
    assert "fitted on the labels of the train images of squares, " in result["warnings"][0]["text"]
    own = evaluate_model(model, record, easy, EvaluateOptions(part="train"), hardware=hardware)
    assert (own["baselines"], {row["reason"] for row in own["baselines_left_out"]}) == ([], {SAME})
    alone = Dataset({"test": easy["test"]}, easy.origin)
    result = evaluate_model(model, record, alone, hardware=hardware)
    assert [(row["name"], row["reason"]) for row in result["baselines_left_out"]] == [
        (name, NO_TRAIN) for name in NAMES
    ]


def test_a_model_well_above_the_thumbnail_is_not_doubted():
    train, test = make_images(40), make_images(40, seed=1)
    measured = measure_baselines(train, test)
    assert measured.reference_auroc is not None
    rows = [
        {"metric": "auroc", "value": measured.reference_auroc + 0.06},
        {"metric": "accuracy", "value": 0.1},
    ]
    assert baseline_warnings(rows, measured, "the train images of near") == []
    rows[0]["value"] -= 0.02
    assert (
        "fitted on the labels of the train images of near, "
        in baseline_warnings(rows, measured, "the train images of near")[0].text
    )


def test_a_study_holds_the_best_adapted_model_against_a_thumbnail_of_the_target_images(easy):
    other = replace(easy, origin=replace(easy.origin, fingerprint="other"))
    domains = real_domains(easy, other, seed=0)
    worse, better = ([outcome("none", 0.6), outcome("head", 0.6 + gain, seed=1)] for gain in (0.1, 0.39))
    said, notices = shortcut_baselines(domains, *worse)
    assert {(row["trained_on"], row["domain"]) for row in said["baselines"]} == {
        ("source", "source"),
        ("source", "target"),
        ("target", "target"),
    }
    assert any("; the best, head with 100 labelled images, with " in notice.text for notice in notices)
    rng = np.random.default_rng(0)
    noise = Dataset(
        {
            name: images.with_pixels(rng.integers(60, 120, images.pixels.shape, dtype=np.uint8))
            for name, images in easy.splits.items()
        },
        easy.origin,
    )
    hard = real_domains(noise, replace(noise, origin=other.origin), seed=0)
    assert not any("the best" in notice.text for notice in shortcut_baselines(hard, *better)[1])
    assert not any("the best" in notice.text for notice in shortcut_baselines(domains, worse[0], worse[0])[1])


def test_a_study_shows_its_baselines_beside_the_scores(easy, hardware, tmp_path):
    plan = Plan(budgets=("8",), epochs=1, steps=1, strategies=("none", "head"))
    result = run_study(plan, easy, None, tmp_path / "out", hardware=hardware)
    assert len(result["baselines"]) == 9
    text = Page(render(tmp_path / "out")).text
    assert "AUROC, fitted on target images, tested on target images" in text
    for warning in result["warnings"]:
        assert warning["text"] in text
    old = json.loads((tmp_path / "out" / "study.json").read_text())
    for name in ("baselines", "baselines_left_out", "warnings"):
        del old[name]
    (tmp_path / "out" / "study.json").write_text(json.dumps(old))
    assert "Shortcut baselines" not in Page(render(tmp_path / "out")).text


@pytest.mark.slow
def test_real_images_are_told_by_a_thumbnail_as_a_trial_found(shared):
    children, adults = (load_dataset(shared / "data" / name) for name in ("chest_xray", "nih_adult"))
    expected = {
        (children, children): {"thumbnail": 0.988, "border": 0.961, "grey": 0.861},
        (children, adults): {"thumbnail": 0.55, "border": 0.45, "grey": 0.31},
        (adults, adults): {"thumbnail": 0.84, "border": 0.76, "grey": 0.76},
    }
    for (one, other), reached in expected.items():
        measured = measure_baselines(one["train"], other["test"])
        values = {each.name: each.estimate.value for each in measured.fitted}
        assert {name: values[name] for name in reached} == pytest.approx(reached, abs=0.03)
