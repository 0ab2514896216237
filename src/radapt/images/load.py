"""The one door for images: a folder of films, a table, an array file or a store becomes a data set."""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from radapt.errors import AskedWrongly, BadArtefact
from radapt.images.cells import is_table
from radapt.images.decoding import Progress
from radapt.images.folder import SPLITS, Listing, find_files
from radapt.images.imageset import Dataset, Origin
from radapt.images.pack import VERSION, Row, is_store, open_store, what_lacks, write_store
from radapt.images.pixels import READER_VERSION
from radapt.images.reading import Reading
from radapt.images.split import split_by_patient
from radapt.images.table import TableOptions, read_listing
from radapt.images.whose import Told, printable, tell
from radapt.labels import count_labels, label_array, strata_of

SHARES = {
    "train": 0.7,
    "test": 0.2,
    "val": 0.1,
}  # in this order patients are found for them, if there are few


def load(
    path: Path | str,
    *,
    size: int = 128,
    fit: str = "squash",
    levels: str = "window",
    trim: bool = False,
    patient_regex: str | None = None,
    split_seed: int = 0,
    label: str | Sequence[str] | None = None,
    images: str | None = None,
    patient: str | None = None,
    split: str | None = None,
    root: Path | str | None = None,
    views: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    exclusive: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    r"""Load the films of a folder of class folders, of a table, of a MedMNIST file, or of a store.

    Films are packed into a store the first time; afterwards the store is opened, until a file, an option or
    the reader changes. Nothing is written beside them. What is not split into train, val and test is split
    by patient. A store is opened as it is, whatever size and fit are asked for.

    Of DICOM files the patients are those of their tags, as codes that the key in the cache folder makes (see
    `radapt.images.private`); the files too go by codes, since their paths may name patients.

    Parameters
    ----------
    path
        `{train,val,test}/CLASS/` or `CLASS/` folders, a `.csv`, `.tsv` or `.parquet` table, a `.npz` file of
        MedMNIST, or a store.
    size
        Height and width in pixels, 1 to 4096.
    fit, levels, trim
        See `radapt.images.reading.Reading`.
    patient_regex
        What part of a file's name is the patient, as in `^(\d+)_`; see `radapt.images.patients`.
    split_seed
        Draws the split of what is not split.
    label
        Of a table: the finding of a published one, or the column that says the class; several of either are
        findings of which a film may have any number; see `radapt.images.table.read_listing`.
    images, patient, split
        Of a table that is no published one: the columns of the films, and if there are any those that say
        whose they are and train, val or test.
    root
        Of a table: the folder that its paths are below; otherwise its own.
    views
        Which views to take, as ("PA", "AP"), of DICOM files and of tables that name them; "all" takes all.
        If left out, the frontal ones of a published table, and all of anything else.
    classes
        Of a table or a MedMNIST file: what to call its classes, in their order, the healthy one first.
    exclusive
        Of a table: whether several label columns are classes, one of which is 1 for each film.
    cache
        Where stores are kept: otherwise `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.
    progress
        Called with how many files are packed and how many there are, if they have to be.

    Raises
    ------
    AskedWrongly
        If the path is missing or holds no data set, an option is not one or not for it, or no readable film
        is left of a class.
    BadArtefact
        If the store is damaged.
    RadaptError
        If the cache cannot be written to.
    """
    wanted = Wanted(
        reading=Reading(size, fit, levels, trim),
        table=TableOptions(
            root=None if root is None else Path(root),
            images=images,
            label=label if label is None or isinstance(label, str) else tuple(label),
            patient=patient,
            split=split,
            views=(views,) if isinstance(views, str) else None if views is None else tuple(views),
            classes=None if classes is None else tuple(classes),
            exclusive=exclusive,
        ),
        patient_regex=patient_regex,
        split_seed=split_seed,
    )
    return open_films(Path(path), wanted, cache=cache, progress=progress)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a data set is to be read; see `load`."""

    reading: Reading = Reading()  # noqa: RUF009
    table: TableOptions = TableOptions()  # noqa: RUF009
    patient_regex: str | None = None
    split_seed: int = 0


def open_films(
    path: Path, wanted: Wanted, *, cache: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Open a data set, packing it first where that is not done yet; see `load`."""
    if path.suffix.lower() == ".npz":
        from radapt.images.medmnist import read_medmnist

        return read_medmnist(path, wanted.reading, wanted.table.classes)
    return open_store(packed(path, wanted, cache=cache, progress=progress))


def packed(
    path: Path,
    wanted: Wanted,
    *,
    complete: bool = True,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Give the store of a data set, packing it first where that is not done yet; see `load`.

    What cannot be trained on is refused, unless `complete` is False: then a class may be alone, empty, not in
    train, or without a readable film.
    """
    store = _packed(path, wanted, complete, cache, progress)
    if complete and (lacking := what_lacks(store)):
        raise AskedWrongly(lacking)
    return store


def _packed(
    path: Path, wanted: Wanted, complete: bool, cache: Path | None, progress: Progress | None
) -> Path:
    if is_store(path):
        return path
    source = path.resolve()
    if is_table(path):
        listing = read_listing(path, wanted.table)
    else:
        _check_for_folder(wanted.table)
        listing = find_files(path, complete=complete)
    cache = cache or cache_folder()
    store = cache / f"{_slug(source)}-{wanted.reading.size}-{_key(listing, source, wanted)}"
    if store.is_dir():
        try:
            open_store(store)
        except BadArtefact:
            shutil.rmtree(store)  # it is a copy, made from what lies at `path`
        else:
            return store
    views = None if is_table(path) else wanted.table.views
    told = tell(listing, wanted.patient_regex, views, cache)
    rows, origin = _rows(told, source, wanted)
    write_store(
        store,
        rows,
        classes=listing.classes,
        reading=wanted.reading,
        origin=origin,
        complete=complete,
        progress=progress,
    )
    return store


def _check_for_folder(options: TableOptions) -> None:
    for name in ("label", "images", "patient", "split", "root", "classes", "exclusive"):
        if getattr(options, name) not in (None, False):
            raise AskedWrongly(f"{name} is for a table (.csv, .tsv, .parquet). A folder has class folders.")


def cache_folder() -> Path:
    """Give where stores are kept: `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`."""
    if given := os.environ.get("RADAPT_CACHE"):
        return Path(given)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "radapt"


def _rows(told: Told, source: Path, wanted: Wanted) -> tuple[list[Row], Origin]:
    """Give what is to be packed, and where it came from."""
    listing = told.listing
    entries = listing.entries
    splits, split_rule = [entry.split for entry in entries], listing.split_rule
    if not listing.is_split:
        labels = strata_of(label_array([entry.label for entry in entries]))
        named = np.array(told.patients, dtype=np.str_)
        splits = split_by_patient(labels, named, fractions=SHARES, seed=wanted.split_seed).tolist()
        shares = ", ".join(f"{share:.0%} {split}" for split, share in SHARES.items())
        split_rule = f"by patient: {shares}, seed {wanted.split_seed}"
    rows = [
        Row(listing.root / entry.name, film, entry.label, patient, split, f"{entry.size} {entry.changed}")
        for entry, film, patient, split in zip(entries, told.ids, told.patients, splits, strict=True)
    ]
    origin = Origin(
        name=printable(source.name),
        patient_rule=told.rule,
        split_rule=split_rule,
        preprocessing={**wanted.reading.as_dict(), "reader": READER_VERSION},
        fingerprint="",
        notes=(*listing.notes, *told.notes, *_doubts(rows, listing.classes)),
    )
    return rows, origin


def _doubts(rows: list[Row], classes: tuple[str, ...]) -> list[str]:
    """Say what a reader of the results should know of the splits."""
    doubts = []
    whose = {split: {row.patient for row in rows if row.split == split} for split in SPLITS}
    for one, other in combinations(SPLITS, 2):
        if both := len(whose[one] & whose[other]):
            doubts.append(
                f"Patients with films both in {one} and in {other}: {both}. Scores on {other} look better "
                "than they are."
            )
    for split in SPLITS:
        labels = [row.label for row in rows if row.split == split]
        missing = [name for name, count in count_labels(label_array(labels), classes).items() if not count]
        if labels and missing:
            names = ", ".join(missing)
            doubts.append(f"The split {split} has no film of: {names}.")
    return doubts


def _key(listing: Listing, source: Path, wanted: Wanted) -> str:
    """Give what tells a store from any other that could be made."""
    seed = None if listing.is_split else wanted.split_seed
    options = (str(source), wanted.reading, wanted.patient_regex, seed, READER_VERSION, VERSION)
    total = hashlib.sha256(repr(options).encode(errors="surrogateescape"))
    if wanted.table != TableOptions():
        about = (wanted.table, listing.classes, [entry.label for entry in listing.entries], listing.patients)
        total.update(repr(about).encode(errors="surrogateescape"))
    if len({entry.label for entry in listing.entries}) < len(listing.classes):  # else their names say it
        total.update(repr(listing.classes).encode(errors="surrogateescape"))
    for entry in listing.entries:
        line = f"\0{entry.name}\0{entry.size}\0{entry.changed}"
        total.update(line.encode(errors="surrogateescape"))
    return total.hexdigest()[:20]


def _slug(source: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", source.name)[:40] or "films"
