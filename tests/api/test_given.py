import pytest

from radapt.api.given import check_images, data_for, folder_of, model_of
from radapt.errors import AskedWrongly


def test_a_run_its_folder_and_its_model_are_one(run):
    assert model_of(run).spec == model_of(str(run.folder)).spec == run.model.spec
    assert folder_of(run) == folder_of(run.folder) == run.folder
    assert folder_of(run.model) is None
    model = run.model
    assert model_of(model) is model


def test_data_for_a_model_have_its_classes(run, data):
    assert data_for(run.model, data).classes == run.model.spec.classes
    with pytest.raises(AskedWrongly, match="Got an int"):
        data_for(run.model, 3)


def test_only_images_of_one_split_are_images(data):
    check_images(data["test"])
    with pytest.raises(AskedWrongly, match="Got a Dataset"):
        check_images(data)
