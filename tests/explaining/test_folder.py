"""The folder of explanations holds pictures as large as the images, and is not another's."""

import json

import numpy as np
import pytest
from bright import bright_classifier, bright_images
from PIL import Image

from radapt.errors import AskedWrongly
from radapt.explaining.explanation import ExplainOptions, explain_files
from radapt.explaining.folder import stems, write_explanations


@pytest.fixture
def found(tmp_path, hardware):
    image = np.kron(bright_images(1)[0], np.ones((3, 2), dtype=np.uint8))
    for name in ("one image.png", "x.png"):
        Image.fromarray(image).save(tmp_path / name)
    return explain_files(bright_classifier(), [tmp_path], ExplainOptions(), hardware)


def test_pictures_maps_and_numbers_are_written_and_replaced(found, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        write_explanations(found, out)
    assert stems(found) == ["1-one_image", "2-x"]
    with Image.open(out / "1-one_image.png") as picture:
        assert picture.size == (64, 96)
        assert "PNEUMONIA" in picture.info["Description"]
        assert "no finding" in picture.info["Description"]
    np.testing.assert_array_equal(np.load(out / "2-x.npy"), found.images[1].drawn)
    document = json.loads((out / "explanations.json").read_text())
    assert [each["overlay"] for each in document["images"]] == ["1-one_image.png", "2-x.png"]
    assert document["images"][0]["box"] == [0, 0, 64, 96]


def test_a_folder_of_other_things_is_refused(found, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(AskedWrongly, match="exists and is not empty"):
        write_explanations(found, tmp_path / "other")
