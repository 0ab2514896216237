"""Find the files and patients behind the codes that stand for them in tables and on pages.

Codes are made again of the data set with the key of this machine: no list of codes and patients is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radapt.errors import AskedWrongly
from radapt.images.description import described
from radapt.images.dicom.keys import PATIENT, read_keys
from radapt.images.identify import IdentifiedListing
from radapt.images.load import DEFAULTS, identified_files, list_files
from radapt.images.load_options import LoadOptions
from radapt.images.pseudonyms import KEY_FILE
from radapt.images.store.location import cache_folder
from radapt.images.store.store import is_store
from radapt.text import listed


@dataclass(frozen=True, slots=True)
class Located:
    """An image that a code stands for, or that is of the patient whose code it is."""

    code: str  # as given
    image: str  # the id of the image in tables and on pages
    file: Path
    row: int  # of the table, whose names of columns are row 1; 0 of a folder
    patient: str  # as the table or the file has it; "" if neither names one
    patient_code: str  # in tables and on pages


def locate(
    path: Path | str, codes: Sequence[str], options: LoadOptions = DEFAULTS, *, cache: Path | None = None
) -> list[Located]:
    """Return the images of a data set that have these codes, or whose patients have.

    Parameters
    ----------
    path
        The folder, table or description that the data set was read from.
    codes
        Codes of images, with or without class folder and extension, or of patients. Images that have none go
        by their names.
    options
        How the data set was read.
    cache
        The folder of the key: by default that of `radapt.images.store.location.cache_folder`.

    Raises
    ------
    AskedWrongly
        If there are no files behind the data set, no key, or a code that is of no image or patient.
    """
    path, options = described(Path(path), options)
    cache = cache or cache_folder()
    if is_store(path) or path.suffix.lower() == ".npz":
        raise AskedWrongly(f"{path} holds no files. Give the folder or table that it was made from.")
    listing = list_files(path, options, complete=False)
    if any(entry.is_dicom for entry in listing.entries) and not (cache / KEY_FILE).exists():
        raise AskedWrongly(
            f"There is no key in {cache}, and codes are found only with the key that they were made with. "
            f"Run this on the machine that made them, or set RADAPT_CACHE to a folder with its {KEY_FILE}."
        )
    images = identified_files(listing, options, cache)
    rows = {code: _rows(images, code) for code in dict.fromkeys(codes)}
    if unknown := [code for code, found in rows.items() if not found]:
        raise AskedWrongly(
            f"No image or patient of {path} has the code {listed(unknown)}. Codes are found only with the "
            f"key that they were made with, here {cache / KEY_FILE}: run this on the machine that made them."
        )
    return [_located(images, code, row) for code, found in rows.items() for row in found]


def _rows(images: IdentifiedListing, code: str) -> list[int]:
    """Return the numbers of the images that a code stands for."""
    entries, plain = images.listing.entries, _plain(code)
    return [
        number
        for number, (image, patient) in enumerate(zip(images.ids, images.patients, strict=True))
        if code in (image, patient)
        or (entries[number].is_dicom and plain in (_plain(image), _plain(patient)))
    ]


def _plain(code: str) -> str:
    """Return a code without class folder and extension."""
    return code.rpartition("/")[2].removesuffix(".dcm").lower()


def _located(images: IdentifiedListing, code: str, number: int) -> Located:
    listing = images.listing
    entry = listing.entries[number]
    file = listing.root / entry.name
    named = listing.patients[number] if listing.patients else ""
    patient = named or (read_keys(file)[PATIENT] if entry.is_dicom else images.patients[number])
    return Located(code, images.ids[number], file, entry.row, patient, images.patients[number])
