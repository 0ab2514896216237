"""`hf:DIR` and `onnx:FILE` from the command line: trained, adapted, and used after the original is gone."""

import json
import shutil

import pytest
from encoders import write_hf, write_onnx


@pytest.fixture(params=["hf", "onnx"])
def encoder(request, tmp_path):
    return (write_hf if request.param == "hf" else write_onnx)(tmp_path / "encoder")


def name_of(encoder):
    return f"hf:{encoder}" if encoder.is_dir() else f"onnx:{encoder}"


def size_of(encoder):
    return "28" if encoder.is_dir() else "32"  # 28 is what a patch of 14 divides


def test_its_head_is_trained_and_adapted_and_its_runs_outlive_it(encoder, folder, tmp_path, radapt):
    base, size = tmp_path / "base", size_of(encoder)
    words = ["train", folder, "--model", name_of(encoder), "--size", size, "--out", base]
    code, out, err = radapt(*words)
    assert code == 0, err
    assert "its head alone" in out
    shutil.rmtree(encoder) if encoder.is_dir() else encoder.unlink()
    for strategy in ("head", "linear-probe"):
        run = tmp_path / strategy
        words = ["adapt", base, folder, "--strategy", strategy, "--shift", "original", "--out", run]
        code, _, err = radapt(*words, "--budget", "16")
        assert code == 0, err
        code, out, err = radapt("evaluate", run, folder, "--json")
        assert code == 0, err
        rows = json.loads(out)["estimates"]
        assert {"accuracy", "auroc"} <= {row["metric"] for row in rows}
    in_onnx = json.loads((base / "classifier.json").read_text())["model"].startswith("onnx:")
    assert (tmp_path / "head/encoder.onnx").is_file() == in_onnx


def test_a_frozen_encoder_is_refused_what_it_cannot_do(folder, tmp_path, radapt):
    model = f"onnx:{write_onnx(tmp_path / 'encoder.onnx')}"
    words = ["train", folder, "--size", "32", "--out", tmp_path / "run", "--model", model]
    for more, why in [
        (["--tune", "all"], "only its head can be trained: give --tune head"),
        (["--pretrained"], "leave out --pretrained and --weights"),
        (["--weights", tmp_path / "encoder.onnx"], "leave out --pretrained and --weights"),
    ]:
        code, _, err = radapt(*words, *more)
        assert code == 2
        assert why in err
    assert not (tmp_path / "run").exists()
    assert radapt(*words)[0] == 0
    code, _, err = radapt(
        "adapt", tmp_path / "run", folder, "--strategy", "scratch", "--out", tmp_path / "no"
    )
    assert code == 2
    assert "scratch would change it" in err


def test_a_study_does_not_go_on_with_another_encoder(folder, tmp_path, radapt):
    file = write_onnx(tmp_path / "encoder.onnx")
    words = ["study", folder, "--shift", "original", "--size", "32", "--out", tmp_path / "out"]
    words += ["--model", f"onnx:{file}", "--epochs", "1"]
    code, _, err = radapt(*words)
    assert code == 0, err
    assert {"none", "recalibrate", "linear-probe"} == {
        row["strategy"] for row in json.loads((tmp_path / "out/study.json").read_text())["estimates"]
    }
    assert radapt(*words)[0] == 0
    write_onnx(file, shape=("n", 3, 32, 32))
    code, _, err = radapt(*words)
    assert code == 2
    assert "holds other work: it differs in plan" in err
