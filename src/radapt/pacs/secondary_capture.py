"""A map over its radiograph as a DICOM Secondary Capture image, in colour."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from radapt.explaining.overlay import RESEARCH_USE
from radapt.pacs.codes import SOURCE_IMAGE, concept
from radapt.pacs.identity import NOT_CLINICAL, RESEARCH_ONLY, ModelIdentity, uid_of
from radapt.pacs.source import in_characters
from radapt.pacs.structured_report import instance_number
from radapt.text import cut_middle, visible

if TYPE_CHECKING:
    from highdicom.sc import SCImage
    from pydicom.dataset import Dataset

SERIES_NUMBER = 9102
_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
_NARROWEST = 512  # pixels: below, the text could not be read
_LONGEST = 200  # letters of the name of a class
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a map shows."""

    name: str  # the class
    probability: float
    method: str = ""  # how it was made
    is_empty: bool = False  # whether nothing in the image speaks for the class

    def __str__(self) -> str:
        nothing = ", for which nothing in the image speaks" if self.is_empty else ""
        how = f", by {self.method}" if self.method else ""
        return f"Map of {cut_middle(visible(self.name), _LONGEST)} ({self.probability:.2f}){nothing}{how}"


def secondary_capture(
    source: "Dataset", drawn: NDArray[np.uint8], shown: Shown, model: ModelIdentity
) -> "SCImage":
    """Return a picture with a map as an image of the same patient and study, with a band of text below it.

    Its identifiers are made of those of the image, the digest of the model, the class and the method.

    Parameters
    ----------
    source
        The header of the image, see `radapt.pacs.source.read_source`.
    drawn
        Red, green and blue, (h, w, 3).
    shown
        The class, its probability and the method.

    Raises
    ------
    ValueError
        If the header holds what the standard does not allow.
    """
    from highdicom.sc import SCImage

    names = (model.digest, model.radapt, shown.name, shown.method)
    own = f"{shown}, of {model.name} {model.version}"
    made = SCImage.from_ref_dataset(
        ref_dataset=source,
        pixel_array=captioned(drawn, (RESEARCH_ONLY, own, RESEARCH_USE)),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        series_instance_uid=uid_of("sc series", str(source.SeriesInstanceUID), *names),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of("sc", str(source.SOPInstanceUID), *names),
        instance_number=instance_number(source),
        manufacturer="radapt",
        manufacturer_model_name=model.name,
        software_versions=model.radapt,
        series_description=RESEARCH_ONLY,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        specific_character_set=None,
    )
    made.copy_patient_and_study_information(source)
    made.PatientOrientation = source.get("PatientOrientation", "")  # "" says that it is not known
    made.BodyPartExamined = source.get("BodyPartExamined") or "CHEST"
    if source.get("Laterality"):  # which a chest, of which there is one, has not
        made.Laterality = source.Laterality
    if source.get("BurnedInAnnotation"):  # whether pixels name the patient; the band does not
        made.BurnedInAnnotation = source.BurnedInAnnotation
    if source.get("LossyImageCompression") == "01":  # which nothing undoes: PS3.3 C.7.6.1.1.5
        for tag in _LOSSY:
            if tag in source:
                setattr(made, tag, source.get(tag))
    made.ImageComments = f"{NOT_CLINICAL} {RESEARCH_USE}"
    made.DerivationDescription = own
    made.SourceImageSequence = [_reference(source)]
    return in_characters(made, source, [own])


def captioned(picture: NDArray[np.uint8], lines: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return a picture, at least 512 pixels wide, with a band of white text on black below it.

    Parameters
    ----------
    picture
        Red, green and blue, (h, w, 3).
    lines
        What the band says; long lines are wrapped.
    """
    shown = Image.fromarray(picture)
    if shown.width < _NARROWEST:
        height = round(shown.height * _NARROWEST / shown.width)
        shown = shown.resize((_NARROWEST, max(1, height)), Image.Resampling.BILINEAR)
    size = max(10, shown.width // 36)
    font = ImageFont.load_default(size)
    rows = [row for line in lines for row in _wrapped(line, font, shown.width - size)]
    band = Image.new("RGB", (shown.width, round(1.4 * size * len(rows) + 0.6 * size)))
    pen = ImageDraw.Draw(band)
    for number, row in enumerate(rows):
        pen.text((size // 2, round(0.3 * size + 1.4 * size * number)), row, fill="white", font=font)
    return np.concatenate([np.asarray(shown), np.asarray(band)])


def _wrapped(line: str, font: _Font, width: int) -> list[str]:
    """Return a line as rows at most so many pixels wide; a word that is wider goes on in the next."""
    rows = [""]
    for word in line.split():
        longer = f"{rows[-1]} {word}" if rows[-1] else word
        if font.getlength(longer) <= width:
            rows[-1] = longer
            continue
        rows += [""] if rows[-1] else []
        for letter in word:
            rows += [""] if font.getlength(f"{rows[-1]}{letter}") > width else []
            rows[-1] += letter
    return rows


def _reference(source: "Dataset") -> "Dataset":
    """Return an item that names the image: PS3.3 C.7.6.1."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [concept(SOURCE_IMAGE)]
    return item
