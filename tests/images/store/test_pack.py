"""A store holds what was read, opens at once, survives a kill, and says when it is damaged."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import Steps

from radapt.errors import AskedWrongly, BadArtefact, RadaptError, WrongFolder
from radapt.images.imageset import DataProvenance
from radapt.images.pixels import read_grey
from radapt.images.preprocessing import Preprocessing
from radapt.images.store.pack import PackSource, Row, recover, write_store
from radapt.images.store.store import is_store, open_store, verify_store
from radapt.parquet import read_table
from radapt.progress import SILENT

ORIGIN = DataProvenance("images", "file", "folders", Preprocessing(8).as_dict(), "")
CLASSES = ("A", "B")


def make_rows(folder, count=60):
    """Write images of two classes in three splits, and give the rows to pack them by."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(count)
    rows = []
    for number in range(count):
        path = folder / f"{number:03d}.png"
        Image.fromarray(rng.integers(0, 256, (12, 10), dtype=np.uint8)).save(path)
        split = ("test", "train", "val")[number % 3]  # not in the order of the store
        rows.append(Row(path, f"{split}/{number:03d}.png", number // 3 % 2, f"p{number // 2}", split))
    return rows


def pack(folder, rows, progress=None, size=8):
    write_store(
        folder,
        PackSource(rows, folder, CLASSES, ORIGIN),
        reading=Preprocessing(size),
        watch=SILENT if progress is None else Steps(progress),
    )
    return open_store(folder)


@pytest.fixture
def rows(tmp_path):
    return make_rows(tmp_path / "images")


@pytest.fixture
def store(tmp_path, rows):
    return pack(tmp_path / "store", rows)


def test_a_store_gives_back_every_image_in_its_split(store, rows):
    assert list(store.splits) == ["train", "val", "test"]
    assert store.classes == CLASSES
    for split, images in store.splits.items():
        expected = [row for row in rows if row.split == split]
        assert images.ids.tolist() == [row.id for row in expected]
        assert images.labels.tolist() == [row.label for row in expected]
        assert images.patients.tolist() == [row.patient for row in expected]
        assert np.array_equal(
            images.pixels, np.stack([read_grey(row.path, Preprocessing(8)) for row in expected])
        )


def test_the_pixels_of_a_split_are_a_view_of_the_file_that_cannot_be_written_to(store):
    whole = {id(images.pixels.base) for images in store.splits.values()}
    assert len(whole) == 1
    with pytest.raises(ValueError, match="read-only"):
        store["train"].pixels[0, 0, 0] = 1


def test_the_table_says_what_each_file_was(tmp_path, store):
    table = read_table(tmp_path / "store/table.parquet")
    where = ["id", "label", "patient", "split"]
    more = ["bytes", "width", "height", "bits", "low", "high", "outside", "digest", "pixels", "modified"]
    assert list(table) == [*where, *more]
    assert (set(table["width"]), set(table["height"]), set(table["bits"])) == ({10}, {12}, {8})
    assert (set(table["low"]), set(table["high"]), set(table["outside"])) == ({0}, {255}, {0})
    assert len(set(table["digest"])) == 60
    assert store.origin.preprocessing == Preprocessing(8).as_dict()


def test_a_bad_file_is_named_and_left_out_and_the_rest_are_in_their_places(tmp_path, rows):
    rows[4].path.write_bytes(b"")
    rows[0].path.write_text("no image")
    whole = pack(tmp_path / "store", rows)
    assert dict(whole.origin.failed) == {
        rows[4].id: "is empty (0 bytes)",
        rows[0].id: "is not an image (JPEG, PNG, TIFF, BMP, WebP, GIF, PPM or DICOM)",
    }
    left = [row for row in rows if row.split == "test" and row is not rows[0]]
    assert whole["test"].ids.tolist() == [row.id for row in left]
    assert np.array_equal(
        whole["test"].pixels, np.stack([read_grey(row.path, Preprocessing(8)) for row in left])
    )
    verify_store(tmp_path / "store")


def test_a_class_without_a_readable_image_is_refused_with_its_first_failures(tmp_path, rows):
    for row in rows:
        if row.split == "train" and row.label == 1:
            row.path.write_bytes(b"")
    with pytest.raises(
        AskedWrongly, match="None of the 10 images of the class 'B' in train can be read: train/"
    ):
        pack(tmp_path / "store", rows)
    assert not is_store(tmp_path / "store")


def test_the_fingerprint_depends_on_the_images_and_not_on_where_they_lie(tmp_path, store, rows):
    elsewhere = make_rows(tmp_path / "elsewhere")
    assert pack(tmp_path / "other", elsewhere).origin.fingerprint == store.origin.fingerprint
    Image.new("L", (12, 10), 7).save(elsewhere[0].path)
    assert pack(tmp_path / "changed", elsewhere).origin.fingerprint != store.origin.fingerprint
    assert pack(tmp_path / "fewer", rows[:-1]).origin.fingerprint != store.origin.fingerprint


class _Stop(Exception):
    pass


def stop_at(limit):
    def progress(done, total):
        assert total == 60
        if done >= limit:
            raise _Stop

    return progress


def done(partial):
    """Give the rows that the journal of a stopped work says are done."""
    lines = (partial / "journal.jsonl").read_text().splitlines()[1:]
    return [json.loads(line)[0] for line in lines]


def in_order(rows):
    return sorted(rows, key=lambda row: ("train", "val", "test").index(row.split))


def test_what_was_decoded_before_an_interruption_is_not_decoded_again(tmp_path, rows, store):
    folder = tmp_path / "again"
    with pytest.raises(_Stop):
        pack(folder, rows, stop_at(32))
    assert not folder.exists()
    kept = done(tmp_path / "again.partial")
    assert 32 <= len(kept) < 60
    for at in kept:
        in_order(rows)[at].path.write_bytes(b"")  # would now fail
    with (tmp_path / "again.partial/journal.jsonl").open("a") as journal:
        journal.write('[59, "abc", 1')  # a kill in the middle of a line
    seen = []
    resumed = pack(folder, rows, lambda done, _: seen.append(done))
    assert seen[0] == len(kept)
    assert resumed.origin.fingerprint == store.origin.fingerprint
    for split, images in store.splits.items():
        assert resumed[split].digest() == images.digest()
    assert sorted(path.name for path in folder.iterdir()) == ["pixels.npy", "store.json", "table.parquet"]
    assert not (tmp_path / "again.partial").exists()


def test_work_on_other_images_or_at_another_size_is_not_gone_on_with(tmp_path, rows):
    with pytest.raises(_Stop):
        pack(tmp_path / "again", rows, stop_at(32))
    seen = []
    assert (
        pack(tmp_path / "again", rows, lambda done, _: seen.append(done), size=9)["val"].pixels.shape[1] == 9
    )
    assert seen[0] == 0


def keyed(folder, rows, key="these", progress=None):
    write_store(
        folder,
        PackSource(rows, folder, CLASSES, ORIGIN),
        reading=Preprocessing(8),
        request="images",
        key=key,
        watch=SILENT if progress is None else Steps(progress),
    )


def test_a_kill_before_the_store_is_whole_decodes_nothing_again(tmp_path, rows, monkeypatch):
    """Whichever of the last steps it came at: after the pixels are kept, or before the place is taken."""
    folder, partial, seen = tmp_path / "store", tmp_path / "store.partial", []

    def killed(*_):
        raise _Stop

    for step in ("write_table", "sha256", "_take_place"):
        with monkeypatch.context() as patch:
            patch.setattr(f"radapt.images.store.pack.{step}", killed)
            with pytest.raises(_Stop):
                keyed(folder, rows)
        assert (partial / "pixels.npy").exists()
        for row in rows:
            row.path.write_bytes(b"")  # would now fail
    keyed(folder, rows, progress=lambda done, _: seen.append(done))
    assert seen in ([], [60])
    verify_store(folder)
    assert sum(map(len, open_store(folder).splits.values())) == 60
    assert not partial.exists()


def test_a_whole_store_of_other_images_that_was_left_is_not_taken_for_the_one_that_is_wanted(
    tmp_path, rows, monkeypatch
):
    def killed(*_):
        raise _Stop

    with monkeypatch.context() as patch:
        patch.setattr("radapt.images.store.pack._take_place", killed)
        with pytest.raises(_Stop):
            keyed(tmp_path / "store", rows)
    with pytest.raises(_Stop):
        keyed(tmp_path / "store", rows[:30], key="fewer", progress=killed)
    assert not is_store(tmp_path / "store.partial")
    keyed(tmp_path / "store", rows)
    verify_store(tmp_path / "store")


def test_what_kills_left_is_swept_when_the_store_is_packed_again(tmp_path, rows):
    store, aside = tmp_path / "store", tmp_path / ".store.radapt-aside"
    store.mkdir()
    (store / ".asked.json.abcdefgh").write_text("{")
    keyed(store, rows)
    assert {path.name for path in store.iterdir()} == {"store.json", "pixels.npy", "table.parquet"}
    shutil.copytree(store, aside)
    (aside / "store.json").unlink()  # a kill in the middle of deleting it
    recover(store)
    assert not aside.exists()
    verify_store(store)
    store.rename(aside)
    recover(store)
    verify_store(store)


STOPPED = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/../.."]
from pathlib import Path
from test_pack import make_rows, pack
from radapt.images import workers

folder = Path(sys.argv[2])
rows = make_rows(folder / "images", 12)
read = workers.decode

def slow(data, reading):  # as large images are: without a word to whoever waits
    time.sleep(0.3 if len(made) < 4 else 60)
    made.append(1)
    return read(data, reading)

made, armed, workers.decode = [], [], slow

def progress(done, total):
    if done >= 4 and not armed:  # one signal, also where a fifth image is done before it comes
        armed.append(1)
        for seconds in (0.5, 20):  # again, should the first come while Python ignores exceptions
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
            timer.daemon = True
            timer.start()

try:
    pack(folder / "store", rows, progress)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_stop_does_not_wait_for_a_large_image_and_keeps_those_before_it(tmp_path):
    words = [sys.executable, "-c", STOPPED, str(Path(__file__).parent), str(tmp_path)]
    ended = subprocess.run(words, timeout=55, capture_output=True, text=True, check=True)
    assert ended.stdout == "stopped\n"
    assert len(done(tmp_path / "store.partial")) >= 4


def test_images_that_no_disk_has_room_for_are_refused_before_one_is_decoded(tmp_path, rows):
    many = [replace(row, id=f"{row.split}/{number}") for number in range(5000) for row in rows]
    with pytest.raises(
        RadaptError, match=r"300,000 images of 4096 x 4096 need 5,\d\d\d,\d\d\d MB more on the disk"
    ):
        pack(tmp_path / "store", many, size=4096)


KILLED = """
import os, signal, sys, time
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/../.."]
from pathlib import Path
from test_pack import make_rows, pack

def progress(done, total):
    time.sleep(0.4)
    if done == total:
        os.kill(os.getpid(), signal.SIGKILL)

pack(Path(sys.argv[2]) / "store", make_rows(Path(sys.argv[2]) / "images"), progress)
"""


def test_a_killed_process_leaves_work_that_another_takes_up(tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path)], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "store").exists()
    seen = []
    rows = make_rows(tmp_path / "images")
    resumed = pack(tmp_path / "store", rows, lambda done, _: seen.append(done))
    assert 0 < seen[0] < 60
    assert resumed["train"].digest() == pack(tmp_path / "fresh", rows)["train"].digest()


