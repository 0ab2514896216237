"""A data set, a trained run and a study, made once by the command line itself."""

from pathlib import Path

import pytest
from commands import run_command
from samples import make_dataset, write_images


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Images on disk, in train/val/test."""
    return write_images(tmp_path_factory.mktemp("images"), make_dataset())


@pytest.fixture(scope="session")
def trained(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    words = ["train", folder, "--size", "32", "--epochs", "2", "--out", out]
    run_command(*words)
    return out


@pytest.fixture(scope="session")
def studied(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("study") / "out"
    words = ["--shift", "original", "--size", "32", "--epochs", "1", "--out", out]
    printed, _ = run_command("study", folder, *words)
    assert str(out / "report.html") in printed
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
    printed, _ = run_command("study", folder, *words, "--out", out)
    (out.parent / "printed.txt").write_text(printed)
    return out
