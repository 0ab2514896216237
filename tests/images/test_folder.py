"""Class folders are listed as they are, and what is wrong with them is said in one sentence."""

import numpy as np
import pytest
from PIL import Image

from radapt.errors import AskedWrongly, WrongFolder
from radapt.images.folder import find_files


@pytest.fixture
def make(tmp_path):
    """Make files below a folder called `images`; a path that ends in "/" is an empty folder."""

    def build(*paths):
        root = tmp_path / "images"
        root.mkdir(exist_ok=True)
        for path in paths:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("/"):
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.write_bytes(b"image")
        return root

    return build


def test_a_folder_in_splits_is_listed_by_split_class_and_name(make):
    root = make(
        "test/B/4.png", "train/B/3.png", "train/A/2.png", "train/A/1.JPG", "valid/A/5.png", "test/A/6.png"
    )
    listing = find_files(root)
    assert listing.classes == ("A", "B")
    assert listing.is_split
    assert [(entry.split, entry.label, entry.name) for entry in listing.entries] == [
        ("train", 0, "train/A/1.JPG"),
        ("train", 0, "train/A/2.png"),
        ("train", 1, "train/B/3.png"),
        ("val", 0, "valid/A/5.png"),
        ("test", 0, "test/A/6.png"),
        ("test", 1, "test/B/4.png"),
    ]


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_a_validation_folder_may_have_any_of_its_usual_names(make, name):
    listing = find_files(make("train/A/1.png", "train/B/1.png", f"{name}/A/2.png"))
    assert [entry.split for entry in listing.entries] == ["train", "train", "val"]


def test_splits_may_be_missing(make):
    assert {entry.split for entry in find_files(make("train/A/1.png", "train/B/1.png")).entries} == {"train"}


def test_one_folder_is_listed_without_splits_and_walked_to_the_bottom(make):
    listing = find_files(make("A/p1/study1/1.png", "A/p1/2.png", "B/1.png"))
    assert not listing.is_split
    assert [(entry.name, entry.inner) for entry in listing.entries] == [
        ("A/p1/2.png", "p1/2.png"),
        ("A/p1/study1/1.png", "p1/study1/1.png"),
        ("B/1.png", "1.png"),
    ]


def test_clutter_is_passed_over_and_what_might_have_been_meant_is_noted(make):
    root = make(
        *("A/1.png", "B/1.png", "A/.DS_Store", "A/._1.png", "A/Thumbs.db", "A/labels.csv", ".git/x.png"),
        *("__MACOSX/A/1.png", "A/image.mhd", "A/image2.mhd", "A/README", "loose.png"),
    )
    listing = find_files(root)
    assert [entry.name for entry in listing.entries] == ["A/1.png", "B/1.png"]
    assert listing.notes == (
        "Files of other kinds were passed over: .mhd (2), no ending (1).",
        "Pictures outside the class folders were passed over: 1.",
    )


def test_a_folder_beside_the_splits_is_noted(make):
    listing = find_files(make("train/A/1.png", "train/B/1.png", "extra/A/1.png", "loose.png", "train/2.png"))
    assert listing.notes == (
        "The folder 'extra' beside the splits was passed over.",
        "Pictures outside the class folders were passed over: 2.",
    )
    assert listing.passed == {"in 'extra' beside the splits": 1, "outside the class folders": 2}


def test_a_link_back_up_ends_the_walk_and_a_dead_link_is_still_listed(make):
    root = make("A/deep/1.png", "B/1.png")
    (root / "A/deep/up").symlink_to(root / "A")
    (root / "B/dead.png").symlink_to(root / "nowhere.png")
    assert [entry.name for entry in find_files(root).entries] == ["A/deep/1.png", "B/1.png", "B/dead.png"]


@pytest.mark.parametrize("up", ["train", ".", ".."])
@pytest.mark.parametrize("from_link", [False, True])
def test_a_link_to_a_folder_above_gives_no_class_the_images_of_another(make, up, from_link):
    root = make("train/A/1.png", "train/B/2.png")
    (root / "train/A/up").symlink_to(root / up)
    if from_link:
        (root / "named").symlink_to(root / "train")
    folder = root / "named" if from_link else root
    below = "" if from_link else "train/"
    assert [entry.name for entry in find_files(folder).entries] == [f"{below}A/1.png", f"{below}B/2.png"]


@pytest.mark.parametrize("command", ["audit", "train", "preview"])
def test_links_that_lead_round_in_a_circle_are_no_folder(command, tmp_path, radapt):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    code, _, told = radapt(command, tmp_path / "a")
    assert code == 2
    assert told.startswith(f"radapt: There is no folder {tmp_path / 'a'}.")


