"""A file of MedMNIST is a data set in its own splits, and says that it does not know its patients."""

import numpy as np
import pytest

from radapt.errors import AskedWrongly
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions


def make(path, *, shape=(28, 28), labels=1, kind=np.uint8, splits=("train", "val", "test")):
    rng = np.random.default_rng(0)
    arrays = {}
    for split in splits:
        arrays[f"{split}_images"] = rng.integers(0, 256, (12, *shape)).astype(kind)
        arrays[f"{split}_labels"] = np.tile(np.arange(12)[:, None] % 2, (1, labels)).astype(np.uint8)
    np.savez_compressed(path, **arrays)
    return path


def test_its_splits_are_read_and_resized(tmp_path):
    path = make(tmp_path / "pneumoniamnist.npz")
    data = load_dataset(path, LoadOptions(size=14))
    assert list(data.splits) == ["train", "val", "test"]
    assert data.classes == ("normal", "pneumonia")
    assert data["val"].counts() == {"normal": 6, "pneumonia": 6}
    assert data["train"].pixels.shape == (12, 14, 14)
    assert "does not say whose its pictures are" in data.origin.notes[0]
    same = load_dataset(path, LoadOptions(size=28))
    with np.load(path) as arrays:
        assert np.array_equal(same["test"].pixels, arrays["test_images"])
    assert (
        same.origin.fingerprint
        != data.origin.fingerprint
        == load_dataset(path, LoadOptions(size=14)).origin.fingerprint
    )
    whose = [set(images.patients.tolist()) for images in data.splits.values()]
    assert sum(map(len, whose)) == len(set.union(*whose)) == 36


def test_larger_versions_and_names_of_ones_own_are_read(tmp_path):
    path = make(tmp_path / "pneumoniamnist_64.npz", shape=(64, 64))
    assert load_dataset(
        path, LoadOptions(size=8, table=TableOptions(classes=("NORMAL", "PNEUMONIA")))
    ).classes == ("NORMAL", "PNEUMONIA")
    assert load_dataset(path, LoadOptions(size=8)).classes == ("normal", "pneumonia")
    assert load_dataset(make(tmp_path / "my.npz"), LoadOptions(size=8)).classes == ("class 0", "class 1")


def test_several_labels_of_a_picture_are_findings(tmp_path):
    data = load_dataset(make(tmp_path / "chestmnist.npz", labels=14), LoadOptions(size=8))
    assert not data.exclusive
    assert data.classes[:2] == ("atelectasis", "cardiomegaly")
    assert data["train"].counts()["hernia"] == 6


def test_what_is_no_such_file_is_named(tmp_path):
    colour = make(tmp_path / "colour.npz", shape=(28, 28, 3))
    deep = make(tmp_path / "deep.npz", kind=np.uint16)
    part = make(tmp_path / "part.npz", splits=("val",))
    half = make(tmp_path / "half.npz")
    half.write_bytes(half.read_bytes()[:-300])
    objects = tmp_path / "objects.npz"
    np.savez(objects, train_images=np.array([{}], dtype=object), train_labels=np.zeros(1, np.uint8))
    for path, says in {
        colour: r"shape \(28, 28, 3\)",
        deep: "uint16",
        part: "no train_images",
        half: "is damaged",
        objects: "is damaged",
        tmp_path / "none.npz": "There is no file",
    }.items():
        with pytest.raises(AskedWrongly, match=says):
            load_dataset(path, LoadOptions(size=8))
    with pytest.raises(AskedWrongly, match="Got names for 1"):
        load_dataset(make(tmp_path / "few.npz"), LoadOptions(size=8, table=TableOptions(classes=("one",))))
