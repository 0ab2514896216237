import csv

import pytest
from samples import make_dataset, write_images

import radapt
from radapt.errors import UnknownName


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path / "cache"))
    return write_images(tmp_path / "images", make_dataset(train=24, val=8, test=16))


def test_a_folder_is_loaded_by_its_path_and_a_size(folder, capsys):
    data = radapt.load_dataset(str(folder), size=16, progress=True)
    assert {name: len(images) for name, images in data.splits.items()} == {"train": 24, "val": 8, "test": 16}
    assert data["test"].pixels.shape[1:] == (16, 16)
    assert "48 images" in capsys.readouterr().err
    radapt.load_dataset(folder, size=16)
    assert capsys.readouterr().err == ""


def test_a_table_is_loaded_by_the_options_of_the_command_line(folder, tmp_path):
    files = sorted(folder.rglob("*.png"))
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "finding", "who", "sex"])
        for number, path in enumerate(files):
            writer.writerow([path.relative_to(folder), path.parent.name.lower(), f"p{number // 2}", "F"])
    data = radapt.load_dataset(
        tmp_path / "table.csv",
        size=16,
        root=folder,
        images="file",
        label="finding",
        patient="who",
        sex="sex",
        classes={"normal": "NORMAL", "pneumonia": "PNEUMONIA"},
    )
    assert data.classes == ("NORMAL", "PNEUMONIA")
    assert data["train"].rows()[0]["sex"] == "F"


def test_an_unknown_option_is_named(folder):
    with pytest.raises(UnknownName, match="'sise'. Did you mean 'size'"):
        radapt.load_dataset(folder, sise=16)
