"""A run folder: one trained model, its predictions and its records.

::

    run.json              what made it, on what, when; written last, so a folder without it is not finished
    model.safetensors     the weights
    classifier.json       what feeds them
    encoder.onnx          of a model `onnx:FILE`, that file
    imported.*            of a program that was imported, that file
    history.csv           a row an epoch
    predictions/*.parquet one file a test set, and one of the images that chose the epoch
    performance.json      of `train` and `adapt`: thresholds, calibration, use
    learned.npz           which images trained and tested it, see `radapt.runs.learned`
    reference.*           what the model saw in its validation images, see `radapt.drift.reference`
    options.toml          of a run made on the command line, its options for `--config`
    training.pt           the state of training, only while it is under way
"""

import csv
import dataclasses
import io
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.artefacts import HISTORY, RECORD, STATE, predictions_file
from radapt.errors import BadArtefact
from radapt.evaluation.thresholds import Threshold, classes_with_threshold, read_thresholds, thresholds_of
from radapt.files import check_file, read_document, write_document, write_text
from radapt.models import checkpoint
from radapt.models.classifier import Classifier
from radapt.predictions import Predictions
from radapt.training.state import Epoch

_log = logging.getLogger("radapt")


def is_finished(folder: Path) -> bool:
    """Say whether a run was finished in this folder."""
    return (folder / RECORD).is_file()


def is_whole(folder: Path, *names: str) -> bool:
    """Say whether a run was finished in this folder, and its record and these other files can be read.

    A damaged file is logged, since the run is then made again.
    """
    if not is_finished(folder):
        return False
    try:
        for name in (RECORD, *names):
            read_document(folder / name)
    except BadArtefact as error:
        _log.warning("%s The run is made again.", error)
        return False
    return True


def save_run(
    folder: Path,
    *,
    classifier: Classifier,
    history: Iterable[Epoch],
    predictions: Mapping[str, Predictions],
    record: Mapping[str, Any],
) -> None:
    """Write a finished run: its record last, then the saved state of training is deleted."""
    checkpoint.save_classifier(classifier, folder)
    write_history(folder / HISTORY, history)
    for name, of_images in predictions.items():
        of_images.save(predictions_file(folder, name))
    write_document(folder / RECORD, record)
    for state in folder.glob(f"{Path(STATE).stem}*{Path(STATE).suffix}"):
        state.unlink()


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a run.

    Raises
    ------
    BadArtefact
        If the run was not finished or its record is damaged.
    """
    if not is_finished(folder):
        raise BadArtefact(f"{folder} holds no finished run: it has no {RECORD}.")
    return read_document(folder / RECORD)


def initial_weights_of(folder: Path) -> str | None:
    """Return the recorded name of the pretrained weights that a run or its base was initialised from.

    None where these were random, and of what is no finished run, such as a file of Keras weights.
    """
    record = read_record(folder) if is_finished(folder) else {}
    return record.get("pretrained") or None


def thresholds_of_run(
    folder: Path | None, classes: Sequence[str], threshold: str | None, *, exclusive: bool
) -> dict[str, Threshold]:
    """Choose the threshold of each finding that is asked for, or take those that a run came with.

    An imported run has one, and a run that was fetched from a hub has those of the file pushed with it.

    Parameters
    ----------
    folder
        None of a model without a run folder.
    threshold
        As `--threshold` takes it; None for those that the run came with, else none: the likeliest class.

    Raises
    ------
    AskedWrongly
        As `radapt.evaluation.thresholds.thresholds_for`.
    BadArtefact
        If those that it came with are damaged.
    """
    record = read_record(folder) if folder is not None and is_finished(folder) else {}
    if threshold is None and (rows := record.get("thresholds")) is not None:
        try:
            return read_thresholds(rows, classes_with_threshold(classes, exclusive=exclusive))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadArtefact(f"{folder} holds damaged thresholds: {error}.") from None
    own = record.get("threshold")
    asked = threshold if threshold is not None or own is None else repr(float(own))
    return thresholds_of(folder, classes, asked, exclusive=exclusive)


def write_history(path: Path, history: Iterable[Epoch]) -> None:
    """Write one row per epoch; what was not measured is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in dataclasses.fields(Epoch)])
    for epoch in history:
        values = dataclasses.astuple(epoch)
        writer.writerow(["" if isinstance(value, float) and math.isnan(value) else value for value in values])
    write_text(path, text.getvalue())


def read_history(path: Path) -> dict[str, list[float]]:
    """Read the columns of a `history.csv`; what was not measured is NaN, and `best` is 0 or 1."""
    check_file(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        words = {"": math.nan, "True": 1.0, "False": 0.0}
        return {
            field.name: [
                words[row[field.name]] if row[field.name] in words else float(row[field.name]) for row in rows
            ]
            for field in dataclasses.fields(Epoch)
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BadArtefact(f"{path} could not be read as a history of training: {error}.") from None


def read_epochs(path: Path) -> tuple[Epoch, ...]:
    """Read a `history.csv` back as the epochs that it was written from."""
    columns = read_history(path)
    rows: Iterable[dict[str, Any]] = (
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    )
    return tuple(
        Epoch(
            **{**row, "number": int(row["number"]), "best": bool(row["best"]), "threads": int(row["threads"])}
        )
        for row in rows
    )
