"""A damaged file is read or named: none ends the process, hangs, or takes a gigabyte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KINDS = (
    *("JPEG", "PNG", "TIFF", "BMP", "WebP", "GIF", "PPM"),
    *("DICOM implicit", "DICOM explicit", "DICOM big-endian", "DICOM RLE"),
    *("DICOM JPEG", "DICOM JPEG extended", "DICOM JPEG lossless", "DICOM JPEG lossless, first order"),
    *("DICOM JPEG-LS", "DICOM JPEG-LS near-lossless", "DICOM JPEG 2000 lossless", "DICOM JPEG 2000"),
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is bounded on Linux")


def run(folder, count, *kinds, seconds):
    """Read damaged files in a process of its own, and give what it says of each kind."""
    progress = folder / "progress"
    command = [sys.executable, str(HERE / "mutations.py"), str(progress), str(count), *kinds]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=dict(os.environ))
    at = progress.read_bytes().split(b"\n")[0].decode()
    assert done.returncode == 0, f"ended by {done.returncode} at {at}: {done.stderr[-2000:]}"
    lines = dict(line.split(": ") for line in done.stdout.splitlines())
    assert tuple(lines) == (kinds or KINDS)
    return lines


def test_a_few_damaged_files_of_every_kind_are_read_or_named(tmp_path):
    lines = run(tmp_path, 25, seconds=60)
    # Damage that is always found out, or never, would show that it does not reach the decoders.
    assert not [
        kind for kind, said in lines.items() if said.startswith("25 read") or said.endswith(" 25 named")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_damaged_files_are_read_or_named(kind, tmp_path):
    run(tmp_path, 1000, kind, seconds=120)


@pytest.mark.parametrize(
    ("code", "ending"),
    [("while True: pass", -14), ("bytearray(2**31)", 1), ("import os; os.abort()", -6)],
)
def test_a_reader_that_hangs_or_grows_or_crashes_would_be_found_out(code, ending, tmp_path):
    begin = "import sys, mutations; mutations.SECONDS = 1; mutations.decode = lambda *_: exec(sys.argv[2]); "
    command = f"{begin}mutations.main(mutations.Path(sys.argv[1]), 1, ['BMP'])"
    done = subprocess.run(
        [sys.executable, "-c", command, str(tmp_path / "progress"), code],
        capture_output=True,
        timeout=60,
        cwd=HERE,
    )
    assert done.returncode == ending
