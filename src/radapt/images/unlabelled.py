"""Read a folder of images without labels: no class folders, no table."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadImage, UnknownName, WrongFolder
from radapt.images.class_rules import ClassRules, matching
from radapt.images.folder import NO_RULES, Entry, Listing, find_files
from radapt.images.folder_walk import Walk
from radapt.images.identify import identify_patients, printable
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.images.load_options import LoadOptions
from radapt.images.pixels import READER_VERSION, read_grey
from radapt.images.preprocessing import Preprocessing
from radapt.images.store.location import cache_folder
from radapt.images.store.pack import NothingReadable
from radapt.images.store.store import is_store
from radapt.images.subsample import sample_patients
from radapt.images.table_options import TableOptions
from radapt.images.table_rows import is_table
from radapt.labels import label_array
from radapt.progress import SILENT, Watch
from radapt.text import listed


def is_labelled(path: Path, classes: Sequence[str], rules: ClassRules = NO_RULES) -> bool:
    """Say whether a path is a labelled data set: anything but a folder without folders of these classes.

    Raises
    ------
    WrongFolder
        If the path does not exist.
    """
    if is_store(path) or is_table(path) or not path.is_dir():
        return True
    try:
        in_folder = find_files(path, complete=False, rules=rules).classes
    except (WrongFolder, UnknownName):
        return False
    return {matching(name) for name in in_folder} == {matching(name) for name in classes}


def read_unlabelled(
    path: Path,
    wanted: LoadOptions,
    classes: Sequence[str],
    *,
    max_images: int,
    seed: int = 0,
    cache: Path | None = None,
    watch: Watch = SILENT,
) -> Dataset:
    """Read the images in and below a folder into memory, without labels; nothing is written.

    Patients are found by DICOM tags and file names as for class folders, DICOM files get codes for names, and
    files that cannot be read are listed in the provenance.

    Parameters
    ----------
    path
        The folder.
    wanted
        How images are read; options of tables are refused.
    classes
        The classes of the labels, all of which are NaN.
    max_images
        The largest number of images that are read, by whole patients.
    seed
        Seed of the selection of patients.

    Returns
    -------
    Dataset
        Its only split is "new".

    Raises
    ------
    AskedWrongly
        If an option is not for folders, or the patient pattern fits no name.
    WrongFolder
        If it holds no image.
    """
    if wanted.table != TableOptions():
        raise AskedWrongly(
            f"{path} is a folder without folders of the classes {listed(classes)}, so that its images are "
            "read without labels; leave options of tables and --views out."
        )
    unknown = (math.nan,) * len(classes)
    walk = Walk()
    entries = [
        Entry(file.inner, file.inner, unknown, "test", file.size, file.changed, file.is_dicom)
        for file in walk.files(path)
    ]
    if not entries:
        raise WrongFolder(f"The folder {path} holds no image.")
    listing = Listing(path, tuple(classes), tuple(entries), is_split=True, notes=())
    identified = identify_patients(listing, wanted.patient_regex, None, cache or cache_folder())
    patients, ids = np.array(identified.patients, dtype=np.str_), np.array(identified.ids, dtype=np.str_)
    rows = sample_patients(patients, max_images, seed=seed)
    origin = DataProvenance(
        name=printable(path.resolve().name),
        patient_rule=identified.rule,
        split_rule="none",
        preprocessing={**wanted.reading.as_dict(), "reader": READER_VERSION},
        fingerprint="",
        notes=identified.notes,
        passed=dict(sorted(walk.passed.items())),
    )
    pixels, reasons = _read([path / entries[row].name for row in rows], wanted.reading, watch)
    failed = tuple((str(ids[row]), why) for row, why in zip(rows, reasons, strict=True) if why)
    if len(failed) == len(rows):
        raise NothingReadable(failed)
    rows = rows[[not why for why in reasons]]
    images = ImageSet(
        pixels=np.stack(pixels),
        labels=label_array([unknown] * len(rows)),
        patients=patients[rows],
        ids=ids[rows],
        classes=tuple(classes),
    )
    return Dataset({"new": images}, replace(origin, failed=failed))


def _read(
    paths: Sequence[Path], reading: Preprocessing, watch: Watch
) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Return the images that can be read, and for each file the reason why not, or ""."""
    pixels, reasons = [], []
    watch.begin("reading images", len(paths), "image")
    with ThreadPoolExecutor(thread_name_prefix="decode") as pool:
        for done, outcome in enumerate(pool.map(lambda path: _read_one(path, reading), paths), start=1):
            reasons.append(outcome if isinstance(outcome, str) else "")
            if not isinstance(outcome, str):
                pixels.append(outcome)
            watch.advance(done)
    watch.end()
    return pixels, reasons


def _read_one(path: Path, reading: Preprocessing) -> NDArray[np.uint8] | str:
    try:
        return read_grey(path, reading)
    except BadImage as error:
        return str(error)
