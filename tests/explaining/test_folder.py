"""The folder of explanations holds pictures as large as the images, no older ones, and is not another's."""

import json

import numpy as np
import pytest
from bright import bright_classifier, bright_images
from PIL import Image

from radapt.errors import AskedWrongly
from radapt.explaining.explanation import ExplainOptions
from radapt.explaining.folder import explain_to_folder
from radapt.lock import is_alone_at


@pytest.fixture
def images(tmp_path):
    image = np.kron(bright_images(1)[0], np.ones((3, 2), dtype=np.uint8))
    (tmp_path / "in").mkdir()
    for name in ("one image.png", "x.png"):
        Image.fromarray(image).save(tmp_path / "in" / name)
    return tmp_path / "in"


@pytest.fixture
def write(tmp_path, hardware):
    """Explain some files, and return what was found with the names in the folder."""

    def write(*paths, render=lambda _: "the page", out=tmp_path / "out"):
        found = explain_to_folder(bright_classifier(), paths, ExplainOptions(), hardware, out, render)
        return found, names_in(out)

    return write


def names_in(folder):
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


def test_pictures_maps_numbers_and_a_page_are_written(write, images, tmp_path):
    out = tmp_path / "out"
    found, names = write(images, render=lambda _: str(is_alone_at(out)))
    assert names == [
        "1-one_image.npy",
        "1-one_image.png",
        "2-x.npy",
        "2-x.png",
        "explanations.html",
        "explanations.json",
    ]
    with Image.open(out / "1-one_image.png") as picture:
        assert picture.size == (64, 96)
        assert "PNEUMONIA" in picture.info["Description"]
        assert "no finding" in picture.info["Description"]
    np.testing.assert_array_equal(np.load(out / "2-x.npy"), found.images[1].drawn)
    document = json.loads((out / "explanations.json").read_text())
    assert [each["overlay"] for each in document["images"]] == ["1-one_image.png", "2-x.png"]
    assert document["images"][0]["box"] == [0, 0, 64, 96]
    assert (out / "explanations.html").read_text() == "True"  # the page is written under the lock


def test_former_maps_go_and_files_that_are_not_maps_stay(write, images, tmp_path):
    out = tmp_path / "out"
    write(images)
    (out / "notes.png").touch()
    (tmp_path / "1-mine.png").touch()
    document = json.loads((out / "explanations.json").read_text())
    document["images"] += [{"overlay": "notes.png", "map": "../1-mine.png"}, {"overlay": 3}, "1-x.png"]
    (out / "explanations.json").write_text(json.dumps(document))
    _, names = write(images / "x.png")
    assert names == ["1-x.npy", "1-x.png", "explanations.html", "explanations.json", "notes.png"]
    assert (tmp_path / "1-mine.png").exists()


def test_each_image_is_written_as_it_is_made_and_what_was_stopped_begins_again(write, images, tmp_path):
    def stop(_found):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(images, render=stop)
    assert names_in(tmp_path / "out") == [
        "1-one_image.npy",
        "1-one_image.png",
        "2-x.npy",
        "2-x.png",
        "explanations.json",
    ]
    _, names = write(images / "x.png")
    assert names == ["1-x.npy", "1-x.png", "explanations.html", "explanations.json"]


def test_a_folder_of_other_things_is_refused(write, images, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(AskedWrongly, match="exists and is not empty"):
        write(images, out=tmp_path / "other")
