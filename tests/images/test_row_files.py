"""Rows of a table are joined to files by name, or by what DICOM headers say."""

import pytest
from hospital import MISSING, TRUNCATED, write_export

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.row_files import find_column
from radapt.images.table import TableOptions, read_listing


@pytest.fixture
def hospital(tmp_path):
    return write_export(tmp_path, studies=12)


def read(hospital, images, **options):
    options = {"root": hospital / "export", "label": "finding", **options}
    return read_listing(hospital / "hospital.csv", TableOptions(images=images, **options))


@pytest.mark.parametrize(
    ("column", "tag"),
    [("image", "SOPInstanceUID"), ("study", "StudyInstanceUID"), ("accession", "AccessionNumber")],
)
def test_rows_are_joined_by_the_tag_that_their_values_are(hospital, column, tag):
    (hospital / "hospital.csv").write_text((hospital / "hospital.csv").read_text().replace("unclear", ""))
    listing = read(hospital, column)
    assert f"Joined 11 of 12 rows by {tag}." in listing.notes
    names = {entry.name for entry in listing.entries}
    assert f"ST{TRUNCATED:04d}/SE0001/IM0001" in names
    assert len(names) == 10
    assert listing.left_out == {"no such file": 1, "no label, or another finding alone": 1}
    assert f"ST{MISSING:04d}/SE0001/IM0001" not in names


def test_a_study_is_joined_to_all_of_its_images(hospital):
    first = hospital / "export" / "ST0000" / "SE0001" / "IM0001"
    (first.parent / "IM0002").write_bytes(first.read_bytes())
    names = [entry.name for entry in read(hospital, "study", exclude=(("finding", "Unclear"),)).entries]
    assert names[:2] == ["ST0000/SE0001/IM0001", "ST0000/SE0001/IM0002"]


def test_rows_that_are_excluded_are_counted(hospital):
    listing = read(hospital, "image", exclude=(("finding", "unclear"), ("accession", "a00000")))
    assert listing.left_out["excluded, finding is 'unclear'"] == 1
    assert listing.left_out["excluded, accession is 'a00000'"] == 1
    assert listing.rows == len(listing.entries) + sum(listing.left_out.values()) == 12


def test_how_rows_are_joined_can_be_said_and_a_wrong_way_finds_nothing(hospital):
    with pytest.raises(AskedWrongly, match="no such file"):
        read(hospital, "image", join="StudyInstanceUID")
    with pytest.raises(UnknownName, match="Laterality"):
        read(hospital, "image", join="Laterality")


def test_the_column_of_images_is_found_by_its_values(hospital):
    assert find_column(hospital / "hospital.csv", hospital / "export") == "image"
    (hospital / "names.csv").write_text(
        "number,where,finding\n1,ST0001/SE0001/IM0001,ill\n2,ST0002/SE0001/IM0001,well"
    )
    assert find_column(hospital / "names.csv", hospital / "export") == "where"
    (hospital / "none.csv").write_text("number,finding\n1,ill\n2,well")
    assert find_column(hospital / "none.csv", hospital / "export") is None


def test_a_patient_is_joined_to_an_image_if_there_is_only_one(hospital):
    rows = "\n".join(f"P{number},{'ill' if number % 2 else 'well'}" for number in range(12))
    (hospital / "hospital.csv").write_text(f"mrn,finding\n{rows}")
    assert find_column(hospital / "hospital.csv", hospital / "export") == "mrn"
    assert "Joined 11 of 12 rows by PatientID." in read(hospital, "mrn").notes
    first = hospital / "export" / "ST0000" / "SE0001" / "IM0001"
    (first.parent / "IM0002").write_bytes(first.read_bytes())
    listing = read(hospital, "mrn")
    assert "Joined 10 of 12 rows by PatientID." in listing.notes
    assert "Names in the table that match several files, so that none was taken: 1." in listing.notes
