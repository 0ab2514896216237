from dataclasses import replace

import numpy as np
import pytest
from samples import make_dataset, make_images

from radapt.errors import AskedWrongly
from radapt.runs.holdout import (
    MIN_FOR_VALIDATION,
    chooses_epochs,
    count_images,
    describe_dataset,
    split_off_validation,
    split_validation,
    val_of_training,
)


def people(images):
    return set(images.patients.tolist())


def test_a_tenth_of_the_patients_choose_the_epoch_of_a_base_model():
    images = make_images(200)
    train, valid = split_validation(images, seed=0)
    assert not people(train) & people(valid)
    assert people(train) | people(valid) == people(images)
    assert len(people(valid)) == pytest.approx(10, abs=1)
    assert all(valid.counts().values())


def test_a_class_with_one_patient_is_refused():
    images = make_images(4)
    with pytest.raises(AskedWrongly, match="two training patients at least.*Got 4 images of 2 patients"):
        split_validation(images, seed=0)


def test_a_budget_below_a_hundred_images_is_trained_on_whole():
    few = make_images(MIN_FOR_VALIDATION - 2)
    assert split_off_validation(few, seed=0) == (few, None)
    train, valid = split_off_validation(make_images(MIN_FOR_VALIDATION), seed=0)
    assert len(valid) == MIN_FOR_VALIDATION // 5
    assert not people(train) & people(valid)


def test_a_hundred_val_images_choose_the_epoch_and_fewer_are_said_to_be_unused():
    assert chooses_epochs(make_images(100))
    assert not chooses_epochs(make_images(98))
    assert "16 are too few" in val_of_training(make_dataset(val=16))
    assert val_of_training(make_dataset(val=100)) == ""


def test_a_data_set_is_described_with_its_counts_and_the_patients_in_two_splits():
    data = make_dataset()
    description = describe_dataset(data)
    assert description["name"] == "squares"
    assert description["splits"]["test"] == {"images": 40, "patients": 20, "classes": data["test"].counts()}
    assert description["shared_patients"] == 0
    test = data["test"]
    twice = replace(test, patients=np.where(np.arange(40) < 2, "train-p0", test.patients))
    assert describe_dataset(replace(data, splits={**data.splits, "test": twice}))["shared_patients"] == 1
    assert count_images(make_images(6)) == {
        "images": 6,
        "patients": 3,
        "classes": {"NORMAL": 4, "PNEUMONIA": 2},
    }
