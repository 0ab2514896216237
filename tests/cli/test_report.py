"""`radapt report A B` writes one page of two studies, and refuses what is none in a sentence."""

import shutil

import pytest


def test_two_studies_become_one_page(studied, radapt, tmp_path):
    other = shutil.copytree(studied, tmp_path / "other")
    code, printed, err = radapt("report", studied, other, "--out", tmp_path / "two.html")
    assert code == 0, err
    assert f"Two studies: {tmp_path / 'two.html'}" in printed
    assert "no difference between" in printed
    assert "Nothing: options, data and versions are the same." in (tmp_path / "two.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["STUDY", "RUN"], "holds a run: see radapt compare"),
        (["STUDY", "STUDY"], "was given twice"),
        (["STUDY", "--out", "page.html"], "--out is for the page of two studies"),
        (["STUDY", "RUN", "--checklist"], "--checklist and --card are for one study"),
    ],
)
def test_what_is_no_pair_of_studies_is_refused(words, sentence, studied, trained, radapt):
    places = {"STUDY": studied, "RUN": trained}
    code, printed, err = radapt("report", *(places.get(word, word) for word in words))
    assert (code, printed) == (2, "")
    assert sentence in err
