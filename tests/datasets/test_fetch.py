"""A fetch ends with the right file or says in one sentence why not, and loses nothing that has arrived."""

import hashlib
import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from web_server import BYTES, MEGABYTE, images, md5, serve

from radapt.datasets.catalogue import DataSet, Remote
from radapt.datasets.download import Patience
from radapt.datasets.fetch import RECORD, fetch
from radapt.errors import BadArtefact, RadaptError
from radapt.images.load import LoadOptions, load_dataset
from radapt.progress import SILENT

ONCE = Patience(connect=5, read=5, waits=())
AGAIN = Patience(connect=5, read=5, waits=(0, 0))


def make_set(site, *names: str, checksum: str | None = "", folder: str = "", size: int = 0) -> DataSet:
    files = tuple(
        Remote(
            name,
            site.url(name),
            size or len(site.files.get(name, b"x" * 1000)),
            md5(site.files.get(name, b"")) if checksum == "" else checksum,
            folder=folder,
        )
        for name in names
    )
    reads = f"radapt study {{to}}/{folder or '{first}'} --shift original"
    about = (
        "Squares",
        "squares",
        24,
        "CC0",
        "Nobody 2020",
        "https://example.org/squares",
        "They are square.",
    )
    return DataSet(*about, reads=reads, files=files)


def bring(data: DataSet, to: Path, patience: Patience = ONCE, **options: object):
    return fetch(data, data.files, to, watch=SILENT, patience=patience, **options)


def test_a_file_arrives_is_checked_and_is_not_fetched_again(tmp_path):
    with serve({"a.npz": BYTES}) as site:
        data = make_set(site, "a.npz")
        assert bring(data, tmp_path / "new" / "folder").new == ("a.npz",)
        done = bring(data, tmp_path / "new" / "folder")
        assert len(site.asked) == 1
    assert (done.new, done.there) == ((), ("a.npz",))
    assert (tmp_path / "new" / "folder" / "a.npz").read_bytes() == BYTES
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["a.npz", RECORD]
    entry = json.loads((tmp_path / "new" / "folder" / RECORD).read_text())["Squares"]
    assert entry["licence"] == "CC0"
    assert entry["files"]["a.npz"] == {"url": site.url("a.npz"), "bytes": len(BYTES), "checksum": md5(BYTES)}


def test_a_download_that_broke_off_goes_on_where_it_was(tmp_path):
    with serve({"a.npz": BYTES}, breaks_after=2 * MEGABYTE, breaks=1) as site:
        data = make_set(site, "a.npz")
        with pytest.raises(
            RadaptError, match=r"broke off\. 2,097,152 bytes are kept in .*the same command"
        ) as told:
            bring(data, tmp_path)
        assert "\n" not in str(told.value)
        assert (tmp_path / "a.npz.part").read_bytes() == BYTES[: 2 * MEGABYTE]
        assert not (tmp_path / "a.npz").exists()
        bring(data, tmp_path)
        assert site.asked == [("a.npz", ""), ("a.npz", "bytes=2097152-")]
    assert (tmp_path / "a.npz").read_bytes() == BYTES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", RECORD]


