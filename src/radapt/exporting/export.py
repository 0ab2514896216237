"""Write a trained model as one file, once it is found to give what the model gives."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.thresholds import Threshold
from radapt.exporting.agreement import Agreement, Sample, agreement, check_agreement
from radapt.exporting.formats import FORMATS, Built, Runner
from radapt.exporting.licence import licence_of
from radapt.exporting.metadata import Metadata
from radapt.exporting.quantisation import build_int8, calibration_images, cost_of_int8
from radapt.files import atomic
from radapt.images.golden import golden_pixels
from radapt.images.imageset import Dataset
from radapt.models.checkpoint import model_digest
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes
from radapt.predictions import Predictions
from radapt.text import counted
from radapt.version import __version__


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, and how it compares with its model."""

    path: Path
    bytes: int
    sha256: str
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
    if kind not in FORMATS:
        raise UnknownName("format", kind, FORMATS)
    if path.is_dir() or not path.name.lower().endswith(FORMATS[kind].suffix):
        raise AskedWrongly(
            f"--out is a file that ends in {FORMATS[kind].suffix} for the format {kind}. Got {path}."
        )


def export_model(
    classifier: Classifier,
    record: Mapping[str, Any],
    out: Path,
    sample: Sample,
    hardware: Hardware,
    *,
    kind: str = "onnx",
    thresholds: Mapping[str, Threshold] | None = None,
) -> Exported:
    """Write a model as one file: raw grey images in, calibrated probabilities out.

    Parameters
    ----------
    record
        What `run.json` says of the model.
    sample
        Images that the file is held against the model on before it is written.
    kind
        A name in `radapt.exporting.formats.FORMATS`; of `keras` the model's own pixels go in.
    thresholds
        From which probability on an image is labelled so, by finding; None or empty: the likeliest class.

    Raises
    ------
    AskedWrongly
        If the model cannot be exported.
    RadaptError
        If the file does not give what the model gives; nothing is written then.
    """
    check_out(out, kind)
    built = FORMATS[kind].build(classifier)
    if not FORMATS[kind].prepares:
        sample = replace(sample, raw=())
    metadata = describe(classifier, record, thresholds or {})
    run = built.run(built.write(metadata), metadata)
    values = {name: each.value for name, each in metadata.chosen.items()}
    found = agreement(classifier, run, sample, hardware, thresholds=values)
    check_agreement(found)
    return _written(out, built, metadata, run, found)


def export_int8(
    classifier: Classifier,
    record: Mapping[str, Any],
    out: Path,
    data: Dataset,
    hardware: Hardware,
    *,
    thresholds: Mapping[str, Threshold] | None = None,
    learned: NDArray[np.uint64] | None = None,
) -> Exported:
    """Write a model as one file of ONNX whose layers count in 8 bits, with what that costs.

    Parameters
    ----------
    data
        Labelled images, as the model reads them: train images measure the ranges of the network, and test
        images the cost.
    learned
        Digests of the images that the model learned from, see `radapt.runs.learned`; None if not known.

    Raises
    ------
    AskedWrongly
        If the model cannot be exported, or the data set lacks a part or has other classes.
    RadaptError
        If the network cannot be quantised.
    """
    check_out(out, "onnx")
    ranges, tested = calibration_images(data), data["test"]
    check_classes(classifier, tested)
    built = build_int8(classifier, ranges)
    metadata = describe(classifier, record, thresholds or {})
    run = built.run(built.write(metadata), metadata)
    pixels = np.asarray(tested.pixels)
    given = Predictions(run(pixels), tested.labels, tested.patients, tested.ids, tested.classes)
    values = {name: each.value for name, each in metadata.chosen.items()}
    cost = cost_of_int8(classifier, given, tested, hardware, thresholds=values, learned=learned)
    words = f"{counted(len(tested), 'test image')} of {data.origin.name}"
    found = Agreement(len(tested), 0, cost["largest"], cost["flipped"], words)
    return _written(out, built, replace(metadata, int8={"measured_on": len(ranges), **cost}), run, found)


def _written(out: Path, built: Built, metadata: Metadata, run: Runner, found: Agreement) -> Exported:
    """Write a file that was looked at, with what was found."""
    size = metadata.preprocessing.size or 0
    golden = tuple(run(golden_pixels(size))[0].tolist())
    metadata = replace(metadata, agreement=found.as_dict(), golden=golden)
    content = built.write(metadata)
    with atomic(out) as temporary:
        temporary.write_bytes(content)
    return Exported(out, len(content), hashlib.sha256(content).hexdigest(), metadata, found)


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
        strategy=record.get("strategy"),
        images=record.get("images"),
        digests={
            "model": model_digest(classifier),
            "source": record.get("source"),
            "target": None if record.get("kind") == "train" else record.get("data"),
        },
        licence=licence_of(spec, record),
        agreement={},
    )
