import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a thread a process, as many processes as cores

import numpy as np
import pytest
import torch
from PIL import Image

from radapt.cli.app import main
from radapt.device import Hardware
from radapt.images.imageset import DataProvenance, Dataset, ImageSet

CLASSES = ("NORMAL", "PNEUMONIA")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images, which the project never copies in."""
    folder = Path(os.environ.get("RADAPT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"there are no real images at {folder}; RADAPT_SHARED says where they are")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of packed images that the whole run shares, and no user's own."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("RADAPT_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    return Hardware(torch.device("cpu"), "fp32")


@pytest.fixture
def radapt(capsys, monkeypatch):
    """Run the command line as `main` runs it; give exit code, standard output and standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["radapt", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return stopped.value.code, told.out, told.err

    return run


def make_images(radiographs: int, *, size: int = 16, seed: int = 0, name: str = "image") -> ImageSet:
    """Images of which every second has a bright square at a random place; two of each patient."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (radiographs, size, size), dtype=np.uint8)
    labels = np.arange(radiographs) // 2 % 2
    for row in np.flatnonzero(labels):
        top, left = rng.integers(0, size * 5 // 8, 2)
        pixels[row, top : top + size * 3 // 8, left : left + size * 3 // 8] += 90
    return ImageSet(
        pixels=pixels,
        labels=labels.astype(np.int64),
        patients=np.array([f"{name}-p{row // 2}" for row in range(radiographs)]),
        ids=np.array([f"{name}-{row}.png" for row in range(radiographs)]),
        classes=CLASSES,
    )


def make_dataset(*, train: int = 96, val: int = 16, test: int = 40, size: int = 16) -> Dataset:
    splits = {"train": train, "val": val, "test": test}
    return Dataset(
        {
            split: make_images(radiographs, size=size, seed=seed, name=split)
            for seed, (split, radiographs) in enumerate(splits.items())
        },
        DataProvenance(
            "squares", "made", "made", {"size": size, "fit": "squash"}, fingerprint=f"squares-{splits}-{size}"
        ),
    )


def write_images(folder: Path, dataset: Dataset) -> Path:
    """Images on disk, by split and class; gives the folder."""
    for split, images in dataset.splits.items():
        for pixels, label, name in zip(images.pixels, images.labels, images.ids, strict=True):
            path = folder / split / images.classes[label] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def images() -> ImageSet:
    """Twelve 16 x 16 images of six patients."""
    return make_images(12)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return make_dataset()
