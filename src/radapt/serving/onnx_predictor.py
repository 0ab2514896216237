"""A file that `radapt export` wrote as the model of the service; torch is never loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.evaluation.thresholds import Threshold, thresholds_of
from radapt.exporting.onnx_model import OnnxModel, read_onnx_model
from radapt.images.preprocessing import Preprocessing
from radapt.serving.predictor import Map, Scored
from radapt.text import listed


@dataclass(frozen=True, slots=True, eq=False)
class OnnxPredictor:
    """An exported model that scores images, each as `radapt predict` does."""

    name: str
    model: OnnxModel
    chosen_thresholds: Mapping[str, Threshold]

    @property
    def about(self) -> str:
        """A sentence on it."""
        written, size = self.model.metadata, self.reading.size
        return f"{written.model} in a file of ONNX, images of {size} x {size} pixels, {listed(self.classes)}."

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes or findings."""
        return self.model.classes

    @property
    def exclusive(self) -> bool:
        """Whether an image is of one class."""
        return not self.model.findings

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The probability from which on an image is labelled so, by class."""
        return {name: each.value for name, each in self.chosen_thresholds.items()}

    @property
    def chosen(self) -> str:
        """What chose the threshold, in words."""
        return next((each.chosen_on for each in self.chosen_thresholds.values()), "")

    @property
    def reading(self) -> Preprocessing:
        """How images are decoded for it."""
        return self.model.metadata.preprocessing

    @property
    def golden(self) -> Mapping[str, float] | None:
        """Its scores of the golden image at export."""
        return self.model.golden

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[Scored]:
        """Score decoded images, each (size, size)."""
        rows, label = self.model.predict_pixels(np.stack(images)).tolist(), self.model.scorer.label
        return [Scored(tuple(row), label(row, self.thresholds)) for row in rows]

    def unlike(self, features: NDArray[np.float32]) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return None: the file keeps no reference."""
        return None

    @property
    def has_reference(self) -> bool:
        """Whether there are images to compare with: there are none."""
        return False

    def drift(self, features: NDArray[np.float32], scores: NDArray[np.float32]) -> list[str]:  # noqa: ARG002
        """Refuse: the file keeps no reference."""
        raise AskedWrongly("An exported model keeps no reference. Serve its run to compare images.")

    @property
    def draws_maps(self) -> bool:
        """Whether it can say where in an image it looked: it cannot."""
        return False

    def map_of(self, data: bytes, side: int) -> Map:  # noqa: ARG002
        """Refuse: a map needs the network itself."""
        raise AskedWrongly("An exported model draws no maps. Serve its run to see them.")


def open_onnx(path: Path, threads: int | None = None, threshold: str | None = None) -> OnnxPredictor:
    """Read an exported model for the service.

    Parameters
    ----------
    threshold
        A probability; None for that in the file.

    Raises
    ------
    AskedWrongly, BadArtefact
        As `radapt.exporting.onnx_model.read_onnx_model`, or if the threshold does not suit the model.
    """
    model = read_onnx_model(path, threads=threads)
    asked = thresholds_of(None, model.classes, threshold, exclusive=not model.findings)
    return OnnxPredictor(path.name, model, asked or model.thresholds)
