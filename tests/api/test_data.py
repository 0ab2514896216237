import numpy as np
import pytest
from samples import make_dataset, write_images

import radapt
from radapt.errors import AskedWrongly


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path / "cache"))
    return write_images(tmp_path / "images", make_dataset(train=24, val=8, test=16))


def test_images_and_whole_data_sets_are_shifted_by_name():
    data = make_dataset(train=8, val=4, test=8)
    one = radapt.shift_images(data["test"], "noise@3", seed=1)
    all_of_it = radapt.shift_images(data, "noise@3", seed=1)
    assert np.array_equal(one.pixels, all_of_it["test"].pixels)
    assert not np.array_equal(one.pixels, data["test"].pixels)
    assert all_of_it.origin.name == "squares under noise@3"
    others = {radapt.shift_images(data, "noise@3", seed=seed).origin.fingerprint for seed in (1, 2)}
    assert len({*others, data.origin.fingerprint}) == 3


def test_a_saved_data_set_is_read_as_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path / "cache"))
    data = make_dataset(train=24, val=8, test=16)
    folder = radapt.save_dataset(data, str(tmp_path / "saved"))
    columns = {"images": "file", "label": "label", "patient": "patient", "split": "split"}
    again = radapt.load_dataset(folder / "images.csv", size=16, resize="squash", **columns)
    assert again.rows() == data.rows()
    order = np.argsort([name.rpartition("/")[2] for name in again["test"].ids])
    wanted = np.argsort(data["test"].ids)
    assert np.array_equal(again["test"].pixels[order], data["test"].pixels[wanted])
    assert np.array_equal(again["test"].patients[order], data["test"].patients[wanted])
    assert radapt.load_dataset(folder, size=16).rows()[0]["images"] == 24


def test_a_shift_of_something_else_is_refused():
    with pytest.raises(AskedWrongly, match="Got a list"):
        radapt.shift_images([1], "noise@3")


def test_an_audit_is_of_files_or_of_a_data_set_in_memory(folder):
    data = radapt.load_dataset(folder, size=16)
    of_files, of_memory = radapt.audit(folder, size=16), radapt.audit(data, against=data)
    assert len(of_files.images) == len(of_memory.images) == 48
    assert "duplicate" in {row["kind"] for row in of_memory.rows()}
    assert of_memory.to_frame()["severity"].iloc[0] == of_memory.findings[0].severity
    assert not of_memory.is_clean
    assert repr(of_memory).startswith("Audit(images: ")
    shown = of_memory._repr_html_()
    assert "48 images" in shown
    assert "Identical images" in shown
    assert not any(name in shown for name in {*data["test"].patients, *data["test"].ids})
