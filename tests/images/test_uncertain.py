"""What becomes of uncertain labels is chosen, counted, said, and part of the fingerprint."""

import json

import numpy as np
import pytest
from PIL import Image

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions, read_listing

CHEXPERT = """Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Pneumonia,Support Devices
s/patient1/a.png,F,60,Frontal,AP,,,1.0,
s/patient2/a.png,F,61,Frontal,PA,1.0,,,
s/patient3/a.png,M,62,Frontal,PA,,,-1.0,1.0
s/patient4/a.png,M,63,Frontal,AP,,1.0,-1.0,
s/patient5/a.png,M,64,Lateral,,,,-1.0,
"""
NAMES = {f"patient{number}": number for number in range(1, 6)}


@pytest.fixture
def chexpert(tmp_path):
    for name in NAMES:
        path = tmp_path / "s" / name / "a.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((4, 4), 40 * NAMES[name], np.uint8)).save(path)
    (tmp_path / "train.csv").write_text(CHEXPERT)
    return tmp_path / "train.csv"


def read(table, **options):
    """Return the classes, the label of each patient, and what became of the uncertain labels."""
    listing = read_listing(table, TableOptions(**options))
    labels = {entry.name.split("/")[-2]: entry.label for entry in listing.entries}
    return listing.classes, labels, dict(listing.uncertain)


def table_of(folder, *lines):
    for line in lines[1:]:
        Image.fromarray(np.full((4, 4), int(line[0]), np.uint8)).save(folder / line.split(",")[0])
    path = folder / "own.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("policy", "labels", "uncertain"),
    [
        (None, {"patient1": 1, "patient2": 0}, {"left out": 3}),
        ("ignore", {"patient1": 1, "patient2": 0}, {"left out": 3}),
        ("ones", {f"patient{n}": int(n != 2) for n in (1, 2, 3, 4)}, {"present": 2, "left out": 1}),
        ("zeros", {"patient1": 1, "patient2": 0, "patient3": 0}, {"absent": 1, "left out": 2}),
    ],
)
def test_of_a_finding_of_a_published_table(chexpert, policy, labels, uncertain):
    classes = ("No Finding", "Pneumonia")
    assert read(chexpert, label="Pneumonia", uncertain=policy) == (classes, labels, uncertain)


def test_a_third_class_of_one_finding(chexpert):
    classes, labels, uncertain = read(chexpert, label="Pneumonia", uncertain="multi-class")
    assert classes == ("No Finding", "Pneumonia", "uncertain Pneumonia")
    assert labels == {"patient1": 1, "patient2": 0, "patient3": 2, "patient4": 2}
    assert uncertain == {"a class of their own": 2, "left out": 1}


def test_of_several_findings(chexpert):
    both = ("Edema", "Pneumonia")
    _, labels, uncertain = read(chexpert, label=both)
    assert np.isnan(labels["patient4"][1])
    assert uncertain == {"unlabelled": 1, "left out": 2}
    assert read(chexpert, label=both, uncertain="ones")[1]["patient4"] == (1.0, 1.0)
    _, labels, uncertain = read(chexpert, label=both, uncertain="zeros")
    assert labels["patient4"] == (1.0, 0.0)
    assert uncertain == {"absent": 2, "left out": 1}


def test_of_a_column_of_ones_and_zeros(tmp_path):
    table = table_of(tmp_path, "file,sick", "1.png,1", "2.png,0", "3.png,-1", "4.png,-1.0")
    for policy, labels in {"ones": [1, 0, 1, 1], "zeros": [1, 0, 0, 0], "multi-class": [1, 0, 2, 2]}.items():
        listing = read_listing(table, TableOptions(images="file", label="sick", uncertain=policy))
        assert [entry.label for entry in listing.entries] == labels
        assert sum(listing.uncertain.values()) == 2


def test_of_exclusive_columns(tmp_path):
    table = table_of(tmp_path, "file,a,b", "1.png,1,0", "2.png,0,1", "3.png,-1,0", "4.png,-1,1")
    for policy, labels, uncertain in [
        ("ignore", [0, 1], {"left out": 2}),
        ("ones", [0, 1, 0], {"present": 1, "left out": 1}),
        ("zeros", [0, 1, 1], {"absent": 1, "left out": 1}),
    ]:
        options = TableOptions(images="file", label=("a", "b"), exclusive=True, uncertain=policy)
        listing = read_listing(table, options)
        assert ([entry.label for entry in listing.entries], listing.uncertain) == (labels, uncertain)


def test_rows_that_disagree_stay_uncertain(tmp_path):
    table = table_of(tmp_path, "file,sick", "1.png,1", "2.png,0", "3.png,-1", "3.png,0")
    kept = {
        policy: len(read_listing(table, TableOptions(images="file", label="sick", uncertain=policy)).entries)
        for policy in ("ones", "zeros")
    }
    assert kept == {"ones": 2, "zeros": 3}


def test_wrong_requests_are_refused_in_a_sentence(chexpert, tmp_path):
    with pytest.raises(AskedWrongly, match="a third class of one finding; 2 are given"):
        read(chexpert, label=("Edema", "Pneumonia"), uncertain="multi-class")
    with pytest.raises(UnknownName, match="Did you mean 'ones'"):
        read(chexpert, label="Pneumonia", uncertain="one")
    with pytest.raises(AskedWrongly, match="no uncertain label .* of 'Edema'"):
        read(chexpert, label="Edema", uncertain="multi-class")
    table = table_of(tmp_path, "file,kind", "1.png,ill", "2.png,well")
    with pytest.raises(AskedWrongly, match="'kind' holds names of classes"):
        read(table, images="file", label="kind", uncertain="ones")
    with pytest.raises(AskedWrongly, match="uncertain is for a table"):
        load_dataset(tmp_path, LoadOptions(table=TableOptions(uncertain="ones")))


def test_the_counts_are_in_the_fingerprint_and_guesses_in_the_notices(tmp_path):
    rows = [f"{n}.png,{n % 2},p{n}" for n in range(1, 9)]
    with_guesses = table_of(tmp_path, "file,sick,who", *rows, "9.png,-1,p9")

    def origin(policy):
        options = TableOptions(images="file", label="sick", patient="who", uncertain=policy)
        return load_dataset(with_guesses, LoadOptions(size=16, table=options), cache=tmp_path / "c").origin

    ignored, ones = origin(None), origin("ones")
    assert (ignored.uncertain, ones.uncertain) == ({"left out": 1}, {"present": 1})
    assert origin("ignore").fingerprint == ignored.fingerprint != ones.fingerprint
    assert not ignored.notices
    assert "1 label, of which became: left out (1)" in " ".join(ignored.notes)
    (said,) = ones.notices
    assert said.title == "Uncertain labels were taken as certain."
    with_guesses.write_text("\n".join(["file,sick,who", *rows]) + "\n")
    assert origin(None).fingerprint != ignored.fingerprint


def test_a_command_says_it(tmp_path, radapt):
    table = table_of(tmp_path, "file,sick", *[f"{n}.png,{n % 2}" for n in range(1, 9)], "9.png,-1")
    words = ["pack", table, "--images", "file", "--label", "sick", "--size", 16, "--uncertain", "ones"]
    code, out, err = radapt(*words, "--json", "--out", tmp_path / "store")
    assert (code, json.loads(out)["uncertain"]) == (0, {"present": 1})
    _, _, err = radapt(*words, "--out", tmp_path / "store")
    assert "Uncertain labels (-1), policy ones: 1 label, of which became: present (1)." in err
    assert "Scores count these guesses as truth." in err
