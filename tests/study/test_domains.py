from dataclasses import replace

import pytest
from samples import make_dataset, make_images

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import Dataset
from radapt.study.domains import (
    check_budget,
    divide,
    labelled_images,
    real_domains,
    shifted_domains,
    val_of_study,
)


def people(images):
    return set(images.patients.tolist())


@pytest.fixture(scope="module")
def domains():
    return shifted_domains(make_dataset(), "original", seed=0)


def test_budgets_are_of_so_many_images_or_patients(domains):
    assert len(labelled_images(domains, "8", seed=0)) == 8
    assert len(people(labelled_images(domains, "8p", seed=0))) == 8
    assert labelled_images(domains, "all", seed=0) is domains.target_pool
    assert labelled_images(domains, "val", seed=0) is domains.target_folder
    again = labelled_images(domains, "8", seed=0)
    assert set(again.ids) == set(labelled_images(domains, "8", seed=0).ids)
    assert set(again.ids) != set(labelled_images(domains, "8", seed=1).ids)


def test_a_budget_that_is_none_is_refused(domains):
    check_budget("16p")
    with pytest.raises(AskedWrongly, match="Got 'some'"):
        check_budget("some")
    without = replace(domains, target_folder=None)
    with pytest.raises(AskedWrongly, match="needs a val folder"):
        labelled_images(without, "val", seed=0)


def test_training_images_are_divided_by_patient_or_not_at_all():
    images = make_images(96)
    source, target = divide(images, "own", seed=0)
    assert not people(source) & people(target)
    assert divide(images, "shared", seed=0) == (images, images)
    with pytest.raises(UnknownName, match="There are: own, shared"):
        divide(images, "neither", seed=0)


def test_data_sets_of_other_classes_or_read_otherwise_are_refused():
    source = make_dataset()
    renamed = {name: replace(part, classes=("A", "B")) for name, part in source.splits.items()}
    with pytest.raises(AskedWrongly, match="the target has A, B"):
        real_domains(source, Dataset(renamed, source.origin), seed=0)
    with pytest.raises(AskedWrongly, match="were read differently"):
        real_domains(source, make_dataset(size=32), seed=0)
    both = real_domains(source, make_dataset(train=48), seed=0)
    assert (len(both.target_pool), both.drawn, both.target_folder) == (48, None, None)


def test_the_part_of_val_images_is_said():
    data = make_dataset()
    assert "are the labelled target images of the budget 'val'" in val_of_study(data, labelled=True)
    assert "16 val images of squares are not used" in val_of_study(data, labelled=False)
    splits = {"train": data["train"], "test": data["test"]}
    assert val_of_study(replace(data, splits=splits), labelled=False) == ""
