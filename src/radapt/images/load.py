"""Load a data set from class folders, a label table, a MedMNIST file or a store."""

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from radapt.errors import AskedWrongly, BadArtefact
from radapt.images.columns import SITE, VIEW
from radapt.images.description import described
from radapt.images.dicom.listing import IDS
from radapt.images.folder import SPLITS, Listing, find_files
from radapt.images.held_out import hold_out
from radapt.images.identify import IdentifiedListing, identify_patients, printable
from radapt.images.imageset import DataProvenance, Dataset
from radapt.images.leaks import with_leaks
from radapt.images.load_options import LoadOptions
from radapt.images.notice import Notice
from radapt.images.patients import EACH_FILE, unused_patients
from radapt.images.pixels import READER_VERSION
from radapt.images.reclassify import reclassified
from radapt.images.spelling import typing_errors
from radapt.images.split import split_by_patient
from radapt.images.store.location import cache_folder, check_outside
from radapt.images.store.pack import PackSource, Row, recover, write_store
from radapt.images.store.store import VERSION, is_store, open_store, read_about, reading_of, what_lacks
from radapt.images.table import read_listing
from radapt.images.table_options import TableOptions
from radapt.images.table_rows import is_table
from radapt.labels import are_exclusive, count_labels, label_array, stratify
from radapt.lock import one_at_a_time
from radapt.progress import SILENT, Watch
from radapt.text import listed

UNSAFE = Notice(
    "unsafe-split",
    "invalid",
    "These images were split image by image although their patients are known. The same patients are on both "
    "sides of the split, so scores look better than they are.",
)
DEFAULTS = LoadOptions()
SHARES = {
    "train": 0.7,
    "test": 0.2,
    "val": 0.1,
}  # if there are few patients, splits get one in this order


def load_dataset(
    path: Path | str,
    options: LoadOptions = DEFAULTS,
    *,
    cache: Path | None = None,
    watch: Watch = SILENT,
) -> Dataset:
    """Load the images of a folder of class folders, of a table, of a MedMNIST file, or of a store.

    Images are packed into a store the first time; afterwards the store is opened, until a file, an option or
    the reader changes. Nothing is written beside the images. A data set that is not split into train, val and
    test is split by patient. Where images were added or changed, only those are decoded.

    Patients of DICOM files are those of their tags, written as codes that are made with a key in the cache
    folder (see `radapt.images.pseudonyms`). The files get codes for names too: their paths may name patients.

    Test images that are also among those to learn from are named in the notices of the data set's provenance.

    Parameters
    ----------
    path
        `{train,val,test}/CLASS/` or `CLASS/` folders, a `.csv`, `.tsv` or `.parquet` table, a `.npz` file of
        MedMNIST, a store, or a `.toml` that describes one of these, see `radapt.images.description`.
    options
        How it is read; options of a table are in `LoadOptions.table`.
    cache
        The folder of the stores: by default `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.
    watch
        Receives the number of files that are packed, of all files, if they have to be packed.

    Raises
    ------
    AskedWrongly
        If the path is missing or holds no data set, an option is not one or not for it, or no readable image
        is left of a class.
    BadArtefact
        If the store is damaged.
    RadaptError
        If the cache cannot be written to.
    """
    path, options = described(Path(path), options)
    if path.suffix.lower() == ".npz":
        from radapt.images.medmnist import read_medmnist

        _refuse_held_out(path, options)
        dataset = read_medmnist(path, options.reading, options.table.classes)
        return with_leaks(reclassified(dataset, options.rules))
    dataset = open_store(packed(path, options, cache=cache, watch=watch))
    return with_leaks(reclassified(dataset, options.rules) if is_store(path) else dataset)


def packed(
    path: Path,
    options: LoadOptions,
    *,
    complete: bool = True,
    out: Path | None = None,
    cache: Path | None = None,
    watch: Watch = SILENT,
) -> Path:
    """Return the folder of a data set's store, packing it first if needed; see `load_dataset`.

    The store is at `out`, or in the cache. With `complete`, a data set that cannot be trained on is refused;
    otherwise it may have only one class, or a class that is empty, not in train, or without readable images.
    """
    path, options = described(path, options)
    store = _packed(path, options, complete, out, cache or cache_folder(), watch)
    if complete and (lacking := what_lacks(store)):
        raise AskedWrongly(lacking)
    return store


