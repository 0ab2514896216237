"""Unpack archives safely: nothing is written outside the folder, and an archive cannot fill the disk."""

import errno
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Self

from radapt.archives import DAMAGE
from radapt.errors import BadArtefact

if TYPE_CHECKING:
    from radapt.progress import Watch

_MAX_FILES = 1_000_000
_MAX_RATIO = 10  # of unpacked to packed size; images do not compress more
_SPARE = 1_000_000_000  # bytes allowed in addition, for small archives of text
_MAX_NOTE = 1 << 16  # bytes of long names and other metadata in extra tar headers
_NOTES = frozenset("LKxgX")  # types of tar headers with metadata of the next file: long names, PAX


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The number and size of the files in an archive."""

    files: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive."""

    name: str  # its path, with "/" between the parts
    size: int  # bytes
    is_plain: bool  # a regular file, not a link, a device or encrypted
    is_kept: bool  # not a folder, and not added by macOS
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, to: Path, *, watch: "Watch") -> Unpacked:
    """Unpack a zip or tar archive into a folder; existing files of the same size are kept.

    Links, devices and files added by macOS are never written. A file gets its name when it is complete.

    Parameters
    ----------
    archive
        A `.zip`, or a `.tar` with any compression.
    to
        The folder; nothing is written outside it.
    watch
        Receives how many megabytes are unpacked.

    Raises
    ------
    BadArtefact
        If the archive is damaged, has a path outside the folder or a link, or unpacks to far more than its
        size. Files unpacked before that are kept.
    OSError
        If the disk is full or the folder cannot be written to.
    """
    packed = archive.stat().st_size
    most = _MAX_RATIO * packed + _SPARE
    files = size = read = 0
    watch.begin(f"unpacking {archive.name}", max(1, round(packed / 1e6)), "megabyte")
    try:
        with _opened(archive, to) as members:
            for number, member in enumerate(members, start=1):
                read += member.size
                if number > _MAX_FILES or read > most:
                    raise BadArtefact(
                        f"{archive} would unpack to more than {most / 1e9:.1f} GB or {_MAX_FILES:,} files, "
                        "which no archive of images of its size does. The rest was left packed."
                    )
                if not member.is_kept:
                    continue
                target = to / _checked(archive, member)
                files, size = files + 1, size + member.size
                if not target.is_file() or target.stat().st_size != member.size:
                    _write(target, member)
                watch.advance(size / 1e6)
    except (*DAMAGE, ValueError) as error:
        raise BadArtefact(f"{archive} is damaged ({type(error).__name__}).") from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # an error of the disk, not of the archive
            raise
        raise BadArtefact(f"{archive} is damaged ({type(error).__name__}).") from None
    finally:
        watch.end()
    return Unpacked(files, size)


class _Header(tarfile.TarInfo):
    """A tar header that refuses what would take unlimited memory or time to read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header.

        Raises
        ------
        tarfile.ReadError
            If its size is negative, its metadata is too long, or it is a sparse file.
        """
        header = super().frombuf(buf, encoding, errors)
        is_note = header.type.decode("latin-1") in _NOTES
        if header.size < 0 or (is_note and header.size > _MAX_NOTE) or header.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError
        return header

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise tarfile.ReadError  # a list of holes of unlimited length


@contextmanager
def _opened(archive: Path, to: Path) -> Iterator[Iterator[_Member]]:
    """Yield the files of an archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield (
                _Member(
                    each.filename,
                    each.file_size,
                    _is_plain(each),
                    not each.is_dir() and not _is_clutter(each.filename),
                    partial(zipped.open, each),
                )
                for each in zipped.infolist()
            )
    else:
        with tarfile.open(archive, tarinfo=_Header) as tar:
            yield _tarred(tar, to)


def _tarred(tar: tarfile.TarFile, to: Path) -> Iterator[_Member]:
    for each in tar:
        is_kept = not each.isdir() and not _is_clutter(each.name)
        yield _Member(each.name, each.size, each.isreg(), is_kept, partial(_open_member, tar, each, to))
    if tar.fileobj is not None:
        tar.fileobj.read(1 << 20)  # reads on to gzip's checksum, which tarfile does not check


def _open_member(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> IO[bytes]:
    if hasattr(tarfile, "data_filter"):  # Python 3.11.4
        tarfile.data_filter(member, str(to))
    content = tar.extractfile(member)
    if content is None:
        raise tarfile.ExtractError
    return content


def _is_plain(member: zipfile.ZipInfo) -> bool:
    encrypted = member.flag_bits & 0x1
    return stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG) and not encrypted


def _is_clutter(name: str) -> bool:
    """Say whether macOS added the file."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith("._") or path.name == ".DS_Store"


def _checked(archive: Path, member: _Member) -> PurePosixPath:
    """Return the path of a member in the folder; refuse unsafe ones."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not path.parts or set(member.name) & set("\\:\0"):
        raise BadArtefact(
            f"{archive} names a place outside its folder ({member.name[:80]!r}), as archives of images never "
            "do. It is not to be trusted, and the rest was left packed."
        )
    if not member.name.isprintable():
        raise BadArtefact(
            f"{archive} holds a file whose name is not printable ({member.name[:80]!r}). The rest was left "
            "packed."
        )
    if not member.is_plain:
        raise BadArtefact(
            f"{archive} holds a link, a device or an encrypted file ({member.name[:80]!r}). Archives of "
            "images hold plain files; the rest was left packed."
        )
    return path


def _write(target: Path, member: _Member) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beginning = target.with_name(f".{target.name}.part")
    try:
        with member.open() as content, beginning.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        beginning.replace(target)
    finally:
        beginning.unlink(missing_ok=True)
