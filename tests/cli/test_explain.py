"""`radapt explain` writes maps, a page and JSON, and refuses in a sentence."""

import json

import pytest

from radapt.artefacts import SCHEMA


@pytest.fixture
def image(folder):
    return min((folder / "test" / "PNEUMONIA").glob("*.png"))


def test_maps_a_page_and_json_are_written(trained, image, radapt, tmp_path):
    out = tmp_path / "maps"
    code, printed, err = radapt("explain", trained, image, "--out", out, "--json")
    assert code == 0, err
    document = json.loads(printed)
    assert document == json.loads((out / "explanations.json").read_text())
    assert document["schema"] == SCHEMA
    names = {"1-" + image.name, "1-" + image.stem + ".npy", "explanations.json", "explanations.html"}
    assert {path.name for path in out.iterdir() if not path.name.startswith(".")} == names
    code, printed, err = radapt("explain", trained, image, "--class", "NORMAL", "--out", out)
    assert code == 0, err
    assert f"Page: {out / 'explanations.html'}" in printed
    assert "is no finding" in printed
    assert "Grad-CAM of stage" in printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--method", "gradcam"], "no method of explaining called 'gradcam'"),
        (["--class", "MASS"], "no class of this model called 'MASS'"),
        (["--layer", "stage8"], "no block of this model called 'stage8'"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(words, sentence, trained, image, radapt, tmp_path):
    code, printed, err = radapt("explain", trained, image, *words, "--out", tmp_path / "maps")
    assert (code, printed) == (2, "")
    assert sentence in err
    assert "Traceback" not in err
    assert not (tmp_path / "maps").exists()


def test_without_a_readable_image_it_ends_with_1(trained, radapt, tmp_path):
    (tmp_path / "a.png").write_text("no image")
    code, printed, _ = radapt("explain", trained, tmp_path / "a.png", "--out", tmp_path / "maps")
    assert code == 1
    assert "not read" in printed
    assert not (tmp_path / "maps").exists()
