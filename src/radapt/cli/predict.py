"""The command predict."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radapt.cli import options
from radapt.cli.dicom_results import (
    Captures,
    Reports,
    check_captures,
    check_dicom,
    identity_of_file,
    identity_of_run,
    say_written,
    write_dicom_captures,
    write_dicom_reports,
)
from radapt.cli.models import open_classifier
from radapt.cli.printing import print_table, say, say_json
from radapt.cli.sections import EVALUATION, OUTPUT
from radapt.text import counted, passed_over

if TYPE_CHECKING:
    from radapt.device import Hardware
    from radapt.drift.outliers import ReferenceCheck
    from radapt.evaluation.thresholds import Threshold
    from radapt.models.classifier import Classifier
    from radapt.models.predict_files import Scorer
    from radapt.pacs.identity import ModelIdentity

Table = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Write a table (CSV) of files, scores and labels, with a flag for images that differ from "
        "those of RUN. Without it: a table is printed.",
        rich_help_panel=OUTPUT,
    ),
]
LabelAt = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        help="Label images at this threshold: a probability such as 0.5; or youden, sensitivity=0.95, "
        "specificity=0.9 or cost=FN:FP, chosen on the validation images of RUN. Without it: that of an "
        "imported RUN, or the likeliest class.",
        rich_help_panel=EVALUATION,
    ),
]


@dataclass(frozen=True, slots=True)
class _Model:
    """An open model."""

    scorer: "Scorer"
    thresholds: Mapping[str, "Threshold"]
    check: "ReferenceCheck | None"  # what its own images looked like
    identity: "Callable[[], ModelIdentity]"  # for DICOM results
    classifier: "Classifier | None"  # None of an exported model


RunOrFile = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="A run folder, as train, adapt or a study writes it; a file of `radapt export` (.onnx); or "
        "hf:OWNER/NAME, a model on a hub.",
        callback=options.fetched,
    ),
]


def predict(
    run: RunOrFile,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Images, or folders of images.")],
    threshold: LabelAt = None,
    out: Table = None,
    dicom_sr: Reports = None,
    dicom_sc: Captures = None,
    as_json: options.Json = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Score single images; files that cannot be read are named. Exits with 1 if no image could be read."""
    from radapt.exporting.onnx_model import is_onnx
    from radapt.models.predict_files import score_files

    folders = [folder for folder in (dicom_sr, dicom_sc) if folder is not None]
    if folders:
        check_dicom(files, folders)
    if is_onnx(run):
        model = _of_file(run, threshold, threads, flags=out is not None)
    else:
        model = _of_run(run, threshold, (device, threads), flags=out is not None)
    if dicom_sc is not None:
        check_captures(run, model.classifier)
    thresholds, check, taken = model.thresholds, model.check, list[Path]()
    result = score_files(
        model.scorer,
        files,
        thresholds={name: each.value for name, each in thresholds.items()},
        observe=None if check is None else check.observe,
        taken=taken.append,
    )
    if check is not None and result["images"]:
        for image, flags in zip(result["images"], check.flags(), strict=True):
            image |= flags
    if thresholds:
        result["thresholds"] = [{"class": name, **each.as_dict()} for name, each in thresholds.items()]
    if out is not None and result["images"]:
        _write_table(out, result["images"])
    if as_json:
        say_json(result)
    else:
        _say_images(result, thresholds)
        if out is not None and result["images"]:
            say(f"Table: {out}")
    complete = not folders or _write_dicom(result, taken, model, dicom_sr, dicom_sc, failures_only=as_json)
    if not (result["images"] and complete):
        raise typer.Exit(1)


def _write_dicom(
    result: Mapping[str, Any],
    files: Sequence[Path],
    model: _Model,
    reports: Path | None,
    captures: Path | None,
    *,
    failures_only: bool,
) -> bool:
    """Write DICOM results into the folders that are given; return whether there is one on every image."""
    complete, identity = True, model.identity()
    if reports is not None:
        written = write_dicom_reports(
            result, files, model.thresholds, identity, reports, findings=model.scorer.findings
        )
        say_written("DICOM Structured Reports", written, failures_only=failures_only)
        complete = not written.failed
    if captures is not None:
        written = write_dicom_captures(result, files, model.classifier, identity, captures)
        say_written("DICOM maps", written, failures_only=failures_only)
        complete = complete and not written.failed
    return complete


