"""Patients are told from file names, and no two are taken for one."""

from collections import Counter

import pytest

from radapt.errors import AskedWrongly
from radapt.images.patients import column_of_patients, patients_of

KNOWN = {
    "person1000_bacteria_2931.jpeg": ("kermany", "bacteria-person1000"),
    "person1_virus_6.jpeg": ("kermany", "virus-person1"),
    "person1_virus_6_2.jpeg": ("kermany", "virus-person1"),
    "IM-0115-0001.jpeg": ("kermany", "IM-0115"),
    "IM-0666-0001-0002.jpeg": ("kermany", "IM-0666"),
    "NORMAL2-IM-1427-0001.jpeg": ("kermany", "NORMAL2-IM-1427"),
    "BACTERIA-1008087-0001.jpeg": ("kermany", "BACTERIA-1008087"),
    "00001697_011.png": ("nih", "00001697"),
    "phantom-0001_000.png": ("phantom", "phantom-0001"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_published_name_tells_its_patient(name):
    rule, patient = KNOWN[name]
    assert patients_of([name, f"deep/er/{name}"]) == ([patient, patient], rule, [])


def test_the_same_number_under_two_types_is_two_children():
    patients, _, _ = patients_of(["person1_bacteria_1.jpeg", "person1_virus_6.jpeg"])
    assert len(set(patients)) == 2


def test_the_rule_that_fits_most_names_wins_and_the_rest_are_one_patient_each():
    names = ["00000001_000.png", "00000001_001.png", "holiday.png"]
    patients, rule, notes = patients_of(names, ids=[f"train/A/{name}" for name in names])
    assert rule == "nih"
    assert patients == ["00000001", "00000001", "train/A/holiday.png"]
    assert len(notes) == 1
    assert notes[0].startswith("1 of 3 file names")


def test_without_a_rule_each_file_is_a_patient_and_a_note_says_so():
    ids = ["A/1.png", "B/1.png", "B/00000001_000.png"]
    patients, rule, notes = patients_of(["1.png", "1.png", "00000001_000.png"], ids=ids)
    assert (patients, rule) == (ids, "file")
    assert "each of the 3 files counts as one patient" in notes[0]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^(\d+)_", "12"),
        (r"^(\d+)_([a-z]+)", "12-ab"),
        (r"(?P<patient>[a-z]+)_(\d)", "ab"),
        (r"\d\d", "12"),
        (r"(zz)?_(ab)", "ab"),
    ],
)
def test_a_pattern_gives_its_named_group_or_all_groups_or_the_match(pattern, expected):
    patients, rule, notes = patients_of(["12_ab_3.png"], pattern)
    assert (patients, rule, notes) == ([expected], f"regex {pattern}", [])


def test_a_pattern_may_use_the_folders_inside_a_class():
    assert patients_of(["patient7/study1/view1.jpg"], r"^(patient\d+)/")[0] == ["patient7"]


def test_a_built_in_rule_can_be_asked_for_by_name():
    assert patients_of(["IM-0115-0001.jpeg"], "kermany")[:2] == (["IM-0115"], "kermany")
    assert patients_of(["IM-0115-0001.jpeg"], "file")[:2] == (["IM-0115-0001.jpeg"], "file")


@pytest.mark.parametrize("pattern", ["(", r"(\d{9})", "nih", "x*"])
def test_a_pattern_that_is_none_or_fits_nothing_is_refused(pattern):
    with pytest.raises(AskedWrongly):
        patients_of(["IM-0115-0001.jpeg", "IM-0116-0001.jpeg"], pattern)


def test_no_patient_of_the_real_images_is_in_two_splits(shared):
    for folder in ("chest_xray", "nih_adult"):
        seen = Counter()
        for split in (shared / "data" / folder).iterdir():
            names = [path.name for path in split.rglob("*.jpeg")]
            patients, _, notes = patients_of(names)
            assert notes == []
            seen.update(set(patients))
        assert max(seen.values()) == 1


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (["file", "Patient ID", "subject"], "Patient ID"),
        (["Patient Age", "PatientSex", "patient_birth_date", "SubjectKey"], "SubjectKey"),
        (["Patient Age", "file"], ""),
        ([], ""),
    ],
)
def test_a_column_that_looks_like_patients_is_known_by_its_name(columns, named):
    assert column_of_patients(columns) == named
