import pytest
from samples import CLASSES, make_dataset, make_images

from radapt.adaptation.strategy import AdaptResult
from radapt.artefacts import PERFORMANCE, RECORD, SCORES, VALIDATION, prediction_files, predictions_file
from radapt.drift.reference import ABOUT
from radapt.files import read_object
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions
from radapt.provenance import now
from radapt.report.render import render
from radapt.runs.finish import TrainedModel, finish
from radapt.runs.holdout import describe_dataset

IDENTITY = {"strategy": "head", "images": 8, "data_set": {"name": "squares"}}


@pytest.fixture(scope="module")
def classifier():
    return build(new_spec("compact", CLASSES, size=16), seed=0)


def model(classifier, reference):
    train, valid, test = (make_images(20, seed=seed, name=f"part{seed}") for seed in range(3))
    return TrainedModel(AdaptResult(classifier), train, valid, {"target-test": test}, 0, now(), reference)


def test_a_run_has_a_record_scores_and_predictions_whoever_asked_for_it(classifier, hardware, tmp_path):
    record = finish(tmp_path, model(classifier, {"of": "images"}), IDENTITY, hardware)
    assert record == read_object(tmp_path / RECORD)
    assert (record["trained_on"]["images"], record["validated_on"]["patients"]) == (20, 10)
    assert (record["epochs"], record["recipe"], record["strategy"]) == (0, None, "head")
    scores = read_object(tmp_path / SCORES)
    assert {(row["strategy"], row["budget"], row["domain"]) for row in scores["estimates"]} == {
        ("head", 8, "target")
    }
    assert scores.keys() == {"schema", "estimates"}, "a study evaluates and checks its models itself"
    assert not (tmp_path / PERFORMANCE).exists()
    assert [path.stem for path in prediction_files(tmp_path)] == ["target-test", VALIDATION]
    assert read_object(tmp_path / ABOUT)["of"] == "images"


def test_a_single_model_is_evaluated_and_checked_for_shortcuts(classifier, hardware, tmp_path):
    single = model(classifier, {"of": "images"})
    finish(tmp_path, single, IDENTITY, hardware, baselines_on=make_images(60, seed=5))
    scores = read_object(tmp_path / SCORES)
    assert {"baselines", "warnings", "occlusion"} <= scores.keys()
    assert {row["trained_on"] for row in scores["baselines"]} == {"target"}
    assert read_object(tmp_path / PERFORMANCE)["sets"].keys() == {"target-test"}


def test_nothing_is_kept_of_validation_images_that_are_test_images(classifier, hardware, tmp_path):
    finish(tmp_path, model(classifier, None), IDENTITY, hardware)
    assert [path.stem for path in prediction_files(tmp_path)] == ["target-test"]
    assert not (tmp_path / ABOUT).exists()


def test_a_run_that_calls_all_test_images_one_class_is_warned_of_as_such(classifier, hardware, tmp_path):
    identity = {**IDENTITY, "data_set": describe_dataset(make_dataset())}
    finish(tmp_path, model(classifier, None), identity, hardware, baselines_on=make_images(60, seed=5))
    called = Predictions.load(predictions_file(tmp_path, "target-test")).decide()
    assert len(set(called.tolist())) == 1, "it was not trained"
    (notice,) = [each for each in read_object(tmp_path / SCORES)["warnings"] if each["kind"] == "one-class"]
    name = CLASSES[called[0]]
    assert notice["text"].startswith(f"The model calls 20 of 20 target test images {name} at threshold 0.5, ")
    assert f"<strong>Nearly all images are called one class.</strong> {notice['text']}" in render(tmp_path)
