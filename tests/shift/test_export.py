"""A shifted set as files is the shifted set, and can be read again with its patients and labels."""

from dataclasses import replace

import numpy as np
import pytest
from pictures import load_options
from PIL import Image
from samples import write_images

from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions
from radapt.parquet import read_table
from radapt.shift.export import write_shifted
from radapt.shift.expression import parse_shift
from radapt.shift.shifted import shift_images

SHIFT = parse_shift("rotation(20) + noise(5)")


def test_the_files_hold_what_the_shift_makes_and_read_back_as_the_same_set(tmp_path, dataset):
    count = write_shifted(dataset, SHIFT, tmp_path / "out", seed=3)
    assert count == sum(len(images) for images in dataset.splits.values())
    back = load_dataset(
        tmp_path / "out/images.csv",
        LoadOptions(
            size=16, table=TableOptions(images="file", label="label", patient="patient", split="split")
        ),
    )
    assert back.classes == dataset.classes
    for split, images in dataset.splits.items():
        shifted, _ = shift_images(images, SHIFT, seed=3)
        order, own = (
            np.argsort(back[split].patients, kind="stable"),
            np.argsort(images.patients, kind="stable"),
        )
        assert np.array_equal(np.sort(back[split].patients), np.sort(images.patients))
        whole = {pixels.tobytes() for pixels in shifted.pixels[own]}
        assert {pixels.tobytes() for pixels in back[split].pixels[order]} == whole
        assert back[split].counts() == images.counts()
    folders = load_dataset(tmp_path / "out", LoadOptions(size=16))
    assert {name: len(images) for name, images in folders.splits.items()} == {
        name: len(images) for name, images in dataset.splits.items()
    }


def test_what_has_no_splits_is_written_without_and_its_table_keeps_those_that_were_drawn(tmp_path, dataset):
    write_images(tmp_path / "images", Dataset({"train": dataset["train"]}, dataset.origin))
    (tmp_path / "images/train").rename(tmp_path / "own")
    data = load_dataset(tmp_path / "own", LoadOptions(size=16))
    write_shifted(data, SHIFT, tmp_path / "out", seed=3)
    written = {path.relative_to(tmp_path / "out").parts[0] for path in (tmp_path / "out").rglob("*.png")}
    assert written == set(dataset.classes)
    folders = load_dataset(tmp_path / "out", LoadOptions(size=16))
    assert folders.split_here
    assert sum(map(len, folders.splits.values())) == len(dataset["train"])
    table = {"images": "file", "label": "label", "patient": "patient", "split": "split"}
    back = load_dataset(tmp_path / "out/images.csv", load_options(size=16, **table))
    for split, images in data.splits.items():
        assert set(back[split].patients.tolist()) == set(images.patients.tolist())
    names = [f"other/{name.rpartition('/')[2]}" for name in data["train"].ids[: len(data["test"])]]
    renamed = replace(data["test"], ids=np.array(names))  # of one name in two splits
    count = write_shifted(Dataset({**data.splits, "test": renamed}, data.origin), SHIFT, tmp_path / "alike")
    rows = read_table(tmp_path / "alike/shift.parquet")["file"].tolist()
    assert len({row.casefold() for row in rows}) == count == len(dataset["train"])


def test_the_table_says_what_each_image_got(tmp_path, dataset):
    write_shifted(dataset, SHIFT, tmp_path / "out", seed=3)
    table = read_table(tmp_path / "out/shift.parquet")
    shifted, drawn = shift_images(dataset["test"], SHIFT, seed=3)
    rows = [table["id"].tolist().index(name) for name in shifted.ids.tolist()]
    assert np.array_equal(table["rotation.degrees"][rows], drawn["rotation.degrees"])
    image = tmp_path / "out" / str(table["file"][rows[5]])
    assert np.array_equal(np.asarray(Image.open(image)), shifted.pixels[5])


def test_a_image_that_is_there_is_not_written_again(tmp_path, dataset):
    write_shifted(dataset, SHIFT, tmp_path / "out")
    images = sorted((tmp_path / "out").rglob("*.png"))
    images[0].unlink()
    images[1].write_bytes(b"kept")
    write_shifted(dataset, SHIFT, tmp_path / "out")
    assert images[0].stat().st_size > 50
    assert images[1].read_bytes() == b"kept"
    with pytest.raises(AskedWrongly, match="holds other work: it differs in seed"):
        write_shifted(dataset, SHIFT, tmp_path / "out", seed=1)


def test_images_of_one_name_and_of_several_findings_have_files_of_their_own(tmp_path, dataset):
    images = dataset["test"].take(range(8))
    labels = np.array([[1, 0], [1, 1], [0, 0], [np.nan, 1]] * 2, dtype=np.float32)
    ids = np.array(["a b.png", "a_b.png", "x/1.png", "X/1.png", "é/f.png", "f.png", "g/F.png", "h.png"])
    train = ImageSet(images.pixels, labels, images.patients, ids, ("effusion", "nodule/mass"))
    write_shifted(Dataset({"train": train}, replace(dataset.origin)), SHIFT, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.png"))) == 8
    back = load_dataset(
        tmp_path / "out/images.csv",
        LoadOptions(
            size=16,
            table=TableOptions(
                images="file", label=("effusion", "nodule/mass"), patient="patient", split="split"
            ),
        ),
    )
    assert not back.exclusive
    assert back["train"].counts() == train.counts()
