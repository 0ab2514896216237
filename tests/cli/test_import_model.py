"""The command import: what is asked wrongly ends in a sentence, and what was taken for granted is printed."""

import json

import pytest
from programs import SIZE, Tiny, save_script


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return save_script(Tiny(), tmp_path_factory.mktemp("file") / "tiny.pt")


WORDS = ["--classes", "NORMAL,PNEUMONIA", "--size", SIZE, "--channels", 1]
WRONG = {
    "range": (["--range", "1,0"], "--range takes the input values of black and white"),
    "no range": (["--range", "dark"], "takes numbers between commas"),
    "std": (["--std", "0"], "--std takes numbers above 0"),
    "mean": (["--mean", "nan"], "takes numbers between commas"),
    "channels": (["--channels", 2], "--channels is 1, or 3 equal ones. Got 2."),
    "model": (["--model", "compact"], "leave --model compact out"),
    "threshold": (["--multi-label", "--threshold", "0.4"], "leave --threshold out"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_asked_wrongly_ends_in_a_sentence(case, file, radapt, tmp_path):
    words, sentence = WRONG[case]
    code, out, err = radapt("import", file, *WORDS, *words, "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_what_was_taken_for_granted_is_printed_and_a_threshold_holds(file, radapt, folder, tmp_path):
    out = tmp_path / "run"
    code, said, err = radapt("import", file, *WORDS, "--threshold", 0.05, "--out", out)
    assert code == 0, err
    assert "black to white is 0 to 1" in said
    assert "Strategies that work on it: none, tta, recalibrate." in said
    assert "taken as probabilities" in err
    image = next(folder.glob("test/NORMAL/*"))
    code, said, err = radapt("predict", out, image, "--json")
    assert code == 0, err
    (row,) = json.loads(said)["images"]
    assert row["label"] == "PNEUMONIA"
    assert row["scores"]["PNEUMONIA"] < 0.5, "it is labelled at the threshold of the import"


def test_a_check_says_what_is_probably_wrong(file, radapt, folder, tmp_path):
    words = ["import", file, "--classes", "PNEUMONIA,NORMAL", *WORDS[2:], "--check", folder]
    code, said, err = radapt(*words, "--per-class", 20, "--out", tmp_path / "run")
    assert code == 0, err
    assert "auroc" in said
    assert "the other way round" in err
    assert "--classes NORMAL,PNEUMONIA" in err