def _of_run(run: Path, threshold: str | None, hardware: tuple[str, int | None], *, flags: bool) -> _Model:
    """Open the model of a run, with its thresholds, and with its reference if images are to be flagged."""
    from radapt.device import select_device
    from radapt.models.inference import scorer_of
    from radapt.runs.folder import thresholds_of_run

    classifier = open_classifier(run)
    chosen = select_device(hardware[0], "fp32", hardware[1])
    scorer = scorer_of(classifier, chosen)
    thresholds = thresholds_of_run(run, scorer.classes, threshold, exclusive=not scorer.findings)
    check = _reference_check(run, classifier, chosen) if flags else None
    return _Model(scorer, thresholds, check, partial(identity_of_run, run, classifier), classifier)


def _of_file(path: Path, threshold: str | None, threads: int | None, *, flags: bool) -> _Model:
    """Open an exported model, without torch, with its thresholds."""
    from radapt.evaluation.thresholds import thresholds_of
    from radapt.exporting.onnx_model import read_onnx_model

    model = read_onnx_model(path, threads=threads)
    thresholds = model.thresholds
    if threshold is not None:
        thresholds = thresholds_of(None, model.classes, threshold, exclusive=not model.findings)
    if flags:
        say(f"{path} keeps no reference, so that images unlike its own are not flagged.", error=True)
    return _Model(model.scorer, thresholds, None, partial(identity_of_file, path, model.metadata), None)


def _reference_check(run: Path, classifier: "Classifier", hardware: "Hardware") -> "ReferenceCheck | None":
    """Return a comparison with the run's reference; None, with a line about it, where the run has none."""
    from radapt.drift.monitor import MIN_PATIENTS
    from radapt.drift.outliers import ReferenceCheck
    from radapt.drift.reference import ABOUT, read_reference

    reference = read_reference(run, classifier) if (run / ABOUT).is_file() else None
    if reference is None or reference.people < MIN_PATIENTS:
        what = "no reference" if reference is None else f"a reference of fewer than {MIN_PATIENTS} patients"
        say(f"{run} keeps {what}, so that images unlike its own are not flagged.", error=True)
        return None
    return ReferenceCheck(reference, classifier, hardware)


def _write_table(path: Path, images: list[dict[str, Any]]) -> None:
    from radapt.files import write_text

    classes = list(images[0]["scores"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [
        *(f"score:{name}" for name in classes),
        "label",
        "unlike_reference",
        "distance_percentile",
        "warning",
    ]
    writer.writerow(["file", *head])
    for image in images:
        unlike = {True: "yes", False: "no", None: ""}[image.get("unlike_reference")]
        scores = [repr(image["scores"][name]) for name in classes]
        percentile = image.get("distance_percentile", "")
        writer.writerow(
            [image["path"], *scores, image["label"], unlike, percentile, image.get("warning", "")]
        )
    write_text(path, text.getvalue())


def _say_images(result: dict[str, Any], thresholds: Mapping[str, "Threshold"]) -> None:
    classes = list(result["images"][0]["scores"]) if result["images"] else []
    has_warnings = any("warning" in image for image in result["images"])
    rows = [
        [
            image["path"],
            image["label"],
            *(f"{image['scores'][name]:.3f}" for name in classes),
            *([image.get("warning", "")] * has_warnings),
        ]
        for image in result["images"]
    ]
    print_table(["image", "predicted", *classes, *["WARNING"] * has_warnings], rows)
    for failed in result["failed"]:
        say(f"not read: {failed['path']} {failed['error']}")
    if result["passed"]:
        say(f"Passed over: {passed_over(result['passed'])}.")
    total = len(result["images"]) + len(result["failed"])
    say(f"{len(result['images'])} of {counted(total, 'image')} {'was' if total == 1 else 'were'} read.")
    for name, each in thresholds.items():
        say(f"{name} from {each.value:.3g} on, {each.chosen_on}.")
    flagged = sum(image.get("unlike_reference", False) for image in result["images"])
    if any("unlike_reference" in image for image in result["images"]):
        say(
            f"Unlike the images that the run keeps as its reference: {flagged} of {len(result['images'])}; "
            "of images like these it is one in twenty."
        )
