"""The store: films decoded once, kept as one uint8 memory map beside a table of what they are.

A store is a folder of three files. `pixels.npy` is uint8 (n, size, size), the rows of a split lying
together; `table.parquet` has for each row its `id`, `label` (an index into the classes; or for each finding a
`label:FINDING` of 1, 0 or NaN), `patient`, `split`, `width`, `height`, `bits`, the range of values that the
grey levels stand for (`low`, `high`, and the share of its pixels `outside`) and the sha256 `digest` of its
file; `store.json`, written last, says what made them and what they add up to.
"""

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadArtefact, RadaptError, WrongFolder
from radapt.files import read_json, write_json
from radapt.images.decoding import Decoded, Progress, decode_all, one_at_a_time
from radapt.images.imageset import Dataset, ImageSet, Origin
from radapt.images.reading import Reading
from radapt.labels import Label, Labels, label_array
from radapt.tables import read_table, write_table

FORMAT = "radapt store"
VERSION = 1

_ORDER = {"train": 0, "val": 1, "test": 2}


class NothingReadable(AskedWrongly):
    """None of the files could be read."""

    def __init__(self, failed: tuple[tuple[str, str], ...]) -> None:
        self.failed = failed  # (file, reason)
        first = "; ".join(f"{film} {reason}" for film, reason in failed[:3])
        super().__init__(f"None of the {len(failed)} films can be read: {first}.")


@dataclass(frozen=True, slots=True)
class Row:
    """A file to be packed."""

    path: Path
    id: str  # unique: the file's path inside its data set
    label: Label  # an index into the classes, or what is said of each finding
    patient: str
    split: str  # "train", "val" or "test"
    stamp: str = ""  # changes when the file does: its size and time


def write_store(
    folder: Path,
    rows: Sequence[Row],
    *,
    classes: Sequence[str],
    reading: Reading,
    origin: Origin,
    complete: bool = True,
    progress: Progress | None = None,
) -> None:
    """Decode files into a new store; one that was interrupted is taken up where it was left.

    Until it is whole the work lies in a folder beside, whose name ends in ".partial". Files that cannot be
    read are left out and named in the origin.

    Parameters
    ----------
    folder
        Where the store is to be; there must be nothing yet.
    rows
        The files, in any order of splits.
    classes
        What the labels index.
    reading
        How the files are read; its size is not None.
    origin
        Where the files came from; its `failed` and `fingerprint` are filled in.
    complete
        Whether to refuse what cannot be trained on; else the store is written, and says what it lacks.
    progress
        Called with how many files are done and how many there are.

    Raises
    ------
    AskedWrongly
        If there is something at `folder`, or no readable file is left of a class that is to be trained on.
    NothingReadable
        If no file can be read at all.
    RadaptError
        If it cannot be written there, as on a full disk; what was decoded is kept.
    """
    if folder.exists():
        raise WrongFolder(f"There is already something at {folder}. Give a folder that is not there yet.")
    rows = sorted(rows, key=lambda row: _ORDER[row.split])
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(partial):
            if is_store(folder):  # another process made it while this one waited
                shutil.rmtree(partial, ignore_errors=True)
                return
            request = _request(rows, reading)
            paths = [row.path for row in rows]
            decoded = decode_all(partial, paths, reading=reading, request=request, progress=progress)
            lacking = _lacking(rows, decoded, classes)
            if complete and lacking:
                raise AskedWrongly(lacking)
            if all(decoded.reasons):
                raise NothingReadable(_failed(rows, decoded))
            _finish(partial, rows, decoded, classes, replace(origin, failed=_failed(rows, decoded)), lacking)
            partial.rename(folder)
    except OSError as error:
        raise RadaptError(
            f"Could not write the store {folder}: {error.strerror or error}. "
            "What was decoded is kept; starting again goes on from there."
        ) from error


def is_store(folder: Path) -> bool:
    """Say whether a folder is a whole store, by its last file."""
    return (folder / "store.json").is_file()


