"""How many calls lie between a command and the training loop."""

import sys
from contextlib import contextmanager

import pytest

from radapt.training import loop

DEEPEST = 6  # calls: more than a reader keeps in mind
STRATEGIES = ("head", "full", "scratch", "lp-ft", "replay")  # the last two call another strategy


@contextmanager
def calls_to_fit():
    """Collect the calls from the last function of the command line to `fit`: a tuple of names each."""
    ways: set[tuple[str, ...]] = set()
    steps = loop.steps_per_epoch

    def look(*words):
        frame = sys._getframe(1)  # that of `fit`, which asks for the steps once
        names: list[str] = []
        while frame is not None and not frame.f_globals["__name__"].startswith("radapt.cli."):
            if frame.f_globals["__name__"].startswith("radapt."):
                names.insert(0, frame.f_code.co_qualname)
            frame = frame.f_back
        assert frame is not None, "no command is among the callers"
        ways.add(tuple(names))
        return steps(*words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "steps_per_epoch", look)
        yield ways


def check(ways: set[tuple[str, ...]]) -> None:
    """Check that training was reached through few calls; refits that only choose a threshold do not count."""
    trained = {way for way in ways if "out_of_fold" not in way}
    assert trained
    assert {way for way in trained if len(way) > DEEPEST} == set()


def test_training_is_near_to_the_command_train(folder, radapt, tmp_path):
    with calls_to_fit() as ways:
        code, _, err = radapt(
            "train", folder, "--size", 32, "--epochs", 1, "--steps", 1, "--out", tmp_path / "run"
        )
    assert code == 0, err
    check(ways)
    assert {way[:2] for way in ways} == {("train_model", "_trained")}


@pytest.mark.parametrize("strategy", ["head", "lp-ft"])
def test_training_is_near_to_the_command_adapt(trained, folder, radapt, tmp_path, strategy):
    words = ["--strategy", strategy, "--budget", 8, "--epochs", 1, "--out", tmp_path / "run"]
    with calls_to_fit() as ways:
        code, _, err = radapt("adapt", trained, folder, *words)
    assert code == 0, err
    check(ways)


def test_training_is_near_to_the_command_study(folder, radapt, tmp_path):
    words = ["--shift", "original", "--size", 32, "--epochs", 1, "--steps", 1, "--budget", 8]
    words += ["--strategies", ",".join(("none", *STRATEGIES))]
    with calls_to_fit() as ways:
        code, _, err = radapt("study", folder, *words, "--out", tmp_path / "study")
    assert code == 0, err
    check(ways)
    assert any("LinearThenFull.adapt" in way for way in ways)


def test_training_is_near_to_a_study_of_several_targets(folder, radapt, tmp_path):
    words = ["--shift", "original", "--shift", "noise@3", "--size", 32, "--epochs", 1, "--steps", 1]
    words += ["--strategies", "none,head", "--budget", 8]
    with calls_to_fit() as ways:
        code, _, err = radapt("study", folder, *words, "--out", tmp_path / "study")
    assert code == 0, err
    check(ways)
