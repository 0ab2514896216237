"""Every set of the catalogue says what it is, what it allows, how to get it, and which command reads it."""

import csv
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radapt.cli.app import main
from radapt.datasets.catalogue import CATALOGUE, look_up
from radapt.errors import AskedWrongly, UnknownName
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions

EVERY = pytest.mark.parametrize("name", CATALOGUE)


@EVERY
def test_a_set_is_fetched_or_has_steps_and_warns_of_something(name):
    data = CATALOGUE[name]
    assert bool(data.files) != bool(data.steps)
    assert data.images > 5000
    assert data.page.startswith("https://")
    for text in (data.title, data.what, data.licence, data.citation):
        assert text
        assert text.strip(". ") == text
    assert re.search(r"\b20\d\d\b", data.citation)
    assert len(data.beware) > 40
    assert data.beware.endswith(".")


@EVERY
def test_the_files_of_a_set_have_checksums_sizes_and_safe_names(name):
    files = CATALOGUE[name].files
    assert len({each.name for each in files}) == len({each.url for each in files}) == len(files)
    for each in files:
        assert each.url.startswith("https://")
        assert re.fullmatch(r"[\w.-]+", each.name)
        assert each.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", each.checksum)
        assert each.size > 100_000
        assert each.folder if each.name.endswith((".zip", ".tar.gz")) else not each.folder


@EVERY
def test_the_page_on_data_sets_tells_of_each(name):
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    data = CATALOGUE[name]
    size = data.sizes[-1] if data.sizes else None
    assert data.command("DIR", size) in section
    assert "*Beware*" in section
    assert data.citation.split(" et al")[0].split(",")[0] in section
    assert f"{data.images:,}" in section or data.sizes


def words_of(name: str, to: object) -> list[str]:
    return shlex.split(CATALOGUE[name].command(shlex.quote(str(to))))


@EVERY
def test_the_command_that_reads_a_set_is_one_that_radapt_has(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", [*words_of(name, tmp_path / "not there"), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert re.search(r"There is no|does not exist", capsys.readouterr().err)


def lay_out_tables() -> dict[str, tuple[str, list[list[str]]]]:
    """Give a table of each set that has one, as its publishers write it, and where its images lie."""
    chexpert = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "No Finding", "Pneumonia"]
    images = [f"train/patient{n:05d}/study1/view1_frontal.jpg" for n in range(20)]
    rows = [[f"CheXpert-v1.0-small/{f}", "", "", "Frontal", "AP", "", "1.0"] for f in images[:10]]
    rows += [[f"CheXpert-v1.0-small/{f}", "", "", "Frontal", "PA", "1.0", ""] for f in images[10:]]
    nih = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "View Position"]
    told = ["Pneumonia|Mass", "No Finding"]
    padchest = ["ImageID", "ImageDir", "PatientID", "Projection", "Labels"]
    vindr = ["image_id", "rad_id", "Pneumonia", "No finding"]
    return {
        "CheXpert-v1.0-small/train.csv": ("CheXpert-v1.0-small/{0}", [chexpert, *rows]),
        "Data_Entry_2017_v2020.csv": (
            "images/{0}",
            [nih, *([f"{n:08d}_000.png", told[n % 2], "0", str(n), "PA"] for n in range(20))],
        ),
        "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv": (
            "{1}/{0}",
            [
                padchest,
                *(
                    [f"{n}_a.png", "7", str(n), "PA", f"['{'pneumonia' if n % 2 else 'normal'}']"]
                    for n in range(20)
                ),
            ],
        ),
        "stage_2_train_labels.csv": (
            "stage_2_train_images/{0}.png",
            [["patientId", "x", "Target"], *([f"image-{n}", "", str(n % 2)] for n in range(20))],
        ),
        "annotations/image_labels_train.csv": (
            "train/{0}.png",
            [vindr, *([f"{n:032x}", "R1", str(n % 2), str(1 - n % 2)] for n in range(20))],
        ),
    }


@pytest.mark.parametrize("table", lay_out_tables())
def test_a_set_laid_out_as_its_steps_say_is_read_by_its_command(table, tmp_path):
    place, rows = lay_out_tables()[table]
    name = next(name for name in CATALOGUE if table in CATALOGUE[name].command("DIR"))
    path = tmp_path / table
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    rng = np.random.default_rng(0)
    for row in rows[1:]:
        image = tmp_path / place.format(row[0].removeprefix("CheXpert-v1.0-small/"), row[1])
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(image)
    words = words_of(name, tmp_path)
    options = dict(zip(words[3::2], words[4::2], strict=True))
    dataset = load_dataset(
        words[2],
        LoadOptions(size=16, table=TableOptions(label=options["--label"], root=options.get("--root"))),
    )
    assert sum(len(images) for images in dataset.splits.values()) == 20
    assert dataset.classes[1] == options["--label"]


def test_sizes_and_parts_choose_files():
    small, nih = look_up("pneumoniamnist"), look_up("nih14")
    assert [each.name for each in small.choose()] == ["pneumoniamnist_128.npz"]
    assert [each.name for each in small.choose(28)] == ["pneumoniamnist.npz"]
    assert small.command("DIR", 28) == "radapt study DIR/pneumoniamnist.npz --size 28 --shift original"
    assert [each.name for each in look_up("chestmnist").choose()] == ["chestmnist_64.npz"]
    assert len(nih.choose()) == 14
    assert [each.name for each in nih.choose(parts=1)] == [
        "Data_Entry_2017_v2020.csv",
        "test_list.txt",
        "images_001.tar.gz",
    ]
    for data, asked in (
        (small, {"size": 32}),
        (look_up("chestmnist"), {"size": 128}),
        (nih, {"size": 28}),
        (nih, {"parts": 13}),
        (small, {"parts": 1}),
    ):
        with pytest.raises(AskedWrongly, match="It comes in"):
            data.choose(**asked)


def test_an_unknown_set_is_met_with_the_nearest_one():
    with pytest.raises(UnknownName, match="Did you mean 'kermany'"):
        look_up("kermanny")
