"""Ids, patients and metadata of the DICOM files of a data set, without patient names."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from radapt.errors import BadImage
from radapt.images.columns import AGE, DEVICE, SEX, STUDY_DATE, VIEW
from radapt.images.dicom.header import DicomTags, check_tools, read_tags
from radapt.images.folder import Entry
from radapt.images.pseudonyms import code_of

IDS = 2  # version of how ids are made: a store with others is made again


@dataclass(frozen=True, slots=True)
class DicomListing:
    """What the tags say of the DICOM files among the entries, by the number of the entry."""

    ids: dict[int, str]  # codes instead of paths, which may name a patient; see `image_ids`
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
    codes, patients = {}, {}
    columns: dict[str, dict[int, str]] = {name: {} for name in (AGE, SEX, VIEW, DEVICE, STUDY_DATE)}
    tag_of = {STUDY_DATE: "date"}
    nameless = burned = 0
    for number in numbers:
        tags = _tags(root / entries[number].name, key)
        nameless += tags is not None and not tags.patient
        burned += tags is not None and tags.burned_in
        codes[number], patients[number] = (tags.image, tags.patient) if tags else ("", "")
        for name, column in columns.items():
            column[number] = sys.intern(getattr(tags, tag_of.get(name, name))) if tags else ""
    ids = image_ids(entries, codes, key)
    patients = {number: patient or ids[number] for number, patient in patients.items()}
    notes = []
    if nameless:
        notes.append(f"DICOM files that do not name the patient, each counted as one patient: {nameless}.")
    if burned:
        notes.append(f"Left out, since text is burned into them (BurnedInAnnotation): {burned}.")
    return DicomListing(ids, patients, columns, tuple(notes))


def _tags(path: Path, key: bytes) -> DicomTags | None:
    try:
        return read_tags(path, key)
    except BadImage:  # reported when its pixels are read
        return None


def image_ids(entries: Sequence[Entry], codes: Mapping[int, str], key: bytes) -> dict[int, str]:
    """Return the id of each DICOM file: its class folder, and a code instead of the path inside.

    `codes` are made of SOPInstanceUIDs, so that they are the same wherever a file lies. A file without one,
    or with that of another file, gets a code made of its path.
    """
    uses = Counter(codes.values())
    ids = {}
    for number, own in codes.items():
        name, inner = entries[number].name, entries[number].inner
        by_path = not own or uses[own] > 1
        code = code_of(key, "image", name.encode(errors="surrogateescape")) if by_path else own
        ids[number] = f"{name[: len(name) - len(inner)]}{code}.dcm"
    return ids
