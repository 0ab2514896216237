"""What predict writes beside its table: Structured Reports and Secondary Captures on DICOM images."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli.printing import say
from radapt.cli.sections import OUTPUT
from radapt.errors import AskedWrongly

if TYPE_CHECKING:
    from radapt.evaluation.thresholds import Threshold
    from radapt.exporting.metadata import Metadata
    from radapt.models.classifier import Classifier
    from radapt.pacs.identity import ModelIdentity
    from radapt.pacs.results import Written

Reports = Annotated[
    Path | None,
    typer.Option(
        "--dicom-sr",
        help="Write a DICOM Structured Report on each image, which has to be DICOM, into this folder: of the "
        "same patient and study, for `radapt pacs push`. Without it: none.",
        rich_help_panel=OUTPUT,
    ),
]
Captures = Annotated[
    Path | None,
    typer.Option(
        "--dicom-sc",
        help="Write a DICOM copy of each image, with a map (Grad-CAM) of what speaks for its label over it, "
        "into this folder. Without it: none.",
        rich_help_panel=OUTPUT,
    ),
]


def check_dicom(files: Sequence[Path], folders: Sequence[Path]) -> None:
    """Check, before anything is scored, that results on these files can be written into these folders.

    Raises
    ------
    AskedWrongly
        If a file is no DICOM file, a folder cannot be made or written to, or packages are missing.
    """
    from radapt.images.dicom.header import check_tools
    from radapt.pacs.packages import check_packages
    from radapt.pacs.source import is_dicom_file

    check_packages()
    check_tools()
    for path in files:
        if path.is_file() and not is_dicom_file(path):
            raise AskedWrongly(
                f"{path} is not a DICOM file, so that no DICOM result can refer to it: give DICOM files, or "
                "leave --dicom-sr and --dicom-sc out."
            )
    for folder in folders:
        there = folder.absolute()
        while not os.path.lexists(there):
            there = there.parent
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            what = "may not be written to" if there.is_dir() else "is no folder"
            raise AskedWrongly(
                f"{folder} can hold no DICOM results, since {there} {what}: give another folder."
            )


def check_captures(run: Path, classifier: "Classifier | None") -> None:
    """Check, before anything is scored, that maps can be made of a model.

    Raises
    ------
    AskedWrongly
        If none can be.
    """
    from radapt.pacs.captures import check_maps

    if classifier is None:
        raise AskedWrongly(
            f"{run} gives scores alone, and no map: give the run that it is of for --dicom-sc."
        )
    check_maps(classifier)


def write_dicom_reports(
    result: Mapping[str, Any],
    files: Sequence[Path],
    thresholds: Mapping[str, "Threshold"],
    model: "ModelIdentity",
    folder: Path,
    *,
    findings: bool,
) -> "Written":
    """Write a Structured Report on each image that was scored."""
    from radapt.cli.progress import watcher
    from radapt.pacs.results import write_reports

    images = result["images"]
    return write_reports(images, thresholds, model, folder, files=files, findings=findings, watch=watcher())


def write_dicom_captures(
    result: Mapping[str, Any],
    files: Sequence[Path],
    classifier: "Classifier | None",
    model: "ModelIdentity",
    folder: Path,
) -> "Written":
    """Write a Secondary Capture with a map of each image that was scored."""
    from radapt.cli.progress import watcher
    from radapt.pacs.captures import write_captures

    assert classifier is not None
    return write_captures(result["images"], classifier, model, folder, files=files, watch=watcher())


def say_written(what: str, written: "Written", *, failures_only: bool) -> None:
    """Print how many files there are, and on which images there is none."""
    if not failures_only:
        kept = f", {written.kept:,} were there already" if written.kept else ""
        say(f"{what}: {written.folder} ({written.new:,} written{kept}).")
    for each in written.failed:
        say(f"no result on {each['path']}: it {each['error']}", error=True)


def identity_of_run(run: Path, classifier: "Classifier") -> "ModelIdentity":
    """Return the identity of the model of a run, or of a file of Keras weights."""
    from radapt.models.checkpoint import model_digest
    from radapt.pacs.identity import ModelIdentity, model_name
    from radapt.runs.folder import is_finished, read_record
    from radapt.version import __version__

    strategy = str(read_record(run).get("strategy", "none")) if is_finished(run) else "none"
    return ModelIdentity(model_name(classifier.spec.model, strategy), model_digest(classifier), __version__)


def identity_of_file(path: Path, metadata: "Metadata") -> "ModelIdentity":
    """Return the identity of an exported model: that of its run, unless its weights are of 8 bits."""
    from radapt.files import sha256
    from radapt.pacs.identity import ModelIdentity, model_name
    from radapt.version import __version__

    own = metadata.digests.get("model") if metadata.int8 is None else None
    name = model_name(metadata.model, metadata.strategy or "none")
    return ModelIdentity(name, own or sha256(path), __version__)
