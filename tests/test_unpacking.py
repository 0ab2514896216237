"""Nothing that is packed in an archive lands outside its folder, is more than a file, or fills the disk."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from radapt.errors import BadArtefact
from radapt.images import unpacking
from radapt.images.unpacking import Unpacked, unpack
from radapt.watch import SILENT

FILM = b"a film " * 1000


def zipped(path: Path, *names: str, mode: int = 0, content: bytes = FILM) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("images/good.png", *names):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16 if name in names else 0
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def tarred(
    path: Path, *names: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = FILM
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
    assert unpack(archive, tmp_path / "to", watch=SILENT) == Unpacked(2, 2 * len(FILM))
    found = sorted(path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*.*"))
    assert found == ["images/deep/er.png", "images/good.png"]
    assert (tmp_path / "to" / "images" / "deep" / "er.png").read_bytes() == FILM
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
        with pytest.raises(BadArtefact, match="holds a link, a device or a secret"):
            unpack(archive, tmp_path / "to", watch=SILENT)
    assert [path.name for path in (tmp_path / "to" / "images").iterdir()] == ["good.png"]


@PACKERS
def test_an_archive_that_would_fill_the_disk_is_refused(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_SPARE", 1000)
    archive = pack(tmp_path / "bomb", "images/zeros.png", content=bytes(5_000_000))
    with pytest.raises(BadArtefact, match="no archive of films of its size does"):
        unpack(archive, tmp_path / "to", watch=SILENT)
    assert not list(tmp_path.rglob("*.png"))


@PACKERS
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_a_damaged_archive_is_named_and_leaves_no_half_film(pack, keep, tmp_path):
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
    assert second.read_bytes() == FILM
