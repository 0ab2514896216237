"""What cannot be exported is refused in one sentence, before anything is written."""

import pytest
from PIL import Image


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--out", "model.pt"], "ends in .onnx"),
        (["--out", "model.onnx", "--format", "tflite"], "no format called 'tflite'"),
        (["none.png", "--out", "model.onnx"], "no image in none.png that can be read"),
        (["--out", "model.onnx", "--public"], "give --hub OWNER/NAME too"),
        (["--out", "model.onnx", "--threshold", "best"], "no rule for a threshold called 'best'"),
    ],
)
def test_a_wrong_request_is_said_in_one_sentence(trained, radapt, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    code, _, err = radapt("export", trained, *words)
    assert (code, sentence in err.splitlines()[-1]) == (2, True), err
    assert not any(tmp_path.iterdir())


def test_a_file_of_onnx_that_radapt_did_not_write_is_refused(radapt, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"none")
    Image.new("L", (9, 9)).save(tmp_path / "image.png")
    code, _, err = radapt("predict", tmp_path / "model.onnx", tmp_path / "image.png")
    assert (code, "is no ONNX file" in err) == (1, True)
