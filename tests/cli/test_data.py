"""`radapt data` lists public data sets, fetches them, and says what to do where it cannot."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from web_server import BYTES, MEGABYTE, images, md5, serve

from radapt.datasets.catalogue import CATALOGUE

# The command line, in a process of its own, with a row of the catalogue that leads to this machine.
PROGRAM = """
import sys
from radapt.datasets.catalogue import CATALOGUE, DataSet, Remote
about = ("Squares", "squares", 24, "CC0", "Nobody 2020", "https://example.org", "They are square.")
file = Remote({name!r}, {url!r}, {size}, {checksum!r}, folder={folder!r})
CATALOGUE["squares"] = DataSet(*about, reads="radapt study {{to}}/{read} --shift original", files=(file,))
sys.argv = ["radapt", *sys.argv[1:]]
{before}
from radapt.cli.app import main
main()
"""


def program(site, name: str, *, folder: str = "", checksum: str | None = "", before: str = "") -> list[str]:
    content = site.files[name]
    text = PROGRAM.format(
        name=name,
        url=site.url(name),
        size=len(content),
        checksum=md5(content) if checksum == "" else checksum,
        folder=folder,
        read=folder or name,
        before=before,
    )
    return [sys.executable, "-c", text]


def test_the_command_fetches_and_says_what_reads_it(tmp_path):
    with serve({"images.zip": images()}) as site:
        command = [
            *program(site, "images.zip", folder="chest_xray"),
            "data",
            "fetch",
            "squares",
            "--to",
            "my images",
        ]
        run = partial(subprocess.run, command, capture_output=True, text=True, check=True, cwd=tmp_path)
        first, second = run(), run()
    assert first.stdout.splitlines() == [
        "Squares is in my images.",
        "Licence: CC0.",
        "Cite: Nobody 2020.",
        "Beware: They are square.",
        "Read it with: radapt study 'my images'/chest_xray --shift original",
    ]
    assert re.fullmatch(r"fetching images.zip: .*\nunpacking images.zip: .*\n", first.stderr)
    assert second.stdout.splitlines()[0] == "Squares was in my images already, and is complete."
    assert second.stderr == ""


def test_the_command_says_a_checksum_that_nobody_has_published(tmp_path):
    with serve({"a.npz": BYTES}) as site:
        command = [*program(site, "a.npz", checksum=None), "data", "fetch", "squares"]
        process = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert f"sha256:{hashlib.sha256(BYTES).hexdigest()}" in process.stdout
    assert (tmp_path / "data" / "squares" / "a.npz").read_bytes() == BYTES


def test_a_fetch_stopped_by_ctrl_c_goes_on(tmp_path):
    with serve({"a.npz": BYTES}, breaks_after=MEGABYTE, waits=threading.Event()) as site:
        command = [*program(site, "a.npz"), "data", "fetch", "squares", "--to", str(tmp_path)]
        heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as stopped:
            deadline, part = time.monotonic() + 60, tmp_path / "a.npz.part"
            while time.monotonic() < deadline and not (part.exists() and part.stat().st_size):
                time.sleep(0.01)
            stopped.send_signal(signal.SIGINT)
            _, err = stopped.communicate(timeout=30)
        assert stopped.returncode == 130
        assert err.strip().splitlines()[-1].startswith("radapt: Stopped. What was done is kept")
        assert "Traceback" not in err
        kept = part.stat().st_size
        assert kept > 0
        site.waits.set()
        subprocess.run(command, capture_output=True, check=True)
        assert site.asked[-1] == ("a.npz", f"bytes={kept}-")
    assert (tmp_path / "a.npz").read_bytes() == BYTES


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs limits on the size of files")
def test_a_full_disk_is_said_in_one_sentence_and_keeps_what_came(tmp_path):
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))"
    )
    with serve({"a.npz": BYTES}) as site:
        words = ["data", "fetch", "squares", "--to", str(tmp_path)]
        full = [*program(site, "a.npz", before=limit), *words]
        process = subprocess.run(full, capture_output=True, text=True, check=False)
        assert process.returncode == 1
        *_, said = process.stderr.strip().splitlines()
        assert said.startswith(f"radapt: Could not write in {tmp_path}: File too large.")
        assert (tmp_path / "a.npz.part").stat().st_size == 1_500_000
        subprocess.run([*program(site, "a.npz"), *words], capture_output=True, check=True)
        assert site.asked[-1] == ("a.npz", "bytes=1500000-")
    assert (tmp_path / "a.npz").read_bytes() == BYTES


def test_the_list_names_every_set_and_what_it_allows(radapt):
    code, out, err = radapt("data", "list")
    assert (code, err) == (0, "")
    for name, data in CATALOGUE.items():
        line = next(line for line in out.splitlines() if line.split()[0] == name)
        assert f"{data.images:,}" in line
        assert data.what in line
        assert data.licence.partition(":")[0] in line
    code, out, _ = radapt("data", "list", "--json")
    sets = {each["name"]: each for each in json.loads(out)["data"]}
    assert code == 0
    assert list(sets) == list(CATALOGUE)
    assert sets["kermany"]["bytes"] == 1_235_512_464
    assert sets["pneumoniamnist"]["sizes"] == [128, 28, 64, 224]
    assert sets["vindr"]["fetched"] is False


@pytest.mark.parametrize("name", [name for name, data in CATALOGUE.items() if data.steps])
def test_a_set_behind_a_login_says_what_to_do_and_fails(name, radapt, tmp_path):
    code, out, err = radapt("data", "fetch", name, "--to", tmp_path)
    assert code == 1
    assert err == ""
    assert "1. " in out
    assert "2. " in out
    assert "{" not in out
    assert CATALOGUE[name].command(str(tmp_path)) in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["kermanny"], "There is no data set called 'kermanny'. Did you mean 'kermany'?"),
        (["pneumoniamnist", "--size", "32"], "It comes in 28, 64, 128, 224."),
        (["kermany", "--parts", "2"], "It comes in one part"),
        (["chexpert", "--size", "28"], "only one size"),
    ],
)
def test_a_wrong_request_is_said_in_one_sentence(words, says, radapt):
    code, out, err = radapt("data", "fetch", *words)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1
