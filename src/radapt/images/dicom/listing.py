"""The DICOM files of a data set: whose they are, and what they go by, without a name getting out."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from radapt.errors import BadImage
from radapt.images.columns import AGE, DEVICE, SEX, VIEW
from radapt.images.dicom.header import DicomTags, check_tools, read_tags
from radapt.images.folder import Entry
from radapt.images.pseudonyms import code_of


@dataclass(frozen=True, slots=True)
class DicomListing:
    """What is told of the DICOM files among the entries, by the number of the entry."""

    ids: dict[int, str]  # in place of the file's path, which may name a patient
    patients: dict[int, str]  # a code; that of the file where it does not say
    columns: Mapping[str, dict[int, str]]  # age, sex, view and device; "" where it does not say
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
        If there is one, and what reads DICOM is not installed.
    """
    numbers = [number for number, entry in enumerate(entries) if entry.is_dicom]
    if numbers:
        check_tools()
    ids, patients = {}, {}
    columns: dict[str, dict[int, str]] = {name: {} for name in (AGE, SEX, VIEW, DEVICE)}
    nameless = burned = 0
    for number in numbers:
        entry = entries[number]
        ids[number] = image_code(entry, key)
        try:
            tags: DicomTags | None = read_tags(root / entry.name, key)
        except BadImage:  # to be named with its reason when its pixels are read
            tags = None
        nameless += tags is not None and not tags.patient
        burned += tags is not None and tags.burned_in
        patients[number] = (tags.patient if tags else "") or ids[number]
        for name, column in columns.items():
            column[number] = sys.intern(getattr(tags, name)) if tags else ""
    notes = []
    if nameless:
        notes.append(f"DICOM files that do not say whose they are, each counted as one patient: {nameless}.")
    if burned:
        notes.append(
            f"Set aside, since they say that text is burned into them (BurnedInAnnotation): {burned}."
        )
    return DicomListing(ids, patients, columns, tuple(notes))


def image_code(entry: Entry, key: bytes) -> str:
    """Give what a DICOM file goes by: its class folder, and a code in place of the path inside."""
    code = code_of(key, "image", entry.name.encode(errors="surrogateescape"))
    return f"{entry.name[: len(entry.name) - len(entry.inner)]}{code}.dcm"
