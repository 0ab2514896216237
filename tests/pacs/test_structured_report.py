"""Reports are what the standard asks for, by other programs' reading of them."""

import subprocess
from dataclasses import replace

import highdicom
import pytest
from orthanc import tool

from radapt.pacs.source import encoded, read_source
from radapt.pacs.structured_report import ImageResult, ScoredClass, structured_report

RESULT = ImageResult(
    (ScoredClass("NORMAL", 0.125, False), ScoredClass("PNEUMONIA", 0.875, True, 0.3)),
    "PNEUMONIA from 0.3 on, chosen on 24 validation images",
    "the image is blank",
)


@pytest.fixture
def source(write):
    return read_source(write(1, InstanceNumber=7)[0])


def test_a_report_is_of_the_patient_and_study_and_refers_to_the_image(source, model, read):
    made = read(encoded(structured_report(source, RESULT, model)))
    for name in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate"):
        assert made[name].value == source[name].value
    assert made.SeriesInstanceUID != source.SeriesInstanceUID
    assert (made.Modality, made.InstanceNumber, made.VerificationFlag) == ("SR", 7, "UNVERIFIED")
    referred = made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert referred.SeriesInstanceUID == source.SeriesInstanceUID
    assert referred.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_highdicom_finds_the_scores_again(source, model, read):
    made = highdicom.sr.ComprehensiveSR.from_dataset(read(encoded(structured_report(source, RESULT, model))))
    normal, pneumonia = made.content.get_image_measurement_groups()
    assert [(each.name.meaning, each.value) for each in normal.get_measurements()] == [("Probability", 0.125)]
    assert [(each.name.meaning, each.value, each.unit.value) for each in pneumonia.get_measurements()] == [
        ("Probability", 0.875, "1"),
        ("Threshold Value", 0.3, "1"),
    ]
    assert pneumonia.finding_type.value == "233604007"
    decisions = [each.get_qualitative_evaluations()[0].value.meaning for each in (normal, pneumonia)]
    assert decisions == ["Absent", "Present"]
    assert pneumonia.source_images[0].referenced_sop_instance_uid == source.SOPInstanceUID


def test_a_report_says_what_it_is_and_of_which_model(source, model, read, tmp_path):
    made = read(encoded(structured_report(source, RESULT, model)))
    assert made.ConceptNameCodeSequence[0].CodeMeaning == "Research report, not for clinical use"
    assert made.SeriesDescription == "Research only, not for clinical use"
    assert made.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99RADAPT"
    made.save_as(tmp_path / "sr.dcm")
    read_by = subprocess.run(
        [tool("dsrdump"), "+Pl", tmp_path / "sr.dcm"], capture_output=True, text=True, check=True
    )
    for words in (
        'NUM:(,,"Probability")="0.875" (1,UCUM,"no units")',
        'CODE:(,,"Decision of the model")=(121053,DCM,"Present")',
        f"sha256 of the model: {'ab' * 32}",
        "Decision: PNEUMONIA from 0.3 on, chosen on 24 validation images",
        'TEXT:(,,"Algorithm Version")="abababababab"',
        "which is no medical device. Not for clinical use",
        "the image is blank",
    ):
        assert words in read_by.stdout, words
    assert not read_by.stderr


def test_the_same_result_has_the_same_identifiers_and_another_has_others(source, model):
    def named(result=RESULT, of=model):
        made = structured_report(source, result, of)
        return made.SOPInstanceUID, made.SeriesInstanceUID

    higher = replace(RESULT, classes=(RESULT.classes[0], replace(RESULT.classes[1], threshold=0.4)))
    chosen = replace(RESULT, decided="PNEUMONIA from 0.3 on, as given")
    assert named() == named()
    others = (named(higher), named(chosen), named(of=replace(model, digest="cd" * 32)))
    assert len({*named(), *(each for pair in others for each in pair)}) == 8


def test_letters_beyond_ascii_survive(write, model, read):
    source = read_source(write(1, PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 100")[0])
    plain = read(encoded(structured_report(source, RESULT, model)))
    assert (plain.SpecificCharacterSet, plain.PatientName) == ("ISO_IR 100", "Müller^Jürgen")
    german = ImageResult((ScoredClass("Lungenentzündung", 0.5, True),), "the likeliest class")
    made = read(encoded(structured_report(source, german, model)))
    assert (made.SpecificCharacterSet, made.PatientName) == ("ISO_IR 192", "Müller^Jürgen")
    assert "Lungenentzündung" in str(made)
