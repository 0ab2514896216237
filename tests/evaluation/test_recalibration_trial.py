import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import CLASSES, make_dataset, make_images, trained_on, write_images

from radapt.adaptation.strategy import AdaptContext
from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.evaluate import EvaluateOptions, evaluate_model
from radapt.evaluation.performance import PerformanceOptions
from radapt.evaluation.recalibration import Recalibrator, recalibrate
from radapt.evaluation.recalibration_trial import TURNED, RecalibrationPlan, split_for_recalibration
from radapt.evaluation.thresholds import parse_threshold
from radapt.images.imageset import Dataset
from radapt.images.split import split_off
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.training.recipe import Recipe

DATA = make_dataset(train=40, val=60, test=80)


@pytest.fixture(scope="module")
def model(hardware):
    """A model that learned a little, and is much too sure of it."""
    untrained = build(new_spec("compact", CLASSES, size=16), seed=0)
    recipe = Recipe(epochs=4, batch_size=16)
    classifier = trained_on(untrained, make_images(96, seed=5), recipe, AdaptContext(hardware))
    with torch.no_grad():
        for weight in classifier.head.parameters():
            weight.mul_(6)
    return classifier


def patients(images) -> set[str]:
    return set(images.patients.tolist())


@pytest.mark.parametrize("on", ["val", "train", "0.4"])
def test_a_map_is_never_tested_on_patients_whom_it_was_fitted_on(on):
    sides = split_for_recalibration(DATA, "test", on, record={}, seed=0)
    assert not patients(sides.fitted_on) & patients(sides.tested_on)
    assert patients(sides.tested_on) <= patients(DATA["test"])
    if on == "0.4":
        assert len(sides.fitted_on) + len(sides.tested_on) == len(DATA["test"])
        assert len(sides.fitted_on) == 32
    else:
        assert sides.fitted_on is DATA[on]


def test_images_that_cannot_be_recalibrated_on_are_refused_in_a_sentence():
    def refused(words, data=DATA, on="val", split="test", record=None):
        with pytest.raises(AskedWrongly, match=words):
            split_for_recalibration(data, split, on, record=record or {}, seed=0)

    refused("Got the test images for both", on="test")
    refused(
        "has no val images .* one of train, test, or a share",
        Dataset({"train": DATA["train"], "test": DATA["test"]}, DATA.origin),
    )
    refused("share to set aside is between 0 and 1", on="1.5")
    refused("has no 1.2.3 images", on="1.2.3")
    refused("was trained on the train images", on="train", record={"source": DATA.origin.fingerprint})
    refused(
        "was trained on the train images", on="0.3", split="train", record={"data": DATA.origin.fingerprint}
    )
    shared = replace(DATA["val"], patients=DATA["test"].patients[:60])
    refused(
        r"30 patients of the test images are among the val images too, such as 'test-p0'",
        Dataset({**DATA.splits, "val": shared}, DATA.origin),
    )
    with pytest.raises(UnknownName, match="Did you mean 'platt'"):
        RecalibrationPlan("plat")


def test_a_recalibrated_model_is_evaluated_before_and_after_on_the_same_images(model, hardware):
    result = evaluate_model(
        model, {}, DATA, EvaluateOptions(recalibration=RecalibrationPlan("temperature")), hardware=hardware
    )
    (before,), (after,) = result["performance"], result["recalibration"]["performance"]
    fitted = recalibrate("temperature", predict(model, DATA["val"], hardware), on="the val images of squares")
    assert Recalibrator.from_dict(result["recalibration"]["map"]) == fitted
    assert "60 images of 30 patients, the val images of squares" in fitted.fitted_on
    scores = [{row["metric"]: row["value"] for row in side["estimates"]} for side in (before, after)]
    assert before["images"] == after["images"] == 80
    assert scores[0]["auroc"] == scores[1]["auroc"]
    assert scores[1]["log-loss"] < scores[0]["log-loss"]
    change = result["recalibration"]["changes"][0]
    assert change["metric"] == "log-loss"
    assert change["value"] == pytest.approx(scores[1]["log-loss"] - scores[0]["log-loss"])
    assert result["recalibration"]["warnings"] == []
    assert {row["metric"] for row in result["recalibration"]["estimates"]} >= {"accuracy", "brier"}


