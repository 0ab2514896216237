"""What a run records of the command that made it: everything but the folders of its paths."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from samples import make_dataset, write_images

from radapt.cli.app import command_line
from radapt.cli.recording import recorded
from radapt.provenance import command, under_way

TRAIN = {"data": Path("a/images"), "out": Path("b/out"), "weights": Path("w"), "root": Path("r")}


def written(*words: str, **values: object) -> str:
    return recorded(command_line(), words, TRAIN | values)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "/a/b/images"], "radapt train images"),
        (["train", "/a/b/images/", "--out", "../x/out"], "radapt train images --out out"),
        (["train", "--out=/a/b/c", "images"], "radapt train --out=c images"),
        (["train", "/data=x/y/images", "--out=/k=v/w=z/c"], "radapt train images --out=c"),
        (["train", r"C:\Users\someone\images", r"--out=C:\a\b"], "radapt train images --out=b"),
        (["train", r"\\server\share\images\\"], "radapt train images"),
        (["train", "a/b", "--patient-regex", "p(/d+)/x"], "radapt train b --patient-regex 'p(/d+)/x'"),
        (["train", "a/b", "--patient-regex=p(/d+)/x"], "radapt train b '--patient-regex=p(/d+)/x'"),
        (["train", "a/b", "--label", "Mass/Nodule"], "radapt train b --label Mass/Nodule"),
        (["train", "a/b", "--patient-regex", "a/b"], "radapt train b --patient-regex a/b"),
        (["train", "a/b", "--fold", "2/5", "--balance"], "radapt train b --fold 2/5 --balance"),
        (["train", "a/b", "--augment", "home/x.toml"], "radapt train b --augment x.toml"),
        (["train", "data", "--out", "data"], "radapt train data --out data"),  # called as its parameter is
        (["train", "--trim", "--", "/a/-b"], "radapt train --trim -- -b"),
        (["train", "--root", "/", "--weights", "."], "radapt train --root / --weights ."),
        (["train", "a/b", "--model", "hf:/home/x/dino/"], "radapt train b --model hf:dino"),
        (["study", "a/b", "--models=lite0,onnx:x/e.onnx"], "radapt study b --models=lite0,onnx:e.onnx"),
        (["train", "a/b", "--model", "timm:hf_hub/x"], "radapt train b --model timm:hf_hub/x"),
        (["study", "a/b", "--shift", "x/y.toml"], "radapt study b --shift y.toml"),
        (["study", "a/b", "--protocol=x/y.toml"], "radapt study b --protocol=y.toml"),
        (["protocol", "init", "a/b", "--no-trim"], "radapt protocol init b --no-trim"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_paths_lose_their_folders_and_nothing_else_is_cut(words, said):
    assert written(*words) == said


def test_every_path_of_several_is_shortened():
    values = {"target": [Path("x/a"), Path("y/b")], "shift": ["noise(3)"]}
    words = ["study", "s/d", "--target", "x/a", "--target=y/b", "--shift", "noise(3)"]
    assert written(*words, **values) == "radapt study d --target a --target=b --shift 'noise(3)'"
    many = {"run": Path("r/m"), "files": [Path("x/a.png"), Path("y/b.png")]}
    assert written("predict", "r/m", "x/a.png", "y/b.png", **many) == "radapt predict m a.png b.png"


def test_without_a_command_it_was_python():
    assert command() == "from Python"
    with under_way("radapt train images"):
        assert command() == "radapt train images"
    assert command() == "from Python"


def test_a_run_records_its_command_whatever_it_was_called_by(tmp_path):
    images = write_images(tmp_path / "hospital=x" / "images", make_dataset())
    words = [
        "train",
        str(images),
        f"--out={tmp_path}/k=v/run",
        "--size",
        "32",
        "--epochs",
        "1",
        "--steps",
        "2",
    ]
    words += ["--patient-regex", "^([^/]+)[.]png"]
    process = subprocess.run([sys.executable, "-m", "radapt", *words], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    record = json.loads((tmp_path / "k=v/run/run.json").read_text())
    said = "radapt train images --out=run --size 32 --epochs 1 --steps 2 --patient-regex '^([^/]+)[.]png'"
    assert record["provenance"]["command"] == said
