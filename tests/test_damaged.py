"""Damaged files of a run are made again or named, and a full disk or a pipe in place of a file is told."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from radapt.drift.reference import read_reference
from radapt.errors import BadArtefact, RadaptError
from radapt.evaluation.stress import StressOptions, stress_model
from radapt.models.checkpoint import load_classifier
from radapt.predictions import Predictions
from radapt.progress import Silent
from radapt.report.example_images import stored_images
from radapt.runs.folder import read_history, read_record
from radapt.runs.train import TrainOptions, train_model
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.training.recipe import Recipe

resource = pytest.importorskip("resource")
STUDY = Plan(strategies=("none", "head"), budgets=("8",), epochs=1, steps=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory, dataset, hardware) -> Path:
    return trained(tmp_path_factory.mktemp("run") / "out", dataset, hardware)


@pytest.fixture(scope="module")
def studied(tmp_path_factory, dataset, hardware) -> Path:
    out = tmp_path_factory.mktemp("study") / "out"
    run_study(STUDY, dataset, None, out, hardware=hardware)
    return out


@pytest.fixture
def study(studied, tmp_path) -> Path:
    return shutil.copytree(studied, tmp_path / "study")


@pytest.fixture
def in_time():
    """Ends a test that waits for what never comes."""
    signal.alarm(60)
    yield
    signal.alarm(0)


def trained(out: Path, dataset, hardware, watch=None) -> Path:
    recipe = Recipe(epochs=2, batch_size=16)
    train_model(dataset, out, TrainOptions(recipe=recipe), hardware=hardware, watch=watch or Silent())
    return out


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["run.json", "scores.json"])
def test_a_run_whose_record_or_scores_are_cut_off_is_made_again(
    name, run, dataset, hardware, tmp_path, caplog
):
    out = shutil.copytree(run, tmp_path / "out")
    cut(out / name)
    trained(out, dataset, hardware)
    assert f"{out / name} could not be read as JSON" in caplog.text
    assert (out / "scores.json").read_bytes() == (run / "scores.json").read_bytes()
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert read_record(out)["epochs"] == 2


def test_where_it_is_not_known_what_a_folder_holds_its_user_is_told_what_to_delete(
    run, dataset, hardware, tmp_path
):
    out = shutil.copytree(run, tmp_path / "out")
    cut(out / "asked.json")
    with pytest.raises(BadArtefact, match=rf"asked.json could not be read .* Delete {out} to begin again"):
        trained(out, dataset, hardware)
    cut(out / "classifier.json")
    with pytest.raises(BadArtefact, match=rf"classifier.json could not be read .* Delete {out}, and make"):
        load_classifier(out)


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("model.safetensors", lambda path, _: load_classifier(path.parent)),
        ("classifier.json", lambda path, _: load_classifier(path.parent)),
        ("reference.safetensors", lambda path, model: read_reference(path.parent, model)),
        ("predictions/source-test.parquet", lambda path, _: Predictions.load(path)),
        ("history.csv", lambda path, _: read_history(path)),
        ("images.npz", lambda path, _: stored_images(path, ["source"])),
    ],
)
def test_a_pipe_or_a_device_is_refused_and_not_waited_for(kind, name, read, run, tmp_path):
    out = shutil.copytree(run, tmp_path / "out")
    model = load_classifier(out)
    (out / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(out / name)
    else:
        (out / name).symlink_to("/dev/zero")
    with pytest.raises(RadaptError, match="is not a file|holds no trained model"):
        read(out / name, model)


@pytest.mark.parametrize("name", ["study.json", "occlusion.json", "cells/head-8-s0/run.json"])
def test_a_study_makes_again_what_is_cut_off(name, study, studied, dataset, hardware):
    before = json.loads((studied / "study.json").read_text())
    cut(study / name)
    after = run_study(STUDY, dataset, None, study, hardware=hardware)
    assert after["estimates"] == before["estimates"]
    assert after["occlusions"] == before["occlusions"]
    json.loads((study / name).read_text())


def test_a_study_names_what_to_delete_where_it_cannot_be_made_again(study, dataset, hardware):
    cell = study / "cells/head-8-s0"
    cut(cell / "predictions/target-test.parquet")
    with pytest.raises(BadArtefact, match=rf"target-test.parquet could not .* Delete {cell}: the same"):
        run_study(STUDY, dataset, None, study, hardware=hardware)
    shutil.rmtree(cell)
    run_study(STUDY, dataset, None, study, hardware=hardware)
    cut(study / "plan.json")
    with pytest.raises(BadArtefact, match=rf"plan.json could not be read .* Delete {study} to begin again"):
        run_study(STUDY, dataset, None, study, hardware=hardware)


def test_a_stress_test_makes_again_what_is_cut_off(run, dataset, hardware, tmp_path):
    model, out = load_classifier(run), tmp_path / "out"

    def stressed():
        return stress_model(model, dataset["test"], out, StressOptions("noise", draws=40), hardware=hardware)

    before = stressed()
    cut(out / "stress.json")
    assert stressed()["cells"] == before["cells"]
    cut(out / "stress.json")
    cut(out / "cells.json")
    assert stressed()["cells"] == before["cells"]


class AtTheEnd(Silent):
    """Does something when training is over, the first task that ends."""

    def __init__(self, act) -> None:
        self.acts = [act]

    def end(self) -> None:
        while self.acts:
            self.acts.pop()()


def test_a_folder_in_place_of_a_file_is_told_and_training_is_kept(run, dataset, hardware, tmp_path):
    out = tmp_path / "out"
    watch = AtTheEnd((out / "model.safetensors").mkdir)
    with pytest.raises(RadaptError, match=rf"Could not write {out / 'model.safetensors'}: Is a directory"):
        trained(out, dataset, hardware, watch)
    assert (out / "training.pt").is_file()
    (out / "model.safetensors").rmdir()
    trained(out, dataset, hardware)
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_a_disk_that_is_full_at_the_end_of_a_training_keeps_it(run, dataset, hardware, tmp_path):
    out, (soft, hard) = tmp_path / "out", resource.getrlimit(resource.RLIMIT_FSIZE)
    watch = AtTheEnd(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard)))
    try:
        with pytest.raises(RadaptError, match="Could not write"):
            trained(out, dataset, hardware, watch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (out / "training.pt").is_file()
    trained(out, dataset, hardware)
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
