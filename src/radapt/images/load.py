"""The one door for images: a folder of images, a table, an array file or a store becomes a data set."""

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from radapt.errors import AskedWrongly, BadArtefact
from radapt.images.columns import SITE
from radapt.images.folder import SPLITS, Listing, find_files
from radapt.images.identify import IdentifiedListing, identify_patients, printable
from radapt.images.imageset import DataProvenance, Dataset
from radapt.images.leaks import with_leaks
from radapt.images.pixels import READER_VERSION
from radapt.images.preprocessing import Preprocessing
from radapt.images.spelling import typing_errors
from radapt.images.split import split_by_patient
from radapt.images.store.decoding import Progress
from radapt.images.store.location import cache_folder, check_outside
from radapt.images.store.pack import Row, recover, write_store
from radapt.images.store.store import VERSION, is_store, open_store, read_about, reading_of, what_lacks
from radapt.images.table import TableOptions, read_listing
from radapt.images.table_rows import is_table
from radapt.labels import are_exclusive, count_labels, label_array, stratify
from radapt.lock import one_at_a_time
from radapt.text import listed

UNSAFE = (
    "These images were split image by image although their patients are known. Patients stand on both sides "
    "of the split, so scores look better than they are."
)
SHARES = {
    "train": 0.7,
    "test": 0.2,
    "val": 0.1,
}  # in this order patients are found for them, if there are few