def _packed(
    path: Path, options: LoadOptions, complete: bool, out: Path | None, cache: Path, watch: Watch
) -> Path:
    if is_store(path):
        if out is not None:
            raise AskedWrongly(f"{path} is a store already. Give the folder or table that it was made from.")
        _check_reading(path, options.requested)
        _refuse_held_out(path, options)
        return path
    source = Path(os.path.realpath(path))
    check_outside(path, out, "The store")
    listing = list_files(path, options, complete=complete)
    request = _request(source, options, listing.is_split)
    key = _key(listing, request)
    store = out or cache / f"{_slug(source)}-{options.reading.size}-{request[:20]}"
    recover(store)
    if is_store(store) and _is_current(store, request, key, options, ours=out is None):
        return store
    identified = identified_files(listing, options, cache)
    rows, origin = _rows(identified, source, options)
    source_files = PackSource(
        rows, listing.root, listing.classes, origin=origin, columns=tuple(identified.columns)
    )
    del listing, identified, rows  # hundreds of MiB for a million images, which packing does not need
    write_store(
        store,
        source_files,
        reading=options.reading,
        request=request,
        key=key,
        complete=complete,
        watch=watch,
    )
    return store


def list_files(path: Path, options: LoadOptions, *, complete: bool = True) -> Listing:
    """List the images of a table or a folder, as `load_dataset` takes them, without opening them."""
    if is_table(path):
        return read_listing(path, options.table, options.rules)
    _check_for_folder(options.table)
    return find_files(path, complete=complete, rules=options.rules)


def identified_files(listing: Listing, options: LoadOptions, cache: Path) -> IdentifiedListing:
    """Find the ids and patients of listed images, of the views that are used."""
    views = None if VIEW in listing.columns else options.table.views
    unsafe = options.unsafe_image_split
    return identify_patients(listing, options.patient_regex, views, cache, unsafe_image_split=unsafe)


def _refuse_held_out(path: Path, options: LoadOptions) -> None:
    if options.held_out:
        raise AskedWrongly(
            f"{path} is split already, and holds no dates. Test images are held out of the folder or table "
            "that it was made from."
        )


def _is_current(store: Path, request: str, key: str, options: LoadOptions, *, ours: bool) -> bool:
    """Say whether a store is up to date; a damaged store in the cache is deleted."""
    try:
        about = _opened(store)
    except BadArtefact:
        with one_at_a_time(store):  # another process may be replacing it
            try:
                about = _opened(store)
            except BadArtefact:
                if not ours:
                    raise
                shutil.rmtree(store, ignore_errors=True)  # it is only a copy of the source
                return False
    if about["request"] != request:
        _check_reading(store, options.reading.as_dict())
        raise AskedWrongly(
            f"{store} is a store of other images, or of these with other options. Give another folder."
        )
    return bool(about["key"] == key)


def _opened(store: Path) -> dict[str, Any]:
    """Return the store's description, after checking that it can be opened."""
    about = read_about(store)
    open_store(store)
    return about


def _check_reading(store: Path, chosen: Mapping[str, Any]) -> None:
    """Refuse a store that was packed with another preprocessing than the one requested."""
    reading, reader = reading_of(store)
    for name, value in chosen.items():
        stored = getattr(reading, name)
        if stored != value:
            raise AskedWrongly(
                f"The store {store} was read with {name} {stored}; {name} {value} is requested. Leave "
                f"--{name} out, or pack the images again with --{name} {value}."
            )
    if reader != READER_VERSION:
        raise AskedWrongly(
            f"The store {store} was read by version {reader} of the reader; this radapt has version "
            f"{READER_VERSION}, whose pixels differ. Pack the images again."
        )


def _check_for_folder(options: TableOptions) -> None:
    for name in (each.name for each in fields(TableOptions) if each.name != "views"):
        if getattr(options, name) not in (None, False, ()):
            raise AskedWrongly(f"{name} is for a table (.csv, .tsv, .parquet). A folder has class folders.")


