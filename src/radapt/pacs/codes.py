"""Coded concepts of DICOM results: of DICOM and SNOMED CT where these have one, else of a scheme of radapt's.

A code is (value, scheme, meaning), by PS3.16 of the DICOM standard. SCT is SNOMED CT, DCM the standard's own.
"""

import hashlib
import re
from typing import TYPE_CHECKING

from radapt.text import cut_middle, visible

if TYPE_CHECKING:
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import CodedConcept

SCHEME = "99RADAPT"  # names of private schemes begin with 99: PS3.16 section 8
_LONGEST = 64  # letters of a meaning: PS3.5 table 6.2-1
Code = tuple[str, str, str]

TITLE: Code = ("RESEARCH-REPORT", SCHEME, "Research report, not for clinical use")
DECISION: Code = ("DECISION", SCHEME, "Decision of the model")
PROBABILITY: Code = ("122157", "DCM", "Probability")
THRESHOLD: Code = ("122411", "DCM", "Threshold Value")
PRESENT: Code = ("121053", "DCM", "Present")
ABSENT: Code = ("121054", "DCM", "Absent")
COMMENT: Code = ("121106", "DCM", "Comment")
NO_UNITS: Code = ("1", "UCUM", "no units")
CHEST_RADIOGRAPHY: Code = ("399208008", "SCT", "Plain chest X-ray")
CHEST: Code = ("816094009", "SCT", "Chest")
SOURCE_IMAGE: Code = ("121322", "DCM", "Source image for image processing operation")

_NORMAL: Code = ("17621005", "SCT", "Normal")
_EFFUSION: Code = ("60046008", "SCT", "Pleural effusion")
_EDEMA: Code = ("19242006", "SCT", "Pulmonary edema")
_INFILTRATE: Code = ("112121", "DCM", "Infiltrate")
_TUBERCULOSIS: Code = ("154283005", "SCT", "Pulmonary tuberculosis")
_FIBROSIS: Code = ("51615001", "SCT", "Fibrosis of lung")
_COVID: Code = ("840539006", "SCT", "COVID-19")
_CONSOLIDATION: Code = ("95436008", "SCT", "Lung consolidation")
FINDINGS: dict[str, Code] = {  # by the name of a class, in small letters and digits; not cardiomegaly,
    # whose code in PS3.16, 287272002, is that of another finding too
    "normal": _NORMAL,
    "no finding": _NORMAL,
    "no findings": _NORMAL,
    "pneumonia": ("233604007", "SCT", "Pneumonia"),
    "atelectasis": ("46621007", "SCT", "Atelectasis"),
    "effusion": _EFFUSION,
    "pleural effusion": _EFFUSION,
    "edema": _EDEMA,
    "pulmonary edema": _EDEMA,
    "infiltrate": _INFILTRATE,
    "infiltration": _INFILTRATE,
    "mass": ("4147007", "SCT", "Mass"),
    "nodule": ("27925004", "SCT", "Nodule"),
    "pneumothorax": ("36118008", "SCT", "Pneumothorax"),
    "consolidation": _CONSOLIDATION,
    "lung consolidation": _CONSOLIDATION,
    "emphysema": ("87433001", "SCT", "Pulmonary emphysema"),
    "fibrosis": _FIBROSIS,
    "pulmonary fibrosis": _FIBROSIS,
    "tuberculosis": _TUBERCULOSIS,
    "pulmonary tuberculosis": _TUBERCULOSIS,
    "covid": _COVID,
    "covid 19": _COVID,
}


def code_of_class(name: str) -> Code:
    """Return the code of a class: that of a known finding, else one of radapt's scheme with its name."""
    known = FINDINGS.get(" ".join(re.findall(r"[a-z0-9]+", name.lower())) if name.isascii() else "")
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
    return known or (f"CLASS-{digest[:8]}".upper(), SCHEME, meaning(name))


def meaning(text: str) -> str:
    """Return a text as a meaning can have it: of 64 letters, printable, without the backslash."""
    return cut_middle(visible(text).replace("\\", "/"), _LONGEST)


def concept(code: Code) -> "CodedConcept":
    """Return a code as highdicom takes it."""
    from highdicom.sr import CodedConcept

    value, scheme, words = code
    return CodedConcept(value=value, scheme_designator=scheme, meaning=words)


def private_scheme() -> "CodingSchemeIdentificationItem":
    """Return who is responsible for the codes of radapt's scheme, which each object with one says."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return CodingSchemeIdentificationItem(
        designator=SCHEME, name="Classes and decisions of radapt", responsible_organization="radapt"
    )
