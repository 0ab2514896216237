"""From images to predictions, always in full precision and in evaluation mode."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radapt.device import Hardware
from radapt.errors import AskedWrongly, RadaptError
from radapt.images.golden import golden_pixels
from radapt.images.imageset import Dataset, ImageSet
from radapt.models.classifier import Classifier, probabilities
from radapt.models.predict_files import Scorer, check_images
from radapt.predictions import Predictions
from radapt.text import counted

BATCH = 128  # rows; of images on a CPU fewer, so that activations fit its cache:
MAX_CPU_BATCH = 16  # images
CACHED = 5 * 2**20  # activations of the widest layer
FULL = 16  # images of a padded batch on a GPU


def logits_of(model: nn.Module, inputs: Tensor, hardware: Hardware, *, full: bool = False) -> Tensor:
    """Run a module over rows of any input, batch by batch; return float32 (n, ...) on the CPU.

    Parameters
    ----------
    full
        Whether the last batch of images is padded to the size of the others. Libraries sum small batches in
        another order; only with padding are an image's results bitwise equal whatever images come with it.
    """
    model.to(hardware.device)
    with evaluating(model), torch.no_grad(), hardware.exact():
        images = inputs.ndim > 2 and (full or len(inputs) > 1)  # not features
        size = _cpu_batch_size(model, inputs[:1]) if images and hardware.device.type == "cpu" else BATCH
        lacking = -len(inputs) % size if full else 0
        rows = torch.cat([inputs, inputs[:1].expand(lacking, *inputs.shape[1:])]) if lacking else inputs
        parts = [model(batch.to(hardware.device)).float().cpu() for batch in rows.split(size)]
    return torch.cat(parts)[: len(inputs)]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model and all in it into evaluation mode, and afterwards into the modes they were in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def device_of(classifier: Classifier) -> torch.device:
    """Return the device that a classifier lies on; the CPU of one without parameters."""
    return next((each.device for each in classifier.parameters()), torch.device("cpu"))


def logits_one_by_one(model: nn.Module, pixels: Tensor, hardware: Hardware) -> Tensor:
    """Run a module over images (n, h, w), n > 0; return float32 (n, ...) that depend on the image alone.

    Libraries sum batches of other sizes in another order. So on a CPU each image is a batch of its own; on a
    GPU batches are padded to `FULL` images. The number of CPU threads may still change the last digits.
    """
    if hardware.device.type == "cpu":
        return torch.cat([logits_of(model, image, hardware) for image in pixels.split(1)])
    parts = []
    for part in pixels.split(FULL):
        padded = torch.cat([part, part[:1].expand(FULL - len(part), *part.shape[1:])])
        parts.append(logits_of(model, padded, hardware)[: len(part)])
    return torch.cat(parts)


def golden_scores(classifier: Classifier, hardware: Hardware) -> dict[str, float]:
    """Return the probability of each class for the golden image, see `radapt.images.golden`."""
    spec = classifier.spec
    logits = logits_one_by_one(classifier, torch.from_numpy(golden_pixels(spec.size)), hardware)
    return dict(zip(spec.classes, probabilities(logits, spec.outputs)[0].tolist(), strict=True))


def _cpu_batch_size(model: nn.Module, image: Tensor) -> int:
    """Return the batch size for images on a CPU, measured by running one image (1, ...)."""
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
    return min(MAX_CPU_BATCH, max(1, CACHED // widest))


def predict(
    classifier: Classifier, images: ImageSet, hardware: Hardware, *, logits: Tensor | None = None
) -> Predictions:
    """Score every image of a set.

    Parameters
    ----------
    logits
        The model's logits (n, k) of these images, where they are known: the model is then not run.

    Raises
    ------
    AskedWrongly
        If the set's classes are not the model's, or it is empty.
    """
    check_classes(classifier, images)
    if not len(images):
        raise AskedWrongly("There is no image to predict: the image set is empty.")
    if logits is None:
        logits = all_logits(classifier, images.pixels, hardware)
    return Predictions(
        scores=_scores(classifier, logits),
        labels=images.labels,
        patients=images.patients,
        ids=images.ids,
        classes=images.classes,
    )


def scores_of(classifier: Classifier, pixels: NDArray[np.uint8], hardware: Hardware) -> NDArray[np.float64]:
    """Return the probability of each class or label, (n, k), for images (n, h, w), n > 0."""
    return _scores(classifier, all_logits(classifier, pixels, hardware))


def scorer_of(classifier: Classifier, hardware: Hardware) -> Scorer:
    """Return what scores the files of images by a classifier."""
    spec = classifier.spec
    return Scorer(
        spec.classes,
        spec.outputs == "findings",
        spec.reading,
        lambda pixels: _scores(classifier, logits_one_by_one(classifier, torch.from_numpy(pixels), hardware)),
    )


def all_logits(classifier: Classifier, pixels: NDArray[np.uint8], hardware: Hardware) -> Tensor:
    """Return logits (n, k), float32 on the CPU, for images (n, h, w), n > 0, of which few are in memory."""
    return torch.cat([logits_of(classifier, chunk, hardware) for chunk in chunks(pixels)])


def _scores(classifier: Classifier, logits: Tensor) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = probabilities(checked(logits), classifier.spec.outputs).numpy()
    return scores


def checked(logits: Tensor) -> Tensor:
    """Return the logits unchanged if all are finite.

    Raises
    ------
    RadaptError
        If one is not.
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
        As `radapt.models.predict_files.check_images`.
    """
    check_images(images, classifier.spec.classes, findings=classifier.spec.outputs == "findings")


def embed(classifier: Classifier, pixels: NDArray[np.uint8] | Tensor, hardware: Hardware) -> Tensor:
    """Return the trunk's features (n, d), float32 on the CPU, of images (n, h, w) in 0..255."""
    parts = pixels.split(4096) if isinstance(pixels, Tensor) else chunks(pixels)
    module = Embedding(classifier)
    return torch.cat([logits_of(module, part, hardware) for part in parts])


class ScoresAndFeatures(nn.Module):
    """A module that maps images to the logits of a classifier and its trunk's features, side by side."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (n, k + d): k logits, bitwise those of the classifier, then d features."""
        features = self.classifier.embed(pixels)
        views = self.classifier.spec.views
        logits = self.classifier.head(features) if views == 1 else self.classifier(pixels)
        return torch.cat([logits, features.flatten(1)], dim=1)


class Embedding(nn.Module):
    """A module that maps images to the trunk's features of a classifier."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        """Return features (n, d) of images (n, h, w)."""
        return self.classifier.embed(pixels)


def chunks(pixels: NDArray[np.uint8], rows: int = 4096) -> Iterator[Tensor]:
    """Yield a memory-mapped array as tensors of a bounded size."""
    for start in range(0, len(pixels), rows):
        yield torch.from_numpy(np.array(pixels[start : start + rows]))