def load_dataset(
    path: Path | str,
    *,
    size: int | None = None,
    fit: str | None = None,
    levels: str | None = None,
    trim: bool | None = None,
    patient_regex: str | None = None,
    split_seed: int = 0,
    unsafe_image_split: bool = False,
    label: str | Sequence[str] | None = None,
    images: str | None = None,
    patient: str | None = None,
    split: str | None = None,
    site: str | None = None,
    age: str | None = None,
    sex: str | None = None,
    view: str | None = None,
    columns: Sequence[str] = (),
    root: Path | str | None = None,
    views: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    exclusive: bool = False,
    findings: str | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    r"""Load the images of a folder of class folders, of a table, of a MedMNIST file, or of a store.

    Images are packed into a store the first time; afterwards the store is opened, until a file, an option or
    the reader changes. Nothing is written beside them. What is not split into train, val and test is split
    by patient. Where images were added or changed, only those are decoded.

    Of DICOM files the patients are those of their tags, as codes that the key in the cache folder makes (see
    `radapt.images.pseudonyms`); the files too go by codes, since their paths may name patients.

    Parameters
    ----------
    path
        `{train,val,test}/CLASS/` or `CLASS/` folders, a `.csv`, `.tsv` or `.parquet` table, a `.npz` file of
        MedMNIST, or a store.
    size, fit, levels, trim
        See `radapt.images.preprocessing.Preprocessing`, whose defaults hold for what is None. A store has to
        have been read so; what is None is as the store has it.
    patient_regex
        What part of a file's name is the patient, as in `^(\d+)_`; see `radapt.images.patients`.
    split_seed
        Draws the split of what is not split.
    unsafe_image_split
        Split image by image although patients are known: scores look better than they are, as every page
        that shows them will say.
    label
        Of a table: the finding of a published one, or the column that says the class; several of either are
        findings of which an image may have any number; see `radapt.images.table.read_listing`.
    images, patient, split, site
        Of a table that is no published one: the columns of the images, and if there are any those that say
        whose they are, train, val or test, and where they were taken.
    age, sex, view
        Of a table: the columns that say how old a patient is, of which sex, and which view an image is; of a
        published one, and of DICOM files, they are known.
    columns
        Of a table: others that are to be kept with the images, see `radapt.images.columns`.
    root
        Of a table: the folder that its paths are below; otherwise its own.
    views
        Which views to take, as ("PA", "AP"), of DICOM files and of tables that name them; "all" takes all.
        If left out, the frontal ones of a published table, and all of anything else.
    classes
        Of a table or a MedMNIST file: what to call its classes, in their order, the healthy one first.
    exclusive
        Of a table: whether several label columns are classes, one of which is 1 for each image.
    findings
        Of a published table that has its findings both in a list and in columns: "list" or "columns".
    cache
        Where stores are kept: otherwise `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.
    progress
        Called with how many files are packed and how many there are, if they have to be.

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
    chosen = {"size": size, "fit": fit, "levels": levels, "trim": trim}
    wanted = LoadOptions(
        chosen={name: value for name, value in chosen.items() if value is not None},
        table=TableOptions(
            root=None if root is None else Path(root),
            images=images,
            label=label if label is None or isinstance(label, str) else tuple(label),
            patient=patient,
            split=split,
            site=site,
            age=age,
            sex=sex,
            view=view,
            columns=(columns,) if isinstance(columns, str) else tuple(columns),
            views=(views,) if isinstance(views, str) else None if views is None else tuple(views),
            classes=None if classes is None else tuple(classes),
            exclusive=exclusive,
            findings=findings,
        ),
        patient_regex=patient_regex,
        split_seed=split_seed,
        unsafe_image_split=unsafe_image_split,
    )
    return open_images(Path(path), wanted, cache=cache, progress=progress)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a data set is to be read; see `load`."""

    chosen: Mapping[str, Any] = field(default_factory=dict)  # of a Reading's fields those that were asked for
    size: int = 128  # where none was asked for
    table: TableOptions = TableOptions()  # noqa: RUF009
    patient_regex: str | None = None
    split_seed: int = 0
    unsafe_image_split: bool = False

    @property
    def reading(self) -> Preprocessing:
        """How files are read, what was not asked for being as usual."""
        return Preprocessing.from_dict({"size": self.size, **self.chosen})


def open_images(
    path: Path, wanted: LoadOptions, *, cache: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Open a data set, packing it first where that is not done yet; see `load`.

    Test images that stand among those to learn from are told of in the notices of its origin.
    """
    if path.suffix.lower() == ".npz":
        from radapt.images.medmnist import read_medmnist

        return with_leaks(read_medmnist(path, wanted.reading, wanted.table.classes))
    return with_leaks(open_store(packed(path, wanted, cache=cache, progress=progress)))


def packed(
    path: Path,
    wanted: LoadOptions,
    *,
    complete: bool = True,
    out: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Give the store of a data set, packing it first where that is not done yet; see `load`.

    It is the folder `out`, or one in the cache. What cannot be trained on is refused, unless `complete` is
    False: then a class may be alone, empty, not in train, or without a readable image.
    """
    store = _packed(path, wanted, complete, out, cache or cache_folder(), progress)
    if complete and (lacking := what_lacks(store)):
        raise AskedWrongly(lacking)
    return store


def _packed(
    path: Path, wanted: LoadOptions, complete: bool, out: Path | None, cache: Path, progress: Progress | None
) -> Path:
    if is_store(path):
        if out is not None:
            raise AskedWrongly(f"{path} is a store already. Give the folder or table that it was made from.")
        _check_reading(path, wanted.chosen)
        return path
    source = Path(os.path.realpath(path))
    if is_table(path):
        listing = read_listing(path, wanted.table)
    else:
        _check_for_folder(wanted.table)
        check_outside(source, out, "The store")
        listing = find_files(path, complete=complete)
    request = _request(source, wanted, listing.is_split)
    key = _key(listing, request)
    store = out or cache / f"{_slug(source)}-{wanted.reading.size}-{request[:20]}"
    recover(store)
    if is_store(store) and _is_current(store, request, key, wanted, ours=out is None):
        return store
    views = None if is_table(path) else wanted.table.views
    unsafe = wanted.unsafe_image_split
    told = identify_patients(listing, wanted.patient_regex, views, cache, unsafe_image_split=unsafe)
    rows, origin = _rows(told, source, wanted)
    root, classes, columns = listing.root, listing.classes, tuple(told.columns)
    del listing, told  # of a million images they hold hundreds of MiB that packing has no use for
    write_store(
        store,
        rows,
        root=root,
        classes=classes,
        columns=columns,
        reading=wanted.reading,
        origin=origin,
        request=request,
        key=key,
        complete=complete,
        progress=progress,
    )
    return store


def _is_current(store: Path, request: str, key: str, wanted: LoadOptions, *, ours: bool) -> bool:
    """Say whether a store holds what is wanted; what is no such store is taken away if it is the cache's."""
    try:
        about = _opened(store)
    except BadArtefact:
        with one_at_a_time(store):  # another process may be putting a new one in its place
            try:
                about = _opened(store)
            except BadArtefact:
                if not ours:
                    raise
                shutil.rmtree(store, ignore_errors=True)  # it is a copy, made from what lies at the source
                return False
    if about["request"] != request:
        _check_reading(store, wanted.reading.as_dict())
        raise AskedWrongly(
            f"{store} is a store of other images, or of these with other options. Give a folder of its own."
        )
    return bool(about["key"] == key)


def _opened(store: Path) -> dict[str, Any]:
    """Give what a store says of itself, if it can be opened."""
    about = read_about(store)
    open_store(store)
    return about


def _check_reading(store: Path, chosen: Mapping[str, Any]) -> None:
    """Refuse a store that was read otherwise than was asked for, so that the two are never mixed."""
    reading, reader = reading_of(store)
    for name, value in chosen.items():
        has = getattr(reading, name)
        if has != value:
            raise AskedWrongly(
                f"The store {store} was read with {name} {has}; {name} {value} is asked for. "
                f"Leave it out, or pack the images again with --{name} {value}."
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


def _rows(told: IdentifiedListing, source: Path, wanted: LoadOptions) -> tuple[list[Row], DataProvenance]:
    """Give what is to be packed, and where it came from."""
    listing = told.listing
    entries = listing.entries
    splits, split_rule = _splits(told, wanted.split_seed)
    further = list(zip(*told.columns.values(), strict=True)) or [()] * len(entries)
    rows = [
        Row(
            entry.name,
            image,
            entry.label,
            patient,
            split,
            f"{entry.size} {entry.changed}",
            entry.size,
            further[number],
        )
        for number, (entry, image, patient, split) in enumerate(
            zip(entries, told.ids, told.patients, splits, strict=True)
        )
    ]
    origin = DataProvenance(
        name=printable(source.name),
        patient_rule=told.rule,
        split_rule=split_rule,
        preprocessing={**wanted.reading.as_dict(), "reader": READER_VERSION},
        fingerprint="",
        notes=(*listing.notes, *told.notes, *_warnings(rows, listing.classes)),
        passed=dict(sorted(listing.passed.items())),
        left_out=dict(sorted(listing.left_out.items())),
        unnamed=told.unnamed,
        notices=(UNSAFE,) if told.by_image else (),
    )
    return rows, origin


def _splits(told: IdentifiedListing, seed: int) -> tuple[list[str], str]:
    """Give the split of each image, and how images were split."""
    listing = told.listing
    if listing.is_split:
        return [entry.split for entry in listing.entries], listing.split_rule
    labels = stratify(label_array([entry.label for entry in listing.entries]))
    units = np.array(told.ids if told.by_image else told.patients, dtype=np.str_)
    sites = np.array(told.columns[SITE], dtype=np.str_) if SITE in told.columns else None
    named = split_by_patient(labels, units, fractions=SHARES, seed=seed, sites=sites)
    shares = ", ".join(f"{share:.0%} {split}" for split, share in SHARES.items())
    how = "image by image, which is unsafe" if told.by_image else "by patient"
    rule = f"{how}{' and site' * (SITE in told.columns)}: {shares}, seed {seed}"
    return [sys.intern(split) for split in named.tolist()], rule


def _warnings(rows: list[Row], classes: tuple[str, ...]) -> list[str]:
    """Say what a reader of the results should know of the classes and the splits."""
    every = label_array([row.label for row in rows])
    warnings = typing_errors(count_labels(every, classes)) if are_exclusive(every) else []
    whose = {split: {row.patient for row in rows if row.split == split} for split in SPLITS}
    if both := len(whose["train"] & whose["val"]):
        warnings.append(
            f"Patients with images both in train and in val: {both}. Scores on val look better than they are."
        )
    for split in SPLITS:
        labels = [row.label for row in rows if row.split == split]
        missing = [name for name, count in count_labels(label_array(labels), classes).items() if not count]
        if labels and missing:
            warnings.append(f"The split {split} has no image of: {listed(missing)}.")
    return warnings


def _request(source: Path, wanted: LoadOptions, is_split: bool) -> str:
    """Give what tells what was asked for from anything else, whatever the files are by now."""
    seed = None if is_split else wanted.split_seed
    asked = (str(source), wanted.reading, wanted.table, wanted.patient_regex, seed)
    return _digest(repr((*asked, wanted.unsafe_image_split, READER_VERSION, VERSION)))


def _key(listing: Listing, request: str) -> str:
    """Give what tells a store from any other that could be made."""
    said = (listing.notes, sorted(listing.passed.items()), sorted(listing.left_out.items()))
    named = (listing.classes, listing.patients, dict(listing.columns), listing.is_split, said)
    lines = (
        f"\0{entry.name}\0{entry.size}\0{entry.changed}\0{entry.label}\0{entry.split}"
        for entry in listing.entries
    )
    return _digest(request, repr(named), *lines)


def _digest(*parts: str) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode(errors="surrogateescape"))
    return total.hexdigest()


def _slug(source: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", source.name)[:40] or "images"
