"""Archives unpacked so that nothing lands outside its folder, and none fills the disk by itself."""

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

_MOST_FILES = 1_000_000
_MOST_TIMES = 10  # as large as its archive; images do not shrink by more
_SPARE = 1_000_000_000  # bytes on top, so that small archives of text pass
_LONGEST = 1 << 16  # bytes of a name that a tar archive writes beside a header, and of other notes
_NOTES = frozenset("LKxgX")  # kinds of tar headers that only say something of the next: names, PAX


@dataclass(frozen=True, slots=True)
class Unpacked:
    """How much an archive held."""

    files: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive."""

    name: str  # its path, with "/" between the parts
    size: int  # bytes
    is_plain: bool  # no link, no device, no secret
    is_kept: bool  # no folder, and not what macOS has added
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, to: Path, *, watch: "Watch") -> Unpacked:
    """Unpack a zip or tar archive into a folder; a file that is there in the same size is left as it is.

    Links, devices and what macOS adds to archives are never written, and no file has its name before it is
    whole.

    Parameters
    ----------
    archive
        A `.zip`, or a `.tar` however it is compressed.
    to
        The folder; nothing is written outside it.
    watch
        Told how many megabytes are unpacked.

    Raises
    ------
    BadArtefact
        If the archive is damaged, names a place outside the folder, holds a link, or more than an archive of
        images of its size can. What was unpacked before stays.
    OSError
        If the disk is full or the folder cannot be written to.
    """
    packed = archive.stat().st_size
    most = _MOST_TIMES * packed + _SPARE
    files = size = read = 0
    watch.begin(f"unpacking {archive.name}", max(1, round(packed / 1e6)), "megabyte")
    try:
        with _opened(archive, to) as members:
            for seen, member in enumerate(members, start=1):
                read += member.size
                if seen > _MOST_FILES or read > most:
                    raise BadArtefact(
                        f"{archive} would unpack to more than {most / 1e9:.1f} GB or {_MOST_FILES:,} files, "
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
        if error.errno not in (None, errno.EINVAL):  # the disk's, and no fault of the archive
            raise
        raise BadArtefact(f"{archive} is damaged ({type(error).__name__}).") from None
    finally:
        watch.end()
    return Unpacked(files, size)


class _Header(tarfile.TarInfo):
    """A tar header that is refused where following it would take memory without end, or never end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read one.

        Raises
        ------
        tarfile.ReadError
            If its size is below 0, or a name beside it is longer than any, or it is of a file with holes.
        """
        found = super().frombuf(buf, encoding, errors)
        is_note = found.type.decode("latin-1") in _NOTES
        if found.size < 0 or (is_note and found.size > _LONGEST) or found.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError
        return found

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise tarfile.ReadError  # a list of holes as long as its author likes


@contextmanager
def _opened(archive: Path, to: Path) -> Iterator[Iterator[_Member]]:
    """Give the files of an archive, one by one."""
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
        tar.fileobj.read(1 << 20)  # as far as gzip's checksum, which tarfile stops short of


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
    """Say whether macOS has added it."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith("._") or path.name == ".DS_Store"


def _checked(archive: Path, member: _Member) -> PurePosixPath:
    """Give where a member goes below the folder."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not path.parts or set(member.name) & set("\\:\0"):
        raise BadArtefact(
            f"{archive} names a place outside its folder ({member.name[:80]!r}), as archives of images never "
            "do. It is not to be trusted, and the rest was left packed."
        )
    if not member.name.isprintable():
        raise BadArtefact(
            f"{archive} holds a file whose name is not to be read ({member.name[:80]!r}). The rest was left "
            "packed."
        )
    if not member.is_plain:
        raise BadArtefact(
            f"{archive} holds a link, a device or a secret ({member.name[:80]!r}). Archives of images hold "
            "plain files; the rest was left packed."
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
