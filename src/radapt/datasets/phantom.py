"""Data sets of drawn chest images (phantoms), for tests and demonstrations without real data."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from radapt.errors import AskedWrongly, RadaptError, WrongFolder
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.phantom.drawing import CLASSES, DRAWING, HOSPITALS, Hospital, draw_pixels, find_hospital, roster
from radapt.text import listed


def _check(sizes: tuple[int, ...], size: int, prevalence: float, seed: int) -> None:
    if min(sizes) < 0 or seed < 0:
        raise AskedWrongly(
            f"Counts and the seed are 0 or more. Got counts {listed(map(str, sizes))} and seed {seed}."
        )
    if not 32 <= size <= 1024:
        raise AskedWrongly(f"Images can be drawn from 32 to 1024 pixels a side. Got {size}.")
    if not 0 <= prevalence <= 1:
        raise AskedWrongly(f"Prevalence is a share from 0 to 1. Got {prevalence}.")


def _draw(images: list[tuple[int, int, bool]], hospital: Hospital, size: int, seed: int) -> ImageSet:
    return ImageSet(
        pixels=draw_pixels(images, hospital, size, seed),
        labels=np.array([ill for _, _, ill in images], np.int64),
        patients=np.array([f"phantom-{patient:04}" for patient, _, _ in images], np.str_),
        ids=np.array([f"phantom-{patient:04}_{number:03}.png" for patient, number, _ in images], np.str_),
        classes=CLASSES,
    )


def draw(
    count: int,
    *,
    hospital: str | Hospital = "children",
    size: int = 128,
    prevalence: float = 0.5,
    seed: int = 0,
) -> ImageSet:
    """Draw chest images with and without pneumonia, of patients with one to three images each.

    An image depends only on the seed and its position: a larger count begins with the same images, and the
    same seed at another hospital gives the same patients, as imaged there. For other patients use another
    seed.

    Parameters
    ----------
    count : int
        The number of images.
    hospital : str or Hospital
        A name in `HOSPITALS`, or a hospital of your own.
    size : int
        Pixels to a side, 32 to 1024.
    prevalence : float
        Share of the patients with pneumonia, 0 to 1; nearly exact in every range of patients.
    seed : int
        Seed of the patients; 0 or more.

    Returns
    -------
    ImageSet
        Pixels (count, size, size); classes NORMAL and PNEUMONIA; ids such as `phantom-0001_000.png`.

    Raises
    ------
    UnknownName
        If there is no such hospital, or its marker is none of `LETTERS`.
    AskedWrongly
        If a count, size, prevalence or seed is out of its range.
    """
    _check((count,), size, prevalence, seed)
    return _draw(roster(count, prevalence, seed, 1), find_hospital(hospital), size, seed)


def draw_dataset(
    *, train: int, val: int, test: int, hospital: str | Hospital = "children", size: int = 128, seed: int = 0
) -> Dataset:
    """Draw a data set whose splits share no patient; half of the patients have pneumonia.

    Patients are numbered from test to val to train, so that the test images do not depend on the size of the
    training set. A split of 0 images is left out.

    Parameters
    ----------
    train, val, test : int
        Images in each split.
    hospital, size, seed
        As for `draw`.

    Raises
    ------
    UnknownName
        If there is no such hospital, or its marker is none of `LETTERS`.
    AskedWrongly
        If a count, size or seed is out of its range, or all counts are 0.
    """
    counts = {"train": train, "val": val, "test": test}
    _check((train, val, test), size, 0.5, seed)
    if not any(counts.values()):
        raise AskedWrongly("A data set needs at least one image in one split. Got 0, 0 and 0.")
    chosen, first, splits = find_hospital(hospital), 1, {}
    for split in ("test", "val", "train"):
        rows = roster(counts[split], 0.5, seed, first)
        first = rows[-1][0] + 1 if rows else first
        splits[split] = _draw(rows, chosen, size, seed)
    splits = {split: splits[split] for split in counts if counts[split]}
    name = next((key for key, value in HOSPITALS.items() if value == chosen), "own")
    # "squash" reads the images back unchanged once they are written
    about: dict[str, str | int] = {"size": size, "resize": "squash", "drawing": DRAWING}
    about |= {"hospital": name, "seed": seed}
    total = hashlib.sha256(repr((sorted(about.items()), chosen)).encode())
    for split, images in splits.items():
        total.update(f"{split} {images.digest()}".encode())
    origin = DataProvenance(
        name="phantom",
        patient_rule="phantom",
        split_rule="drawn by patient",
        preprocessing=about,
        fingerprint=total.hexdigest(),
        notes=(
            "These images are drawings and show no patient; scores on them say nothing about real images.",
        ),
    )
    return Dataset(splits=splits, origin=origin)


def write(dataset: Dataset, folder: Path) -> None:
    """Write a data set as PNG files in `{train,val,test}/CLASS/`, each named by its id.

    All images are written, or none.

    Raises
    ------
    WrongFolder
        If `folder` is a file, or already holds something.
    RadaptError
        If the disk is full or the folder cannot be written to.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongFolder(f"{folder} is not empty. Give a folder that is new or empty.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
            whole = Path(temporary) / "images"
            for split, images in dataset.splits.items():
                for name in images.classes:
                    (whole / split / name).mkdir(parents=True)
                for pixels, label, id_ in zip(images.pixels, images.labels, images.ids, strict=True):
                    Image.fromarray(pixels).save(whole / split / images.classes[label] / str(id_))
            if folder.exists():
                folder.rmdir()
            whole.rename(folder)
    except OSError as error:
        raise RadaptError(f"Could not write {folder}: {error.strerror or error}.") from error
