"""Ctrl-C and SIGTERM in the first seconds of a command end it in one sentence, whenever they come."""

import functools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from samples import make_dataset, write_images

STATUS = "import signal; print(*map(signal.getsignal, (signal.SIGTERM, signal.SIGINT)))"
WAYS = {
    "module": ["-m", "radapt"],
    "script": [
        "-c",
        "import sys; sys.argv[0] = 'radapt'; from radapt.__main__ import main; sys.exit(main())",
    ],
}

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("images"), make_dataset(train=64))


def is_heeding(process: subprocess.Popen) -> bool:
    """Say whether a process has a handler of its own for SIGTERM."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def stopped(words: list[object], number: int, after: float) -> tuple[int, str]:
    """Send a signal so long after a command has begun to heed signals; give its exit code and errors."""
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which a background job ignores
    command = [sys.executable, *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=heed
    ) as process:
        until = time.monotonic() + 60
        while not is_heeding(process):
            assert time.monotonic() < until
        time.sleep(after)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("after", [0.0, 0.05, 0.2, 0.6, 1.2, 2.5])
def test_a_signal_at_any_moment_is_one_sentence(way, after, image_folder, tmp_path):
    number, code = {"module": (signal.SIGINT, 130), "script": (signal.SIGTERM, 143)}[way]
    words = ["train", image_folder, "--size", 16, "--epochs", 5000, "--out", tmp_path / "out"]
    found, err = stopped([*WAYS[way], *words], number, after)
    *_, last = err.splitlines()
    assert found == code
    assert last.startswith("radapt: Stopped")
    assert err.count("radapt:") == 1
    assert "Traceback" not in err
    assert "ignored" not in err


def test_the_log_of_a_stopped_command_ends_with_the_sentence_that_it_printed(image_folder, tmp_path):
    log = tmp_path / "log.txt"
    words = ["train", image_folder, "--size", 16, "--epochs", 5000, "--out", tmp_path / "out", "--log", log]
    command = [sys.executable, "-m", "radapt", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not (log.exists() and log.read_text()):  # until it has begun to work
            assert time.monotonic() < until
            time.sleep(0.02)
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert log.read_text().splitlines()[-1].endswith(f" {err.splitlines()[-1]}")
    assert "radapt: Stopped" in err.splitlines()[-1]


@pytest.mark.parametrize("after", [0.0, 0.01, 0.02, 0.03])
def test_ctrl_c_while_the_package_is_imported_is_no_traceback(after):
    code = (
        "import os, signal, sys, threading, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import radapt.__main__ as start\n"
        f"threading.Timer({after}, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.argv = ['radapt', 'demo']\n"
        "start.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (130, "radapt: Stopped before anything was done.\n")


def test_a_signal_that_the_process_was_started_to_ignore_is_ignored():
    code = f"{STATUS}; from radapt.cli import stopping; stopping.install(); {STATUS}"
    ignore = functools.partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=ignore
    )
    before, after = process.stdout.splitlines()
    assert before == "Handlers.SIG_DFL Handlers.SIG_IGN" or before == "0 1"
    assert after.startswith("<function")
    assert after.split()[-1] == before.split()[-1]