def test_a_site_that_breaks_off_again_and_again_is_asked_for_the_rest_each_time(tmp_path):
    with serve({"a.npz": BYTES}, breaks_after=MEGABYTE // 2) as site:
        bring(make_set(site, "a.npz"), tmp_path, AGAIN)
        assert [wanted for _, wanted in site.asked] == [
            "",
            *(f"bytes={number}-" for number in range(MEGABYTE // 2, 3_000_000, MEGABYTE // 2)),
        ]
    assert (tmp_path / "a.npz").read_bytes() == BYTES


def test_a_site_that_cannot_send_the_rest_sends_all_of_it_again(tmp_path):
    with serve({"a.npz": BYTES}, ranges=False, breaks_after=MEGABYTE, breaks=2) as site:
        bring(make_set(site, "a.npz"), tmp_path, AGAIN)
        assert len(site.asked) == 3
    assert (tmp_path / "a.npz").read_bytes() == BYTES


def test_a_site_that_sends_another_rest_than_was_asked_for_sends_all_of_it_again(tmp_path):
    with serve({"a.npz": BYTES}, astray=1000, breaks_after=MEGABYTE, breaks=1) as site:
        bring(make_set(site, "a.npz"), tmp_path, AGAIN)
        assert [wanted for _, wanted in site.asked] == ["", f"bytes={MEGABYTE}-", ""]
    assert (tmp_path / "a.npz").read_bytes() == BYTES


def test_a_site_that_never_gets_further_is_given_up(tmp_path):
    with serve({"a.npz": BYTES}, ranges=False, breaks_after=MEGABYTE) as site:
        with pytest.raises(RadaptError, match="Could not fetch a.npz from 127.0.0.1"):
            bring(make_set(site, "a.npz"), tmp_path, AGAIN)
        assert len(site.asked) == 3  # at first, and once after each wait


def test_a_file_that_changed_meanwhile_is_not_glued_to_the_old_one(tmp_path):
    with serve({"a.npz": BYTES}, breaks_after=MEGABYTE, breaks=1) as site:
        data = make_set(site, "a.npz", checksum=None)
        with pytest.raises(RadaptError, match="are kept"):
            bring(data, tmp_path)
        site.files["a.npz"], site.etag = BYTES[::-1], '"two"'
        bring(data, tmp_path)
    assert (tmp_path / "a.npz").read_bytes() == BYTES[::-1]


@pytest.mark.parametrize("kept", [BYTES, BYTES + b"more"])
def test_a_part_that_is_all_of_it_or_more_does_not_confuse(kept, tmp_path):
    (tmp_path / "a.npz.part").write_bytes(kept)
    with serve({"a.npz": BYTES}) as site:
        bring(make_set(site, "a.npz"), tmp_path)
        assert len(site.asked) == (1 if kept == BYTES else 2)
    assert (tmp_path / "a.npz").read_bytes() == BYTES


def test_a_wrong_checksum_throws_the_file_away_and_leaves_what_was_there(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"mine")
    with serve({"a.npz": BYTES}) as site:
        data = make_set(site, "a.npz", checksum=md5(b"another"))
        with pytest.raises(BadArtefact, match=r"its checksum is not md5:.*deleted.*example.org"):
            bring(data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == b"mine"


def test_without_a_published_checksum_a_later_fetch_is_held_to_the_first(tmp_path):
    with serve({"a.npz": BYTES}) as site:
        data = make_set(site, "a.npz", checksum=None)
        first = f"sha256:{hashlib.sha256(BYTES).hexdigest()}"
        assert bring(data, tmp_path).unpublished == {"a.npz": first}
        assert bring(data, tmp_path).there == ("a.npz",)
        (tmp_path / "a.npz").unlink()
        site.files["a.npz"] = BYTES[::-1]
        with pytest.raises(BadArtefact, match=f"is not {first}.*take .*{RECORD} away"):
            bring(data, tmp_path)
        (tmp_path / RECORD).unlink()
        assert bring(data, tmp_path).new == ("a.npz",)


def test_a_file_put_there_by_hand_is_taken_if_it_is_the_right_one(tmp_path):
    with serve({"a.npz": BYTES}, status=403) as site:
        data = make_set(site, "a.npz")
        with pytest.raises(
            RadaptError, match=rf"HTTP 403.*browser from https://example.org.*{tmp_path}/a.npz"
        ):
            bring(data, tmp_path)
        (tmp_path / "a.npz").write_bytes(BYTES)
        assert bring(data, tmp_path).there == ("a.npz",)


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"status": 404}, "no longer at its address .HTTP 404"),
        ({"status": 401}, "without a log-in .HTTP 401"),
        ({"status": 503}, "busy or broken .HTTP 503.*Try again later"),
        ({"kind": "text/html; charset=utf-8"}, "sent a web page in place of a.npz"),
        ({"breaks_after": 0}, "broke off"),
        ({"says_length": False, "breaks_after": 1000}, "checksum is not"),
    ],
)
def test_what_a_site_refuses_or_garbles_is_said_in_one_sentence(faults, says, tmp_path):
    with serve({"a.npz": BYTES}, **faults) as site, pytest.raises(RadaptError, match=says) as told:
        bring(make_set(site, "a.npz"), tmp_path)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "a.npz").exists()


