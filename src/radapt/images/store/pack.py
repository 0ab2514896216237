"""Write a store: decode images once, and later only those that have changed."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadArtefact, RadaptError, WrongFolder
from radapt.files import is_leftover, sha256, sweep, write_json
from radapt.images.digests import digests_of
from radapt.images.imageset import DataProvenance
from radapt.images.preprocessing import Preprocessing
from radapt.images.store.decoding import MEASURED, Decoded, Known, decode_all
from radapt.images.store.store import (
    ABOUT,
    DIGESTS,
    FORMAT,
    METADATA,
    PIXELS,
    TABLE,
    VERSION,
    is_store,
    open_columns,
    read_about,
    verify_store,
)
from radapt.images.visible_range import MOSTLY, level_notes
from radapt.labels import Label, Labels, label_array
from radapt.lock import one_at_a_time
from radapt.parquet import write_table
from radapt.progress import SILENT, Watch
from radapt.text import counted

_ORDER = {"train": 0, "val": 1, "test": 2}


class NothingReadable(AskedWrongly):
    """None of the files could be read."""

    def __init__(self, failed: tuple[tuple[str, str], ...]) -> None:
        self.failed = failed  # (file, reason)
        first = "; ".join(f"{image} {reason}" for image, reason in failed[:3])
        super().__init__(f"None of the {counted(len(failed), 'image')} can be read: {first}.")


@dataclass(frozen=True, slots=True)
class Row:
    """A file to be packed."""

    path: str | Path  # relative to the data set's folder
    id: str  # unique: the file's path inside its data set
    label: Label  # an index into the classes, or a value for each finding
    patient: str
    split: str  # "train", "val" or "test"
    modified: str = ""  # changes when the file does: its size and time
    bytes: int = 0  # size of the file
    metadata: tuple[str, ...] = ()  # a value for each of the store's `columns`


@dataclass(frozen=True, slots=True)
class PackSource:
    """The files of a data set that are to be packed, and where they came from."""

    rows: Sequence[Row]  # in any order of splits
    root: Path  # the data set's folder
    classes: Sequence[str]  # that the rows' labels index
    origin: DataProvenance  # packing fills in its `failed` and `fingerprint`
    columns: Sequence[str] = ()  # names of the rows' `metadata`, see `radapt.images.columns`


def write_store(
    folder: Path,
    source: PackSource,
    *,
    reading: Preprocessing,
    request: str = "",
    key: str = "",
    complete: bool = True,
    watch: Watch = SILENT,
) -> None:
    """Decode files into a store; an interrupted one is resumed.

    Unfinished work is in a folder beside the store, whose name ends in ".partial". An existing store of the
    same request is updated: images whose `modified` is the same are copied from it, and it remains until the
    new one replaces it. Only one process works on a store at a time (see `radapt.lock`). Files that cannot be
    read are left out and listed in the provenance.

    Parameters
    ----------
    folder
        The folder of the store.
    source
        The files, with labels, patients, splits and provenance.
    reading
        The preprocessing; its size is not None.
    request, key
        Digests of the request (source and options), and of everything that decides the store.
    complete
        Whether to refuse what cannot be trained on; otherwise the store is written with a note on it.
    watch
        Receives the number of files that are packed, of all files, if they have to be packed.

    Raises
    ------
    AskedWrongly
        If something else is at `folder`, or a class to train on has no readable file.
    NothingReadable
        If no file can be read at all.
    RadaptError
        If it cannot be written there, as on a full disk; what was decoded is kept.
    """
    _check_place(folder, request)
    rows = sorted(source.rows, key=lambda row: _ORDER[row.split])
    root, classes, origin = source.root, source.classes, source.origin
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(folder):
            _check_place(folder, request)  # again: another process may have been first
            partial.mkdir(exist_ok=True)
            if is_store(folder) and key and read_about(folder).get("key") == key:
                shutil.rmtree(partial, ignore_errors=True)  # another process wrote it while this one waited
                return
            if _is_done(partial, key):  # it was killed just before the final renaming
                _take_place(partial, folder)
                return
            (partial / ABOUT).unlink(missing_ok=True)  # of another request
            decoded = decode_all(
                partial,
                [row.path for row in rows],
                root=root,
                reading=reading,
                request=_request(rows, root, reading),
                kept=partial / PIXELS,
                known=_known(folder, rows) if is_store(folder) else None,
                watch=watch,
            )
            lacking = _lacking(rows, decoded, classes)
            if all(decoded.reasons):
                raise NothingReadable(_failed(rows, decoded))
            if complete and lacking:
                raise AskedWrongly(lacking)
            outside = int((decoded.about["outside"] > MOSTLY).sum())
            notes = (*origin.notes, *level_notes(decoded.about))
            origin = replace(origin, failed=_failed(rows, decoded), outside=outside, notes=notes)
            about = {"request": request, "key": key, "lacking": lacking, "columns": list(source.columns)}
            _finish(partial, rows, decoded, classes, origin, about)
            _take_place(partial, folder)
    except OSError as error:
        raise RadaptError(
            f"Could not write the store {folder}: {error.strerror or error}. What was decoded is kept, and "
            "the same command goes on from there."
        ) from error


def _check_place(folder: Path, request: str) -> None:
    """Refuse a folder that holds anything but a store of the same request."""
    if not _is_free(folder) and not (is_store(folder) and read_about(folder).get("request") == request):
        raise WrongFolder(f"There is already something at {folder}. Give a folder that is not there yet.")


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and all(map(is_leftover, folder.iterdir())))


def recover(folder: Path) -> None:
    """Undo or finish a replacement of a store that was killed between its steps.

    The old store is put back if the new one is not in its place; otherwise it is deleted.
    """
    if _aside(folder).is_dir():
        with one_at_a_time(folder), suppress(OSError):
            if is_store(_aside(folder)) and not folder.exists():
                _aside(folder).rename(folder)
            elif is_store(folder):
                shutil.rmtree(_aside(folder), ignore_errors=True)


def _take_place(partial: Path, folder: Path) -> None:
    if is_store(folder):
        shutil.rmtree(_aside(folder), ignore_errors=True)  # left by a kill between the two renames
        folder.rename(_aside(folder))
    elif folder.is_dir():
        for left in folder.iterdir():  # left by a killed command, see `_is_free`
            left.unlink()
    sweep(partial)
    partial.rename(folder)
    shutil.rmtree(_aside(folder), ignore_errors=True)


def _is_done(partial: Path, key: str) -> bool:
    """Say whether a folder of unfinished work is the complete store of this key, undamaged."""
    if not key or not is_store(partial):
        return False
    try:
        if read_about(partial).get("key") != key:
            return False
        verify_store(partial)
    except BadArtefact:
        return False
    return True


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.radapt-aside")  # a name that nobody else uses


def _known(folder: Path, rows: Sequence[Row]) -> Known:
    """Return the images of the existing store whose files have not changed."""
    _, named = open_columns(folder, ["id", "modified"])
    place_of = {image: place for place, image in enumerate(named["id"].tolist())}
    modified = named["modified"].tolist()
    unchanged = [
        (number, place)
        for number, row in enumerate(rows)
        if row.modified and (place := place_of.get(row.id, -1)) >= 0 and modified[place] == row.modified
    ]
    numbers, places = np.array(unchanged, dtype=np.intp).reshape(-1, 2).T
    pixels, columns = open_columns(folder, [*MEASURED, "digest"])
    return Known(numbers, pixels, places, columns, columns.pop("digest").astype(np.bytes_))


def _request(rows: Sequence[Row], root: Path, reading: Preprocessing) -> str:
    """Return the sha256 of everything that decides the decoded rows; only the same work is resumed."""
    total = hashlib.sha256(f"{reading!r}\0{root}".encode(errors="surrogateescape"))
    for row in rows:
        total.update(f"\0{row.path}\0{row.modified}".encode(errors="surrogateescape"))
    return total.hexdigest()


def _failed(rows: Sequence[Row], decoded: Decoded) -> tuple[tuple[str, str], ...]:
    return tuple((row.id, reason) for row, reason in zip(rows, decoded.reasons, strict=True) if reason)


def _lacking(rows: Sequence[Row], decoded: Decoded, classes: Sequence[str]) -> str:
    """Return a sentence on a class without readable images in train (or anywhere, without train), or ""."""
    has_train = any(row.split == "train" for row in rows)
    for label, name in enumerate(classes):
        of_class = [
            (row.id, reason)
            for row, reason in zip(rows, decoded.reasons, strict=True)
            if _is_of(row.label, label) and (row.split == "train" or not has_train)
        ]
        if of_class and all(reason for _, reason in of_class):
            first = "; ".join(f"{image} {reason}" for image, reason in of_class[:3])
            return (
                f"None of the {counted(len(of_class), 'image')} of the class {name!r}"
                f"{' in train' * has_train} can be read: {first}{'; and so on' if len(of_class) > 3 else ''}."
            )
    return ""


def _is_of(label: Label, which: int) -> bool:
    """Say whether a label is of this class, or has this finding."""
    return label[which] == 1 if isinstance(label, tuple) else label == which


def _finish(
    partial: Path,
    rows: Sequence[Row],
    decoded: Decoded,
    classes: Sequence[str],
    origin: DataProvenance,
    about: Mapping[str, Any],
) -> None:
    """Write the three files of a store from the decoded rows, `store.json` last."""
    good = np.flatnonzero([not reason for reason in decoded.reasons])
    decoded.keep(good, partial / PIXELS)
    kept = [rows[row] for row in good.tolist()]
    columns: dict[str, NDArray[Any] | list[str]] = {
        "id": [row.id for row in kept],
        **_label_columns(label_array([row.label for row in kept]), classes),
        "patient": [row.patient for row in kept],
        "split": [row.split for row in kept],
        "bytes": np.array([row.bytes for row in kept], dtype=np.int64),
        **{name: values[good] for name, values in decoded.about.items()},
        "digest": [decoded.digests[row] for row in good.tolist()],
        DIGESTS: digests_of(np.load(partial / PIXELS, mmap_mode="r")),
        "modified": [row.modified for row in kept],
    }
    for place, name in enumerate(about["columns"]):
        columns[f"{METADATA}{name}"] = [row.metadata[place] for row in kept]
    write_table(partial / TABLE, columns)
    whole = {
        **about,
        "format": FORMAT,
        "version": VERSION,
        "images": len(kept),
        "size": decoded.size,
        "classes": list(classes),
        "findings": isinstance(kept[0].label, tuple),
        "splits": _ranges(kept),
        "origin": asdict(replace(origin, fingerprint=_fingerprint(columns, classes, origin))),
        "sha256": {name: sha256(partial / name) for name in (PIXELS, TABLE)},
    }
    write_json(partial / ABOUT, whole)
    decoded.discard()


def _ranges(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Return the first row and the end of each split; rows are ordered by split."""
    counts, ranges, end = Counter(row.split for row in rows), {}, 0
    for split in _ORDER:
        if counts[split]:
            ranges[split] = [end, end + counts[split]]
            end += counts[split]
    return ranges


def _label_columns(labels: Labels, classes: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the column of labels, or one column for each finding."""
    if labels.ndim == 1:
        return {"label": labels}
    return {f"label:{name}": labels[:, column] for column, name in enumerate(classes)}


def _fingerprint(
    columns: Mapping[str, NDArray[Any] | list[str]], classes: Sequence[str], origin: DataProvenance
) -> str:
    """Return the sha256 over files, labels, patients, splits, columns and preprocessing, but not paths.

    The counts of uncertain labels are part of it where there are any.
    """
    total = hashlib.sha256(repr((list(classes), sorted(origin.preprocessing.items()))).encode())
    if origin.uncertain:
        total.update(repr(sorted(origin.uncertain.items())).encode())
    metadata = [name for name in columns if name.startswith(("label", METADATA))]
    for name in ("id", "digest", "patient", "split", *metadata):
        column = columns[name]
        if name.startswith(METADATA):
            total.update(f"\0{name}\0".encode())
        for start in range(0, len(column), 65536):  # in parts: there may be a million rows
            part = column[start : start + 65536]
            texts = map(str, part.tolist()) if isinstance(part, np.ndarray) else part
            total.update(("\0" * (start > 0) + "\0".join(texts)).encode())
    return total.hexdigest()
