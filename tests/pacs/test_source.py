import pytest
from PIL import Image

from radapt.errors import BadImage
from radapt.pacs.source import is_dicom_file, read_source


def test_what_may_be_empty_is_there_and_pixels_are_not(write):
    source = read_source(write(1, PatientSex="X", PatientName=None)[0])
    assert (source.PatientID, source.PatientName, source.PatientSex) == ("MRN-1", "", "")
    assert (source.AccessionNumber, source.StudyID) == ("", "")
    assert "PixelData" not in source


def test_an_image_that_names_no_study_is_refused_without_a_word_of_it(write):
    with pytest.raises(BadImage, match="^lacks StudyInstanceUID") as refused:
        read_source(write(1, StudyInstanceUID=None)[0])
    assert "Doe" not in str(refused.value)


def test_another_file_is_refused(tmp_path, write):
    Image.new("L", (20, 20)).save(tmp_path / "a.dcm", "PNG")
    assert not is_dicom_file(tmp_path / "a.dcm")
    assert not is_dicom_file(tmp_path)
    with pytest.raises(BadImage, match="is not a DICOM file"):
        read_source(tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes(write(1)[0].read_bytes()[:300])
    with pytest.raises(BadImage, match="lacks|damaged"):
        read_source(tmp_path / "b.dcm")