WORKING = """
import sys, time
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/../.."]
from pathlib import Path
from test_pack import CLASSES, ORIGIN, PackSource, Preprocessing, RadaptError, Steps
from test_pack import make_rows, noted, write_store

folder, name, anew, request = Path(sys.argv[2]), sys.argv[3], eval(sys.argv[4]), sys.argv[5]

def progress(done, total):
    (folder / f"{name} works").touch()
    while not (folder / f"{name} may go on").exists():
        time.sleep(0.01)

rows = noted(make_rows(folder / name), anew=anew)
try:
    write_store(
        folder / "store", PackSource(rows, folder, CLASSES, ORIGIN), reading=Preprocessing(8),
        request=request, watch=Steps(progress),
    )
    print("packed")
except RadaptError as error:
    print(error)
"""


@pytest.fixture
def start(tmp_path):
    """Start packing the same images into one store, in a process of its own that goes on when it may."""
    started = []

    def begin(name, *, anew=(), request=""):
        words = [sys.executable, "-c", WORKING, str(Path(__file__).parent), str(tmp_path), name]
        started.append(
            subprocess.Popen([*words, repr(anew), request], stdout=-1, stderr=-1, text=True, bufsize=1)
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_for(path):
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} is not there"
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_of_two_processes_that_update_one_store_the_second_waits_and_says_so(tmp_path, start):
    pack(tmp_path / "store", noted(make_rows(tmp_path / "images")))
    first = start("first", anew=range(0, 20))
    wait_for(tmp_path / "first works")
    second = start("second", anew=range(10, 30))
    assert f"Another process is packing {tmp_path / 'store'}; waiting" in second.stderr.readline()
    assert not (tmp_path / "second works").exists()
    for name, process in {"first": first, "second": second}.items():
        (tmp_path / f"{name} may go on").touch()
        assert process.communicate(timeout=60) == ("packed\n", "")
    verify_store(tmp_path / "store")
    notices = dict(
        zip(*(read_table(tmp_path / "store/table.parquet")[name] for name in ("id", "modified")), strict=True)
    )
    assert {int(image[-7:-4]) for image, modified in notices.items() if modified == "2"} == set(range(10, 30))
    assert {path.name for path in tmp_path.glob("*store*")} == {"store"}
    assert not list(tmp_path.glob(".store*"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_the_lock_of_a_killed_process_keeps_nobody_out(tmp_path, start):
    first = start("first")
    wait_for(tmp_path / "first works")
    second = start("second")
    assert "waiting until it is done" in second.stderr.readline()
    first.kill()
    (tmp_path / "second may go on").touch()
    assert second.communicate(timeout=60) == ("packed\n", "")
    verify_store(tmp_path / "store")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_who_waited_for_a_store_of_other_images_writes_over_nothing(tmp_path, start):
    start("first", request="these")
    wait_for(tmp_path / "first works")
    second = start("second", request="those")
    assert "waiting until it is done" in second.stderr.readline()
    (tmp_path / "first may go on").touch()
    told, _ = second.communicate(timeout=60)
    assert (
        told == f"There is already something at {tmp_path / 'store'}. Give a folder that is not there yet.\n"
    )
    assert json.loads((tmp_path / "store/store.json").read_text())["request"] == "these"


FULL = """
import resource, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/../.."]
from pathlib import Path
from test_pack import RadaptError, make_rows, pack

rows = make_rows(Path(sys.argv[2]) / "images")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    pack(Path(sys.argv[2]) / "store", rows, size=64)
except RadaptError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(Path(__file__).parent), str(tmp_path)],
        timeout=60,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Could not write the store" in done.stdout
    assert "File too large" in done.stdout


def test_a_folder_with_something_in_it_is_never_written_into_and_an_empty_one_is(tmp_path, rows):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("dear to me")
    with pytest.raises(WrongFolder, match="already something"):
        pack(tmp_path / "mine", rows)
    (tmp_path / "empty").mkdir()
    assert len(pack(tmp_path / "empty", rows)["train"]) == 20


def noted(rows, *, anew=()):
    return [replace(row, modified="2" if at in anew else "1") for at, row in enumerate(rows)]


def test_an_update_that_is_interrupted_decodes_neither_what_is_known_nor_what_it_has_done(tmp_path, rows):
    folder, seen = tmp_path / "store", []
    pack(folder, noted(rows))
    before = (folder / "store.json").read_bytes()
    changed = range(0, 60, 2)
    for at in changed:
        Image.new("L", (12, 10), at).save(rows[at].path)
    updated = noted(rows, anew=changed)

    def stop(done, total):
        seen.append((done, total))
        if done >= 46:
            raise _Stop

    with pytest.raises(_Stop):
        pack(folder, updated, stop)
    assert seen[0] == (30, 60)
    assert seen[-1][0] >= 46
    kept = seen[-1][0]
    assert (folder / "store.json").read_bytes() == before, "the old store is whole until the new one is"
    finished = [in_order(rows)[at] for at in done(tmp_path / "store.partial")]
    assert len(finished) == kept - 30
    for row in [*finished, *rows[1::2]]:
        row.path.write_bytes(b"")  # neither what is done nor what is known is even looked at
    seen.clear()
    store = pack(folder, updated, lambda done, _: seen.append(done))
    assert seen[0] == kept
    verify_store(folder)
    for split, images in store.splits.items():
        greys = {image: int(pixels.max()) for image, pixels in zip(images.ids, images.pixels, strict=True)}
        for at, row in enumerate(rows):
            if row.split == split and at in changed:
                assert greys[row.id] == at
    fresh = make_rows(tmp_path / "images")
    for at in changed:
        Image.new("L", (12, 10), at).save(rows[at].path)
    whole = pack(tmp_path / "fresh", fresh)
    assert store.origin.fingerprint == whole.origin.fingerprint
    for split in store.splits:
        assert store[split].digest() == whole[split].digest()


def placed(folder, rows, *, columns=("site", "Follow-up #.x"), format_of=str):
    known = [
        replace(row, metadata=(format_of(at % 2), "" if at % 3 else "x,y")) for at, row in enumerate(rows)
    ]
    write_store(folder, PackSource(known, folder, CLASSES, ORIGIN, columns), reading=Preprocessing(8))
    return known, open_store(folder)


def test_columns_are_given_back_image_by_image_whatever_they_are_called(tmp_path, rows):
    known, store = placed(tmp_path / "placed", rows)
    for split, images in store.splits.items():
        own = [row.metadata for row in known if row.split == split]
        assert list(images.columns) == ["site", "Follow-up #.x"]
        assert list(zip(*(column.tolist() for column in images.columns.values()), strict=True)) == own
    assert all(not images.columns for images in pack(tmp_path / "plain", rows).splits.values())


def test_the_fingerprint_depends_on_the_columns_and_on_their_names(tmp_path, store, rows):
    made = [
        placed(tmp_path / "placed", rows)[1],
        placed(tmp_path / "elsewhere", rows, format_of="site {}".format)[1],
        placed(tmp_path / "renamed", rows, columns=("age", "Follow-up #.x"))[1],
    ]
    assert len({each.origin.fingerprint for each in [store, *made]}) == 4
    assert placed(tmp_path / "again", rows)[1].origin.fingerprint == made[0].origin.fingerprint


def damage_table(folder):
    path = folder / "table.parquet"
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")


def rewrite(**changes):
    def change(folder):
        path = folder / "store.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def rename_options(folder):
    """The names that options of preprocessing had before."""
    path = folder / "store.json"
    path.write_text(path.read_text().replace('"resize":', '"fit":').replace('"intensity":', '"levels":'))


DAMAGE = {
    "no store.json": lambda folder: (folder / "store.json").unlink(),
    "another's store.json": lambda folder: (folder / "store.json").write_text('{"rows": 3}'),
    "no json": lambda folder: (folder / "store.json").write_text("{"),
    "a list": lambda folder: (folder / "store.json").write_text("[]"),
    "no pixels": lambda folder: (folder / "pixels.npy").unlink(),
    "half the pixels": lambda folder: os.truncate(folder / "pixels.npy", 2000),
    "a pickle for pixels": lambda folder: np.save(folder / "pixels.npy", np.array([{}]), allow_pickle=True),
    "other pixels": lambda folder: np.save(folder / "pixels.npy", np.zeros((60, 8, 8), np.float32)),
    "no table": lambda folder: (folder / "table.parquet").unlink(),
    "another table": damage_table,
    "a newer version": rewrite(version=99),
    "older names": rename_options,
    "other classes": rewrite(classes=["A"]),
    "other splits": rewrite(splits={"train": [0]}),
    "no origin": rewrite(origin=None),
    "no splits": rewrite(splits={}),
    "too few rows": rewrite(splits={"train": [0, 900]}),
    "splits that overlap": rewrite(splits={"train": [0, 40], "test": [20, 60]}),
    "fewer images": rewrite(images=59),
}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_or_foreign_store_is_not_opened(tmp_path, kind):
    DAMAGE[kind](tmp_path / "store")
    with pytest.raises(BadArtefact) as raised:
        open_store(tmp_path / "store")
    assert isinstance(raised.value, RadaptError)
    assert "store" in str(raised.value)


@pytest.mark.usefixtures("store")
def test_one_changed_pixel_is_found_by_verifying(tmp_path):
    path = tmp_path / "store/pixels.npy"
    verify_store(tmp_path / "store")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadArtefact, match="has changed"):
        verify_store(tmp_path / "store")
