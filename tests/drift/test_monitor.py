"""A comparison of new images with a reference says what differs, and no more."""

import json

import numpy as np
import pytest
from drift_samples import found_between, patients, without_labels

from radapt.errors import AskedWrongly


@pytest.fixture(scope="module")
def alike():
    rng = np.random.default_rng(0)
    return found_between(patients(60, rng), patients(50, rng))


@pytest.fixture(scope="module")
def moved():
    rng = np.random.default_rng(1)
    return found_between(patients(60, rng), patients(50, rng, mean=2))


def test_images_drawn_alike_raise_no_alarm(alike):
    assert alike["alarm"] is False
    assert alike["verdict"] == "nothing"
    first, second, third = alike["words"]
    assert (
        first
        == "No difference in the images was found on 50 patients. A small difference may have been missed."
    )
    assert second.startswith("The mixture of classes was not found to differ, by labels: PNEUMONIA ")
    assert third == "Images were compared within classes."
    assert alike["appearance"] == {"differ": False, "allowing_for": "labels"}


def test_an_alarm_speaks_of_images_and_not_of_the_model(moved):
    assert moved["alarm"] is moved["appearance"]["differ"] is True
    assert moved["verdict"] == "images"
    assert moved["words"][0].startswith("Images differ, by these tests: ")
    assert not any("wrong" in sentence for sentence in moved["words"])


def test_the_answer_is_strict_json_with_a_p_value_for_each_test(moved):
    tests = json.loads(json.dumps(moved, allow_nan=False))["tests"]
    assert [test["name"] for test in tests] == ["bbsd", "mmd", "classifier"]
    assert all(0 < test["p"] <= test["adjusted"] <= 1 for test in tests)
    assert all(test["adjusted"] == min(1, 3 * test["p"]) for test in tests)


def test_without_labels_there_is_no_harm_to_tell():
    rng = np.random.default_rng(1)
    drift = found_between(patients(60, rng), without_labels(patients(50, rng, mean=2)))
    assert drift["performance_change"] is None
    assert drift["verdict"] == "images"
    assert "their scores do not show how their classes are mixed" in " ".join(drift["words"])
    assert drift["words"][-1] == "Only labels can show whether the model does worse on these images."


def test_the_images_named_are_the_farthest_and_those_least_alike(moved):
    far = moved["outliers"]["images"]
    assert len(far) == len(moved["least_similar"]) == 10
    assert [image["distance"] for image in far] == sorted((f["distance"] for f in far), reverse=True)
    assert moved["outliers"]["share"] > 3 * moved["outliers"]["expected"]
    assert all(image["id"].startswith("image-") for image in moved["least_similar"])
    assert moved["least_similar"][0]["probability"] > 0.9


def test_images_of_nine_patients_are_too_few():
    rng = np.random.default_rng(0)
    with pytest.raises(
        AskedWrongly, match="at least 10 patients on each side. Got 9 patients of the target and 60"
    ):
        found_between(patients(60, rng), patients(9, rng))


def test_equal_seeds_give_equal_answers():
    rng = np.random.default_rng(0)
    reference, new = patients(30, rng), patients(20, rng)
    assert found_between(reference, new, seed=3) == found_between(reference, new, seed=3)
