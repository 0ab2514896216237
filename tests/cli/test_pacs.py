"""Images out of a PACS, scored, and reports back into it, by the commands alone."""

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import numpy as np
import pydicom
import pytest
import requests
from dicoms import DX, radiograph, uid
from dicomweb import JSON, MULTIPART, answering, part
from documented import shown_on
from orthanc import REFUSED, SECRET, USER, tool
from PIL import Image

from radapt.cli import predict as command
from radapt.cli.dicom_results import identity_of_run

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
PATIENT = ("Doe", "Jane", "MRN-")


@pytest.fixture
def login(monkeypatch) -> tuple[str, str]:
    monkeypatch.setenv("RADAPT_PACS_PASSWORD", SECRET)
    return "--user", USER


@pytest.fixture
def images(tmp_path) -> Path:
    """Twenty radiographs of twenty patients."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(100, 120):
        (folder / f"{number}.dcm").write_bytes(radiograph(number, StudyDate="20250505"))
    return folder


def test_twenty_images_are_pushed_pulled_scored_and_reported_on(
    trained, pacs, login, images, radapt, tmp_path
):
    log, pulled, reports = (tmp_path / name for name in ("log.txt", "pulled", "reports"))
    code, out, err = radapt("pacs", "push", pacs, images, *login, "--log", log)
    assert (code, out) == (0, "Stored 20 objects.\n"), err
    code, out, err = radapt("pacs", "pull", pacs, "--date", "20250505", "--out", pulled, *login, "--log", log)
    assert (code, out[:16]) == (0, "Fetched 20 image"), err
    words = ("predict", trained, pulled, "--dicom-sr", reports, "--log", log)
    code, out, err = radapt(*words, "--threshold", "youden")
    assert code == 0, err
    assert f"DICOM Structured Reports: {reports} (20 written)." in out
    code, out, err = radapt("pacs", "push", pacs, reports, *login, "--log", log)
    assert (code, out) == (0, "Stored 20 objects.\n"), err

    for number in range(100, 120):
        study = f"{pacs}/studies/{uid('study', number)}/instances"
        rows = requests.get(study, auth=(USER, SECRET), timeout=10).json()
        assert sorted(row["00080060"]["Value"][0] for row in rows) == ["DX", "SR"]
    shown = subprocess.run(
        [tool("dsrdump"), "-Ph", *sorted(reports.iterdir())], capture_output=True, text=True, check=True
    )
    assert shown.stdout.count('"Research report, not for clinical use"') == 20
    assert shown.stdout.count('(233604007,SCT,"Pneumonia")') == 20
    assert shown.stdout.count('NUM:(,,"Threshold Value")') == 20
    assert not shown.stderr

    code, out, err = radapt("pacs", "pull", pacs, "--date", "20250505", "--out", pulled, *login)
    assert "Fetched 0 images of 20 studies" in out
    assert "20 were there already" in out
    assert "Left out: of modality SR (20)." in out
    assert f"{reports} (0 written, 20 were there already)" in radapt(*words, "--threshold", "youden")[1]
    assert not [word for word in PATIENT if word in log.read_text()]


def test_the_commands_of_its_page_run_one_after_the_other(
    trained, pacs, login, images, radapt, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert radapt("pacs", "push", pacs, images, *login)[0] == 0
    places = {"https://pacs.example/dicom-web": pacs, "RUN": str(trained)}
    for words in shown_on("pacs.md"):
        code, _, err = radapt(*(places.get(word, word) for word in words))
        assert code == 0, err
    assert [len(list((tmp_path / name).iterdir())) for name in ("reports", "maps")] == [20, 20]


def test_reports_hold_the_scores_that_predict_gives(trained, images, radapt, tmp_path):
    first = images / "100.dcm"
    code, out, err = radapt("predict", trained, first, "--dicom-sr", tmp_path / "sr", "--json")
    assert code == 0, err
    (path,) = (tmp_path / "sr").iterdir()
    report = str(pydicom.dcmread(path))
    probability = float(out.split('"PNEUMONIA": ')[1].split("\n")[0].rstrip(","))
    assert f"'{round(probability, 6)}'" in report
    assert "'compact'" in report
    assert not [word for word in PATIENT if word in f"{path.name}{out}{err}"]


def test_maps_come_back_into_the_same_study(trained, pacs, login, images, radapt, tmp_path):
    words = ("predict", trained, images / "101.dcm", "--dicom-sc", tmp_path / "sc")
    code, out, err = radapt(*words)
    assert code == 0, err
    assert f"DICOM maps: {tmp_path / 'sc'} (1 written)." in out
    code, out, err = radapt("pacs", "push", pacs, images / "101.dcm", tmp_path / "sc", *login)
    assert (code, out) == (0, "Stored 2 objects.\n"), err
    study = requests.get(
        f"{pacs}/studies/{uid('study', 101)}/instances", auth=(USER, SECRET), timeout=10
    ).json()
    assert "OT" in [row["00080060"]["Value"][0] for row in study]
    made = pydicom.dcmread(next((tmp_path / "sc").iterdir()))
    assert made.pixel_array.shape[1] == 512  # a small image is enlarged, so that its text can be read
    assert "Research only" in made.SeriesDescription
    dumped = subprocess.run(
        [tool("dcmdump"), "-q", *(tmp_path / "sc").iterdir()], capture_output=True, check=True
    )
    assert b"=SecondaryCaptureImageStorage" in dumped.stdout


def test_what_is_no_dicom_file_is_refused_before_anything_is_scored(trained, images, radapt, tmp_path):
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "a.png")
    words = ("predict", trained, images / "100.dcm", tmp_path / "a.png", "--dicom-sr", tmp_path / "sr")
    code, out, err = radapt(*words)
    assert (code, out) == (2, "")
    assert err.endswith("leave --dicom-sr and --dicom-sc out.\n")
    assert "a.png is not a DICOM file" in err
    assert not (tmp_path / "sr").exists()


def test_a_folder_that_cannot_be_is_refused_before_anything_is_scored(trained, images, radapt, tmp_path):
    (tmp_path / "file").touch()
    for option, folder in (("--dicom-sr", tmp_path / "file"), ("--dicom-sc", tmp_path / "file" / "sub")):
        code, out, err = radapt("predict", trained, images / "100.dcm", option, folder)
        assert (code, out) == (2, "")
        assert f"{folder} can hold no DICOM results, since {tmp_path / 'file'} is no folder" in err


def test_a_file_whose_name_is_no_text_gets_its_results(trained, radapt, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / os.fsdecode(b"M\xfcller.dcm")).write_bytes(radiograph(1))
    asked = []
    monkeypatch.setattr(command, "identity_of_run", lambda *of: asked.append(of) or identity_of_run(*of))
    folders = ("--dicom-sr", tmp_path / "sr", "--dicom-sc", tmp_path / "sc")
    code, out, err = radapt("predict", trained, tmp_path / "in", *folders)
    assert code == 0, err
    assert out.count("(1 written)") == 2
    assert len(asked) == 1  # whose weights take a while to add up


def test_an_image_that_gets_no_report_is_named_and_the_command_fails(trained, tmp_path, radapt):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(radiograph(1, StudyInstanceUID=None))
    (folder / "b.dcm").write_bytes(radiograph(2))
    code, out, err = radapt("predict", trained, folder, "--dicom-sr", tmp_path / "sr")
    assert code == 1
    assert "(1 written)" in out
    assert f"no result on {folder / 'a.dcm'}: it lacks StudyInstanceUID" in err


def test_objects_that_are_not_stored_are_named_and_the_command_fails(pacs, login, radapt, tmp_path):
    (tmp_path / "a.dcm").write_bytes(radiograph(121, StudyID=REFUSED))
    code, out, err = radapt("pacs", "push", pacs, tmp_path / "a.dcm", *login)
    assert (code, err.count("\n")) == (1, 1), err
    assert out.startswith("Stored 0 objects.\nnot stored: ")
    assert "is not found there" in out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("pull", "URL", "--date", "20250505"), 1, "asks for a log-in: give --user"),
        (("pull", "URL"), 2, "Say which studies"),
        (("pull", "http://127.0.0.1:9/x", "--date", "20250505"), 1, "There is no connection"),
        (("pull", "http://pacs.example/x", "--date", "20250505"), 2, "in the clear"),
        (("pull", "https://jane:secret@pacs.example/x"), 2, "holds a name or a password"),
        (("pull", "URLx", "--date", "20250505", "--user", USER), 1, "has no DICOMweb for this"),
        (("pull", "URL", "--date", "20250505", "--user", "eve"), 1, "refuses this log-in"),
        (("pull", "URL", "--date", "20250505", "--ca-file", "none.pem"), 2, "holds no certificates"),
    ],
)
def test_every_error_is_a_sentence(words, code, sentence, pacs, radapt, tmp_path, monkeypatch):
    if "--user" in words:
        monkeypatch.setenv("RADAPT_PACS_PASSWORD", SECRET)
    given = [word.replace("URL", pacs) for word in words]
    got, out, err = radapt("pacs", *given, "--out", tmp_path / "out")
    assert (got, out) == (code, "")
    assert sentence in err
    assert len(err.strip().split("\n")) == 1
    assert SECRET not in err


def test_a_push_that_breaks_off_says_what_was_stored(login, images, radapt):
    stored, refused = (200, JSON, b"{}"), (401, "text/plain", b"")
    with answering(stored, refused) as (url, _):
        code, out, err = radapt("pacs", "push", url, *[images / f"{n}.dcm" for n in (100, 101, 102)], *login)
    assert code == 1
    assert out.startswith("Stored 1 object.\nBy the server's word alone: 1 object, not")
    assert "not stored: " in out
    assert "refuses this log-in, or what it may do (HTTP 401). 1 object left to send." in err


def test_an_image_that_failed_was_found_all_the_same(radapt, tmp_path):
    def rows(**tags):
        row = {tag: {"vr": "UI", "Value": [value]} for tag, value in tags.items()}
        return 200, JSON, json.dumps([row]).encode()

    image = rows(**{"0020000E": "1.3", "00080018": "1.4", "00080060": "DX", "00080016": DX})
    study, damaged = rows(**{"0020000D": "1.2"}), (200, MULTIPART, part(radiograph(1)))  # which is another
    with answering(study, study, image, image, damaged) as (url, _):
        words = ("pacs", "pull", url, "--study-uid", "1.2", "--out", tmp_path / "out")
        code, out, err = radapt(*words)
    assert code == 1, err
    assert "not fetched: 1.2/1.4.dcm is another image than was asked for" in out
    assert "No chest radiograph" not in out


def test_json_says_what_was_stored_and_fetched(pacs, login, images, radapt, tmp_path):
    pushed = radapt("pacs", "push", pacs, images / "119.dcm", *login, "--json", "--quiet")[1]
    assert json.loads(pushed) == {
        **{"schema": 2, "stored": 1, "changed": 0, "unchecked": 0},
        **{"failed": [], "not_sent": 0, "stopped": ""},
    }
    out = tmp_path / "out"
    words = ("pacs", "pull", pacs, "--study-uid", uid("study", 119), "--out", out, *login, "--json")
    pulled = json.loads(radapt(*words)[1])
    path = next(out.glob("*/*.dcm"))
    assert (pulled["new"], pulled["size"]) == (1, path.stat().st_size)
    assert pydicom.dcmread(path) == pydicom.dcmread(images / "119.dcm")
    for name, document in (("pacs-push", json.loads(pushed)), ("pacs-pull", pulled)):
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(document)
