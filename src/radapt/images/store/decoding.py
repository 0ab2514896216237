"""Many files into one array, on every core, and again from where it was interrupted."""

import io
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from radapt.errors import RadaptError
from radapt.images.pixels import READER_VERSION, GreyImage
from radapt.images.preprocessing import Preprocessing
from radapt.images.workers import decoded_by_all

Progress = Callable[[int, int], None]  # how many files are done, and how many there are

# Of each image, see `radapt.images.pixels.GreyImage`.
MEASURED = {
    **{"width": np.int64, "height": np.int64, "bits": np.int64},
    **{"low": np.float64, "high": np.float64, "outside": np.float64},
}

_PAUSE = 1.0  # seconds of work that a kill may cost
_JOURNAL = "journal.jsonl"
_JOURNAL_VERSION = 2
_ROWS = "rows.npy"
_SPARE = 2**24  # bytes that are left free on a disk


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Images that an older store holds, so that their files need not be decoded."""

    rows: NDArray[np.intp]  # (m,), which of the files they are of
    pixels: NDArray[np.uint8]  # (n, size, size), of the whole store; may be a memory map
    places: NDArray[np.intp]  # (m,), where each is in it
    about: Mapping[str, NDArray[Any]]  # what is MEASURED of each image of the store, (n,)
    digests: NDArray[np.bytes_]  # (n,)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What became of each file, and where its pixels are."""

    folder: Path
    size: int
    reasons: list[str]  # (n,), why a file could not be read; "" if it was
    digests: list[str]  # (n,), sha256 of the file
    about: dict[str, NDArray[Any]]  # what is MEASURED of each, (n,)

    def keep(self, rows: NDArray[np.intp], path: Path) -> None:
        """Write the pixels of these rows, (n, size, size), as a `.npy` file."""
        if len(rows) == len(self.reasons):
            (self.folder / _ROWS).replace(path)
            return
        pixels = np.load(self.folder / _ROWS, mmap_mode="r", allow_pickle=False)
        with path.open("wb") as file:
            _write_header(file, len(rows), self.size)
            for start in range(0, len(rows), 1024):  # bounded, since they may be larger than memory
                file.write(pixels[rows[start : start + 1024]].tobytes())
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Take away what only served the work."""
        (self.folder / _ROWS).unlink(missing_ok=True)
        (self.folder / _JOURNAL).unlink(missing_ok=True)


def decode_all(
    folder: Path,
    paths: Sequence[str | Path],
    *,
    root: Path,
    reading: Preprocessing,
    request: str,
    kept: Path,
    known: Known | None = None,
    progress: Progress | None = None,
) -> Decoded:
    """Decode files to grey rows of one size in a working folder, leaving out those done before a kill.

    Pixels go to disk before the journal says so: what the journal says is done is done. A journal of another
    request, or of another version of the reader, is not gone on with.

    Parameters
    ----------
    folder
        The working folder.
    paths
        The files below `root`, in the order of the rows. Text, where there are many: it holds less memory.
    root
        The folder that they are below.
    reading
        Its size is not None; see `radapt.images.pixels.decode`.
    request
        Tells this work from any other.
    kept
        Where `Decoded.keep` is to write: an earlier try may have done so, and got no further.
    known
        Images that are copied instead; copying is done again after a kill, and no journal is kept of it.
    progress
        Called with how many files are done and how many there are.

    Raises
    ------
    OSError
        If the disk is full or cannot be written to; what is done stays done.
    RadaptError
        If so many images of this size have no room on the disk.
    """
    count, size = len(paths), reading.size or 0
    about = {name: np.zeros(count, kind) for name, kind in MEASURED.items()}
    decoded = Decoded(folder, size, [""] * count, [""] * count, about)
    title = {"request": request, "reader": READER_VERSION, "files": count, "journal": _JOURNAL_VERSION}
    todo = _take_up(decoded, json.dumps(title), kept)
    _check_space(folder / _ROWS, count, size)
    with (folder / _ROWS).open("r+b") as rows, (folder / _JOURNAL).open("ab") as journal:
        start = _write_header(rows, count, size)
        rows.truncate(start + count * size * size)
        with _Notebook(rows, journal) as notebook:
            if known is not None:
                _copy(known, decoded, rows, start)
                copied = set(known.rows.tolist())
                todo = [row for row in todo if row not in copied]
            progress = progress or _unheard
            finished = count - len(todo)
            progress(finished, count)
            with closing(decoded_by_all(todo, root, paths, reading)) as results:
                for outcomes in results:
                    for row, outcome, digest in outcomes:
                        if isinstance(outcome, GreyImage):
                            rows.seek(start + row * size * size)
                            rows.write(outcome.pixels.tobytes())
                        notebook.note(_enter(decoded, _record(row, outcome, digest)))
                    finished += len(outcomes)
                    progress(finished, count)
    return decoded


def _copy(known: Known, decoded: Decoded, file: BinaryIO, start: int) -> None:
    """Enter known images in their rows; the values of the rows' file begin at `start`."""
    for name, values in decoded.about.items():
        values[known.rows] = known.about[name][known.places]
    for row, place in zip(known.rows.tolist(), known.places.tolist(), strict=True):
        decoded.digests[row] = known.digests[place].decode()
    gaps = np.flatnonzero(np.diff(known.rows) != 1) + 1  # elsewhere rows follow one another
    for run, places in zip(np.split(known.rows, gaps), np.split(known.places, gaps), strict=True):
        for at in range(0, len(run), 1024):  # bounded, since they may be larger than memory
            file.seek(start + int(run[at]) * decoded.size**2)
            file.write(known.pixels[places[at : at + 1024]].tobytes())