def test_a_file_much_larger_than_it_should_be_does_not_fill_the_disk(tmp_path):
    says = "should have 1,000,000 bytes.*another file now"
    with serve({"a.npz": BYTES}, says_length=False) as site, pytest.raises(RadaptError, match=says):
        bring(make_set(site, "a.npz", size=1_000_000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_falls_silent_is_not_waited_for_for_ever(tmp_path):
    with serve({"a.npz": BYTES}, breaks_after=100_000, waits=threading.Event()) as site:
        began = time.monotonic()
        with pytest.raises(RadaptError, match="did not answer in time"):
            bring(make_set(site, "a.npz"), tmp_path, Patience(connect=5, read=0.3, waits=()))
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("url", "says"), [("http://127.0.0.1:9/a", "could not be reached"), ("http://no.invalid/a", "name")]
)
def test_without_a_network_it_says_so_at_once(url, says, tmp_path):
    with serve({}) as site:
        data = make_set(site, "a")
    data = replace(data, files=(replace(data.files[0], url=url),))
    with pytest.raises(RadaptError, match=rf"{says}.*Is there a network\?"):
        bring(data, tmp_path, Patience(connect=2, waits=(60, 60)))


def test_an_archive_is_unpacked_read_and_left_alone_the_next_time(tmp_path):
    with serve({"images.zip": images()}) as site:
        data = make_set(site, "images.zip", folder="chest_xray")
        bring(data, tmp_path)
        assert len(load_dataset(tmp_path / "chest_xray", LoadOptions(size=16))["train"]) == 12
        assert not (tmp_path / "__MACOSX").exists()
        assert not list(tmp_path.rglob(".DS_Store"))
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        assert bring(data, tmp_path).new == ()
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        assert len(site.asked) == 1


def test_images_that_went_missing_are_unpacked_again(tmp_path):
    with serve({"images.zip": images()}) as site:
        data = make_set(site, "images.zip", folder="chest_xray")
        bring(data, tmp_path)
        image = next((tmp_path / "chest_xray").rglob("*.png"))
        content = image.read_bytes()
        image.unlink()
        bring(data, tmp_path)
        assert image.read_bytes() == content
        image.write_bytes(content[:10])
        bring(data, tmp_path)
        assert image.read_bytes() == content
        assert len(site.asked) == 1


def test_archives_may_go_once_they_are_unpacked(tmp_path):
    with serve({"images.zip": images()}) as site:
        data = make_set(site, "images.zip", folder="chest_xray")
        bring(data, tmp_path, keep=False)
        assert not (tmp_path / "images.zip").exists()
        assert bring(data, tmp_path).there == ("images.zip",)
        assert len(site.asked) == 1


def test_an_archive_of_something_else_is_named(tmp_path):
    with serve({"images.zip": images(), "cut.zip": images()[:-100]}) as site:
        with pytest.raises(BadArtefact, match="holds no folder other, and is another archive now"):
            bring(make_set(site, "images.zip", folder="other"), tmp_path)
        with pytest.raises(BadArtefact, match="cut.zip is damaged"):
            bring(make_set(site, "cut.zip", folder="chest_xray"), tmp_path)


def test_what_cannot_fit_is_refused_before_it_is_fetched(tmp_path):
    with serve({"a.npz": BYTES}) as site:
        with pytest.raises(RadaptError, match=r"needs another 1000000000\.0 GB, and .* are free"):
            bring(make_set(site, "a.npz", size=10**18), tmp_path)
        assert site.asked == []


def test_a_folder_that_cannot_be_written_to_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with serve({"a.npz": BYTES}) as site:
        for to in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(RadaptError, match="Could not write in .*file"):
                bring(make_set(site, "a.npz"), to)
        assert site.asked == []


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"Squares": 5}', '{"Squares": {"files": {"a.npz": {"checksum": 5}}}}']
)
def test_a_damaged_record_is_named(text, tmp_path):
    (tmp_path / RECORD).write_text(text)
    with serve({"a.npz": BYTES}) as site, pytest.raises(BadArtefact, match=RECORD):
        bring(make_set(site, "a.npz"), tmp_path)


class Counting:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []

    def begin(self, task: str, total: int, unit: str) -> None:
        self.told.append((f"{task} {unit}", total))

    def advance(self, done: float, detail: str = "") -> None:
        self.told.append((detail, done))

    def end(self) -> None:
        self.told.append(("end", 0))


def test_progress_is_told_in_megabytes_and_goes_on_where_it_was(tmp_path):
    with serve({"a.npz": BYTES}, breaks_after=2 * MEGABYTE, breaks=1) as site:
        data, watch = make_set(site, "a.npz"), Counting()
        fetch(data, data.files, tmp_path, watch=watch, patience=AGAIN)
    assert watch.told[0] == ("fetching a.npz megabyte", 3)
    assert watch.told.count(("end", 0)) == 2
    second = watch.told[watch.told.index(("end", 0)) + 1 :]
    assert second[0] == ("fetching a.npz megabyte", 3)
    assert second[1][1] > 2
    assert second[-2][1] == 3
