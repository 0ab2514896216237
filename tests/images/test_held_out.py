"""Test images that are held out by date or by site."""

import numpy as np
import pytest
from dicoms import make_dicom
from PIL import Image

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.held_out import day_of
from radapt.images.load import load_dataset
from radapt.images.load_options import HeldOut, LoadOptions
from radapt.images.table_options import TableOptions

DAY, OWN = "2024-07-01", HeldOut()


@pytest.fixture
def table(tmp_path):
    """Images of 40 patients: two each, of which every fourth patient has one on both sides of the day."""
    rng, lines = np.random.default_rng(0), ["file,kind,person,day,hospital"]
    for patient in range(40):
        for image in range(2):
            name = f"{patient}-{image}.png"
            Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / name)
            late = patient % 4 == 0 or (patient % 4 == 1 and image == 1)
            day = ("2024-07-02" if late else DAY) if patient != 3 else "sometime"
            site = ("north", "south")[patient % 4 == 0 or (patient % 4 == 1 and image == 1)]
            lines.append(f"{name},{('ill', 'well')[patient // 4 % 2]},{patient},{day},{site}")
    path = tmp_path / "images.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def options(held_out=OWN, **columns):
    known = {"images": "file", "label": "kind", "patient": "person", **columns}
    return LoadOptions(size=16, table=TableOptions(**known), held_out=held_out)


def names(images) -> set[str]:
    return set(images.ids.tolist())


def test_test_images_are_later_than_all_others_and_no_patient_is_on_both_sides(table, tmp_path):
    data = load_dataset(table, options(HeldOut(after=DAY), date="day"), cache=tmp_path / "cache")
    late = {f"{patient}-{image}.png" for patient in range(0, 40, 4) for image in range(2)}
    both = {f"{patient}-1.png" for patient in range(1, 40, 4)}
    assert names(data["test"]) == late | both
    patients = {split: set(images.patients.tolist()) for split, images in data.splits.items()}
    assert not patients["train"] & patients["test"]
    assert not patients["val"] & (patients["train"] | patients["test"])
    assert len(data["train"]) + len(data["val"]) == 40 - 2, "two images have no date"
    assert (
        "Left out: 10 images earlier of 10 patients with test images, and 2 images without a date."
        in " ".join(data.origin.notes)
    )
    assert data.origin.split_rule.startswith("test images dated after 2024-07-01, by patient")
    assert not data.split_here, "so that `evaluate` scores the test images alone"
    assert not data.origin.notices


def test_a_day_that_leaves_a_side_empty_is_refused(table, tmp_path):
    with pytest.raises(AskedWrongly, match="no image of patients without an image dated after 2024-06-01"):
        load_dataset(table, options(HeldOut(after="2024-06-01"), date="day"), cache=tmp_path / "cache")
    with pytest.raises(AskedWrongly, match="no image dated after 2025-01-01"):
        load_dataset(table, options(HeldOut(after="2025-01-01"), date="day"), cache=tmp_path / "cache")


def test_a_site_is_held_out_with_all_of_its_patients(table, tmp_path):
    cache = tmp_path / "cache"
    data = load_dataset(table, options(HeldOut(sites=("south",)), site="hospital"), cache=cache)
    assert set(data["test"].columns["site"].tolist()) == {"south"}
    assert {*data["train"].columns["site"].tolist(), *data["val"].columns["site"].tolist()} == {"north"}
    learned = {*data["train"].patients.tolist(), *data["val"].patients.tolist()}
    assert not learned & set(data["test"].patients.tolist())
    assert "10 images of other sites of 10 patients with test images" in " ".join(data.origin.notes)
    own = load_dataset(table, options(site="hospital"), cache=cache)
    assert names(own["test"]) != names(data["test"]), "with and without, it is not the same store"


def test_a_column_of_splits_and_a_day_are_refused_together():
    with pytest.raises(AskedWrongly, match="leave the column of splits"):
        options(HeldOut(after=DAY), date="day", split="split")


@pytest.mark.parametrize(
    ("held_out", "columns", "error", "said"),
    [
        (HeldOut(after=DAY), {}, AskedWrongly, "have no dates"),
        (HeldOut(after=DAY), {"date": "person"}, AskedWrongly, "have no dates"),
        (HeldOut(after=DAY), {"date": "dya"}, UnknownName, "Did you mean 'day'"),
        (HeldOut(sites=("south",)), {}, AskedWrongly, "have no sites"),
        (HeldOut(sites=("west",)), {"site": "hospital"}, AskedWrongly, "The sites are: north, south"),
    ],
)
def test_what_the_table_does_not_say_is_refused(held_out, columns, error, said, table, tmp_path):
    with pytest.raises(error, match=said):
        load_dataset(table, options(held_out, **columns), cache=tmp_path / "cache")


def test_options_that_do_not_go_together_are_refused():
    with pytest.raises(AskedWrongly, match="give one of the two"):
        HeldOut(after=DAY, sites=("north",))
    with pytest.raises(AskedWrongly, match="written as 2024-07-01. Got '1 July'"):
        HeldOut(after="1 July")


def test_dicom_files_are_split_by_their_study_date_and_keep_none(tmp_path):
    rng = np.random.default_rng(0)
    for patient in range(24):
        folder = tmp_path / "images" / ("A", "B")[patient % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
        date = "20240702" if patient >= 16 else "20240701"
        (folder / f"{patient}.dcm").write_bytes(
            make_dicom(pixels, PatientID=f"MRN-{patient}", StudyDate=date)
        )
    data = load_dataset(
        tmp_path / "images", LoadOptions(size=16, held_out=HeldOut(after=DAY)), cache=tmp_path / "cache"
    )
    assert {split: len(images) for split, images in data.splits.items()}["test"] == 8
    assert len(data["train"]) + len(data["val"]) == 16
    assert set(data["test"].columns) == {"view"}
    store = next(path for path in (tmp_path / "cache").iterdir() if path.name.startswith("images-"))
    with pytest.raises(AskedWrongly, match="is split already"):
        load_dataset(store, LoadOptions(held_out=HeldOut(after=DAY)), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20240701", DAY),
        ("2024-07-01", DAY),
        ("2024-07-01T12:30", DAY),
        ("2024/07/01 12:30", DAY),
        ("07/01/2024", ""),
        ("20241301", ""),
        ("202407011", ""),
        ("", ""),
    ],
)
def test_a_date_is_read_from_the_year_on(text, day):
    assert day_of(text) == day
