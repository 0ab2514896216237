"""The formats of exported files: how a model becomes the bytes of each, and how these are run again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.exporting import keras_file, torch_file
from radapt.exporting.metadata import Metadata
from radapt.exporting.network import export_program
from radapt.exporting.onnx_file import onnx_of, serialise
from radapt.exporting.onnx_model import SUFFIX, OnnxModel, open_session
from radapt.models.classifier import Classifier
from radapt.models.inference import scores_of


class Runner(Protocol):
    """Scores grey images (n, h, w) by a file: probabilities (n, k)."""

    def __call__(self, pixels: NDArray[np.uint8], *, prepared: bool = True) -> NDArray[np.float64]:
        """Score images; `prepared` says that they are the model's own pixels, not raw ones of any size."""
        ...


@dataclass(frozen=True, slots=True)
class Built:
    """A model in one of the formats."""

    write: Callable[[Metadata], bytes]
    run: Callable[[bytes, Metadata], Runner]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exported files."""

    suffix: str
    about: str
    build: Callable[[Classifier], Built]
    prepares: bool = True  # whether raw images go in; else the model's own pixels alone


def _onnx(classifier: Classifier) -> Built:
    made = onnx_of(export_program(classifier))
    return of_onnx(made)


def of_onnx(made: Any) -> Built:
    """Return an ONNX model without metadata as what can be written and run."""

    def run(content: bytes, metadata: Metadata) -> Runner:
        return OnnxModel(metadata, open_session(content, Path("the file"))).predict_pixels

    return Built(lambda metadata: serialise(made, metadata), run)


def _torch(classifier: Classifier) -> Built:
    program = export_program(classifier)
    return Built(
        lambda metadata: torch_file.serialise(program, metadata),
        lambda content, _: torch_file.TorchProgram(content),
    )


def _keras(classifier: Classifier) -> Built:
    def run(content: bytes, _: Metadata) -> Runner:
        again, hardware = (
            keras_file.read_again(content, classifier.spec),
            Hardware(torch.device("cpu"), "fp32"),
        )
        return lambda pixels, *, prepared=True: scores_of(again, pixels, hardware)  # noqa: ARG005

    keras_file.check_original(classifier)
    return Built(lambda metadata: keras_file.serialise(classifier, metadata), run)


FORMATS: Mapping[str, Format] = {
    "onnx": Format(SUFFIX, "one graph of ONNX, for ONNX Runtime and others", _onnx),
    "torch": Format(".pt2", "a program of torch.export, for PyTorch without radapt", _torch),
    "keras": Format(".weights.h5", "the original's CNN as weights of Keras 3", _keras, prepares=False),
}
