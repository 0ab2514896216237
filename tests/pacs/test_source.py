import warnings

import numpy as np
import pytest
from PIL import Image

from radapt.errors import BadImage
from radapt.pacs.secondary_capture import Shown, secondary_capture
from radapt.pacs.source import encoded, is_dicom_file, read_source
from radapt.pacs.structured_report import ImageResult, ScoredClass, structured_report


def test_what_may_be_empty_is_there_and_pixels_are_not(write):
    source = read_source(write(1, PatientSex="X", PatientName=None)[0])
    assert (source.PatientID, source.PatientName, source.PatientSex) == ("MRN-1", "", "")
    assert (source.AccessionNumber, source.StudyID) == ("", "")
    assert "PixelData" not in source


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("StudyDate", "2024", ""),
        ("StudyDate", "20240231", "20240231"),
        ("StudyTime", "2501", ""),
        ("StudyTime", "101500.25", "101500.25"),
        ("PatientBirthDate", "unknown", ""),
        ("PatientName", "ANON", "ANON"),
    ],
)
def test_what_an_anonymiser_left_does_not_stand_in_the_way(write, name, value, kept):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about the value
        (path,) = write(1, **{name: value})
    assert str(read_source(path)[name].value) == kept


@pytest.mark.parametrize(
    ("characters", "patient", "texts", "given"),
    [
        ("ISO_IR 100", "Müller^Jürgen", ["PNEUMONIA"], "ISO_IR 100"),
        ("ISO_IR 100", "Müller^Jürgen", ["Lungenentzündung"], "ISO_IR 192"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", ["PNEUMONIA"], ["", "ISO 2022 IR 87"]),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", ["Lungenentzündung"], "ISO_IR 192"),
        (None, "Doe^Jane", ["PNEUMONIA"], None),
    ],
)
def test_a_name_keeps_its_letters_in_a_result(write, read, model, characters, patient, texts, given):
    tags = {} if characters is None else {"SpecificCharacterSet": characters}
    source = read_source(write(1, PatientName=patient, **tags)[0])
    result = ImageResult((ScoredClass(texts[0], 0.5, True),), "the likeliest class")
    for made in (
        structured_report(source, result, model),
        secondary_capture(source, np.zeros((9, 9, 3), dtype=np.uint8), Shown(texts[0], 0.5), model),
    ):
        again = read(encoded(made))
        assert again.get("SpecificCharacterSet") == given
        assert str(again.PatientName) == patient


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
