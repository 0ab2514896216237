"""A data set of DICOM files is split by the patients of its tags, and names none of them."""

import json
import stat

import numpy as np
import pytest
from dicoms import RLE, make_dicom

from radapt.errors import AskedWrongly, BadArtefact, BadImage
from radapt.images.dicom.header import read_tags
from radapt.images.dicom.listing import image_ids, list_dicom
from radapt.images.folder import find_files
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.pseudonyms import KEY_FILE, code_of, private_key
from radapt.images.table import TableOptions
from radapt.parquet import read_table

KEY = b"k" * 32


def make_images(root, patients=6, count=2, **tags):
    """Write images of two classes below folders that name their patients, who have images in both classes."""
    rng = np.random.default_rng(0)
    for label in ("A", "B"):
        for patient in range(patients):
            folder = root / label / f"DOE^JANE{patient}"
            folder.mkdir(parents=True)
            for image in range(count):
                values = rng.integers(0, 4096, (12, 10), dtype=np.uint16)
                number = tags.get("PatientID", f"MRN-{patient}")
                data = make_dicom(values, bits=12, **{**tags, "PatientID": number})
                (folder / f"{label}{patient}-IM{image}").write_bytes(data)
    return root


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def image_folder(tmp_path):
    return make_images(tmp_path / "images")


def test_patients_are_those_of_the_tags_and_none_is_in_two_splits(image_folder, cache):
    data = load_dataset(image_folder, LoadOptions(size=8), cache=cache)
    assert data.origin.patient_rule == "DICOM tags"
    whose = [set(images.patients.tolist()) for images in data.splits.values()]
    assert sum(map(len, whose)) == len(set.union(*whose)) == 6
    assert sum(len(images) for images in data.splits.values()) == 24


def test_images_whose_tags_say_whose_they_are_are_not_split_image_by_image_without_a_word(
    image_folder, cache
):
    with pytest.raises(AskedWrongly, match=r"Patients are known here \(DICOM tags\)"):
        load_dataset(image_folder, LoadOptions(size=8, patient_regex="file"), cache=cache)
    data = load_dataset(
        image_folder, LoadOptions(size=8, patient_regex="file", unsafe_image_split=True), cache=cache
    )
    assert len(set(np.concatenate([images.patients for images in data.splits.values()]).tolist())) == 6
    assert data.origin.notices


def test_nothing_that_is_written_names_a_patient(image_folder, cache):
    (image_folder / "A/DOE^JANE0/A0-IM0").write_bytes(make_dicom(np.zeros((4, 4), np.uint8))[:400])
    (image_folder / "A/DOE^JANE0/broken.dcm").write_bytes(b"no image")
    data = load_dataset(image_folder, LoadOptions(size=8), cache=cache)
    assert len(data.origin.failed) == 2
    text = json.dumps([data.origin.failed, data.origin.notes])
    for file in cache.rglob("*"):
        if file.is_file() and file.name != KEY_FILE:
            text += file.read_bytes().decode("latin-1") + str(file)
    for images in data.splits.values():
        text += " ".join([*images.ids, *images.patients])
    assert not [name for name in ("DOE", "JANE", "Doe", "MRN", "IM0") if name in text]


