"""Static quantisation: the weights and maps of a network in 8 bits, and what that costs on test images."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.errors import AskedWrongly, RadaptError
from radapt.exporting.formats import Built, of_onnx
from radapt.exporting.network import export_program
from radapt.exporting.onnx_file import onnx_of
from radapt.exporting.onnx_model import IMAGES, PREPARED
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.subsample import subsample_evenly
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes, predict
from radapt.predictions import Predictions
from radapt.runs.learned import count_known
from radapt.stats.inference import difference
from radapt.text import counted, listed

CALIBRATING = 128  # images that the ranges of the maps are measured on
LAYERS = ("Conv", "Gemm", "MatMul")
WARNINGS, ERRORS = 2, 3  # levels of onnxruntime's log; warnings are its default
FLOAT = 1  # the type of the network's own numbers; the preprocessing counts in doubles

Pixels = NDArray[np.uint8]


def calibration_images(data: Dataset) -> ImageSet:
    """Return some of a data set's training or validation images, evenly spaced.

    Raises
    ------
    AskedWrongly
        If it has none.
    """
    named = next((name for name in ("train", "val") if name in data.splits), None)
    if named is None or "test" not in data.splits:
        raise AskedWrongly(
            f"--int8 measures the ranges of the network on train images of {data.origin.name}, and its cost "
            f"on test images. It has {listed(data.splits)}: give a data set with both."
        )
    return subsample_evenly(data[named], CALIBRATING)


def build_int8(classifier: Classifier, images: ImageSet) -> Built:
    """Return a model in 8 bits, as what can be written and run.

    Parameters
    ----------
    images
        Images, as the model reads them, that the ranges are measured on.

    Raises
    ------
    AskedWrongly
        If the extra `export` is not installed, or the model cannot be exported.
    RadaptError
        If ONNX Runtime cannot quantise the network.
    """
    made = onnx_of(export_program(classifier))
    return of_onnx(quantised(made, np.asarray(images.pixels)))


def quantised(model: Any, pixels: Pixels) -> Any:
    """Return an ONNX model whose layers count in 8 bits, their ranges measured on a model's own pixels.

    Weights are rounded channel by channel, in ONNX's own operations (QDQ): any runtime takes the file.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory(prefix="radapt-") as folder, _quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(model.SerializeToString())
        try:
            quantize_static(
                before,
                after,
                _Reader(model, pixels),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=_layers(model, onnx),
            )
        except Exception as error:  # onnxruntime raises whatever its passes do
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise RadaptError(f"ONNX Runtime could not quantise this network: {reason}.") from None
        made: Any = onnx.load(after)
    return made


def cost_of_int8(
    classifier: Classifier,
    given: Predictions,
    images: ImageSet,
    hardware: Hardware,
    *,
    thresholds: Mapping[str, float] | None = None,
    learned: NDArray[np.uint64] | None = None,
) -> dict[str, Any]:
    """Return what 8 bits cost on test images: the change in AUROC with its paired interval, and decisions.

    Parameters
    ----------
    given
        What the file gives for these images.
    thresholds
        At which decisions are made, by finding; 0.5, or the likeliest class, of what has none.
    learned
        Digests of the images that the model learned from; None if they are not known.
    """
    check_classes(classifier, images)
    thresholds = thresholds or {}
    own = predict(classifier, images, hardware)
    change = difference("auroc", [given], [own])
    flips = _decisions(given, thresholds) != _decisions(own, thresholds)
    differ, known = int(flips.sum()), None if learned is None else count_known(images, learned)
    at = "the thresholds of the file" if thresholds else "0.5"
    at = at if thresholds or len(given.classes) == 2 or not given.exclusive else "the likeliest class"
    said = (
        f"AUROC changes by {change} on {counted(len(images), 'test image')}, and {differ:,} of "
        f"{counted(flips.size, 'decision')} differ{'s' * (differ == 1)} at {at}"
    )
    if known is None:
        said += "; whether the model learned from these images is not known"
    elif known:
        said += f"; the model learned from {known:,} of these images"
    return {
        "metric": "auroc",
        "change": change.as_dict(),
        "largest": float(np.abs(given.scores - own.scores).max()),
        "flipped": differ,
        "images": len(images),
        "learned_from": known,
        "sentence": said,
    }


def _decisions(predictions: Predictions, thresholds: Mapping[str, float]) -> NDArray[np.int64]:
    """Return the class of each image (n,), or its findings (n, k), at thresholds by finding."""
    if predictions.exclusive:
        return predictions.decide(next(iter(thresholds.values()), 0.5))
    at = np.array([thresholds.get(name, 0.5) for name in predictions.classes])
    return np.asarray(predictions.scores >= at, dtype=np.int64)


class _Reader:
    """Hands images one by one to the measurement of ranges."""

    def __init__(self, model: Any, pixels: Pixels) -> None:
        names = {each.name for each in model.graph.input}
        self._more: dict[str, Any] = {PREPARED: np.array(True)} if PREPARED in names else {}
        self._images = iter(pixels)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {IMAGES: image[None, None], **self._more}


def _layers(model: Any, onnx: Any) -> list[str]:
    """Return the names of the layers that hold weights of the network, and none of the preprocessing."""
    known = onnx.shape_inference.infer_shapes(model).graph
    kinds = {each.name: each.type.tensor_type.elem_type for each in (*known.value_info, *known.output)}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in LAYERS and kinds.get(node.output[0], FLOAT) == FLOAT
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime from logging advice on quantisation, and on what it leaves out of a graph."""
    import onnxruntime

    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(ERRORS)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(WARNINGS)
