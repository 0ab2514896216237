"""Decode many files into one array on disk, on all cores, resuming after an interruption."""

import io
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
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
from radapt.progress import SILENT, Watch

# Columns of each image, see `radapt.images.pixels.GreyImage`.
MEASURED = {
    **{"width": np.int64, "height": np.int64, "bits": np.int64},
    **{"low": np.float64, "high": np.float64, "outside": np.float64},
}

_PAUSE = 1.0  # seconds between writes to the journal: the work that a kill may cost
_JOURNAL = "journal.jsonl"
_JOURNAL_VERSION = 2
_ROWS = "rows.npy"
_SPARE = 2**24  # bytes left free on the disk


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Images of an existing store, whose files need not be decoded."""

    rows: NDArray[np.intp]  # (m,), the index of each file
    pixels: NDArray[np.uint8]  # (n, size, size), of the whole store; may be a memory map
    places: NDArray[np.intp]  # (m,), the row of each in the store
    about: Mapping[str, NDArray[Any]]  # the MEASURED columns of the store, (n,) each
    digests: NDArray[np.bytes_]  # (n,)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The outcome for each file, and the folder of the pixels."""

    folder: Path
    size: int
    reasons: list[str]  # (n,), why a file could not be read, or ""
    digests: list[str]  # (n,), sha256 of the file
    about: dict[str, NDArray[Any]]  # the MEASURED columns, (n,) each

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
        """Delete the files that only decoding needed."""
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
    watch: Watch = SILENT,
) -> Decoded:
    """Decode files to grey images of one size in a working folder, except those done before a kill.

    Pixels are written to disk before the journal records them. A journal of another request, or of another
    version of the reader, is started again.

    Parameters
    ----------
    folder
        The working folder.
    paths
        The files, relative to `root`, in the order of the rows; as text they take less memory than as `Path`.
    root
        The folder of the files.
    reading
        The preprocessing; its size is not None. See `radapt.images.pixels.decode`.
    request
        A digest that identifies this work.
    kept
        The path that `Decoded.keep` will write to: a run killed after that has left the pixels there.
    known
        Images that are copied instead; they are not in the journal, and are copied again after a kill.
    watch
        Receives the number of files that are done, of all files.

    Raises
    ------
    OSError
        If the disk is full or cannot be written to; what was decoded is kept.
    RadaptError
        If the disk has no space for the images.
    """
    count, size = len(paths), reading.size or 0
    about = {name: np.zeros(count, kind) for name, kind in MEASURED.items()}
    decoded = Decoded(folder, size, [""] * count, [""] * count, about)
    title = {"request": request, "reader": READER_VERSION, "files": count, "journal": _JOURNAL_VERSION}
    todo = _resume(decoded, json.dumps(title), kept)
    _check_space(folder / _ROWS, count, size)
    with (folder / _ROWS).open("r+b") as rows, (folder / _JOURNAL).open("ab") as journal:
        start = _write_header(rows, count, size)
        rows.truncate(start + count * size * size)
        with _Journal(rows, journal) as records:
            if known is not None:
                _copy(known, decoded, rows, start)
                copied = set(known.rows.tolist())
                todo = [row for row in todo if row not in copied]
            finished = count - len(todo)
            watch.begin("reading images", count, "image")
            watch.advance(finished)
            with closing(decoded_by_all(todo, root, paths, reading)) as results:
                for outcomes in results:
                    for row, outcome, digest in outcomes:
                        if isinstance(outcome, GreyImage):
                            rows.seek(start + row * size * size)
                            rows.write(outcome.pixels.tobytes())
                        records.note(_store_record(decoded, _record(row, outcome, digest)))
                    finished += len(outcomes)
                    watch.advance(finished)
            watch.end()
    return decoded


def _copy(known: Known, decoded: Decoded, file: BinaryIO, start: int) -> None:
    """Copy known images to their rows; pixels begin at byte `start` of the file."""
    for name, values in decoded.about.items():
        values[known.rows] = known.about[name][known.places]
    for row, place in zip(known.rows.tolist(), known.places.tolist(), strict=True):
        decoded.digests[row] = known.digests[place].decode()
    gaps = np.flatnonzero(np.diff(known.rows) != 1) + 1  # between gaps, rows are contiguous
    for run, places in zip(np.split(known.rows, gaps), np.split(known.places, gaps), strict=True):
        for at in range(0, len(run), 1024):  # bounded, since they may be larger than memory
            file.seek(start + int(run[at]) * decoded.size**2)
            file.write(known.pixels[places[at : at + 1024]].tobytes())


_Record = list[int | float | str]  # row, digest and the MEASURED values; or row, reason


def _record(row: int, outcome: GreyImage | str, digest: str) -> _Record:
    if isinstance(outcome, str):
        return [row, outcome]
    return [row, digest, *(getattr(outcome, name) for name in MEASURED)]


def _store_record(decoded: Decoded, record: _Record) -> _Record:
    """Store a record in its row, and return it."""
    row = int(record[0])
    if len(record) == 2:
        decoded.reasons[row] = str(record[1])
    else:
        decoded.digests[row] = str(record[1])
        for values, value in zip(decoded.about.values(), record[2:], strict=True):
            values[row] = value
    return record


class _Journal:
    """Writes records to the journal about once a second, always after their pixels."""

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

    def __enter__(self) -> "_Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._write_down()


def _check_space(rows: Path, count: int, size: int) -> None:
    """Refuse images that the disk has no space for, before anything is decoded."""
    stat = rows.stat()
    allocated = 512 * getattr(stat, "st_blocks", 0)  # space already allocated to it
    needed = count * size * size - allocated
    free = shutil.disk_usage(rows.parent).free - _SPARE
    if needed > free:
        raise RadaptError(
            f"{count:,} images of {size} x {size} need {needed / 1e6:,.0f} MB more on the disk of "
            f"{rows.parent}, which has {max(0, free) / 1e6:,.0f} MB free. Choose a smaller --size, or "
            "another disk."
        )


def _resume(decoded: Decoded, title: str, kept: Path) -> list[int]:
    """Restore what an earlier run has done of the same work, and return the rows that are left."""
    work, journal = decoded.folder / _ROWS, decoded.folder / _JOURNAL
    if not work.exists() and kept.exists() and kept.stat().st_size == _bytes_of(decoded):
        kept.replace(work)  # all were decoded, and the run was killed before the store was complete
    data = journal.read_bytes() if journal.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]  # a kill may leave half a line
    lines = whole.decode(errors="replace").splitlines()
    left = dict.fromkeys(range(len(decoded.reasons)))
    if not lines or lines[0] != title or not work.exists():
        work.write_bytes(b"")
        journal.write_text(f"{title}\n", encoding="utf-8")
        return list(left)
    for line in lines[1:]:
        record = _store_record(decoded, json.loads(line))
        left.pop(int(record[0]), None)
    with journal.open("r+b") as file:
        file.truncate(len(whole))
    return list(left)


def _bytes_of(decoded: Decoded) -> int:
    """Return the size of the file of all rows in bytes."""
    count, size = len(decoded.reasons), decoded.size
    with io.BytesIO() as header:
        return _write_header(header, count, size) + count * size * size


def _write_header(file: BinaryIO, count: int, size: int) -> int:
    """Write the header of a `.npy` file of uint8 (count, size, size); return where its values begin."""
    file.seek(0)
    shape = (count, size, size)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()
