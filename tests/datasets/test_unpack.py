"""Nothing that is packed in an archive lands outside its folder, is more than a file, or fills the disk."""

import gzip
import io
import os
import stat
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from radapt.datasets import unpack as unpacking
from radapt.datasets.unpack import Unpacked, unpack
from radapt.errors import BadArtefact
from radapt.progress import SILENT

IMAGE = b"an image " * 1000


def zipped(path: Path, *names: str, mode: int = 0, content: bytes = IMAGE) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("images/good.png", *names):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16 if name in names else 0
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def tarred(
    path: Path, *names: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = IMAGE
) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in ("images/good.png", *names):
            member = tarfile.TarInfo(name)
            if name in names:
                member.type, member.linkname = kind, link
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


PACKERS = pytest.mark.parametrize("pack", [zipped, tarred])


@PACKERS
def test_what_is_packed_is_unpacked_and_counted(pack, tmp_path):
    archive = pack(
        tmp_path / "archive", "images/deep/er.png", "images/.DS_Store", "__MACOSX/x", "images/._x.png"
    )
    assert unpack(archive, tmp_path / "to", watch=SILENT) == Unpacked(2, 2 * len(IMAGE))
    found = sorted(path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*.*"))
    assert found == ["images/deep/er.png", "images/good.png"]
    assert (tmp_path / "to" / "images" / "deep" / "er.png").read_bytes() == IMAGE
    assert not (tmp_path / "to" / "images" / "good.png").stat().st_mode & stat.S_IXUSR


@PACKERS
@pytest.mark.parametrize(
    "name", ["../out.png", "images/../../out.png", "{tmp}/out.png", "C:\\out.png", "..\\out.png"]
)
def test_a_place_outside_the_folder_is_refused(pack, name, tmp_path):
    archive = pack(tmp_path / "archive", name.format(tmp=tmp_path))
    with pytest.raises(BadArtefact, match="names a place outside its folder"):
        unpack(archive, tmp_path / "in" / "to", watch=SILENT)
    assert [path.name for path in tmp_path.rglob("out*")] == []


def test_links_and_devices_are_refused(tmp_path):
    wrong = {
        "zip": zipped(tmp_path / "zip", "images/link.png", mode=stat.S_IFLNK | 0o777, content=b"/etc/passwd"),
        "soft": tarred(tmp_path / "soft", "images/link.png", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        "hard": tarred(tmp_path / "hard", "images/link.png", kind=tarfile.LNKTYPE, link="images/good.png"),
        "pipe": tarred(tmp_path / "pipe", "images/link.png", kind=tarfile.FIFOTYPE),
    }
    for archive in wrong.values():
        with pytest.raises(BadArtefact, match="holds a link, a device or an encrypted file"):
            unpack(archive, tmp_path / "to", watch=SILENT)
    assert [path.name for path in (tmp_path / "to" / "images").iterdir()] == ["good.png"]


@PACKERS
def test_an_archive_that_would_fill_the_disk_is_refused(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_SPARE", 1000)
    archive = pack(tmp_path / "bomb", "images/zeros.png", content=bytes(5_000_000))
    with pytest.raises(BadArtefact, match="no archive of images of its size does"):
        unpack(archive, tmp_path / "to", watch=SILENT)
    assert not list(tmp_path.rglob("*.png"))


@PACKERS
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_a_damaged_archive_is_named_and_leaves_no_half_image(pack, keep, tmp_path):
    content = os.urandom(200_000)
    archive = pack(tmp_path / "archive", "images/second.png", content=content)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    with pytest.raises(BadArtefact, match="archive is damaged"):
        unpack(archive, tmp_path / "to", watch=SILENT)
    assert all(path.read_bytes() == content for path in (tmp_path / "to").rglob("*") if path.is_file())


@PACKERS
def test_a_flipped_bit_is_found(pack, tmp_path):
    archive = pack(tmp_path / "archive", content=os.urandom(200_000))
    damaged = bytearray(archive.read_bytes())
    damaged[100_000] ^= 4
    archive.write_bytes(damaged)
    with pytest.raises(BadArtefact, match="archive is damaged"):
        unpack(archive, tmp_path / "to", watch=SILENT)


@PACKERS
def test_what_is_there_is_left_and_what_is_cut_is_mended(pack, tmp_path):
    archive = pack(tmp_path / "archive", "images/second.png")
    unpack(archive, tmp_path / "to", watch=SILENT)
    good, second = (tmp_path / "to" / "images" / name for name in ("good.png", "second.png"))
    before = good.stat().st_mtime_ns
    second.write_bytes(b"cut")
    unpack(archive, tmp_path / "to", watch=SILENT)
    assert good.stat().st_mtime_ns == before
    assert second.read_bytes() == IMAGE


def noted(path: Path, kind: bytes, size: int, content: bytes = b"") -> Path:
    """A tar archive whose first header is of that kind and that size."""
    head = bytearray(tarfile.TarInfo("note").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = size.to_bytes(12, "big", signed=True)
    head[124] |= 0x80  # so that the size is binary
    head[156:157] = kind
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(bytes(head) + content)
    return path


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
def test_a_name_of_gigabytes_in_a_tar_archive_is_not_held_in_memory(kind, tmp_path):
    size = 64 << 20
    archive = noted(tmp_path / "x.tar.gz", kind, size, b"a" * size)
    tracemalloc.start()
    with pytest.raises(BadArtefact, match="is damaged"):
        unpack(archive, tmp_path / "to", watch=SILENT)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    with pytest.raises(BadArtefact, match="is damaged"):
        unpack(noted(tmp_path / "y.tar.gz", kind, 2 << 30), tmp_path / "to", watch=SILENT)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE])
def test_a_tar_archive_of_a_size_below_zero_or_with_holes_is_damaged(kind, tmp_path):
    size = 512 if kind == tarfile.GNUTYPE_SPARSE else -512
    with pytest.raises(BadArtefact, match="is damaged"):
        unpack(noted(tmp_path / "x.tar.gz", kind, size, bytes(2048)), tmp_path / "to", watch=SILENT)
    assert not list(tmp_path.rglob("note"))


def test_folders_and_clutter_without_end_count_too(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_SPARE", 0)
    archive = tarred(tmp_path / "x.tar.gz", "__MACOSX/._x", content=bytes(1_000_000))
    with pytest.raises(BadArtefact, match="would unpack to more than"):
        unpack(archive, tmp_path / "to", watch=SILENT)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", ""])
@pytest.mark.parametrize("spoilt", ["cut", "turned"])
def test_a_damaged_tar_archive_is_said_to_be_however_it_is_packed(ending, spoilt, tmp_path):
    content = np.random.default_rng(0).bytes(20_000)
    path = tmp_path / "x.tar"
    with tarfile.open(path, f"w:{ending}") as archive:
        for name in ("a.png", "b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = bytearray(path.read_bytes())
    if spoilt == "cut":
        data = data[:15_000]
    else:
        data[600 if ending else 100] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadArtefact, match="is damaged"):
        unpack(path, tmp_path / "to", watch=SILENT)
    assert {each.name for each in tmp_path.iterdir()} <= {"x.tar", "to"}


def test_a_zip_of_names_that_are_no_text_is_damaged_and_a_name_of_escape_codes_refused(tmp_path):
    path = zipped(tmp_path / "x.zip", "aüb.png")
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xff\xfe"))
    with pytest.raises(BadArtefact, match="is damaged"):
        unpack(path, tmp_path / "to", watch=SILENT)
    for pack in (zipped, tarred):
        with pytest.raises(BadArtefact, match="whose name is not printable"):
            unpack(pack(tmp_path / "y", "a\x1b[2J.png"), tmp_path / "to", watch=SILENT)


@pytest.mark.parametrize("place", range(22))
def test_a_zip_whose_end_is_damaged_is_told_or_read(place, tmp_path):
    path = zipped(tmp_path / "x.zip")
    data = bytearray(path.read_bytes())
    data[-1 - place] ^= 0xFF
    path.write_bytes(data)
    with suppress(BadArtefact):
        unpack(path, tmp_path / "to", watch=SILENT)
    assert {each.name for each in tmp_path.iterdir()} <= {"x.zip", "to"}
