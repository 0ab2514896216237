"""Inputs of strangers that were misread: small made-up ones, and others of the same kinds."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radapt.errors import AskedWrongly
from radapt.images.folder import find_files
from radapt.images.spelling import typing_errors
from radapt.images.table import TableOptions, read_listing


@pytest.fixture
def cases(shared: Path) -> Path:
    folder = shared / "cases" / "reading"
    if not folder.is_dir():
        pytest.skip(f"there are no made-up cases at {folder}")
    return folder


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return path


def table(folder: Path, *rows: str, header: str = "file,label,patient") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "t.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


OWN = TableOptions(images="file", label="label", patient="patient")


def test_a_row_whose_file_is_missing_takes_no_other_file_of_that_name(cases):
    header = (cases / "01_mislink/t.csv").read_text().splitlines()[0].split(",")
    options = TableOptions(images=header[0], label=next(name for name in header if "label" in name.lower()))
    listing = read_listing(cases / "01_mislink/t.csv", options)
    assert len(listing.entries) == 16
    assert len({entry.name for entry in listing.entries}) == 16
    assert any("no such file (3)" in note for note in listing.notes)


def test_a_name_with_folders_is_that_of_a_path_that_ends_so(tmp_path):
    for name in ("deep/a/1.png", "deep/b/2.png", "3.png"):
        picture(tmp_path / name)
    path = table(tmp_path, "a/1.png,x,p1", "b/2.png,y,p2", "a/2.png,x,p3", "c/3.png,y,p4")
    listing = read_listing(path, OWN)
    assert [entry.name for entry in listing.entries] == ["deep/a/1.png", "deep/b/2.png"]
    assert listing.left_out == {"no such file": 2}


def test_the_folder_of_a_published_set_may_have_another_name(tmp_path):
    for number in (1, 2):
        picture(tmp_path / f"train/{number}.png")
    path = table(tmp_path, "Set-v1/train/1.png,x,p", "Set-v1/train/2.png,y,q", "Set-v1/train/9.png,y,q")
    listing = read_listing(path, OWN)
    assert [entry.name for entry in listing.entries] == ["train/1.png", "train/2.png"]


def test_one_file_spelled_twice_is_one_image_and_two_labels_for_it_are_none(tmp_path):
    for number in (1, 2, 3):
        picture(tmp_path / f"{number}.png")
    rows = ["1.png,x,p", "./1.png,x,p", "2.png,y,q", "3.png,x,r", "3,y,r"]
    listing = read_listing(table(tmp_path, *rows), OWN)
    assert [entry.name for entry in listing.entries] == ["1.png", "2.png"]
    assert listing.left_out == {
        "the same file, spelled otherwise": 1,
        "one file of which different things are said": 2,
    }


def test_what_is_not_given_is_no_class(cases):
    path = cases / "02_na/label_na.csv"
    header = path.read_text().splitlines()[0].split(",")
    options = TableOptions(root=cases / "02_na/img", images=header[0], label=header[1])
    listing = read_listing(path, options)
    assert len(listing.classes) == 2
    assert sum(listing.left_out.values()) == 12


@pytest.mark.parametrize("word", ["NA", "NaN", "n/a", "null", "None", "?", "-", "", " ", "unknown"])
def test_no_word_for_nothing_is_a_class_or_a_patient(tmp_path, word):
    for number in range(6):
        picture(tmp_path / f"{number}.png")
    rows = [f"{n}.png,{'xy'[n % 2]},{word if n < 2 else f'p{n}'}" for n in range(5)]
    listing = read_listing(table(tmp_path, *rows, f"5.png,{word},p5"), OWN)
    assert listing.classes == ("x", "y")
    assert listing.patients == ("", "", "p2", "p3", "p4")


def test_labels_that_differ_by_case_alone_are_one_class_and_said_to_be(cases, tmp_path):
    path = cases / "02_na/label_case.csv"
    header = path.read_text().splitlines()[0].split(",")
    listing = read_listing(path, TableOptions(root=cases / "02_na/img", images=header[0], label=header[1]))
    assert len({name.casefold() for name in listing.classes}) == len(listing.classes) == 2
    assert any("differ by case or white space alone" in note for note in listing.notes)
    for name in ("train/Normal", "train/NORMAL", "train/Ill"):
        for number in range(2):
            picture(tmp_path / name / f"{number}.png")
    listing = find_files(tmp_path)
    assert listing.classes == ("Ill", "NORMAL")
    assert Counter(entry.label for entry in listing.entries) == {0: 2, 1: 4}
    assert any("'NORMAL' = 'Normal'" in note for note in listing.notes)


def test_a_class_of_very_few_that_is_spelled_nearly_as_another_is_named():
    counts = {"Pneumonia": 100, "Pnuemonia": 2, "Normal": 90, "Edema": 3}
    (found,) = typing_errors(counts)
    assert "'Pnuemonia' has 2 images and is spelled nearly as 'Pneumonia'" in found


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_a_probable_typing_error_is_told_before_anything_is_trained(kind, tmp_path, radapt):
    names = [f"{name}/{number}.png" for name in ("Ill", "Pneumonia") for number in range(42)]
    names += [f"Pneumona/{number}.png" for number in range(2)]
    for name in names:
        picture(tmp_path / "data" / name)
    data = [tmp_path / "data"]
    if kind == "table":
        rows = [f"{name},{name.partition('/')[0]},{name}" for name in names]
        columns = ["--images", "file", "--label", "label", "--patient", "patient"]
        data = [table(tmp_path / "data", *rows), *columns]
    _, _, told = radapt("pack", *data, "--size", "16", "--out", tmp_path / "store")
    assert "The class 'Pneumona' has 2 images and is spelled nearly as 'Pneumonia'" in told


def test_what_is_passed_over_is_counted_anew_each_time(tmp_path, radapt):
    for name in ("A", "B"):
        for number in range(8):
            picture(tmp_path / f"images/{name}/{number}.png")
    for loose in range(3):
        _, _, told = radapt("audit", tmp_path / "images")
        assert ("outside the class folders" in told) == bool(loose)
        assert not loose or f"passed over: {loose} outside the class folders" in told
        picture(tmp_path / f"images/{loose}.png")


def test_masks_below_the_classes_are_no_images(cases):
    listing = find_files(cases / "03_masks")
    assert len(listing.entries) == 40
    assert not any("masks" in entry.name for entry in listing.entries)
    assert any("masks were passed over (masks): " in note or "(masks)" in note for note in listing.notes)


def test_training_and_testing_are_splits(cases):
    listing = find_files(cases / "04_training_testing")
    assert listing.classes == ("NORMAL", "PNEUMONIA")
    assert {entry.split for entry in listing.entries} == {"train", "test"}


def test_a_table_that_pandas_saved_is_read_as_without_its_index(cases):
    folder = cases / "09_nih"
    options = TableOptions(root=folder / "images", label="Pneumonia")
    plain, saved = (read_listing(folder / name, options) for name in ("plain.csv", "pandas_index.csv"))
    assert saved.entries == plain.entries
    assert saved.patients == plain.patients


@pytest.mark.parametrize(("code", "says"), [("cp1252", "Windows-1252"), ("utf-16", "UTF-16")])
def test_a_table_in_another_code_is_told_what_would_work(tmp_path, code, says):
    path = tmp_path / "t.csv"
    path.write_bytes("file,label\nMünchen.png,süß\n".encode(code))
    with pytest.raises(AskedWrongly, match=says) as refused:
        read_listing(path, TableOptions(images="file", label="label"))
    assert "UTF-8" in str(refused.value)


def test_what_systems_leave_behind_and_links_to_themselves_are_passed_over_in_silence(tmp_path):
    for name in ("a/1.png", "b/2.png"):
        picture(tmp_path / name)
    before = find_files(tmp_path)
    for name in ("a/Thumbs.db", "a/desktop.ini", "a/.DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    picture(tmp_path / "a/@eaDir/1.png")
    picture(tmp_path / "@eaDir/1.png")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "a/self").symlink_to("self")
    (tmp_path / "up").symlink_to(tmp_path)
    assert find_files(tmp_path) == before


@pytest.mark.skipif(os.name == "nt", reason="names there are no bytes")
def test_a_class_whose_name_is_no_utf_8_is_refused_when_it_is_listed(tmp_path):
    picture(tmp_path / "a/1.png")
    os.mkdir(os.fsencode(tmp_path) + b"/b\xff")  # noqa: PTH102
    with pytest.raises(AskedWrongly, match="not UTF-8"):
        find_files(tmp_path)
