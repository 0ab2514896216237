"""The conventions of published label tables of chest radiographs.

Sources: Wang et al. 2017 (NIH ChestX-ray14), Irvin et al. 2019 (CheXpert), Johnson et al. 2019
(MIMIC-CXR-JPG), Bustos et al. 2020 (PadChest), Shih et al. 2019 (RSNA), Nguyen et al. 2022 (VinDr-CXR).
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from radapt.images.columns import Cells, Reader

FRONTAL = frozenset({"PA", "AP", "AP_HORIZONTAL", "FRONTAL"})
UNCERTAIN, NO, YES = -1, 0, 1
SUPPORT_DEVICES = "Support Devices"  # no disease: images with devices alone have "No Finding"

_CHEXPERT = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema"),
    *("Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other"),
    *("Fracture", SUPPORT_DEVICES),
)
_VINDR_OTHER = frozenset({"image_id", "rad_ID", "rad_id", "class_name", "class_id"})


@dataclass(frozen=True, slots=True)
class Convention:
    """How to read one published table."""

    title: str
    columns: frozenset[str]  # by which the table is recognised
    image: Callable[[Cells], str]  # the image's path or name, perhaps without extension
    patient: Callable[[Cells], str] | None
    view: Callable[[Cells], str] | None
    findings: Callable[[Cells], dict[str, int]]  # YES, NO or UNCERTAIN for each finding of a row
    healthy: str  # the table's name for "no finding"
    listed: str = ""  # the column with the list of findings, if there is one
    lists_all: bool = False  # whether a finding that a row does not mention is absent
    age: Reader | None = None
    sex: Reader | None = None
    split: str = ""  # the column of the split
    test_list: str = ""  # a file beside the table that lists the test images
    joined: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # files to join: name, key column, columns


def _list_in(column: str, mark: str) -> Callable[[Cells], dict[str, int]]:
    """Read a list of findings in one cell, separated by `mark`."""

    def read(cells: Cells) -> dict[str, int]:
        return {name: YES for part in cells[column].split(mark) if (name := part.strip())}

    return read


def _first_of(*columns: str) -> Reader:
    """Read the first of these columns that exists in the table."""
    return lambda cells: next((cells[column] for column in columns if column in cells), "")


def _columns_of(names: Collection[str]) -> Callable[[Cells], dict[str, int]]:
    """Read findings with one column each: 1, 0, -1 or empty."""

    def read(cells: Cells) -> dict[str, int]:
        return {name: value for name in names if (value := number(cells.get(name, ""))) is not None}

    return read


def number(cell: str) -> int | None:
    """Read 1, 0 or -1, also as a decimal number; None for anything else."""
    return {"1": YES, "1.0": YES, "0": NO, "0.0": NO, "-1": UNCERTAIN, "-1.0": UNCERTAIN}.get(cell.strip())


def _padchest(cells: Cells) -> dict[str, int]:
    names = re.findall(r"'([^']*)'|\"([^\"]*)\"", cells["Labels"])  # in Python's notation for lists
    return {name: YES for one, other in names if (name := (one or other).strip().lower())}


def _padchest_age(cells: Cells) -> str:
    """Subtract the year of birth from that of the image; before the birthday this is one year too many."""
    birth, taken = (re.match(r"\d{4}", cells.get(name, "")) for name in ("PatientBirth", "StudyDate_DICOM"))
    return str(int(taken[0]) - int(birth[0])) if birth and taken else ""


def _rsna(cells: Cells) -> dict[str, int]:
    if "class" in cells:
        return {cells["class"]: YES}
    positive = number(cells["Target"]) == YES
    return {"Lung Opacity" if positive else "No Lung Opacity": YES}


def _vindr(cells: Cells) -> dict[str, int]:
    if "class_name" in cells:
        return {cells["class_name"]: YES}
    return {
        name: value
        for name, cell in cells.items()
        if name not in _VINDR_OTHER and (value := number(cell)) is not None
    }


def _chexpert_view(cells: Cells) -> str:
    return cells.get("AP/PA", "") or cells["Frontal/Lateral"]


def _chexpert_patient(cells: Cells) -> str:
    match = re.search(r"patient\d+", cells["Path"])
    return match[0] if match else ""


def _mimic_image(cells: Cells) -> str:
    patient, study, image = cells["subject_id"], cells["study_id"], cells["dicom_id"]
    return f"files/p{patient[:2]}/p{patient}/s{study}/{image}"


CONVENTIONS: dict[str, Convention] = {
    "nih": Convention(
        title="NIH ChestX-ray14",
        columns=frozenset({"Image Index", "Finding Labels", "Patient ID"}),
        image=lambda cells: cells["Image Index"],
        patient=lambda cells: cells["Patient ID"],
        view=lambda cells: cells.get("View Position", ""),
        findings=_list_in("Finding Labels", "|"),
        healthy="No Finding",
        listed="Finding Labels",
        lists_all=True,
        age=_first_of("Patient Age"),
        sex=_first_of("Patient Gender", "Patient Sex"),
        test_list="test_list.txt",
    ),
    "chexpert": Convention(
        title="CheXpert",
        columns=frozenset({"Path", "Frontal/Lateral", "No Finding"}),
        image=lambda cells: cells["Path"],
        patient=_chexpert_patient,
        view=_chexpert_view,
        findings=_columns_of(_CHEXPERT),
        healthy="No Finding",
        age=_first_of("Age"),
        sex=_first_of("Sex"),
    ),
    "mimic": Convention(
        title="MIMIC-CXR",
        columns=frozenset({"subject_id", "study_id", "No Finding"}),
        image=_mimic_image,
        patient=lambda cells: cells["subject_id"],
        view=lambda cells: cells.get("ViewPosition", ""),
        findings=_columns_of(_CHEXPERT),
        healthy="No Finding",
        split="split",
        joined=(
            ("mimic-cxr-2.0.0-metadata.csv", "study_id", ("dicom_id", "ViewPosition")),
            ("mimic-cxr-2.0.0-split.csv", "dicom_id", ("split",)),
        ),
    ),
    "padchest": Convention(
        title="PadChest",
        columns=frozenset({"ImageID", "PatientID", "Projection", "Labels"}),
        image=lambda cells: cells["ImageID"],
        patient=lambda cells: cells["PatientID"],
        view=lambda cells: cells["Projection"],
        findings=_padchest,
        healthy="normal",
        listed="Labels",
        lists_all=True,
        age=_padchest_age,
        sex=_first_of("PatientSex_DICOM"),
    ),
    "rsna": Convention(
        title="RSNA Pneumonia Detection Challenge",
        columns=frozenset({"patientId", "Target"}),
        image=lambda cells: cells["patientId"],
        patient=lambda cells: cells["patientId"],
        view=None,
        findings=_rsna,
        healthy="No Lung Opacity",
        listed="Target",
    ),
    "rsna classes": Convention(
        title="RSNA Pneumonia Detection Challenge",
        columns=frozenset({"patientId", "class"}),
        image=lambda cells: cells["patientId"],
        patient=lambda cells: cells["patientId"],
        view=None,
        findings=_rsna,
        healthy="Normal",
        listed="class",
    ),
    "vindr": Convention(
        title="VinDr-CXR",
        columns=frozenset({"image_id", "class_name"}),
        image=lambda cells: cells["image_id"],
        patient=None,
        view=None,
        findings=_vindr,
        healthy="No finding",
        listed="class_name",
        lists_all=True,
    ),
    "vindr labels": Convention(
        title="VinDr-CXR",
        columns=frozenset({"image_id", "No finding"}),
        image=lambda cells: cells["image_id"],
        patient=None,
        view=None,
        findings=_vindr,
        healthy="No finding",
    ),
}


def recognise(columns: Collection[str]) -> Convention | None:
    """Return the convention of a published table with these columns; None for any other table."""
    return next((each for each in CONVENTIONS.values() if each.columns <= set(columns)), None)
