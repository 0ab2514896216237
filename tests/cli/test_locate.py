"""The codes of a page lead back to files, rows and patients on the command line."""

import json

import pytest
from hospital import write_export

WORDS = ("hospital.csv", "--root", "export", "--images", "image", "--label", "finding", "--drop", "unclear")


@pytest.fixture
def hospital(tmp_path, monkeypatch):
    monkeypatch.chdir(write_export(tmp_path, studies=16))
    return tmp_path


@pytest.mark.usefixtures("hospital")
def test_a_code_that_audit_prints_is_located(radapt):
    code, printed, _ = radapt("audit", *WORDS, "--size", "16", "--json")
    unreadable = next(each for each in json.loads(printed)["findings"] if each["kind"] == "unreadable")
    (image,) = unreadable["paths"]
    code, printed, said = radapt("locate", WORDS[0], image, *WORDS[1:])
    assert code == 0, said
    assert [line.split() for line in printed.splitlines()] == [
        ["code", "file", "row", "patient", "image"],
        [image, "export/ST0006/SE0001/IM0001", "8", "P6", image],
    ]
    assert "do not pass it on" in said
    code, printed, _ = radapt("locate", WORDS[0], image, *WORDS[1:], "--json")
    document = json.loads(printed)
    assert document["found"][0]["patient"] == "P6"


@pytest.mark.usefixtures("hospital")
def test_a_code_of_another_key_ends_in_a_sentence(radapt):
    radapt("audit", *WORDS, "--size", "16")
    code, printed, said = radapt("locate", WORDS[0], "0123456789abcdef0123", *WORDS[1:])
    assert (code, printed) == (2, "")
    assert (
        "No image or patient of hospital.csv has the code 0123456789abcdef0123. Codes are found only with"
        in said
    )