def _rows(
    identified: IdentifiedListing, source: Path, options: LoadOptions
) -> tuple[list[Row], DataProvenance]:
    """Return the rows to pack, and their provenance."""
    if options.held_out:
        identified = hold_out(identified, options.held_out, seed=options.split_seed)
    listing = identified.listing
    entries = listing.entries
    splits, split_rule = _splits(identified, options.split_seed)
    metadata = list(zip(*identified.columns.values(), strict=True)) or [()] * len(entries)
    rows = [
        Row(
            entry.name,
            image,
            entry.label,
            patient,
            split,
            f"{entry.size} {entry.changed}",
            entry.size,
            metadata[number],
        )
        for number, (entry, image, patient, split) in enumerate(
            zip(entries, identified.ids, identified.patients, splits, strict=True)
        )
    ]
    origin = DataProvenance(
        name=printable(source.name),
        patient_rule=identified.rule,
        split_rule=split_rule,
        preprocessing={**options.reading.as_dict(), "reader": READER_VERSION},
        fingerprint="",
        notes=(*listing.notes, *identified.notes, *_warnings(rows, listing.classes)),
        passed=dict(sorted(listing.passed.items())),
        left_out=dict(sorted(listing.left_out.items())),
        rows=listing.rows,
        unnamed=identified.unnamed,
        notices=(*_unsafe(identified), *listing.notices, *_unused(identified, options)),
        uncertain=dict(sorted(listing.uncertain.items())),
    )
    return rows, origin


def _unsafe(identified: IdentifiedListing) -> list[Notice]:
    return [UNSAFE] if identified.by_image else []


def _unused(identified: IdentifiedListing, options: LoadOptions) -> list[Notice]:
    """Return a notice of a column that may name the patients, where neither it nor anything else does."""
    column = identified.listing.unused_patients
    known = identified.rule != EACH_FILE or options.patient_regex is not None
    return [unused_patients(column)] if column and not known else []


def _splits(identified: IdentifiedListing, seed: int) -> tuple[list[str], str]:
    """Return the split of each image, and the rule that assigned it."""
    listing = identified.listing
    if listing.is_split:
        return [entry.split for entry in listing.entries], listing.split_rule
    labels = stratify(label_array([entry.label for entry in listing.entries]))
    units = np.array(identified.ids if identified.by_image else identified.patients, dtype=np.str_)
    sites = np.array(identified.columns[SITE], dtype=np.str_) if SITE in identified.columns else None
    named = split_by_patient(labels, units, fractions=SHARES, seed=seed, sites=sites)
    shares = ", ".join(f"{share:.0%} {split}" for split, share in SHARES.items())
    how = "image by image, which is unsafe" if identified.by_image else "by patient"
    rule = f"{how}{' and site' * (SITE in identified.columns)}: {shares}, seed {seed}"
    return [sys.intern(split) for split in named.tolist()], rule


def _warnings(rows: list[Row], classes: tuple[str, ...]) -> list[str]:
    """Return warnings about the classes and the splits, for the reader of the results."""
    all_labels = label_array([row.label for row in rows])
    warnings = typing_errors(count_labels(all_labels, classes)) if are_exclusive(all_labels) else []
    patients_of = {split: {row.patient for row in rows if row.split == split} for split in SPLITS}
    if shared := len(patients_of["train"] & patients_of["val"]):
        warnings.append(
            f"Patients with images both in train and in val: {shared}. "
            "Scores on val look better than they are."
        )
    for split in SPLITS:
        labels = [row.label for row in rows if row.split == split]
        missing = [name for name, count in count_labels(label_array(labels), classes).items() if not count]
        if labels and missing:
            warnings.append(f"The split {split} has no image of: {listed(missing)}.")
    return warnings


def _request(source: Path, options: LoadOptions, is_split: bool) -> str:
    """Return a digest of the request: source and options, but not the state of the files."""
    seed = None if is_split and not options.held_out else options.split_seed
    parts = (str(source), options.reading, options.table, options.rules, options.patient_regex, seed)
    return _digest(repr((*parts, options.held_out, options.unsafe_image_split, READER_VERSION, VERSION)))


def _key(listing: Listing, request: str) -> str:
    """Return a digest of everything that decides the store: the request and the state of the files."""
    counts = (
        listing.notes,
        *(sorted(each.items()) for each in (listing.passed, listing.left_out, listing.uncertain)),
    )
    if listing.unused_patients:
        counts = (*counts, listing.unused_patients)
    ids = IDS * any(entry.is_dicom for entry in listing.entries)
    content = (ids, listing.classes, listing.patients, dict(listing.columns), listing.is_split, counts)
    lines = (
        f"\0{entry.name}\0{entry.size}\0{entry.changed}\0{entry.label}\0{entry.split}"
        for entry in listing.entries
    )
    return _digest(request, repr(content), *lines)


def _digest(*parts: str) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode(errors="surrogateescape"))
    return total.hexdigest()


def _slug(source: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", source.name)[:40] or "images"