WRONG = {
    "nothing in it": (["images/"], WrongFolder, "holds no class folders with images"),
    "no pictures": (["A/1.txt", "B/1.txt"], WrongFolder, "holds no class folders with images"),
    "pictures without classes": (["1.png", "2.png"], WrongFolder, "one folder for each class"),
    "an empty class": (["train/A/1.png", "train/B/"], WrongFolder, r"images/train/B holds no images"),
    "an empty split": (["train/A/1.png", "train/B/1.png", "val/"], WrongFolder, "val holds no class folders"),
    "one class": (["A/1.png"], AskedWrongly, "only one class, 'A'"),
    "the splits one deeper": (
        ["xray/train/A/1.png", "xray/test/A/1.png"],
        AskedWrongly,
        "Give .*images/xray",
    ),
    "a class that train lacks": (
        ["train/A/1.png", "train/B/1.png", "test/C/1.png"],
        AskedWrongly,
        "The class 'C' is in test but not in train, which has: A, B",
    ),
    "two folders for one split": (
        ["train/A/1.png", "train/B/1.png", "val/A/1.png", "valid/A/1.png"],
        WrongFolder,
        "both 'val' and 'valid'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_folder_is_said_in_one_sentence(make, case):
    paths, kind, words = WRONG[case]
    with pytest.raises(kind, match=words) as raised:
        find_files(make(*paths))
    assert raised.value.exit_code == 2


def test_a_missing_folder_is_answered_with_a_near_one_and_a_file_with_what_to_give(make):
    root = make("A/1.png")
    with pytest.raises(WrongFolder, match=r"Did you mean .*images\?"):
        find_files(root.with_name("imgaes"))
    with pytest.raises(WrongFolder, match="is a file"):
        find_files(root / "A/1.png")


def test_dicom_files_are_listed_by_their_ending_and_without_one_by_their_first_bytes(make):
    root = make("A/1.dcm", "A/2.png", "B/1.png", "B/notes", "B/1.2.840.3")
    for name in ("A/IM0001", "A/1.2.840.4", "B/DICOMDIR"):
        (root / name).write_bytes(b"\0" * 128 + b"DICM")
    listing = find_files(root)
    assert {entry.name: entry.is_dicom for entry in listing.entries} == {
        "A/1.2.840.4": True,
        "A/1.dcm": True,
        "A/2.png": False,
        "A/IM0001": True,
        "B/1.png": False,
    }


def draw(root, *names, mask=False):
    values = np.random.default_rng(0).integers(0, 256, (128, 128)).astype(np.uint8)
    shape = np.zeros_like(values)
    shape[30:90, 40:60] = 255
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(shape if mask else values).save(root / name)
    return root


@pytest.mark.parametrize("name", ["label", "labels", "seg", "lung_mask", "annotation", "infection masks"])
def test_masks_beside_images_are_told_by_their_names_and_by_what_is_in_them(tmp_path, name):
    draw(tmp_path, *(f"{kind}/images/{n}.png" for kind in "AB" for n in range(3)))
    draw(tmp_path, *(f"{kind}/{name}/{n}_mask.png" for kind in "AB" for n in range(3)), mask=True)
    listing = find_files(tmp_path)
    assert {entry.inner.split("/")[0] for entry in listing.entries} == {"images"}
    assert len(listing.entries) == 6
    assert listing.passed == {"in folders of masks": 6}
    assert f"({name}): 6 pictures" in listing.notes[0]


def test_what_is_called_like_masks_and_holds_none_is_asked_about(tmp_path):
    draw(
        tmp_path, *(f"{kind}/{name}/{n}.png" for kind in "AB" for name in ("images", "labels") for n in "12")
    )
    with pytest.raises(WrongFolder, match="named labels lie beside the images"):
        find_files(tmp_path)


def test_a_class_may_be_called_as_masks_are_but_images_and_their_masks_are_no_classes(tmp_path):
    draw(tmp_path / "one", "labels/1.png", "masks/1.png")
    assert find_files(tmp_path / "one").classes == ("labels", "masks")
    draw(tmp_path / "two", "images/1.png")
    draw(tmp_path / "two", "labels/1.png", mask=True)
    with pytest.raises(WrongFolder, match=r"images and their masks \(images, labels\)"):
        find_files(tmp_path / "two")


def test_splits_below_the_classes_are_the_splits(make):
    root = make("A/train/1.png", "A/Testing/p/2.png", "B/training/1.png", "B/test/3.png")
    listing = find_files(root)
    assert listing.is_split
    assert [(entry.split, entry.label, entry.name, entry.inner) for entry in listing.entries] == [
        ("train", 0, "A/train/1.png", "1.png"),
        ("train", 1, "B/training/1.png", "1.png"),
        ("test", 0, "A/Testing/p/2.png", "p/2.png"),
        ("test", 1, "B/test/3.png", "3.png"),
    ]
    assert listing.notes == ("The folders of train, test below the classes were read as the splits.",)
    with pytest.raises(AskedWrongly, match="'C' is in test but not in train"):
        find_files(make("C/test/1.png"))


@pytest.mark.parametrize(
    "paths",
    [
        ["A/train/1.png", "B/train/1.png"],
        ["A/train/1.png", "A/test/1.png", "B/1.png"],
        ["A/DOE^JANE/1.dcm", "A/ROE^JIM/2.dcm", "B/DOE^JANE/3.dcm", "B/ROE^JIM/4.dcm"],
        ["A/PA/1.png", "A/LL/2.png", "B/PA/3.png", "B/LL/4.png"],
    ],
)
def test_other_folders_that_all_classes_hold_are_left_alone(make, paths):
    listing = find_files(make(*paths))
    assert not listing.is_split
    assert [entry.name for entry in listing.entries] == sorted(paths)
    assert listing.notes == ()
