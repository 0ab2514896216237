"""Open a store: decoded images as one uint8 memory map, with a table of their labels and metadata.

A store is a folder of three files:

- `pixels.npy`: uint8 (n, size, size); the rows of a split are contiguous.
- `table.parquet`: for each row its `id`, `label` (an index into the classes; or for each finding a
  `label:FINDING` of 1, 0 or NaN), `patient`, `split`, the `bytes`, `width`, `height` and `bits` of its file,
  the range of values behind its grey levels (`low`, `high`, and the share of its pixels `outside`), the
  sha256 `digest` of its file, that of its `pixels` (see `radapt.images.digests`), `modified`, which changes
  when the file does, and a `column:NAME` for each metadata column (see `radapt.images.columns`).
- `store.json`, written last: classes, splits, metadata columns, provenance, and checksums of the other two.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import check_file, read_json, sha256
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.notice import from_rows
from radapt.images.preprocessing import Preprocessing
from radapt.parquet import read_table
from radapt.text import listed

ABOUT, PIXELS, TABLE = "store.json", "pixels.npy", "table.parquet"
FORMAT = "radapt store"
VERSION = 3
METADATA = "column:"  # prefix of metadata columns in the table
DIGESTS = "pixels"  # the column of digests of the pixels
OF_FILES = ("bytes", "width", "height", "bits")  # properties of the files


def is_store(folder: Path) -> bool:
    """Say whether a folder is a complete store: its last file exists."""
    return (folder / ABOUT).is_file()


def open_store(folder: Path) -> Dataset:
    """Open a store without reading its pixels: each split is a read-only view of the memory map.

    Raises
    ------
    BadArtefact
        If it is damaged, or not a store.
    """
    about = read_about(folder)
    path = folder / TABLE
    try:
        if sha256(path) != about["sha256"][TABLE]:
            raise BadArtefact(
                f"{path} is not the file that was written with this store. Pack the images again."
            )
        classes = tuple(about["classes"])
        of_labels = [f"label:{name}" for name in classes] if about.get("findings") else ["label"]
        named = {name: f"{METADATA}{name}" for name in about["columns"]}
        table = read_table(path, columns=["id", "patient", *of_labels, *named.values(), *OF_FILES, DIGESTS])
        labels = np.stack([table[name] for name in of_labels], axis=1)
        if not about.get("findings"):
            labels = labels[:, 0]
        shape = (about["images"], about["size"], about["size"])
        pixels = _map_pixels(folder / PIXELS, shape)
        if not len(table["id"]) == shape[0] == _covered(about["splits"].values()):
            raise BadArtefact(
                f"The splits of the store {folder} are not those of its table. Pack the images again."
            )
        origin = _origin(about["origin"])
        splits = {
            split: ImageSet(
                pixels=pixels[start:stop],
                labels=labels[start:stop],
                patients=table["patient"][start:stop],
                ids=table["id"][start:stop],
                classes=classes,
                columns={name: table[own][start:stop] for name, own in named.items()},
                files={name: table[name][start:stop] for name in OF_FILES},
                digests=table[DIGESTS][start:stop],
            )
            for split, (start, stop) in about["splits"].items()
        }
        return Dataset(splits, origin)
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, OSError, AskedWrongly) as error:
        raise BadArtefact(f"The store {folder} is damaged: {error!r}. Pack the images again.") from None


def open_columns(
    folder: Path, names: Sequence[str] | None = None
) -> tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]:
    """Return the pixels of a store as a read-only memory map, and columns of its table.

    Raises
    ------
    BadArtefact
        If it is damaged, or not a store.
    """
    about = read_about(folder)
    columns = read_table(folder / TABLE, names)
    try:
        pixels = _map_pixels(folder / PIXELS, (about["images"], about["size"], about["size"]))
    except (KeyError, ValueError, EOFError, OSError) as error:
        raise BadArtefact(f"The store {folder} is damaged: {error!r}. Pack the images again.") from None
    return pixels, columns


def reading_of(folder: Path) -> tuple[Preprocessing, int]:
    """Return the preprocessing of a store, and the version of the reader that made it.

    Raises
    ------
    BadArtefact
        If it is damaged, or not a store.
    """
    try:
        origin = _origin(read_about(folder)["origin"])
        return origin.reading, int(origin.preprocessing["reader"])
    except (KeyError, TypeError, ValueError, AskedWrongly) as error:
        raise BadArtefact(f"The store {folder} is damaged: {error!r}. Pack the images again.") from None


def what_lacks(folder: Path) -> str:
    """Return a sentence on why a store cannot be trained on; "" if it can.

    Raises
    ------
    BadArtefact
        If it is not a store.
    """
    return str(read_about(folder).get("lacking", ""))


def verify_store(folder: Path) -> None:
    """Read a whole store and compare it with its checksums.

    Raises
    ------
    BadArtefact
        If a byte has changed, or it is not a store.
    """
    sums = read_about(folder).get("sha256", {})
    for name in (PIXELS, TABLE):
        try:
            same = sha256(folder / name) == sums.get(name)
        except OSError as error:
            raise BadArtefact(f"{folder / name} could not be read: {error.strerror}.") from None
        if not same:
            raise BadArtefact(f"{folder / name} has changed since it was packed. Pack the images again.")


def read_about(folder: Path) -> dict[str, Any]:
    """Read the description of a store, `store.json`.

    Raises
    ------
    BadArtefact
        If it is not a store, or of another version.
    """
    if not is_store(folder):
        raise BadArtefact(f"{folder} is not a store of images: it has no store.json.")
    about = read_json(folder / ABOUT)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BadArtefact(f"{folder} is not a store of images: its store.json was not written by radapt.")
    if about.get("version") != VERSION:
        raise BadArtefact(
            f"The store {folder} is of version {about.get('version')}; this radapt reads version {VERSION}. "
            "Pack the images again."
        )
    return about


def _map_pixels(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    check_file(path)
    mapped: np.memmap[Any, np.dtype[np.uint8]] = np.load(path, mmap_mode="r", allow_pickle=False)
    if mapped.shape != shape or mapped.dtype != np.uint8:
        raise ValueError(f"pixels.npy holds {mapped.dtype} of shape {mapped.shape}, not uint8 of {shape}")
    plain: NDArray[np.uint8] = mapped.view(np.ndarray)
    return plain


def _covered(splits: Iterable[Sequence[int]]) -> int:
    """Return how many rows these ranges cover if they are contiguous from 0; -1 if not."""
    end = 0
    for start, stop in splits:
        if start != end or stop <= start:
            return -1
        end = stop
    return end or -1


def _origin(about: Mapping[str, Any]) -> DataProvenance:
    failed = tuple((str(name), str(reason)) for name, reason in about["failed"])
    texts = {"notes": tuple(about["notes"]), "notices": from_rows(about["notices"])}
    if lacking := Preprocessing.__dataclass_fields__.keys() - about["preprocessing"]:
        # Names of an older version; defaults in their place would not be how the pixels were made.
        raise KeyError(f"preprocessing lacks {listed(sorted(lacking))}")
    return DataProvenance(**{**about, **texts, "failed": failed})
