"""Labels become classes: matched without regard to case, renamed, dropped, and one of them the finding."""

import numpy as np
import pytest
from hospital import write_classes
from pictures import load_options
from samples import make_dataset

from radapt.errors import AskedWrongly, UnknownName, WrongFolder
from radapt.images.class_rules import ClassRules, which_is_positive
from radapt.images.folder import find_files
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.reclassify import aligned, reclassified
from radapt.images.table import TableOptions, read_listing


@pytest.fixture
def folder(tmp_path):
    return write_classes(tmp_path / "images", patients=12)


def table(folder, cells, *, column="finding"):
    rows = [f"{number}.png,{cell}" for number, cell in enumerate(cells)]
    for number in range(len(cells)):
        (folder / f"{number}.png").touch()
    path = folder / "images.csv"
    path.write_text("\n".join([f"file,{column}", *rows]))
    return path


def read(path, **rules):
    return read_listing(path, TableOptions(images="file", label="finding"), ClassRules(**rules))


def test_labels_that_differ_by_case_or_white_space_are_one_class(tmp_path):
    listing = read(table(tmp_path, ["Normal", " normal", "PNEU  MONIA", "Pneu monia"]))
    assert listing.classes == ("Normal", "PNEU MONIA")
    assert [entry.label for entry in listing.entries] == [0, 0, 1, 1]
    assert any("'Normal' = 'normal'" in note for note in listing.notes)


def test_several_labels_become_one_class_and_one_is_dropped(tmp_path):
    path = table(tmp_path, ["viral", "bacterial", "normal", "unclear", "normal", "VIRAL"])
    names = (("viral", "PNEUMONIA"), ("bacterial", "PNEUMONIA"), ("normal", "NORMAL"))
    listing = read(path, names=names, drop=("Unclear",))
    assert listing.classes == ("NORMAL", "PNEUMONIA")
    assert [entry.label for entry in listing.entries] == [1, 1, 0, 0, 1]
    assert listing.left_out == {"labelled 'unclear', which is dropped": 1}
    assert listing.rows == 6


def test_a_dropped_label_does_not_contradict_another_row_of_the_image(tmp_path):
    path = table(tmp_path, ["ill", "well", "ill", "well"])
    path.write_text(path.read_text() + "\n0.png,unclear")
    listing = read(path, drop=("unclear",))
    assert [entry.label for entry in listing.entries] == [0, 1, 0, 1]


def test_ones_and_zeros_are_mapped_by_their_numbers_and_uncertain_ones_stay_so(tmp_path):
    path = table(tmp_path, [1, 0, 1, 0, -1])
    listing = read(path, names=(("0", "NORMAL"), ("1", "PNEUMONIA")))
    assert listing.classes == ("NORMAL", "PNEUMONIA")
    assert [entry.label for entry in listing.entries] == [1, 0, 1, 0]
    assert listing.left_out == {"uncertain": 1}


def test_a_rule_for_a_label_that_is_not_there_is_refused_unless_other_data_may_have_it(tmp_path):
    path = table(tmp_path, ["ill", "well", "ill", "well"])
    with pytest.raises(UnknownName, match="no label in the data set called 'unclaer'"):
        read(path, drop=("unclaer",))
    assert len(read(path, drop=("unclaer",), strict=False).entries) == 4


def test_the_finding_stands_second_and_a_name_of_none_cannot_be_it(tmp_path):
    path = table(tmp_path, ["krank", "gesund", "krank", "gesund"])
    assert read(path, positive="Gesund").classes == ("krank", "gesund")
    with pytest.raises(UnknownName):
        read(path, positive="ill")
    path = table(tmp_path, ["normal", "pneumonia"] * 3)
    with pytest.raises(AskedWrongly, match="cannot be the finding"):
        read(path, positive="normal")


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (("healthy", "ill"), "The finding is 'ill'; 'healthy' is its absence."),
        (("Pneumonia", "no finding"), "The finding is 'Pneumonia'"),
        (("gesund", "krank"), "taken to be 'krank', and 'gesund' its absence: the names do not say so"),
        (("krank", "sano"), "taken to be 'sano'"),
        (("a", "b", "c"), ""),
    ],
)
def test_which_class_is_the_finding_is_said_and_a_guess_is_called_one(classes, says):
    assert says in which_is_positive(classes)


