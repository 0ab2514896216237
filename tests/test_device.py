import json
import os
import subprocess
import sys

import pytest
import torch
from samples import write_images

from radapt.device import COLLAPSE, WINDOW, Pace, ThreadPolicy, allowed_cores, idle_cores
from radapt.errors import AskedWrongly


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def threads():
    """PyTorch's number of threads, put back afterwards."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "text", "cores"),
    [
        ("cpu.max", "50000 100000\n", 1),
        ("cpu.max", "max 100000\n", None),
        ("box/cpu.max", "100000 100000\n", 1),
        ("cpu/cpu.cfs_quota_us", "-1\n", None),
        ("cpu/cpu.cfs_quota_us", "20000\n", 1),
        ("cpu,cpuacct/box/cpu.cfs_quota_us", "90000\n", 1),
        ("cpu.max", "garbage", None),
    ],
)
def test_a_quota_of_any_group_bounds_the_cores(tmp_path, name, text, cores):
    write(tmp_path / "groups" / name, text)
    if name.endswith("cfs_quota_us"):
        write((tmp_path / "groups" / name).with_name("cpu.cfs_period_us"), "100000\n")
    write(tmp_path / "cgroup", "4:cpu,cpuacct:/box\n3:memory:/other\n0::/box\n")
    affinity = len(os.sched_getaffinity(0))
    assert allowed_cores(tmp_path / "groups", tmp_path / "cgroup") == (cores or affinity)


def test_a_quota_of_one_and_a_half_cores_is_two_threads(tmp_path):
    write(tmp_path / "groups/cpu.max", "150000 100000\n")
    assert allowed_cores(tmp_path / "groups", tmp_path / "none") == min(2, len(os.sched_getaffinity(0)))


def test_affinity_bounds_the_cores():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from radapt.device import allowed_cores; print(allowed_cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_a_busy_core_is_not_idle():
    ours = sorted(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{ours[0]}}})\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as busy:
        try:
            busy.stdout.readline()
            assert idle_cores(0.3) <= len(ours) - 1
        finally:
            busy.kill()


def test_where_the_system_does_not_tell_all_cores_are_idle(tmp_path):
    assert idle_cores(0, tmp_path / "none") == allowed_cores()


@pytest.mark.usefixtures("threads")
def test_a_number_that_was_asked_for_is_kept():
    policy = ThreadPolicy()
    assert policy.settle(1) == 1
    policy.refresh()
    assert torch.get_num_threads() == 1
    assert not policy.lower()


@pytest.mark.usefixtures("threads")
def test_the_environment_names_the_number(monkeypatch):
    monkeypatch.setenv("RADAPT_THREADS", "1")
    torch.set_num_threads(2)
    assert ThreadPolicy().settle() == 1


@pytest.mark.usefixtures("threads")
def test_never_more_threads_than_pytorch_had():
    torch.set_num_threads(1)
    assert ThreadPolicy().settle() == 1


@pytest.mark.parametrize("given", ["two", "-1", "0", "1.5", "9999", "²"])
def test_a_number_that_is_none_is_refused(given, monkeypatch):
    monkeypatch.setenv("RADAPT_THREADS", given)
    with pytest.raises(AskedWrongly, match="threads"):
        ThreadPolicy().settle()


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def train(pace, clock, steps, seconds):
    for _ in range(steps):
        clock.now += seconds
        pace.step()


def test_a_training_whose_pace_collapses_gets_fewer_threads():
    clock, lowered = Clock(), []
    pace = Pace(lambda: lowered.append(clock.now) or True, clock)
    train(pace, clock, 100, WINDOW / 10)
    assert not lowered
    train(pace, clock, 20, WINDOW / 10 * COLLAPSE * 1.5)
    assert len(lowered) == 1  # once: the new pace is what the next is held against


def test_a_training_that_slows_a_little_keeps_its_threads():
    clock, lowered = Clock(), []
    pace = Pace(lambda: lowered.append(clock.now) or True, clock)
    train(pace, clock, 100, WINDOW / 10)
    train(pace, clock, 100, WINDOW / 10 * 2)
    assert not lowered


def test_a_pause_between_epochs_is_no_collapse():
    clock, lowered = Clock(), []
    pace = Pace(lambda: lowered.append(clock.now) or True, clock)
    for _ in range(5):
        train(pace, clock, 35, WINDOW / 10)
        clock.now += 30 * WINDOW
        pace.restart()
    assert not lowered


def test_the_number_is_recorded_with_the_run_and_with_each_epoch(tmp_path, dataset, radapt):
    images = write_images(tmp_path / "images", dataset)
    code, _, told = radapt(
        "train", images, "--size", 16, "--epochs", 1, "--threads", 1, "--out", tmp_path / "run"
    )
    assert code == 0, told
    assert json.loads((tmp_path / "run/run.json").read_text())["provenance"]["hardware"]["threads"] == 1
    head, row = (tmp_path / "run/history.csv").read_text().splitlines()[:2]
    assert dict(zip(head.split(","), row.split(","), strict=True))["threads"] == "1"
    code, _, told = radapt("train", images, "--threads", 0, "--out", tmp_path / "no")
    assert code == 2
    assert "Got 0" in told
