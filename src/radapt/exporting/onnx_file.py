"""A program of torch.export as the bytes of one ONNX file, with what it says of itself."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from radapt.errors import AskedWrongly, RadaptError
from radapt.exporting.metadata import KEY, Metadata
from radapt.exporting.onnx_model import IMAGES, PREPARED, PROBABILITIES

LARGEST = 2**31 - 1  # bytes of a protobuf message
OPSET = 20
ABOUT = "A chest X-ray classifier exported by radapt. {use} Input: {input}"


def onnx_of(program: Any) -> Any:
    """Return a program of `radapt.exporting.network.export_program` as an ONNX model, without metadata.

    Raises
    ------
    AskedWrongly
        If the extra `export` is not installed.
    RadaptError
        If the program has an operation that ONNX lacks, or is larger than a file of ONNX can be.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError:
        raise AskedWrongly("Exporting ONNX needs the extra 'export': pip install 'radapt[export]'.") from None
    import torch

    names = [IMAGES, PREPARED][: len(program.graph_signature.user_inputs)]
    with _quiet():
        try:
            made: Any = torch.onnx.export(
                program,
                (),
                dynamo=True,
                input_names=names,
                output_names=[PROBABILITIES],
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
        except Exception as error:  # the exporter raises whatever its passes do
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise RadaptError(f"PyTorch could not write this network as ONNX: {reason}.") from None
    model = made.model_proto
    if PREPARED in names:
        _give_default(model, onnx)
    return model


def serialise(model: Any, metadata: Metadata) -> bytes:
    """Return the bytes of an ONNX model with what it says of itself.

    Raises
    ------
    RadaptError
        If they are more than one file of ONNX can hold.
    """
    import onnx

    model.doc_string = ABOUT.format(use=metadata.use, input=metadata.input)
    model.producer_name, model.producer_version = "radapt", metadata.radapt
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    size = model.ByteSize()
    if size > LARGEST:
        raise RadaptError(f"The model takes {size:,} bytes, and one file of ONNX holds at most {LARGEST:,}.")
    content: bytes = model.SerializeToString()
    return content


def _give_default(model: Any, onnx: Any) -> None:
    """Let images be raw unless it is said that they are prepared: the second input has a value of its own."""
    model.graph.initializer.append(onnx.helper.make_tensor(PREPARED, onnx.TensorProto.BOOL, [], [False]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from printing its progress and warnings."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