def test_the_key_is_made_once_for_a_cache_folder_and_for_its_owner_alone(cache):
    key = private_key(cache)
    assert private_key(cache) == key != private_key(cache.with_name("other"))
    assert len(key) == 32
    assert stat.S_IMODE((cache / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in cache.iterdir()] == [KEY_FILE]
    (cache / KEY_FILE).write_bytes(b"short")
    with pytest.raises(BadArtefact, match="is not a key"):
        private_key(cache)


def test_a_code_depends_on_the_key_the_kind_and_the_text():
    codes = {code_of(key, kind, text) for key in (KEY, b"x" * 32) for kind in "ab" for text in (b"1", b"2")}
    assert len(codes) == 8
    assert code_of(KEY, "a", b"1") == code_of(KEY, "a", b"1")


def test_images_that_do_not_say_whose_they_are_count_as_one_patient_each(tmp_path, cache):
    data = load_dataset(make_images(tmp_path / "images", PatientID=""), LoadOptions(size=8), cache=cache)
    assert len(set(data["train"].patients)) == len(data["train"])
    assert "each counted as one patient: 24" in data.origin.notes[0]


def test_one_number_for_all_is_no_patient_to_split_by(tmp_path, cache):
    image_folder = make_images(tmp_path / "images", PatientID="ANON")
    with pytest.raises(AskedWrongly, match="All 24 images are of one patient"):
        load_dataset(image_folder, LoadOptions(size=8), cache=cache)
    assert (
        load_dataset(image_folder, LoadOptions(size=8, patient_regex="file"), cache=cache).origin.patient_rule
        == "file"
    )


def test_a_pattern_goes_before_the_tags_and_its_patients_are_codes_too(image_folder, cache):
    data = load_dataset(image_folder, LoadOptions(size=8, patient_regex=r"^DOE\^JANE(\d)/"), cache=cache)
    patients = set.union(*(set(images.patients.tolist()) for images in data.splits.values()))
    assert len(patients) == 6
    assert all(len(patient) == 20 for patient in patients)
    with pytest.raises(AskedWrongly, match=r"fits none of the 24 file names\.$"):
        load_dataset(image_folder, LoadOptions(size=8, patient_regex=r"^(none)_"), cache=cache)


def test_images_with_text_burned_in_are_set_aside_and_counted(image_folder, cache):
    (image_folder / "B/secondary.dcm").write_bytes(
        make_dicom(np.zeros((4, 4), np.uint8), BurnedInAnnotation="YES", PatientID="x")
    )
    origin = load_dataset(image_folder, LoadOptions(size=8), cache=cache).origin
    assert [reason[:11] for _, reason in origin.failed] == ["is left out"]
    assert "BurnedInAnnotation): 1." in origin.notes[-1]


def test_views_may_be_chosen_by_the_tags(image_folder, cache):
    for label in ("A", "B"):
        (image_folder / label / "lateral.dcm").write_bytes(
            make_dicom(np.zeros((4, 4), np.uint8), ViewPosition="LL")
        )
    assert sum(map(len, load_dataset(image_folder, LoadOptions(size=8), cache=cache).splits.values())) == 26
    data = load_dataset(
        image_folder, LoadOptions(size=8, table=TableOptions(views=("pa", "ap"))), cache=cache
    )
    assert sum(map(len, data.splits.values())) == 24
    assert data.origin.notes[0].endswith("left out: 2.")
    with pytest.raises(AskedWrongly, match="No image of A, B says that its view is one of LAO"):
        load_dataset(image_folder, LoadOptions(size=8, table=TableOptions(views=("LAO",))), cache=cache)


def test_the_range_of_each_image_is_recorded(image_folder, cache):
    load_dataset(image_folder, LoadOptions(size=8), cache=cache)
    (store,) = (path for path in cache.iterdir() if path.is_dir())
    table = read_table(store / "table.parquet")
    assert (set(table["bits"]), set(table["low"]), set(table["outside"])) == ({12}, {0}, {0})
    assert set(table["high"]) == {4095}


def test_twelve_things_are_read_of_the_tags_and_great_ages_are_ninety(tmp_path):
    path = tmp_path / "image"
    values = np.zeros((4, 4), np.uint8)
    about = {"PatientSex": "F", "Laterality": "L", "ManufacturerModelName": "Unit 5"}
    path.write_bytes(make_dicom(values, PatientAge="034Y", syntax=RLE, **about))
    tags = read_tags(path, KEY)
    assert (tags.view, tags.laterality, tags.sex, tags.age, tags.modality) == ("PA", "L", "F", "34", "CR")
    assert (tags.manufacturer, tags.device, tags.photometric) == ("Maker", "Unit 5", "MONOCHROME2")
    assert not tags.burned_in
    assert tags.patient == code_of(KEY, "patient", b"MRN-4711")
    for age, years in (("089Y", "89"), ("090Y", "90"), ("101Y", "90"), ("414Y", ""), ("007M", "0")):
        path.write_bytes(make_dicom(values, PatientID="MRN-4711 ", PatientAge=age))
        assert read_tags(path, KEY).age == years
        assert read_tags(path, KEY).patient == tags.patient
    path.write_bytes(make_dicom(values, PatientID=" MRN-4711 "))
    assert (read_tags(path, KEY).age, read_tags(path, KEY).sex, read_tags(path, KEY).device) == ("", "", "")
    path.write_bytes(b"no image")
    with pytest.raises(BadImage, match="is not a DICOM file"):
        read_tags(path, KEY)


def test_the_code_of_an_image_is_that_of_its_uid_wherever_it_lies(tmp_path):
    root = make_images(tmp_path / "images", patients=2, count=1, SOPInstanceUID="1.2.3")
    one = make_dicom(np.zeros((4, 4), np.uint8), SOPInstanceUID="1.2.4", PatientID="x")
    (root / "A/one").write_bytes(one)
    read = find_files(root)
    ids = list_dicom(root, read.entries, KEY).ids
    assert len(set(ids.values())) == len(read.entries) == 5
    names = {entry.name: ids[number] for number, entry in enumerate(read.entries)}
    assert names["A/one"] == f"A/{code_of(KEY, 'image', b'1.2.4')}.dcm"
    assert names["A/DOE^JANE0/A0-IM0"] == f"A/{code_of(KEY, 'image', b'A/DOE^JANE0/A0-IM0')}.dcm"
    without = image_ids(read.entries, dict.fromkeys(range(5), ""), KEY)
    assert len(set(without.values())) == 5
    assert [number for number in range(5) if ids[number] != without[number]] == [
        number for number, entry in enumerate(read.entries) if entry.name == "A/one"
    ]
