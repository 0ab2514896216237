"""Ids, patients and metadata of the DICOM files of a data set, without patient names."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from radapt.errors import BadImage
from radapt.images.columns import AGE, DEVICE, SEX, STUDY_DATE, VIEW
from radapt.images.dicom.header import DicomTags, check_tools, read_tags
from radapt.images.folder import Entry
from radapt.images.pseudonyms import code_of


@dataclass(frozen=True, slots=True)
class DicomListing:
    """What the tags say of the DICOM files among the entries, by the number of the entry."""

    ids: dict[int, str]  # codes instead of paths, which may name a patient
    patients: dict[int, str]  # codes; the file's own code if it names no patient
    columns: Mapping[str, dict[int, str]]  # age, sex, view, device and date; "" if unknown
    notes: tuple[str, ...]


def list_dicom(root: Path, entries: Sequence[Entry], key: bytes) -> DicomListing:
    """Read the tags of every DICOM file among the entries.

    Parameters
    ----------
    root
        The folder that the entries' names are below.
    entries
        All entries of a data set.
    key
        Makes the codes, see `radapt.images.pseudonyms`.

    Raises
    ------
    AskedWrongly
        If there is one, and the packages that read DICOM are not installed.
    """
    numbers = [number for number, entry in enumerate(entries) if entry.is_dicom]
    if numbers:
        check_tools()
    ids, patients = {}, {}
    columns: dict[str, dict[int, str]] = {name: {} for name in (AGE, SEX, VIEW, DEVICE, STUDY_DATE)}
    tag_of = {STUDY_DATE: "date"}
    nameless = burned = 0
    for number in numbers:
        entry = entries[number]
        ids[number] = image_code(entry, key)
        try:
            tags: DicomTags | None = read_tags(root / entry.name, key)
        except BadImage:  # reported when its pixels are read
            tags = None
        nameless += tags is not None and not tags.patient
        burned += tags is not None and tags.burned_in
        patients[number] = (tags.patient if tags else "") or ids[number]
        for name, column in columns.items():
            column[number] = sys.intern(getattr(tags, tag_of.get(name, name))) if tags else ""
    notes = []
    if nameless:
        notes.append(f"DICOM files that do not name the patient, each counted as one patient: {nameless}.")
    if burned:
        notes.append(f"Left out, since text is burned into them (BurnedInAnnotation): {burned}.")
    return DicomListing(ids, patients, columns, tuple(notes))


def image_code(entry: Entry, key: bytes) -> str:
    """Return the id of a DICOM file: its class folder, and a code instead of the path inside."""
    code = code_of(key, "image", entry.name.encode(errors="surrogateescape"))
    return f"{entry.name[: len(entry.name) - len(entry.inner)]}{code}.dcm"
