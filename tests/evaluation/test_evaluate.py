import json

import pytest
from samples import make_dataset

from radapt.errors import AskedWrongly
from radapt.evaluation.evaluate import NO_TRAIN, SAME, EvaluateOptions, evaluate_model
from radapt.evaluation.performance import PerformanceOptions
from radapt.evaluation.scores import score_rows
from radapt.evaluation.thresholds import Rule
from radapt.images.imageset import Dataset
from radapt.models.inference import predict
from radapt.models.table import build, new_spec


@pytest.fixture(scope="module")
def data() -> Dataset:
    return make_dataset(train=32, val=16, test=40)


@pytest.fixture(scope="module")
def model(data):
    return build(new_spec("compact", data.classes, size=16), seed=0)


def test_the_test_images_are_scored_as_target_images_of_another_data_set(model, data, hardware):
    result = evaluate_model(model, {}, data, hardware=hardware)
    assert (result["part"], result["images"], result["patients"]) == ("test", 40, 20)
    predictions = predict(model, data["test"], hardware)
    assert result["estimates"] == score_rows({"target": predictions}, strategy="none", images=0)
    assert not {"performance", "recalibration", "subgroups", "occlusion"} & result.keys()
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_data_that_the_model_learned_from_are_the_source_unless_shifted(model, data, hardware):
    record = {"source": data.origin.fingerprint, "strategy": "head", "images": 64}
    rows = evaluate_model(model, record, data, hardware=hardware)["estimates"]
    assert {(row["domain"], row["strategy"], row["budget"]) for row in rows} == {("source", "head", 64)}
    options = EvaluateOptions(shift="underexposure")
    rows = evaluate_model(model, record, data, options, hardware=hardware)["estimates"]
    assert {row["domain"] for row in rows} == {"target"}


def test_baselines_need_train_images_that_are_not_those_scored(model, data, hardware):
    without = Dataset({"test": data["test"]}, data.origin)
    for given, part, reason in ((without, "test", NO_TRAIN), (data, "train", SAME)):
        result = evaluate_model(model, {}, given, EvaluateOptions(part=part), hardware=hardware)
        assert result["baselines"] == []
        assert {row["reason"] for row in result["baselines_left_out"]} == {reason}


def test_performance_is_measured_at_a_threshold_chosen_on_validation_predictions(model, data, hardware):
    options = EvaluateOptions(performance=PerformanceOptions(Rule("youden")))
    with pytest.raises(AskedWrongly, match="is chosen on validation images"):
        evaluate_model(model, {}, data, options, hardware=hardware)
    validation = predict(model, data["val"], hardware)
    result = evaluate_model(model, {}, data, options, validation=validation, hardware=hardware)
    (row,) = result["performance"]
    assert "16 images of the validation images of the run" in row["threshold"]["chosen_on"]


def test_a_column_that_is_not_known_is_refused(model, data, hardware):
    with pytest.raises(AskedWrongly, match="'view'"):
        evaluate_model(model, {}, data, EvaluateOptions(by=("view",)), hardware=hardware)
