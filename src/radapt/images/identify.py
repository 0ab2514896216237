"""Find the patient and the id of every image: from a table, from DICOM tags, or from file names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from radapt.errors import AskedWrongly
from radapt.images.columns import STUDY_DATE, VIEW
from radapt.images.dicom.listing import DicomListing, list_dicom
from radapt.images.folder import Listing
from radapt.images.patients import patients_of
from radapt.images.pseudonyms import code_of, private_key
from radapt.labels import count_labels, label_array
from radapt.text import listed

OTHER_VIEW = "another view, or none named"  # why DICOM files are left out


@dataclass(frozen=True, slots=True)
class IdentifiedListing:
    """The selected images of a listing, with their ids and patients."""

    listing: Listing
    ids: list[str]  # one for each entry
    patients: list[str]
    rule: str  # where the patients come from
    columns: Mapping[str, tuple[str, ...]]  # metadata of each entry, see `radapt.images.columns`
    notes: tuple[str, ...]
    unnamed: int = 0  # images without a patient in a table that names patients of others
    by_image: bool = False  # whether to split by image although patients are known
    dates: tuple[str, ...] = ()  # StudyDate of each entry, "" where it has none; () without DICOM


def identify_patients(
    listing: Listing,
    patient_regex: str | None,
    views: tuple[str, ...] | None,
    cache: Path,
    *,
    unsafe_image_split: bool = False,
) -> IdentifiedListing:
    """Find the patient of each entry of a listing.

    Parameters
    ----------
    listing
        The images.
    patient_regex
        Finds the patient in a file name; takes precedence over tables and tags.
    views
        View positions of DICOM files to keep; None or ("all",) keeps all.
    cache
        The cache folder, whose key makes the codes of DICOM files.
    unsafe_image_split
        Whether images that are not split yet may be split by image although patients are known.

    Raises
    ------
    AskedWrongly
        If images would be split by image although patients are known, the pattern matches no name, packages
        for DICOM are not installed, or there is only one patient to split by.
    """
    key = private_key(cache) if any(entry.is_dicom for entry in listing.entries) else b""
    dicom = list_dicom(listing.root, listing.entries, key)
    listing, dicom = _of_views(listing, dicom, views, key)
    entries = listing.entries
    ids = [dicom.ids.get(number, "") or printable(entry.name) for number, entry in enumerate(entries)]
    patients, rule, more = _patients(listing, dicom, ids, patient_regex, key)
    if not listing.is_split and patient_regex is not None and not _have_several(patients):
        known = _patients(listing, dicom, ids, None, key)
        if _have_several(known[0]):
            if not unsafe_image_split:
                raise AskedWrongly(
                    f"Patients are known here ({known[1]}), and some have several images: split image by "
                    "image, the same patients would be in several splits. Leave patient_regex out, or give "
                    "unsafe_image_split (--unsafe-image-split), which every report then says."
                )
            patients, rule, more = known
    by_image = not listing.is_split and unsafe_image_split and _have_several(patients)
    notes = list(more)
    if not listing.is_split and len(entries) > 1 and len(set(patients)) == 1:
        raise AskedWrongly(
            f"All {len(entries)} images are of one patient, so they cannot be split by patient. If an "
            "export has hidden the patients, patient_regex 'file' (--patient-regex file) counts each image "
            "as a patient."
        )
    columns = _columns(listing, dicom)
    dates = columns.pop(STUDY_DATE, ())
    unnamed = listing.patients.count("") if patient_regex is None else 0
    if unnamed:
        notes.append(
            f"Images of which the table does not name the patient, each counted as one patient: {unnamed:,}."
        )
    return IdentifiedListing(
        listing, ids, patients, rule, columns, (*notes, *dicom.notes), unnamed, by_image, dates
    )


def _columns(listing: Listing, dicom: DicomListing) -> dict[str, tuple[str, ...]]:
    """Return the metadata of each image from the table, and from DICOM tags where the table has none."""
    columns = dict(listing.columns)
    numbers = range(len(listing.entries))
    for name, tagged in dicom.columns.items():
        from_table = columns.get(name) or ("",) * len(numbers)
        filled = tuple(from_table[number] or tagged.get(number, "") for number in numbers)
        if any(filled):
            columns[name] = filled
    return columns


def _have_several(patients: list[str]) -> bool:
    """Say whether there are several patients, and some of them have several images."""
    return 1 < len(set(patients)) < len(patients)


def _patients(
    listing: Listing, dicom: DicomListing, ids: list[str], pattern: str | None, key: bytes
) -> tuple[list[str], str, list[str]]:
    """Return the patient of each image, the rule that found it, and notes."""
    if pattern is None and listing.patients:
        return _of_table(listing, ids, key), listing.patient_rule, []
    return _by_name(listing, dicom, ids, pattern, key)


def _of_table(listing: Listing, ids: list[str], key: bytes) -> list[str]:
    """Return the patients that a table names, coded if there are DICOM files; the image's id if unnamed."""
    if key:
        codes = [code_of(key, "patient", os.fsencode(patient)) for patient in listing.patients]
    else:
        codes = [printable(patient) for patient in listing.patients]
    named = zip(listing.patients, codes, ids, strict=True)
    return [code if patient else image for patient, code, image in named]


