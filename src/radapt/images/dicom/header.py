"""Read the headers of DICOM files, and only twelve tags that describe the image.

Nothing that identifies the patient leaves this module: PatientID and SOPInstanceUID only as codes, and errors
only by their type, never with a value from the file. This is not de-identification.
"""

import math
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from radapt.errors import BadImage, RadaptError, check_installed
from radapt.images.columns import AGE, DEVICE, SEX, VIEW, normalise
from radapt.images.pseudonyms import code_of
from radapt.images.quiet_decoders import strict_pillow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

T = TypeVar("T")

PREAMBLE, MAGIC = 128, b"DICM"  # bytes before the magic ones: PS3.10 section 7.1
NEEDS = "Reading DICOM needs pydicom and pylibjpeg. Install them with: pip install 'radapt[dicom]'."

# PS3.5 section 10; not "deflated", which may expand a thousandfold before anything can be checked.
NATIVE = {  # VR implicit, little-endian
    "1.2.840.10008.1.2": (True, True),
    "1.2.840.10008.1.2.1": (False, True),
    "1.2.840.10008.1.2.2": (False, False),
}
COMPRESSED = {
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless, first-order prediction",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}
_PIXELS = 0x7FE00010
_META = (0x00020002, 0x00020010)  # MediaStorageSOPClassUID, TransferSyntaxUID
_ABOUT = (
    0x00080018,  # SOPInstanceUID, as a code
    0x00100020,  # PatientID, as a code
    0x00100040,  # PatientSex
    0x00101010,  # PatientAge, in years, 90 for all above 89
    0x00080020,  # StudyDate, which splits images and is not kept
    0x00080060,  # Modality
    0x00080070,  # Manufacturer
    0x00081090,  # ManufacturerModelName
    0x00185101,  # ViewPosition
    0x00200060,  # Laterality
    0x00200062,  # ImageLaterality
    0x00280004,  # PhotometricInterpretation
)


@dataclass(frozen=True, slots=True)
class DicomTags:
    """The tags of a DICOM file that are kept; "" if a tag is missing."""

    image: str  # a code
    patient: str  # a code
    view: str  # "PA", "AP", "LL", ...
    laterality: str
    sex: str
    age: str  # see `radapt.images.columns`
    modality: str
    manufacturer: str
    device: str  # its model
    photometric: str
    burned_in: bool
    date: str  # of the study, as the tag has it


def check_tools() -> None:
    """Check that the packages that read DICOM are installed.

    Raises
    ------
    AskedWrongly
        If one is missing; the message says how to install it.
    """
    check_installed(("libjpeg", "openjpeg", "pydicom", "pylibjpeg"), NEEDS)


def read_tags(path: Path, key: bytes) -> DicomTags:
    """Read the tags of a DICOM file that are kept, without its pixels.

    Parameters
    ----------
    path
        The file.
    key
        Makes the codes, see `radapt.images.pseudonyms`.

    Raises
    ------
    AskedWrongly
        If the packages that read DICOM are not installed.
    BadImage
        If it is not a regular file, or damaged.
    """
    check_tools()

    def read() -> DicomTags:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadImage("is not a file")
        with path.open("rb") as file:
            return _tags(Opened(file, (*_ABOUT, 0x00280301)).header, key)

    return guarded(read)


def guarded(read: Callable[[], T]) -> T:
    """Call `read`, and turn every error into a `BadImage` that does not quote the file."""
    try:
        with strict_pillow:
            return read()
    except RadaptError:  # whose text quotes nothing
        raise
    except MemoryError:
        raise BadImage("needs more memory than there is") from None
    except RecursionError:
        raise BadImage("is a DICOM file that is damaged (its sequences are nested too deep)") from None
    except FileNotFoundError:
        raise BadImage("is missing") from None
    except Exception as error:  # on damaged bytes pydicom and the decoders raise nearly anything
        raise BadImage(f"is a DICOM file that is damaged ({type(error).__name__})") from None


def read_meta(file: BinaryIO, begin: int = 0) -> "Dataset":
    """Read the kind and the transfer syntax of a DICOM file, and stop behind its meta header.

    `pydicom.dcmread` would inflate a deflated file before it can be refused. The DICOM file may begin within
    the given one.
    """
    from pydicom.filereader import read_dataset
    from pydicom.tag import BaseTag

    file.seek(begin + PREAMBLE)
    if file.read(len(MAGIC)) != MAGIC:
        raise BadImage("is not a DICOM file")
    return read_dataset(
        file,
        False,
        True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != 2,
        specific_tags=[BaseTag(tag) for tag in _META],
    )


class Opened:
    """A DICOM file whose header has been read, up to the pixels."""

    def __init__(self, file: BinaryIO, tags: tuple[int, ...]) -> None:
        from pydicom.filereader import read_dataset
        from pydicom.tag import BaseTag

        meta = read_meta(file)
        self.syntax = str(meta.get("TransferSyntaxUID", ""))
        if self.syntax not in NATIVE and self.syntax not in COMPRESSED:
            raise BadImage(_unknown_syntax(self.syntax))
        self._file = file
        self._implicit, self._little = NATIVE.get(self.syntax, (False, True))
        self.header: Dataset = read_dataset(
            file,
            self._implicit,
            self._little,
            stop_when=lambda tag, _vr, _length: tag >= _PIXELS,
            specific_tags=[BaseTag(tag) for tag in tags],
        )
        self.sop_class = str(self.header.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or "")

    def pixel_data(self) -> tuple[bytes, str]:
        """Return the bytes of the pixel data, and its value representation ("OB" or "OW")."""
        from pydicom.filereader import read_dataset
        from pydicom.tag import BaseTag

        rest = read_dataset(
            self._file,
            self._implicit,
            self._little,
            stop_when=lambda tag, _vr, _length: tag > _PIXELS,
            specific_tags=[BaseTag(_PIXELS)],
        )
        element = rest.get_item(BaseTag(_PIXELS))
        value = None if element is None else element.value
        if element is None or not isinstance(value, bytes) or not value:
            raise BadImage("holds no pixels, or is truncated before them")
        return value, str(element.VR)


def _unknown_syntax(syntax: str) -> str:
    from pydicom._uid_dict import UID_dictionary

    name = UID_dictionary[syntax][0] if syntax in UID_dictionary else "unknown"
    return (
        f"is a DICOM file with a transfer syntax ({name}) that radapt does not read; export it as Explicit VR"
    )


def _tags(header: "Dataset", key: bytes) -> DicomTags:
    image, patient = raw_of(header, "SOPInstanceUID"), raw_of(header, "PatientID")
    return DicomTags(
        image=code_of(key, "image", image) if image else "",
        patient=code_of(key, "patient", patient) if patient else "",
        view=normalise(VIEW, text_of(header, "ViewPosition")),
        laterality=text_of(header, "ImageLaterality") or text_of(header, "Laterality"),
        sex=normalise(SEX, text_of(header, "PatientSex")),
        age=normalise(AGE, text_of(header, "PatientAge")),
        modality=text_of(header, "Modality"),
        manufacturer=text_of(header, "Manufacturer"),
        device=normalise(DEVICE, text_of(header, "ManufacturerModelName")),
        photometric=text_of(header, "PhotometricInterpretation"),
        burned_in=text_of(header, "BurnedInAnnotation").upper() == "YES",
        date=text_of(header, "StudyDate"),
    )


def raw_of(header: "Dataset", name: str) -> bytes:
    """Return the bytes of a tag without padding: decoding them might warn and quote the value."""
    element = header.get_item(name)
    raw = element.value if element is not None and isinstance(element.value, bytes) else b""
    return raw.strip(b" \0")


def text_of(header: "Dataset", name: str) -> str:
    """Return the text of a tag, at most 64 characters; "" if it is missing or not printable."""
    value = header.get(name, "")
    return value.strip()[:64] if isinstance(value, str) and value.isprintable() else ""


def whole_of(header: "Dataset", name: str, default: int | None = None) -> int:
    """Return a whole number of the header as a Python integer, whose products do not overflow."""
    value = header.get(name)
    if value is None or value == "":
        value = default
    if not isinstance(value, int):
        raise BadImage(f"is a DICOM file that is damaged ({name} is missing, or not a whole number)")
    return int(value)


def real_of(header: "Dataset", name: str) -> float | None:
    """Return the first number of a tag; None if it is missing."""
    value = header.get(name)
    if value is None or value == "":
        return None
    first = value if isinstance(value, int | float) else value[0]
    if not math.isfinite(first):
        raise BadImage(f"is a DICOM file that is damaged ({name} is not a number)")
    return float(first)


def overlaid_bits(header: "Dataset") -> int:
    """Return a mask of the bits of a value that hold overlays: PS3.3 C.9.2."""
    mask = 0
    for group in range(0x6000, 0x6020, 2):
        place = header.get((group, 0x0102))
        if place is not None and isinstance(place.value, int) and 0 < place.value < 16:
            mask |= 1 << place.value
    return mask
