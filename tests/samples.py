"""Small images and data sets that tests make."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.tuning import fit_all
from radapt.images.imageset import DataProvenance, Dataset, ImageSet
from radapt.models.classifier import Classifier
from radapt.progress import Silent
from radapt.training.recipe import Recipe

CLASSES = ("NORMAL", "PNEUMONIA")


def make_images(count: int, *, size: int = 16, seed: int = 0, name: str = "image") -> ImageSet:
    """Images of which every second has a bright square at a random place; two of each patient."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (count, size, size), dtype=np.uint8)
    labels = np.arange(count) // 2 % 2
    for row in np.flatnonzero(labels):
        top, left = rng.integers(0, size * 5 // 8, 2)
        pixels[row, top : top + size * 3 // 8, left : left + size * 3 // 8] += 90
    return ImageSet(
        pixels=pixels,
        labels=labels.astype(np.int64),
        patients=np.array([f"{name}-p{row // 2}" for row in range(count)]),
        ids=np.array([f"{name}-{row}.png" for row in range(count)]),
        classes=CLASSES,
    )


def trained_on(
    classifier: Classifier,
    images: ImageSet,
    recipe: Recipe,
    context: AdaptContext,
    *,
    valid: ImageSet | None = None,
) -> Classifier:
    """The classifier itself, on the CPU, once all of it has been trained on the images."""
    for _ in fit_all(classifier, images, valid, recipe, context):
        pass
    return classifier.cpu().eval()


def random_pixels(count: int, height: int = 64, width: int = 64) -> torch.Tensor:
    """Images (count, height, width) of uniform random grey levels, uint8; the same for the same size."""
    rng = np.random.default_rng(height * 100 + width)
    return torch.from_numpy(rng.integers(0, 256, (count, height, width), dtype=np.uint8))


def smooth_pixels(count: int, height: int = 64, width: int = 64) -> torch.Tensor:
    """Images (count, height, width) of smooth waves with an edge and some noise, uint8."""
    rng = np.random.default_rng(height)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.stack([np.sin(a * x + b * y) for a, b in rng.uniform(2, 9, (count, 2))])
    levels = 128 + 70 * waves + 30 * (x > 0.4) + rng.normal(0, 4, waves.shape)
    return torch.from_numpy(np.clip(levels, 0, 255).astype(np.uint8))


def make_dataset(*, train: int = 96, val: int = 16, test: int = 40, size: int = 16) -> Dataset:
    splits = {"train": train, "val": val, "test": test}
    return Dataset(
        {
            split: make_images(count, size=size, seed=seed, name=split)
            for seed, (split, count) in enumerate(splits.items())
        },
        DataProvenance(
            "squares",
            "made",
            "made",
            {"size": size, "resize": "squash"},
            fingerprint=f"squares-{splits}-{size}",
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


class Steps(Silent):
    """Calls a function with the units done and the number of all units, whenever work advances."""

    def __init__(self, call) -> None:
        self.call, self.total = call, 0

    def begin(self, task: str, total: int, unit: str) -> None:  # noqa: ARG002
        self.total = total

    def advance(self, done: float, detail: str = "") -> None:  # noqa: ARG002
        self.call(done, self.total)
