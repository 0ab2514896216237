"""From images to predictions, always in full precision and in evaluation mode."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radapt.device import Hardware
from radapt.errors import AskedWrongly, RadaptError
from radapt.images.imageset import Dataset, ImageSet
from radapt.models.classifier import Classifier, probabilities
from radapt.predictions import Predictions
from radapt.text import counted, listed

BATCH = 128  # rows at a time; of images on a processor fewer, so that its cache holds what layers give:
FEW = 16  # images at most,
CACHED = 5 * 2**20  # and numbers that the widest layer gives


def logits_of(model: nn.Module, inputs: Tensor, hardware: Hardware, *, full: bool = False) -> Tensor:
    """Run a module over rows of any input, batch by batch; give (n, ...) on the processor in float32.

    Parameters
    ----------
    full
        Whether the last batch of images is filled up to the size of the others. A library works small batches
        out in another order, so only then an image gives the same bits whichever images come with it.
    """
    model.to(hardware.device)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), hardware.exact():
            images = inputs.ndim > 2 and (full or len(inputs) > 1)  # not features
            size = _at_once(model, inputs[:1]) if images and hardware.device.type == "cpu" else BATCH
            lacking = -len(inputs) % size if full else 0
            rows = torch.cat([inputs, inputs[:1].expand(lacking, *inputs.shape[1:])]) if lacking else inputs
            parts = [model(batch.to(hardware.device)).float().cpu() for batch in rows.split(size)]
    finally:
        for module, training in modes:
            module.training = training
    return torch.cat(parts)[: len(inputs)]


def _at_once(model: nn.Module, image: Tensor) -> int:
    """Return how many images a processor runs through a network at a time, having run one (1, ...)."""
    widest = 1

    def note(_module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal widest
        if isinstance(output, Tensor):
            widest = max(widest, output.numel())

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        model(image)
    finally:
        for handle in handles:
            handle.remove()
    return min(FEW, max(1, CACHED // widest))


def predict(classifier: Classifier, images: ImageSet, hardware: Hardware) -> Predictions:
    """Score every image of a set.

    Raises
    ------
    AskedWrongly
        If the set's classes are not the model's, or it is empty.
    """
    check_classes(classifier, images)
    if not len(images):
        raise AskedWrongly("There is no image to predict: the image set is empty.")
    return Predictions(
        scores=scores_of(classifier, images.pixels, hardware),
        labels=images.labels,
        patients=images.patients,
        ids=images.ids,
        classes=images.classes,
    )


def scores_of(classifier: Classifier, pixels: NDArray[np.uint8], hardware: Hardware) -> NDArray[np.float64]:
    """Return the probability of each class or finding, (n, k), of images (n, h, w), 1 or more."""
    logits = torch.cat([logits_of(classifier, chunk, hardware) for chunk in chunks(pixels)])
    scores: NDArray[np.float64] = probabilities(checked(logits), classifier.spec.outputs).numpy()
    return scores


def checked(logits: Tensor) -> Tensor:
    """Return logits back, if all of them are numbers.

    Raises
    ------
    RadaptError
        If one is not: no class can be named then.
    """
    broken = int((~torch.isfinite(logits)).any(dim=1).sum())
    if broken:
        raise RadaptError(
            f"The model gives no number for {counted(broken, 'image')} of {len(logits)}: its weights are too "
            "large, or not those of a model. Train it again with a lower --learning-rate."
        )
    return logits


def check_classes(classifier: Classifier, images: ImageSet | Dataset) -> None:
    """Refuse images of other classes than the model's.

    Raises
    ------
    AskedWrongly
        If the classes differ, or stand in another order, or only on one side exclude one another.
    """
    spec = classifier.spec
    if images.classes != spec.classes:
        raise AskedWrongly(
            f"The model knows the classes {listed(spec.classes)}. The images have: {listed(images.classes)}."
        )
    if images.exclusive != (spec.outputs != "findings"):
        one, several = "is of one class", "may have several findings"
        own, given = (one, several) if images.exclusive is False else (several, one)
        raise AskedWrongly(f"To the model each image {own}; of these images each {given}.")


def embed(classifier: Classifier, pixels: NDArray[np.uint8] | Tensor, hardware: Hardware) -> Tensor:
    """Return the trunk's features (n, d), float32 on the processor, of images (n, h, w) in 0..255."""
    parts = pixels.split(4096) if isinstance(pixels, Tensor) else chunks(pixels)
    module = Embedding(classifier)
    return torch.cat([logits_of(module, part, hardware) for part in parts])


class Embedding(nn.Module):
    """A classifier seen as the map from images to its trunk's features."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        """Return features (n, d) of images (n, h, w)."""
        return self.classifier.embed(pixels)


def chunks(pixels: NDArray[np.uint8], rows: int = 4096) -> Iterator[Tensor]:
    """Return a memory-mapped array as tensors of a bounded size."""
    for start in range(0, len(pixels), rows):
        yield torch.from_numpy(np.array(pixels[start : start + rows]))
