"""A run folder: one trained model, its predictions and its records.

::

    run.json              what made it, on what, when; written last, so a folder without it is not finished
    model.safetensors     the weights
    classifier.json       what feeds them
    history.csv           a row an epoch
    predictions/*.parquet one file a test set, and one of the films that chose the epoch
    appraisal.json        of `train` and `adapt`: thresholds, calibration, use
    learned.npz           which images trained and tested it, see `radapt.learned`
    reference.*           what the model saw in its validation films, see `radapt.drift.reference`
    training.pt           the state of training, only while it is under way
"""

import csv
import dataclasses
import io
import logging
import math
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from radapt import __version__
from radapt.device import Hardware
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import check_file, is_leftover, read_object, sweep, write_json, write_text
from radapt.invoked import command
from radapt.lock import alone_in
from radapt.models import checkpoint
from radapt.models.classifier import Classifier
from radapt.models.table import find_weights
from radapt.predictions import Predictions
from radapt.quoting import listed
from radapt.training import Epoch

RECORD = "run.json"
HISTORY = "history.csv"
STATE = "training.pt"
APPRAISAL = "appraisal.json"  # at a threshold, as probabilities, in use: see `radapt.appraisal`
VALIDATION = "validation"  # predictions of the films that chose the epoch
OUT_OF_FOLD = "out-of-fold"  # what models adapted without each fold of few labelled films say of it
SOURCE_VALIDATION = "source-validation"  # of an adapted model for those that chose the base's


_log = logging.getLogger("radapt")


def is_done(folder: Path) -> bool:
    """Say whether a run was finished in this folder."""
    return (folder / RECORD).is_file()


def is_whole(folder: Path, *others: str) -> bool:
    """Say whether a run was finished in this folder, and its record and these other files can be read.

    Where one of them is damaged, that is told: the run is made again then.
    """
    if not is_done(folder):
        return False
    try:
        for name in (RECORD, *others):
            read_object(folder / name)
    except BadArtefact as error:
        _log.warning("%s The run is made again.", error)
        return False
    return True


@contextmanager
def claim(folder: Path, identity: Mapping[str, Any], marker: str) -> Iterator[bool]:
    """Take a folder for the work described by `identity`, and keep other processes out until the block ends.

    Gives whether that work was begun here before.

    Raises
    ------
    AskedWrongly
        If the folder holds other work, or files that are not radapt's.
    BadArtefact
        If what it holds cannot be told, since the marker is damaged.
    RadaptError
        If another process writes there, or somebody removed the folder during the block.
    """
    check_ours(folder, marker)
    with alone_in(folder):
        yield _is_begun(folder, identity, marker)


def check_ours(folder: Path, marker: str) -> None:
    """Refuse a folder that holds anything but work with this marker, before a lock is put there."""
    if folder.is_file():
        raise AskedWrongly(f"{folder} is a file. Give --out a folder that does not exist yet.")
    if folder.is_dir() and not (folder / marker).is_file() and not all(map(is_leftover, folder.iterdir())):
        raise AskedWrongly(f"{folder} exists and is not empty. Give --out a new folder.")


def _is_begun(folder: Path, identity: Mapping[str, Any], marker: str) -> bool:
    """Say whether work was begun in a folder before, which is this work; begin it if not."""
    sweep(folder)
    if (folder / marker).is_file():
        try:
            before = read_object(folder / marker)
        except BadArtefact as error:
            raise BadArtefact(
                f"{error} So nobody knows what work {folder} holds. Delete {folder} to begin again, or give "
                "another --out."
            ) from None
        differing = sorted(key for key in {*before, *identity} if before.get(key) != identity.get(key))
        if differing:
            raise AskedWrongly(
                f"{folder} holds other work: it differs in {listed(differing)}. "
                "Give another --out, or the same arguments to go on with it."
            )
        return True
    write_json(folder / marker, dict(identity))
    return False


def save_run(
    folder: Path,
    *,
    classifier: Classifier,
    history: Iterable[Epoch],
    predictions: Mapping[str, Predictions],
    record: Mapping[str, Any],
) -> None:
    """Write a finished run; its record comes last, and only then is the state of training dropped."""
    checkpoint.save_classifier(classifier, folder)
    write_history(folder / HISTORY, history)
    for name, given in predictions.items():
        given.save(folder / "predictions" / f"{name}.parquet")
    write_json(folder / RECORD, dict(record))
    for state in folder.glob(f"{Path(STATE).stem}*{Path(STATE).suffix}"):
        state.unlink()


def read_record(folder: Path) -> dict[str, Any]:
    """Read what made a run.

    Raises
    ------
    BadArtefact
        If the run was not finished or its record is damaged.
    """
    if not is_done(folder):
        raise BadArtefact(f"{folder} holds no finished run: it has no {RECORD}.")
    return read_object(folder / RECORD)


def begun_from(folder: Path) -> str | None:
    """Name the pretrained weights that a run or its base was begun from, as `Weights.name`.

    None where these were random, and of what is no finished run, such as a file of Keras weights.
    """
    record = read_record(folder) if is_done(folder) else {}
    named = record.get("pretrained")
    if named is True:  # how a model's usual ones were once written down
        found = find_weights(record["spec"]["model"], pretrained=True)
        return None if found is None else found.name
    return named or None


def write_history(path: Path, history: Iterable[Epoch]) -> None:
    """Write a row an epoch; what was not measured is left empty."""
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
    except (OSError, KeyError, ValueError) as error:
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


def provenance(hardware: Hardware, started: datetime) -> dict[str, Any]:
    """Say what software and hardware did the work, and when."""
    return {
        "radapt": __version__,
        "revision": _revision(),
        "versions": {name: version(name) for name in ("torch", "timm", "numpy", "pillow", "safetensors")},
        "hardware": hardware.describe(),
        "started": started.isoformat(timespec="seconds"),
        "finished": now().isoformat(timespec="seconds"),
        "command": command(),
    }


def now() -> datetime:
    """Give the time, with its zone."""
    return datetime.now(UTC)


def _revision() -> str:
    """Give the git revision of the source that runs, "" where it is not a checkout of radapt."""
    source = Path(__file__).resolve().parent
    if not (source.parents[1] / ".git").exists():
        return ""
    try:
        asked = ["git", "-C", str(source), "describe", "--always", "--dirty"]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
