"""The one door for images: a folder of films, or a store of them, becomes a data set."""

import hashlib
import os
import re
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np

from radapt.errors import BadArtefact
from radapt.images.decoding import Progress
from radapt.images.folder import SPLITS, Listing, find_files
from radapt.images.imageset import Dataset, Origin
from radapt.images.pack import VERSION, Row, is_store, open_store, write_store
from radapt.images.patients import patients_of
from radapt.images.pixels import READER_VERSION, check_size
from radapt.images.split import split_by_patient

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
    patient_regex: str | None = None,
    split_seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    r"""Load the films of a folder of class folders, or of a store.

    A folder is packed into a store the first time; afterwards the store is opened, until a file, an option or
    the reader changes. Nothing is written to the folder. One that is not split into train, val and test is
    split by patient. A store is opened as it is, whatever size and fit are asked for.

    Parameters
    ----------
    path
        `{train,val,test}/CLASS/` or `CLASS/` folders, or a store.
    size
        Height and width in pixels, 1 to 4096.
    fit
        "squash" fills the square, "pad" keeps the aspect on black.
    patient_regex
        What part of a file's name is the patient, as in `^(\d+)_`; see `radapt.images.patients`.
    split_seed
        Draws the split of a folder that is not split.
    cache
        Where stores are kept: otherwise `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.
    progress
        Called with how many files are packed and how many there are, if they have to be.

    Raises
    ------
    AskedWrongly
        If the folder is missing or does not hold a data set, an option is not one, or no readable film is
        left of a class.
    BadArtefact
        If the store is damaged.
    RadaptError
        If the cache cannot be written to.
    """
    path = Path(path)
    check_size(size, fit)
    if is_store(path):
        return open_store(path)
    listing = find_files(path)
    key = _key(listing, size, fit, patient_regex, split_seed)
    store = (cache or cache_folder()) / f"{_slug(listing)}-{size}-{key}"
    if store.is_dir():
        try:
            return open_store(store)
        except BadArtefact:
            shutil.rmtree(store)  # it is a copy, made from what lies at `path`
    rows, origin = _rows(listing, size, fit, patient_regex, split_seed)
    write_store(store, rows, classes=listing.classes, size=size, fit=fit, origin=origin, progress=progress)
    return open_store(store)


def cache_folder() -> Path:
    """Give where stores are kept: `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`."""
    if given := os.environ.get("RADAPT_CACHE"):
        return Path(given)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "radapt"


def _rows(
    listing: Listing, size: int, fit: str, patient_regex: str | None, split_seed: int
) -> tuple[list[Row], Origin]:
    """Give what is to be packed, and where it came from."""
    entries = listing.entries
    ids = [_printable(entry.name) for entry in entries]
    patients, rule, notes = patients_of([entry.inner for entry in entries], patient_regex, ids=ids)
    patients = [_printable(patient) for patient in patients]
    splits, split_rule = [entry.split for entry in entries], "folders"
    if not listing.is_split:
        labels = np.array([entry.label for entry in entries], dtype=np.int64)
        named = np.array(patients, dtype=np.str_)
        splits = split_by_patient(labels, named, fractions=SHARES, seed=split_seed).tolist()
        shares = ", ".join(f"{share:.0%} {split}" for split, share in SHARES.items())
        split_rule = f"by patient: {shares}, seed {split_seed}"
    rows = [
        Row(listing.root / entry.name, film, entry.label, patient, split, f"{entry.size} {entry.changed}")
        for entry, film, patient, split in zip(entries, ids, patients, splits, strict=True)
    ]
    origin = Origin(
        name=_printable(listing.root.resolve().name),
        patient_rule=rule,
        split_rule=split_rule,
        preprocessing={"size": size, "fit": fit, "reader": READER_VERSION},
        fingerprint="",
        notes=(*listing.notes, *notes, *_doubts(rows, listing.classes)),
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
        missing = set(range(len(classes))) - {row.label for row in rows if row.split == split}
        if whose[split] and missing:
            names = ", ".join(classes[label] for label in sorted(missing))
            doubts.append(f"The split {split} has no film of: {names}.")
    return doubts


def _key(listing: Listing, size: int, fit: str, patient_regex: str | None, split_seed: int) -> str:
    """Give what tells a store from any other that could be made."""
    seed = None if listing.is_split else split_seed
    options = (str(listing.root.resolve()), size, fit, patient_regex, seed, READER_VERSION, VERSION)
    total = hashlib.sha256(repr(options).encode(errors="surrogateescape"))
    for entry in listing.entries:
        line = f"\0{entry.name}\0{entry.size}\0{entry.changed}"
        total.update(line.encode(errors="surrogateescape"))
    return total.hexdigest()[:20]


def _slug(listing: Listing) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", listing.root.resolve().name)[:40] or "films"


def _printable(name: str) -> str:
    """Give a name that can be written as UTF-8, whatever bytes it is of on this disk."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")
