"""What a table or a DICOM file says of an image beside its label goes with it through store and splits."""

import csv

import numpy as np
import pytest
from dicoms import make_dicom
from pictures import load_options
from PIL import Image
from samples import Steps

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.columns import normalise
from radapt.images.load import LoadOptions, load_dataset, packed
from radapt.images.split import split_off
from radapt.images.store.store import open_store
from radapt.images.table import TableOptions, read_listing
from radapt.shift.export import write_shifted
from radapt.shift.expression import parse_shift


def line(n):
    known = (30 + n // 2, ["M", "Female"][n // 2 % 2], ["pa", "AP"][n // 3 % 2], f"W{n % 3}")
    return ",".join(map(str, (f"{n:02}.png", "ab"[n % 2], f"p{n // 2}", *known)))


LINES = ["file,kind,who,years,gender,side,ward", *map(line, range(40))]
OWN = {"images": "file", "label": "kind", "patient": "who"}
KNOWN = {"age": "years", "sex": "gender", "view": "side", "columns": ("ward",)}


@pytest.fixture
def table_file(tmp_path):
    """A table of forty images, of twenty patients, and the images."""
    for n in range(40):
        Image.fromarray(np.full((4, 4), n, np.uint8)).save(tmp_path / f"{n:02}.png")
    table = tmp_path / "images.csv"
    table.write_text("\n".join(LINES) + "\n")
    return table


def said_of(images):
    """Give what the columns say of each image, by its name."""
    columns = [column.tolist() for column in images.columns.values()]
    return dict(zip(images.ids.tolist(), zip(*columns, strict=True), strict=True))


EXPECTED = {
    f"{n:02}.png": (str(30 + n // 2), "MF"[n // 2 % 2], ["PA", "AP"][n // 3 % 2], f"W{n % 3}")
    for n in range(40)
}


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", "58"),
        ("58.0", "58"),
        ("058Y", "58"),
        ("007M", "0"),
        ("018M", "1"),
        ("60W", "1"),
        ("364D", "0"),
        ("0", "0"),
        ("89", "89"),
        ("90", "90"),
        ("120", "90"),
        ("121", ""),
        ("-4", ""),
        ("thirty", ""),
        ("", ""),
    ],
)
def test_an_age_is_whole_years_and_ninety_for_all_above_eighty_nine(text, years):
    assert normalise("age", f" {text} ") == years


def test_sexes_and_views_are_written_in_one_way_and_other_columns_as_they_stand():
    assert [normalise("sex", text) for text in ("Male", "f", "O", "Unknown", "", "X")] == [
        "M",
        "F",
        "O",
        "",
        "",
        "X",
    ]
    assert normalise("view", " pa") == "PA"
    assert normalise("ward", " pa") == "pa"


def test_columns_of_a_table_go_with_its_images_through_store_and_splits(table_file, tmp_path):
    data = load_dataset(table_file, load_options(size=4, **OWN, **KNOWN), cache=tmp_path / "cache")
    assert list(data["train"].columns) == ["age", "sex", "view", "ward"]
    everything = {}
    for images in data.splits.values():
        everything |= said_of(images)
    assert everything == EXPECTED
    train = data["train"]
    for some in (*split_off(train, 0.3, seed=0), train.spread(6), train.take(train.labels == 1)):
        assert said_of(some).items() <= EXPECTED.items()
        assert len(said_of(some)) == len(some) > 0


def test_a_store_that_is_brought_up_to_date_has_the_columns_of_the_table_as_it_is(table_file, tmp_path):
    wanted = LoadOptions(size=4, table=TableOptions(**OWN, age="years"))
    store = packed(table_file, wanted, out=tmp_path / "store")
    table_file.write_text(table_file.read_text().replace(",p0,30,", ",p0,77,"))
    decoded = []
    packed(table_file, wanted, out=store, watch=Steps(lambda done, total: decoded.append(total - done)))
    ages = {**said_of(open_store(store)["train"]), **said_of(open_store(store)["test"])}
    ages |= said_of(open_store(store)["val"])
    assert (ages["00.png"], ages["02.png"]) == (("77",), ("31",))
    assert max(decoded, default=0) == 0, "the images are as they were"


def test_a_column_kept_under_a_known_name_is_read_as_such(table_file):
    table_file.write_text(table_file.read_text().replace(",years,", ",age,"))
    listing = read_listing(table_file, TableOptions(**OWN, columns=("age",)))
    assert listing.columns["age"][0] == "30"
    with pytest.raises(AskedWrongly, match="age is requested twice: as itself, and as the column ward"):
        read_listing(table_file, TableOptions(**OWN, age="ward", columns=("age",)))
    with pytest.raises(UnknownName, match="Did you mean 'gender'"):
        read_listing(table_file, TableOptions(**OWN, sex="gendr"))


def test_ages_that_are_none_are_counted_and_columns_that_say_nothing_are_none(table_file):
    table_file.write_text(
        table_file.read_text().replace(",30,", ",old,").replace("Female", "").replace(",M,", ",,")
    )
    listing = read_listing(table_file, TableOptions(**OWN, **KNOWN))
    assert listing.notes == ("Ages that are no number of years up to 120, taken as unknown: 2.",)
    assert listing.columns["age"][:3] == ("", "", "31")
    assert "sex" not in listing.columns


def test_views_are_chosen_by_the_column_that_names_them(table_file):
    listing = read_listing(table_file, TableOptions(**OWN, view="side", views=("pa",)))
    assert set(listing.columns["view"]) == {"PA"}
    assert [entry.name for entry in listing.entries[:4]] == ["00.png", "01.png", "02.png", "06.png"]


def _published(tmp_path, name, lines, files):
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / file)
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    return tmp_path / name


