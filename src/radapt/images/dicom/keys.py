"""Read the tags of DICOM files by which rows of a table may name them.

They are compared with the table, or told where a code is located, and kept nowhere: they identify a patient.
"""

from pathlib import Path

from radapt.errors import BadImage
from radapt.images.dicom.header import Opened, check_tools, guarded, raw_of

PATIENT = "PatientID"
KEYS = {  # PS3.6
    "SOPInstanceUID": 0x00080018,
    "StudyInstanceUID": 0x0020000D,
    "AccessionNumber": 0x00080050,
    PATIENT: 0x00100020,
}


def read_keys(path: Path) -> dict[str, str]:
    """Return the tags of `KEYS` of a DICOM file, "" where one is missing; all of them if it is damaged.

    Raises
    ------
    AskedWrongly
        If the packages that read DICOM are not installed.
    """
    check_tools()

    def read() -> dict[str, str]:
        with path.open("rb") as file:
            header = Opened(file, tuple(KEYS.values())).header
        return {name: raw_of(header, name).decode("utf-8", "replace") for name in KEYS}

    try:
        return guarded(read)
    except BadImage:  # reported when its pixels are read
        return dict.fromkeys(KEYS, "")
