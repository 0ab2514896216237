"""One process at a time writes to an output folder, and a folder that is removed meanwhile is told."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from samples import write_images

from radapt.artefacts import SCHEMA
from radapt.datasets.catalogue import look_up
from radapt.datasets.fetch import fetch
from radapt.errors import AskedWrongly, RadaptError, WrongFolder
from radapt.evaluation.stress import StressOptions, stress_model
from radapt.files import write_text
from radapt.lock import SUFFIX, alone_in
from radapt.models.table import build, new_spec
from radapt.progress import Silent
from radapt.report.render import write_report
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.train import TrainOptions, train_model
from radapt.shift.export import write_shifted
from radapt.shift.expression import parse_shift
from radapt.study.experiment import run_study
from radapt.study.multi_target import Member, run_several
from radapt.study.plan import Plan
from radapt.training.recipe import Recipe
from radapt.workfolder import reserve_folder

HOLDING = """
import sys, time
from pathlib import Path
from radapt.files import write_document
from radapt.lock import alone_in

out = Path(sys.argv[1])
with alone_in(out):
    write_document(out / "asked.json", {"kind": "train"})
    print("taken", flush=True)
    time.sleep(600)
"""
QUICK = Recipe(epochs=2, batch_size=16)
STUDY = Plan(strategies=("none", "head"), budgets=("8",), epochs=1, steps=1)


@pytest.fixture
def holder(tmp_path):
    """A process that has taken the folder `out`."""
    words = [sys.executable, "-c", HOLDING, str(tmp_path / "out")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def take(folder: Path) -> bool:
    with reserve_folder(folder, {"kind": "train"}, "asked.json") as begun:
        return begun


def test_a_second_process_is_refused_and_told_which_has_the_folder(holder, tmp_path):
    with pytest.raises(
        RadaptError, match=rf"is being written by another radapt \(process {holder.pid}\); "
    ) as no:
        take(tmp_path / "out")
    assert no.value.exit_code == 1
    holder.kill()
    holder.wait()
    assert take(tmp_path / "out"), "a killed process keeps nobody out, and its work goes on"
    assert names(tmp_path / "out") == ["asked.json"]


def test_a_page_is_not_drawn_where_another_process_writes(holder, tmp_path):
    (tmp_path / "out/run.json").write_text(f'{{"schema": {SCHEMA}}}')
    with pytest.raises(RadaptError, match=rf"\(process {holder.pid}\); wait until it is done\."):
        write_report(tmp_path / "out")
    assert sorted(names(tmp_path / "out")) == [SUFFIX, "asked.json", "run.json"]
    holder.kill()
    holder.wait()
    assert write_report(tmp_path / "out").is_file()
    with pytest.raises(WrongFolder):
        write_report(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_data_set_is_not_fetched_where_another_process_writes(holder, tmp_path):
    data = look_up("pneumoniamnist")
    with pytest.raises(RadaptError, match=rf"\(process {holder.pid}\); wait .* or choose another --to\."):
        fetch(data, data.choose(28), tmp_path / "out", watch=Silent())
    assert sorted(names(tmp_path / "out")) == [SUFFIX, "asked.json"]


def test_a_folder_with_nothing_but_the_lock_of_a_killed_process_is_taken(holder, tmp_path):
    holder.kill()
    holder.wait()
    (tmp_path / "out/asked.json").unlink()
    assert names(tmp_path / "out") == [SUFFIX]
    assert not take(tmp_path / "out")


def test_a_folder_of_something_else_is_left_without_a_lock(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AskedWrongly, match="not empty"):
        take(tmp_path)
    assert names(tmp_path) == ["notes.txt"]


@pytest.mark.usefixtures("holder")
def test_several_studies_are_of_one_process_too(tmp_path, dataset, hardware):
    two = [
        Member(replace(STUDY, shift=shift), shift, lambda: (dataset, None))
        for shift in ("original", "noise(3)")
    ]
    (tmp_path / "out" / "several.json").write_text("{}")
    with pytest.raises(RadaptError, match="is being written by another radapt"):
        list(run_several(two, tmp_path / "out", hardware=hardware))
    assert (tmp_path / "out/several.json").read_text() == "{}"


def test_a_second_command_ends_in_one_sentence(tmp_path, dataset, radapt):
    images, out = write_images(tmp_path / "images", dataset), tmp_path / "out"
    words = ["train", images, "--size", 16, "--epochs", 5000, "--out", out]
    first = subprocess.Popen([sys.executable, "-m", "radapt", *map(str, words)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while not (out / "asked.json").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        code, _, err = radapt(*words)
        assert code == 1
        assert err.splitlines()[-1] == (
            f"radapt: {out} is being written by another radapt (process {first.pid}); "
            "wait or choose another --out."
        )
    finally:
        first.kill()
        first.wait()


class Removing(Silent):
    """Takes the folder away, or what lies there by then, whenever work has got on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def advance(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def refused(work, out: Path) -> None:
    with pytest.raises(RadaptError, match=rf"{out} was removed while it was being written") as no:
        work()
    assert no.value.exit_code == 1
    assert not (out / "run.json").exists()


def test_a_training_whose_folder_is_removed_ends_with_a_sentence(tmp_path, dataset, hardware):
    out = tmp_path / "out"
    about = {"hardware": hardware, "watch": Removing(out)}
    refused(lambda: train_model(dataset, out, TrainOptions(recipe=QUICK), **about), out)
    base = build(new_spec("compact", dataset.classes, size=16))
    refused(lambda: adapt_model(base, dataset, out, AdaptOptions("head", epochs=1), **about), out)


def test_a_study_whose_folder_is_removed_ends_with_a_sentence(tmp_path, dataset, hardware):
    out = tmp_path / "out"
    refused(lambda: run_study(STUDY, dataset, None, out, hardware=hardware, watch=Removing(out)), out)


def test_a_stress_test_whose_folder_is_removed_ends_with_a_sentence(tmp_path, dataset, hardware):
    out, base = tmp_path / "out", build(new_spec("compact", dataset.classes, size=16)).eval()
    about = {"options": StressOptions("noise", draws=40), "hardware": hardware, "watch": Removing(out)}
    refused(lambda: stress_model(base, dataset["test"], out, **about), out)


def test_a_shifted_set_whose_folder_is_removed_ends_with_a_sentence(tmp_path, dataset):
    out = tmp_path / "out"
    refused(lambda: write_shifted(dataset, parse_shift("noise(3)"), out, watch=Removing(out)), out)


def test_a_folder_that_is_another_by_now_is_not_written_to(tmp_path):
    def work():
        with alone_in(tmp_path / "out"):
            (tmp_path / "out").rename(tmp_path / "moved")
            (tmp_path / "out").mkdir()
            write_text(tmp_path / "out/deep/file.txt", "lost")

    refused(work, tmp_path / "out")
    assert not names(tmp_path / "out")


def test_a_folder_that_is_removed_after_the_last_file_is_told_too(tmp_path):
    def work():
        with alone_in(tmp_path / "out"):
            write_text(tmp_path / "out/file.txt", "lost")
            shutil.rmtree(tmp_path / "out")

    refused(work, tmp_path / "out")


def test_a_folder_that_was_removed_and_taken_by_another_stays_theirs(tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-c", HOLDING, str(out)]
    holding = alone_in(out)
    holding.__enter__()
    shutil.rmtree(out)
    other = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "taken\n"
    with pytest.raises(RadaptError, match="was removed while it was being written"):
        holding.__exit__(None, None, None)
    try:
        assert SUFFIX in names(out)
        with pytest.raises(RadaptError, match=f"process {other.pid}"):
            take(out)
    finally:
        other.kill()
        other.communicate()


def test_what_a_kill_left_is_swept_and_nothing_else(tmp_path):
    ours = ["run.json", "cells/none-s0/.training.pt.k3j_x9ab", ".images.npz.abcdefgh"]
    others = [".hidden.json", "run.json.abcdefgh", ".notes.txt.abcdefgh", "stress-all/.cells.json.abcdefgh"]
    others += [".run.json.swp", ".notes.md.bak", ".plan.toml.orig"]
    assert not take(tmp_path / "out")
    for name in [*ours, *others, f"stress-all/{SUFFIX}"]:
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("{}")
    assert take(tmp_path / "out")
    left = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert left == {"asked.json", "run.json", *others, f"stress-all/{SUFFIX}"}


def test_half_a_file_that_a_kill_left_is_swept_where_the_file_is_written_again(tmp_path):
    for name, age in {".p.toml.abcdefgh": 100, ".p.toml.younger_": 0, ".q.toml.abcdefgh": 100}.items():
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    write_text(tmp_path / "p.toml", "whole")
    assert sorted(names(tmp_path)) == [".p.toml.younger_", ".q.toml.abcdefgh", "p.toml"]