def printable(name: str) -> str:
    """Return a file name that can be written as UTF-8, with other bytes escaped."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", errors="backslashreplace")


def _of_views(
    listing: Listing, dicom: DicomListing, views: tuple[str, ...] | None, key: bytes
) -> tuple[Listing, DicomListing]:
    """Keep the DICOM files of the given views."""
    selected = {view.upper() for view in views or ()}
    if not selected or selected == {"ALL"}:
        return listing, dicom
    views_of = dicom.columns[VIEW]
    if not views_of:
        raise AskedWrongly(
            "views (--views) is for DICOM files and for tables with a column of views. There are none here."
        )
    keep = [number for number in range(len(listing.entries)) if views_of.get(number, "") in selected]
    entries = tuple(listing.entries[number] for number in keep)
    left = count_labels(label_array([entry.label for entry in entries]), listing.classes) if entries else {}
    if gone := [name for name in listing.classes if not left.get(name)]:
        raise AskedWrongly(
            f"No image of {listed(gone)} says that its view is one of {listed(sorted(selected))}."
        )
    others = len(listing.entries) - len(keep)
    left_out = {**listing.left_out, **({OTHER_VIEW: others} if others else {})}
    note = f"Images of other views, or that do not say theirs, were left out: {others}."
    patients = tuple(listing.patients[number] for number in keep) if listing.patients else ()
    columns = {name: tuple(column[number] for number in keep) for name, column in listing.columns.items()}
    kept_listing = replace(
        listing,
        entries=entries,
        patients=patients,
        columns=columns,
        left_out=left_out,
        notes=(*listing.notes, note),
    )
    return kept_listing, list_dicom(listing.root, entries, key)


def _by_name(
    listing: Listing, dicom: DicomListing, ids: list[str], pattern: str | None, key: bytes
) -> tuple[list[str], str, list[str]]:
    """Find patients by file names; those of DICOM files by their tags, unless a pattern is given."""
    named = [number for number in range(len(ids)) if pattern is not None or number not in dicom.patients]
    inner = [listing.entries[number].inner for number in named]
    try:
        found_patients, rule, notes = patients_of(inner, pattern, ids=[ids[number] for number in named])
    except AskedWrongly as error:
        if dicom.patients:  # the message may quote a path, which may name a patient
            raise AskedWrongly(f"{str(error).partition(', such as')[0].rstrip('.')}.") from None
        raise
    patients = dict(dicom.patients)
    for number, patient in zip(named, found_patients, strict=True):
        hidden = number in dicom.patients and patient != ids[number]
        own = os.fsencode(patient)
        patients[number] = code_of(key, "patient", own) if hidden else printable(patient)
    if dicom.patients and pattern is None:
        rule = f"DICOM tags, {rule}" if named else "DICOM tags"
    return [patients[number] for number in range(len(ids))], rule, list(notes)
