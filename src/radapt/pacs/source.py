"""The DICOM image that a result is of: who and what it names, without its pixels."""

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from radapt.errors import BadImage
from radapt.images.dicom.header import guarded, read_meta
from radapt.images.pixels import is_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_NAMED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_MAY_BE_EMPTY = (  # type 2 of the modules Patient and General Study: PS3.3 C.7.1.1 and C.7.2.1
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_DATE = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_DEFLATED = "1.2.840.10008.1.2.1.99"  # the transfer syntax: PS3.5 annex A.5
_TIME = r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)? *"
_ALLOWED = {"PatientSex": "[MFO]", "PatientBirthDate": _DATE, "StudyDate": _DATE, "StudyTime": _TIME}
UTF8 = "ISO_IR 192"
T = TypeVar("T")


def is_dicom_file(path: Path) -> bool:
    """Say whether a path is a DICOM file, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_dicom(file.read(132))


def read_source(path: Path) -> "Dataset":
    """Read the header of an image; what the standard lets be empty is there, and empty if it was missing.

    Raises
    ------
    BadImage
        If it is no DICOM file, is damaged, or does not name its study, series and itself; the text quotes
        nothing of it.
    """

    def read() -> "Dataset":
        import pydicom

        if not is_dicom_file(path):
            raise BadImage("is not a DICOM file")
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if "SOPClassUID" not in header:
            header.SOPClassUID = header.file_meta.get("MediaStorageSOPClassUID", "")
        check_names(header)
        _fill(header)
        return header

    return guarded(read)


def _fill(header: "Dataset") -> None:
    """Write what may be empty where it is missing, and empty what the standard does not allow."""
    for name in _MAY_BE_EMPTY:
        value = str(header.get(name) or "")
        if not value or not re.fullmatch(_ALLOWED.get(name, ".*"), value, re.DOTALL | re.ASCII):
            setattr(header, name, "")


def in_characters(made: T, source: "Dataset", texts: Iterable[str]) -> T:
    """Give a result the character set of its image, or UTF-8 where that may not hold its texts."""
    from pydicom.charset import python_encoding

    given = source.get("SpecificCharacterSet") or ""
    names = [given] if isinstance(given, str) else list(given)
    if not (all(map(str.isascii, texts)) and all(name in python_encoding for name in names)):
        given = UTF8
    if given:
        made.SpecificCharacterSet = given  # type: ignore[attr-defined]
    return made


def check_names(header: "Dataset") -> None:
    """Check that an object names its study, its series, itself and its kind.

    Raises
    ------
    BadImage
        If it lacks one of these.
    """
    missing = [name for name in _NAMED if not str(header.get(name) or "").strip()]
    if missing:
        raise BadImage(f"lacks {missing[0]}, without which a PACS has no place for it")


def is_uid(text: str) -> bool:
    """Say whether a text is a DICOM identifier, and so safe as the name of a file."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def refuse_deflated(file: BinaryIO, begin: int = 0) -> None:
    """Refuse a deflated object, from this byte of a file on, before pydicom expands it a thousandfold.

    Raises
    ------
    BadImage
        If it is one, or no DICOM file.
    """
    if guarded(lambda: str(read_meta(file, begin).get("TransferSyntaxUID", ""))) == _DEFLATED:
        raise BadImage("is deflated, which radapt does not read")


def encoded(dataset: "Dataset") -> bytes:
    """Return the bytes of a DICOM file."""
    import pydicom

    out = BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()
