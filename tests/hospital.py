"""The export of a made hospital, and class folders to train on, as tests write them."""

import csv

import numpy as np
from dicoms import make_dicom
from PIL import Image

UNCLEAR, MISSING, TRUNCATED = 3, 5, 6  # numbers of studies


def chest(rng, ill):
    """Return a small picture (40, 36) of two dark fields, one of them clouded if ill; 0 to 1."""
    picture = rng.normal(0.75, 0.05, (40, 36))
    picture[8:32, 4:15] -= 0.5
    picture[8:32, 21:32] -= 0.5
    if ill:
        picture[20:32, 21:32] += 0.3
    return np.clip(picture, 0, 1)


def write_classes(root, patients=24):
    """Write PNG files named as those of Kermany et al. into train and test, in capitals."""
    rng = np.random.default_rng(0)
    for split, count in (("train", patients), ("test", patients // 2)):
        for number in range(count):
            ill = number % 2 == 1
            name = f"PNEUMONIA/person{number}_virus_1" if ill else f"NORMAL/IM-{number:04d}-0001"
            path = root / split / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((255 * chest(rng, ill)).astype(np.uint8)).save(path)
    return root


def write_export(folder, studies=60):
    """Write DICOM files without extensions, a folder a study, and the table of their findings.

    The files are MONOCHROME1 of 12 bits; the table is as a spreadsheet of some countries saves it. One label
    is unclear, one file is missing, and one is cut off.
    """
    rng = np.random.default_rng(1)
    rows = []
    for number in range(studies):
        ill = number % 2 == 1
        uids = {"SOPInstanceUID": f"1.2.826.0.1.{number}.2", "StudyInstanceUID": f"1.2.826.0.1.{number}"}
        levels = (4095 * (1 - chest(rng, ill))).astype(np.uint16)
        data = make_dicom(
            levels,
            bits=12,
            PhotometricInterpretation="MONOCHROME1",
            PatientID=f"P{number // 2 * 2 + ill}",
            AccessionNumber=f"A{number:05d}",
            **uids,
        )
        path = folder / "export" / f"ST{number:04d}" / "SE0001" / "IM0001"
        if number != MISSING:
            path.parent.mkdir(parents=True)
            path.write_bytes(data[: len(data) // 2] if number == TRUNCATED else data)
        finding = "unclear" if number == UNCLEAR else "pneumonia" if ill else "normal"
        rows.append([uids["SOPInstanceUID"], uids["StudyInstanceUID"], f"A{number:05d}", "20240131", finding])
    with (folder / "hospital.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["image", "study", "accession", "date", "finding"])
        writer.writerows(rows)
    return folder