def test_class_folders_are_mapped_and_dropped_too(folder):
    (folder / "train" / "unclear").mkdir()
    (folder / "train" / "unclear" / "1.png").write_bytes(next(folder.glob("train/NORMAL/*.png")).read_bytes())
    rules = ClassRules((("normal", "healthy"),), ("unclear",), "PNEUMONIA")
    data = load_dataset(folder, LoadOptions(size=16, rules=rules))
    assert data.classes == ("healthy", "PNEUMONIA")
    assert data["train"].counts() == {"healthy": 6, "PNEUMONIA": 6}
    assert data.origin.left_out == {"labelled 'unclear', which is dropped": 1}


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_a_third_class_of_one_image_is_refused_with_a_way_out(folder, kind, tmp_path):
    if kind == "folder":
        (folder / "train" / "Pnuemonia").mkdir()
        (folder / "train" / "Pnuemonia" / "1.png").touch()
        asks, fixed = find_files, ClassRules((("pnuemonia", "PNEUMONIA"),))
        path = folder
    else:
        path = table(tmp_path, ["NORMAL", "PNEUMONIA"] * 3 + ["Pnuemonia"])
        asks, fixed = read, ClassRules((("pnuemonia", "PNEUMONIA"),))
    with pytest.raises(AskedWrongly, match="'Pnuemonia' has one image.*--drop.*Pnuemonia=PNEUMONIA"):
        asks(path)
    listing = (
        find_files(path, rules=fixed)
        if kind == "folder"
        else read_listing(path, TableOptions(images="file", label="finding"), fixed)
    )
    assert listing.classes == ("NORMAL", "PNEUMONIA")


def test_a_folder_of_studies_is_not_read_as_that_many_classes(tmp_path):
    for number in range(12):
        (tmp_path / f"ST{number:03d}").mkdir()
        (tmp_path / f"ST{number:03d}" / "1.png").touch()
    with pytest.raises(WrongFolder, match="12 folders of 12 images: these look like studies or patients"):
        find_files(tmp_path)


def test_a_data_set_in_memory_is_mapped_and_its_fingerprint_says_so():
    data = make_dataset(train=12, val=4, test=4)
    rules = ClassRules((("normal", "unclear"),), ("PNEUMONIA",))
    left = reclassified(data, rules)
    assert left.classes == ("unclear",)
    assert sum(map(len, left.splits.values())) == sum(
        images.counts()["NORMAL"] for images in data.splits.values()
    )
    assert left.origin.fingerprint != data.origin.fingerprint
    assert sum(left.origin.left_out.values()) + sum(map(len, left.splits.values())) == 20


def test_classes_take_the_order_and_spelling_of_others_and_labels_follow():
    data = make_dataset(train=12, val=4, test=4)
    turned = aligned(data, ("pneumonia ", "Normal"))
    assert turned.classes == ("pneumonia ", "Normal")
    assert np.array_equal(turned["train"].labels, 1 - data["train"].labels)
    assert aligned(data, ("ill", "well")) is data


def test_a_store_is_mapped_like_the_folder_it_was_made_from(folder, tmp_path, radapt):
    assert radapt("pack", folder, "--size", "16", "--out", tmp_path / "store")[0] == 0
    rules = ClassRules((("normal", "well"), ("pneumonia", "ill")), positive="ill")
    data = load_dataset(tmp_path / "store", load_options(rules=rules))
    assert data.classes == ("well", "ill")
    assert data["train"].counts() == {"well": 6, "ill": 6}