def _unheard(done: int, total: int) -> None:
    """Stand in where nobody asks how far it is."""


_Record = list[int | float | str]  # row, digest and what is MEASURED; or row, reason


def _record(row: int, outcome: GreyImage | str, digest: str) -> _Record:
    if isinstance(outcome, str):
        return [row, outcome]
    return [row, digest, *(getattr(outcome, name) for name in MEASURED)]


def _enter(decoded: Decoded, record: _Record) -> _Record:
    """Enter a record in its row, and give it back."""
    row = int(record[0])
    if len(record) == 2:
        decoded.reasons[row] = str(record[1])
    else:
        decoded.digests[row] = str(record[1])
        for values, value in zip(decoded.about.values(), record[2:], strict=True):
            values[row] = value
    return record


class _Notebook:
    """Writes down what is done, now and then, and always after its pixels."""

    def __init__(self, rows: BinaryIO, journal: BinaryIO) -> None:
        self._rows = rows
        self._journal = journal
        self._lines: list[str] = []
        self._written = time.monotonic()

    def note(self, record: _Record) -> None:
        self._lines.append(json.dumps(record) + "\n")
        if time.monotonic() - self._written > _PAUSE:
            self._write_down()

    def _write_down(self) -> None:
        self._rows.flush()
        os.fsync(self._rows.fileno())
        self._journal.write("".join(self._lines).encode())
        self._journal.flush()
        self._lines.clear()
        self._written = time.monotonic()

    def __enter__(self) -> "_Notebook":
        return self

    def __exit__(self, *_: object) -> None:
        self._write_down()


def _check_space(rows: Path, count: int, size: int) -> None:
    """Refuse what the disk has no room for, before anything is decoded."""
    about = rows.stat()
    held = 512 * getattr(about, "st_blocks", 0)  # what is there of it takes no more room
    needed = count * size * size - held
    free = shutil.disk_usage(rows.parent).free - _SPARE
    if needed > free:
        raise RadaptError(
            f"{count:,} images of {size} x {size} need {needed / 1e6:,.0f} MB more on the disk of "
            f"{rows.parent}, which has {max(0, free) / 1e6:,.0f} MB free. Choose a smaller --size, or "
            "another disk."
        )


def _take_up(decoded: Decoded, title: str, kept: Path) -> list[int]:
    """Enter what an earlier try has done of the same work, and give the rows that are left."""
    work, journal = decoded.folder / _ROWS, decoded.folder / _JOURNAL
    if not work.exists() and kept.exists() and kept.stat().st_size == _bytes_of(decoded):
        kept.replace(work)  # all were decoded, and a kill came before the store was whole
    data = journal.read_bytes() if journal.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]  # a kill may leave half a line
    lines = whole.decode(errors="replace").splitlines()
    left = dict.fromkeys(range(len(decoded.reasons)))
    if not lines or lines[0] != title or not work.exists():
        work.write_bytes(b"")
        journal.write_text(f"{title}\n", encoding="utf-8")
        return list(left)
    for line in lines[1:]:
        record = _enter(decoded, json.loads(line))
        left.pop(int(record[0]), None)
    with journal.open("r+b") as file:
        file.truncate(len(whole))
    return list(left)


def _bytes_of(decoded: Decoded) -> int:
    """Give how large the file of all rows is."""
    count, size = len(decoded.reasons), decoded.size
    with io.BytesIO() as header:
        return _write_header(header, count, size) + count * size * size


def _write_header(file: BinaryIO, count: int, size: int) -> int:
    """Begin a `.npy` file of uint8 (count, size, size), and give where its values start."""
    file.seek(0)
    shape = (count, size, size)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()
