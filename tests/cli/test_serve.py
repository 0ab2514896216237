"""The command serve: what it refuses, and what it says before it listens."""

import sys

import pytest


def test_a_run_that_would_be_ready(trained, radapt):
    code, out, err = radapt("serve", trained, "--check")
    assert code == 0, err
    assert "would be ready: the golden image scored as when the model was made." in out


def test_an_address_that_others_reach_needs_a_token(trained, radapt, tmp_path, monkeypatch):
    monkeypatch.delenv("RADAPT_TOKEN", raising=False)
    code, _, err = radapt("serve", trained, "--host", "0.0.0.0", "--check")
    assert (code, "give a token, by --token-file FILE or the variable RADAPT_TOKEN" in err) == (2, True)
    (tmp_path / "token").write_text("a-token-of-twenty-letters\n")
    words = ("--host", "0.0.0.0", "--token-file", tmp_path / "token")
    assert radapt("serve", trained, *words, "--check")[0] == 0
    (tmp_path / "empty").write_text("\n")
    code, _, err = radapt("serve", trained, "--token-file", tmp_path / "empty", "--check")
    assert (code, "is empty" in err) == (2, True)
    code, _, err = radapt("serve", trained, "--token-file", tmp_path / "none", "--check")
    assert (code, "could not be read" in err) == (2, True)


def test_without_its_packages_a_sentence_says_what_to_install(trained, radapt, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, _, err = radapt("serve", trained)
    assert (code, "pip install 'radapt[serve]'" in err) == (2, True)


@pytest.mark.parametrize("where", ["nothing", "images"])
def test_what_is_no_run_is_refused(folder, radapt, where):
    code, _, err = radapt("serve", folder if where == "images" else folder / where, "--check")
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words", ["--base runs/one", "--threshold 0.5", "--queue 4", "--device cpu", "--threads 1"]
)
def test_options_of_a_model_are_refused_of_a_study(studied, radapt, words):
    code, _, err = radapt("serve", studied, "--check", *words.split())
    assert (code, f"Got {words.split()[0]}, which is for a model" in err) == (2, True)


def test_a_study_is_browsed_and_images_are_for_a_study(trained, studied, folder, radapt):
    code, out, err = radapt("serve", studied, "--check", "--images", folder)
    assert code == 0, err
    assert "rows of strategies and labels can be shown" in out
    code, _, err = radapt("serve", trained, "--check", "--images", folder)
    assert (code, "--images" in err) == (2, True)
