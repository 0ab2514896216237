"""From a hospital's DICOM files and its table to a study, by the commands of the documentation."""

import json
import shlex
from pathlib import Path

import pytest
from hospital import write_classes, write_export
from pages import Page

DOCS = Path(__file__).resolve().parents[2] / "docs" / "my_hospital.md"


@pytest.fixture
def hospital(tmp_path, monkeypatch):
    """A folder with an export, its table, and images to train on, in which the command line is."""
    write_classes(tmp_path / "kermany")
    write_export(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands():
    """The commands of the three steps, as they stand in the documentation."""
    steps = DOCS.read_text(encoding="utf-8").partition("\n## ")[0]
    lines = [line.strip() for line in steps.splitlines() if line[:4] == "    "]
    return [shlex.split(line)[1:] for line in lines if line.startswith("radapt ")]


def test_the_commands_of_the_documentation_lead_from_nothing_to_a_report(hospital, radapt):
    describe, audit, study, *_ = commands()  # the code in a later one is an example
    code, printed, said = radapt(*describe)
    assert code == 0, said
    assert "Joined 59 of 60 rows by SOPInstanceUID." in said
    assert "labelled 'unclear', which is dropped (1), no such file (1)" in said
    assert "The finding is 'pneumonia'; 'normal' is its absence." in said
    documented = [line.split() for line in DOCS.read_text(encoding="utf-8").splitlines()]
    for line in printed.splitlines()[:-1]:
        assert line.split() in documented or set(line) <= set(" -")
    assert radapt(*audit)[0] == 0
    assert "which is dropped" in (hospital / "mine.html").read_text(encoding="utf-8")
    code, _, said = radapt(*study, "--size", "32", "--epochs", "1", "--strategies", "none,head")
    assert code == 0, said
    result = json.loads((hospital / "runs/mine/study.json").read_text(encoding="utf-8"))
    target = result["target"]
    assert target["rows"] == 60
    assert len(target["failed"]) == 1
    images = sum(sum(part["classes"].values()) for part in target["splits"].values())
    assert images + len(target["failed"]) + sum(target["left_out"].values()) == 60
    page = (hospital / "runs/mine/report.html").read_text(encoding="utf-8")
    assert "Joined 59 of 60 rows by SOPInstanceUID" in page
    assert "no such file (1)" in page


def test_a_column_that_may_name_the_patients_is_pointed_out(hospital, radapt):
    rows = []
    for number, path in enumerate(sorted(Path("kermany").rglob("*.png"))):
        path.rename(Path("kermany", f"{number}.png"))  # a name that says nothing of the patient
        rows.append(f"kermany/{number}.png,{path.parent.name},{number // 2}")
    (hospital / "own.csv").write_text("\n".join(["file,finding,Patient", *rows]) + "\n")
    words = ("data", "describe", "own.csv", "--images", "file", "--label", "finding")
    code, _, said = radapt(*words, "--out", "one.toml")
    assert code == 0, said
    assert "The column 'Patient' is not used: --patient Patient says whose the images are." in said
    code, printed, said = radapt("audit", "one.toml", "--size", "16", "--html", "audit.html", "--json")
    assert code == 0, said
    assert "CAUTION: Patients that may be known. The column 'Patient' is not used" in said
    (notice,) = json.loads(printed)["notices"]
    assert (notice["kind"], notice["severity"]) == ("unused-patients", "caution")
    assert notice["text"] in Page((hospital / "audit.html").read_text(encoding="utf-8")).text
    code, printed, said = radapt("audit", *words[2:], "--patient-regex", "file", "--size", "16", "--json")
    assert (code, json.loads(printed)["notices"]) == (0, []), "each file was said to be a patient"
    code, _, said = radapt(*words, "--patient", "Patient", "--out", "two.toml")
    assert code == 0, said
    assert "is not used" not in said


@pytest.mark.usefixtures("hospital")
def test_options_are_for_the_argument_that_is_a_table(radapt):
    options = ("--root", "export", "--images", "image", "--label", "finding", "--drop", "unclear")
    words = ("--target", "hospital.csv", "--size", "32", "--epochs", "1", "--strategies", "none")
    code, _, said = radapt("study", "kermany", *words, *options, "--out", "runs/one")
    assert code == 0, said
    assert "left out: labelled 'unclear', which is dropped (1), no such file (1)" in said


def test_options_that_are_for_one_of_two_tables_are_refused(hospital, radapt):
    (hospital / "other.csv").write_text("file,kind\n1.png,x\n2.png,y\n")
    code, _, said = radapt("audit", "hospital.csv", "--against", "other.csv", "--images", "image")
    assert code == 2
    assert "other.csv has no column 'image'" in said
    assert "radapt data describe other.csv" in said


@pytest.mark.usefixtures("hospital")
def test_options_beside_descriptions_alone_are_refused(radapt):
    radapt("data", "describe", "kermany", "--out", "source.toml")
    code, _, said = radapt("audit", "source.toml", "--label", "finding", "--drop", "x")
    assert code == 2
    assert "source.toml says itself how its images are read. Leave --label, --drop out" in said
    words = ("--target", "source.toml", "--age", "years", "--drop", "x", "--out", "runs/none")
    code, _, said = radapt("study", "kermany", *words)
    assert code == 2
    assert "source.toml says itself how its images are read. Leave --age out" in said


@pytest.mark.usefixtures("hospital")
def test_the_json_of_an_audit_counts_rows_in_and_out(radapt):
    radapt(*commands()[0])
    _, printed, _ = radapt("audit", "mine.toml", "--json")
    result = json.loads(printed)
    assert result["rows"] == 60
    unreadable = sum(finding["kind"] == "unreadable" for finding in result["findings"])
    assert result["images"] + unreadable + sum(result["left_out"].values()) == 60


def test_a_finding_in_another_language_is_said_to_be_a_guess(hospital, radapt):
    (hospital / "kermany" / "train" / "NORMAL").rename(hospital / "kermany" / "train" / "krank")
    (hospital / "kermany" / "test" / "NORMAL").rename(hospital / "kermany" / "test" / "krank")
    for split in ("train", "test"):
        (hospital / "kermany" / split / "PNEUMONIA").rename(hospital / "kermany" / split / "sano")
    _, _, said = radapt("data", "describe", "kermany", "--out", "source.toml")
    assert "The finding is taken to be 'sano', and 'krank' its absence: the names do not say so." in said
    _, _, said = radapt("data", "describe", "kermany", "--positive", "krank", "--out", "named.toml")
    assert "The finding" not in said
    assert 'positive = "krank"' in (hospital / "named.toml").read_text()


@pytest.mark.usefixtures("hospital")
def test_what_needs_no_description_or_is_no_place_for_one_is_said(radapt):
    code, _, said = radapt("data", "describe", "nothing.npz", "--out", "x.toml")
    assert (code, "needs no description" in said) == (2, True)
    code, _, said = radapt("data", "describe", "kermany", "--out", "x.json")
    assert (code, "ends in .toml" in said) == (2, True)