def open_store(folder: Path) -> Dataset:
    """Open a store without reading its pixels: each split is a read-only view of the memory map.

    Raises
    ------
    BadArtefact
        If it is damaged, or not a store.
    """
    about = _read_about(folder)
    path = folder / "table.parquet"
    try:
        if _sha256(path) != about["sha256"]["table.parquet"]:
            raise BadArtefact(
                f"{path} is not the file that was written with this store. Pack the films again."
            )
        classes = tuple(about["classes"])
        of_labels = [f"label:{name}" for name in classes] if about.get("findings") else ["label"]
        table = read_table(path, columns=["id", "patient", *of_labels])
        labels = np.stack([table[name] for name in of_labels], axis=1)
        if not about.get("findings"):
            labels = labels[:, 0]
        shape = (about["images"], about["size"], about["size"])
        pixels = _map_pixels(folder / "pixels.npy", shape)
        if not len(table["id"]) == shape[0] == _covered(about["splits"].values()):
            raise BadArtefact(f"The splits of the store {folder} are not those of its table.")
        origin = _origin(about["origin"])
        splits = {
            split: ImageSet(
                pixels=pixels[start:stop],
                labels=labels[start:stop],
                patients=table["patient"][start:stop],
                ids=table["id"][start:stop],
                classes=classes,
            )
            for split, (start, stop) in about["splits"].items()
        }
        return Dataset(splits, origin)
    except (KeyError, TypeError, ValueError, AttributeError, OSError, AskedWrongly) as error:
        raise BadArtefact(f"The store {folder} is damaged: {error!r}. Pack the films again.") from None


def open_columns(folder: Path) -> tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]:
    """Give the pixels of all films of a store, a read-only map of it, and the columns of its table.

    Raises
    ------
    BadArtefact
        If it is damaged, or not a store.
    """
    about = _read_about(folder)
    columns = read_table(folder / "table.parquet")
    try:
        pixels = _map_pixels(folder / "pixels.npy", (about["images"], about["size"], about["size"]))
    except (KeyError, ValueError, OSError) as error:
        raise BadArtefact(f"The store {folder} is damaged: {error!r}. Pack the films again.") from None
    return pixels, columns


def what_lacks(folder: Path) -> str:
    """Say why a store cannot be trained on, in a sentence; "" if it can.

    Raises
    ------
    BadArtefact
        If it is not a store.
    """
    return str(_read_about(folder).get("lacking", ""))


def verify_store(folder: Path) -> None:
    """Read a whole store and compare it with the sums that were written with it.

    Raises
    ------
    BadArtefact
        If a byte has changed, or it is not a store.
    """
    sums = _read_about(folder).get("sha256", {})
    for name in ("pixels.npy", "table.parquet"):
        try:
            same = _sha256(folder / name) == sums.get(name)
        except OSError as error:
            raise BadArtefact(f"{folder / name} could not be read: {error.strerror}.") from None
        if not same:
            raise BadArtefact(f"{folder / name} has changed since it was packed. Pack the films again.")


def _read_about(folder: Path) -> dict[str, Any]:
    if not is_store(folder):
        raise BadArtefact(f"{folder} is not a store of films: it has no store.json.")
    about = read_json(folder / "store.json")
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BadArtefact(f"{folder} is not a store of films: its store.json was not written by radapt.")
    if about.get("version") != VERSION:
        raise BadArtefact(
            f"The store {folder} is of version {about.get('version')}; this radapt reads version {VERSION}. "
            "Pack the films again."
        )
    return about


