"""A data set, a trained run and a study, made once by the command line itself."""

import subprocess
import sys
from pathlib import Path

import pytest
from samples import make_dataset, write_images

RADAPT = (sys.executable, "-m", "radapt")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Images on disk, in train/val/test."""
    return write_images(tmp_path_factory.mktemp("images"), make_dataset())


@pytest.fixture(scope="session")
def trained(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    words = [*RADAPT, "train", folder, "--size", "32", "--epochs", "2", "--out", out]
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
    return out


@pytest.fixture(scope="session")
def studied(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("study") / "out"
    words = [*RADAPT, "study", folder, "--shift", "original", "--size", "32", "--epochs", "1", "--out", out]
    printed = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True)
    assert "labelled images" in printed.stdout
    assert str(out / "report.html") in printed.stdout
    return out


@pytest.fixture(scope="session")
def several(folder, tmp_path_factory) -> Path:
    """Studies of two models and two shifts; what the command printed is in `printed.txt`."""
    out = tmp_path_factory.mktemp("several") / "out"
    words = ["--shift", "noise@3", "--shift", "original", "--models", "compact,original-cnn", "--size", "48"]
    words += [
        "--strategies",
        "none,norm-refresh,recalibrate",
        "--budget",
        "8",
        "--epochs",
        "1",
        "--steps",
        "4",
    ]
    command = list(map(str, [*RADAPT, "study", folder, *words, "--out", out]))
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    (out.parent / "printed.txt").write_text(printed.stdout)
    return out