def test_a_threshold_is_then_chosen_on_the_images_that_the_map_was_fitted_on(model, hardware):
    terms = PerformanceOptions(parse_threshold("youden"))
    result = evaluate_model(
        model,
        {},
        DATA,
        EvaluateOptions(performance=terms, recalibration=RecalibrationPlan("platt", on="0.5")),
        hardware=hardware,
    )
    for side in (result, result["recalibration"]):
        (row,) = side["performance"]
        assert "chosen on 40 images of those set aside from the test images" in row["threshold"]["chosen_on"]
        assert row["images"] == 40
    rest, _ = split_off(DATA["test"], 0.5, seed=0)
    assert result["estimates"][0]["n"] == len(rest)


def test_scores_that_go_the_wrong_way_are_said_to(model, hardware):
    turned = replace(DATA["val"], labels=1 - DATA["val"].labels)
    data = Dataset({**DATA.splits, "val": turned}, DATA.origin)
    result = evaluate_model(
        model, {}, data, EvaluateOptions(recalibration=RecalibrationPlan("platt")), hardware=hardware
    )
    turned_round, *worse = result["recalibration"]["warnings"]
    assert turned_round == {"kind": "recalibration", "severity": "caution", "text": TURNED}
    assert "makes the log loss worse" in worse[0]["text"]


def test_images_under_a_shift_are_recalibrated_on_images_under_it(model, hardware):
    result = evaluate_model(
        model,
        {},
        DATA,
        EvaluateOptions(shift="noise@5", recalibration=RecalibrationPlan("temperature")),
        hardware=hardware,
    )
    plain = evaluate_model(
        model, {}, DATA, EvaluateOptions(recalibration=RecalibrationPlan("temperature")), hardware=hardware
    )
    assert result["recalibration"]["map"]["maps"] != plain["recalibration"]["map"]["maps"]


def test_evaluate_says_what_a_recalibration_does(tmp_path, radapt):
    folder, run = write_images(tmp_path / "images", make_dataset(train=120)), tmp_path / "run"
    assert radapt("train", folder, "--size", 16, "--epochs", 2, "--out", run)[0] == 0
    code, out, _ = radapt("evaluate", run, folder, "--recalibrate", "temperature")
    assert code == 0
    assert "Recalibrated by temperature, fitted on 16 images of 16 patients, the val images of images:" in out
    assert "before" in out
    assert "calibration slope" in out
    code, out, _ = radapt("evaluate", run, folder, "--recalibrate", "temperature", "--on", "0.5", "--json")
    assert code == 0
    assert json.loads(out)["recalibration"]["map"]["method"] == "temperature"
    code, _, err = radapt("evaluate", run, folder, "--on", "0.5")
    assert code == 2
    assert "give --recalibrate too" in err
    code, _, err = radapt("evaluate", run, folder, "--recalibrate", "platt", "--on", "train")
    assert code == 2
    assert "was trained on the train images" in err


def test_each_of_several_findings_has_a_map_and_a_performance_of_its_own(hardware):
    names = ("Mass", "Nodule")

    def two(images):
        has = np.stack([images.labels, np.arange(len(images)) // 4 % 2], axis=1).astype(np.float32)
        return replace(images, labels=has, classes=names)

    data = Dataset({split: two(images) for split, images in DATA.splits.items()}, DATA.origin)
    untrained = build(new_spec("compact", names, size=16, findings=True), seed=0)
    result = evaluate_model(
        untrained, {}, data, EvaluateOptions(recalibration=RecalibrationPlan("platt")), hardware=hardware
    )["recalibration"]
    assert len(result["map"]["maps"]) == 2
    assert [row["finding"] for row in result["performance"]] == list(names)


def test_what_is_neither_a_part_nor_a_share_is_refused():
    for on in (".", "1.2.3", "nowhere"):
        with pytest.raises(AskedWrongly, match="has no"):
            split_for_recalibration(DATA, "test", on, record={}, seed=0)