def _map_pixels(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    mapped: np.memmap[Any, np.dtype[np.uint8]] = np.load(path, mmap_mode="r", allow_pickle=False)
    if mapped.shape != shape or mapped.dtype != np.uint8:
        raise ValueError(f"pixels.npy holds {mapped.dtype} of shape {mapped.shape}, not uint8 of {shape}")
    plain: NDArray[np.uint8] = mapped.view(np.ndarray)
    return plain


def _covered(splits: Iterable[Sequence[int]]) -> int:
    """Give how many rows these ranges cover, if they follow one another from the first; -1 if not."""
    end = 0
    for start, stop in splits:
        if start != end or stop <= start:
            return -1
        end = stop
    return end or -1


def _origin(about: Mapping[str, Any]) -> Origin:
    failed = tuple((str(name), str(reason)) for name, reason in about["failed"])
    return Origin(**{**about, "failed": failed, "notes": tuple(about["notes"])})


def _request(rows: Sequence[Row], reading: Reading) -> str:
    """Give the sha256 of all that decides what the decoded rows are, so that others are not gone on with."""
    total = hashlib.sha256(repr(reading).encode())
    for row in rows:
        total.update(f"\0{row.path}\0{row.stamp}".encode(errors="surrogateescape"))
    return total.hexdigest()


def _failed(rows: Sequence[Row], decoded: Decoded) -> tuple[tuple[str, str], ...]:
    return tuple((row.id, reason) for row, reason in zip(rows, decoded.reasons, strict=True) if reason)


def _lacking(rows: Sequence[Row], decoded: Decoded, classes: Sequence[str]) -> str:
    """Say which class has no readable film in train (in none, where there is no train); "" if none."""
    has_train = any(row.split == "train" for row in rows)
    if rows and all(decoded.reasons):
        raise AskedWrongly(f"None of the {len(rows)} films can be read: {rows[0].id} {decoded.reasons[0]}.")
    for label, name in enumerate(classes):
        of_class = [
            (row.id, reason)
            for row, reason in zip(rows, decoded.reasons, strict=True)
            if row.label == label and (row.split == "train" or not has_train)
        ]
        if of_class and all(reason for _, reason in of_class):
            first = "; ".join(f"{film} {reason}" for film, reason in of_class[:3])
            return (
                f"None of the {len(of_class)} films of the class {name!r}{' in train' * has_train} "
                f"can be read: {first}{'; and so on' if len(of_class) > 3 else ''}."
            )
    return ""


def _finish(
    partial: Path,
    rows: Sequence[Row],
    decoded: Decoded,
    classes: Sequence[str],
    origin: Origin,
    lacking: str,
) -> None:
    """Turn the decoded rows into the three files of a store, `store.json` last."""
    good = np.flatnonzero([not reason for reason in decoded.reasons])
    decoded.keep(good, partial / "pixels.npy")
    kept = [rows[row] for row in good.tolist()]
    columns = {
        "id": np.array([row.id for row in kept], dtype=np.str_),
        **_label_columns(label_array([row.label for row in kept]), classes),
        "patient": np.array([row.patient for row in kept], dtype=np.str_),
        "split": np.array([row.split for row in kept], dtype=np.str_),
        "width": decoded.widths[good],
        "height": decoded.heights[good],
        "bits": decoded.bits[good],
        "low": decoded.lows[good],
        "high": decoded.highs[good],
        "outside": decoded.outside[good],
        "digest": np.array([decoded.digests[row] for row in good.tolist()], dtype=np.str_),
    }
    write_table(partial / "table.parquet", columns)
    splits = {}
    for split in _ORDER:
        of_split = np.flatnonzero(columns["split"] == split)
        if len(of_split):
            splits[split] = [int(of_split[0]), int(of_split[-1]) + 1]
    about = {
        "format": FORMAT,
        "version": VERSION,
        "images": len(kept),
        "size": decoded.size,
        "classes": list(classes),
        "findings": isinstance(kept[0].label, tuple),
        "splits": splits,
        "lacking": lacking,
        "origin": asdict(replace(origin, fingerprint=_fingerprint(columns, classes, origin))),
        "sha256": {name: _sha256(partial / name) for name in ("pixels.npy", "table.parquet")},
    }
    write_json(partial / "store.json", about)
    decoded.discard()


def _label_columns(labels: Labels, classes: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Give the column of labels, or one for each finding."""
    if labels.ndim == 1:
        return {"label": labels}
    return {f"label:{name}": labels[:, column] for column, name in enumerate(classes)}


def _fingerprint(columns: Mapping[str, NDArray[Any]], classes: Sequence[str], origin: Origin) -> str:
    """Give the sha256 over files, labels, patients, splits and preprocessing, wherever the files lie."""
    total = hashlib.sha256(repr((list(classes), sorted(origin.preprocessing.items()))).encode())
    labels = [name for name in columns if name.startswith("label")]
    for name in ("id", "digest", "patient", "split", *labels):
        total.update("\0".join(map(str, columns[name].tolist())).encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