PUBLISHED = {
    "nih": (
        "Pneumonia",
        ["Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"],
        ["1.png,Pneumonia,1,058Y,M,PA", "2.png,No Finding,2,94,F,AP"],
        {"age": ("58", "90"), "sex": ("M", "F"), "view": ("PA", "AP")},
    ),
    "chexpert": (
        "Edema",
        ["Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema"],
        ["a/patient1/1.png,Female,68,Frontal,AP,,1.0", "a/patient2/2.png,Unknown,0,Frontal,,1.0,"],
        {"age": ("68", "0"), "sex": ("F", ""), "view": ("AP", "FRONTAL")},
    ),
    "padchest": (
        "pneumonia",
        ["ImageID,StudyDate_DICOM,PatientID,PatientBirth,PatientSex_DICOM,Projection,Labels"],
        ["1.png,20140915,7,1940.0,F,PA,['pneumonia']", "2.png,20140915,8,,M,AP_horizontal,['normal']"],
        {"age": ("74", ""), "sex": ("F", "M"), "view": ("PA", "AP_HORIZONTAL")},
    ),
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_published_tables_say_age_sex_and_view_without_being_asked(kind, tmp_path):
    label, header, rows, expected = PUBLISHED[kind]
    table = _published(tmp_path, "t.csv", header + rows, [row.partition(",")[0] for row in rows])
    assert dict(read_listing(table, TableOptions(label=label)).columns) == expected


def test_what_is_asked_for_goes_before_what_a_published_table_is_known_for(tmp_path):
    header = ["Image Index,Finding Labels,Patient ID,Patient Age,Age at death,View Position"]
    rows = ["1.png,Pneumonia,1,58,70,PA", "2.png,No Finding,2,60,80,PA"]
    table = _published(tmp_path, "t.csv", header + rows, ["1.png", "2.png"])
    listing = read_listing(
        table, TableOptions(label="Pneumonia", age="Age at death", columns=("Patient ID",))
    )
    assert dict(listing.columns) == {"age": ("70", "80"), "view": ("PA", "PA"), "Patient ID": ("1", "2")}


def _dicoms(folder, count=12):
    for n in range(count):
        path = folder / "AB"[n % 2] / f"{n}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"PatientAge": f"{n + 85:03}Y", "PatientSex": "MF"[n % 2], "PatientID": f"{n}"}
        path.write_bytes(
            make_dicom(np.full((4, 4), n, np.uint8), **about, ManufacturerModelName=f"Unit {n % 2}")
        )


def test_dicom_images_bring_age_sex_view_and_device_along(tmp_path):
    _dicoms(tmp_path / "images")
    data = load_dataset(tmp_path / "images", LoadOptions(size=4), cache=tmp_path / "cache")
    known = [each for images in data.splits.values() for each in said_of(images).values()]
    expected = [(str(min(n + 85, 90)), "MF"[n % 2], "PA", f"Unit {n % 2}") for n in range(12)]
    assert list(data["train"].columns) == ["age", "sex", "view", "device"]
    assert sorted(known) == sorted(expected)


def test_a_table_goes_before_the_tags_and_these_fill_its_gaps(tmp_path):
    _dicoms(tmp_path / "images")
    lines = ["file,kind,years"] + [
        f"{'AB'[n % 2]}/{n}.dcm,{'ab'[n % 2]},{n if n < 6 else ''}" for n in range(12)
    ]
    (tmp_path / "images/t.csv").write_text("\n".join(lines) + "\n")
    options = {"images": "file", "label": "kind", "age": "years"}
    data = load_dataset(tmp_path / "images/t.csv", load_options(size=4, **options), cache=tmp_path / "cache")
    ages = [age for images in data.splits.values() for age in images.columns["age"].tolist()]
    assert sorted(map(int, ages)) == [0, 1, 2, 3, 4, 5, 90, 90, 90, 90, 90, 90]


def test_views_of_dicom_images_that_are_left_out_leave_the_others_their_columns(tmp_path):
    _dicoms(tmp_path / "images")
    for n in (2, 3):
        (tmp_path / "images" / "AB"[n % 2] / f"{n}.dcm").write_bytes(
            make_dicom(np.full((4, 4), n, np.uint8), ViewPosition="LL", PatientAge="001Y", PatientID="x")
        )
    data = load_dataset(
        tmp_path / "images", LoadOptions(size=4, table=TableOptions(views=("PA",))), cache=tmp_path / "cache"
    )
    ages = [age for images in data.splits.values() for age in images.columns["age"].tolist()]
    assert len(ages) == 10
    assert "1" not in ages


def test_a_shifted_set_is_written_with_what_is_known_of_its_images(table_file, tmp_path, radapt):
    table_file.write_text(table_file.read_text().replace(",ward", ",label"))
    known = {**KNOWN, "columns": ("label",)}
    data = load_dataset(table_file, load_options(size=4, **OWN, **known), cache=tmp_path / "cache")
    write_shifted(data, parse_shift("inversion(1)"), tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out/images.csv").read_text().splitlines()))
    assert {(row["age"], row["sex"], row["view"], row["label_"]) for row in rows} == set(EXPECTED.values())
    words = ["--images", "file", "--label", "kind", "--patient", "who", "--age", "years", "--column", "ward"]
    table_file.write_text(table_file.read_text().replace("side,label", "side,ward"))
    code, out, _ = radapt("shift", table_file, "--preset", "inversion@5", "--out", tmp_path / "two", *words)
    assert code == 0
    hint = out.splitlines()[-1].partition("radapt ")[2].replace("train", "pack", 1).split()
    assert hint[-4:] == ["--age", "age", "--column", "ward"]
    code, out, _ = radapt(*hint, "--out", tmp_path / "store")
    assert code == 0
    assert "Columns besides the label and the patient: age, ward." in out
