"""Write a trained model as one file, once it is found to give what the model gives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radapt.device import Hardware
from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.thresholds import Threshold
from radapt.exporting.agreement import Agreement, Sample, agreement, check_agreement
from radapt.exporting.licence import licence_of
from radapt.exporting.metadata import Metadata
from radapt.exporting.network import export_program
from radapt.exporting.onnx_file import onnx_of, serialise
from radapt.exporting.onnx_model import SUFFIX, OnnxModel, open_session
from radapt.files import atomic
from radapt.images.golden import golden_pixels
from radapt.models.checkpoint import model_digest
from radapt.models.classifier import Classifier
from radapt.version import __version__

SUFFIXES = {"onnx": (SUFFIX,)}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, and how it compares with its model."""

    path: Path
    bytes: int
    metadata: Metadata
    agreement: Agreement


def check_out(path: Path, kind: str) -> None:
    """Refuse a kind of file that there is not, and a name that does not say what the file is.

    Raises
    ------
    UnknownName
        If there is no such kind.
    AskedWrongly
        If the name ends otherwise, or is a folder's.
    """
    if kind not in SUFFIXES:
        raise UnknownName("format", kind, SUFFIXES)
    if path.is_dir() or not path.name.lower().endswith(SUFFIXES[kind]):
        raise AskedWrongly(
            f"--out is a file that ends in {SUFFIXES[kind][0]} for the format {kind}. Got {path}."
        )


def export_onnx(
    classifier: Classifier,
    record: Mapping[str, Any],
    out: Path,
    sample: Sample,
    hardware: Hardware,
    *,
    thresholds: Mapping[str, Threshold] | None = None,
) -> Exported:
    """Write a model as one file of ONNX: raw grey images in, calibrated probabilities out.

    Parameters
    ----------
    record
        What `run.json` says of the model.
    sample
        Images that the file is held against the model on before it is written.
    thresholds
        From which probability on an image is labelled so, by finding; None or empty: the likeliest class.

    Raises
    ------
    AskedWrongly
        If the model cannot be exported.
    RadaptError
        If the file does not give what the model gives; nothing is written then.
    """
    check_out(out, "onnx")
    made = onnx_of(export_program(classifier))
    metadata = describe(classifier, record, thresholds or {})
    session = open_session(serialise(made, metadata), out)
    model = OnnxModel(metadata, session)
    found = agreement(classifier, model, sample, hardware)
    check_agreement(found)
    golden = model.predict_pixels(golden_pixels(classifier.spec.size))[0]
    metadata = replace(metadata, agreement=found.as_dict(), golden=tuple(golden.tolist()))
    content = serialise(made, metadata)
    with atomic(out) as temporary:
        temporary.write_bytes(content)
    return Exported(out, len(content), metadata, found)


def describe(
    classifier: Classifier, record: Mapping[str, Any], thresholds: Mapping[str, Threshold]
) -> Metadata:
    """Return what a file says of a model, from the record of its run."""
    spec = classifier.spec
    return Metadata(
        radapt=__version__,
        model=spec.model,
        classes=spec.classes,
        outputs=spec.outputs,
        reading=spec.reading.as_dict(),
        thresholds={name: each.as_dict() for name, each in thresholds.items()},
        strategy=str(record.get("strategy", "none")),
        images=int(record.get("images", 0)),
        digests={
            "model": model_digest(classifier),
            "source": record.get("source"),
            "target": record.get("target"),
        },
        licence=licence_of(spec, record.get("pretrained")),
        agreement={},
    )
