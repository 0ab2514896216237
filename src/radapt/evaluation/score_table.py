"""Tables of scores: a model that is known only by what it said of each image.

A row is an image with a score (the probability of the finding), or a score a class or finding, and a label.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.score_columns import ScoreColumns, one_score, score_a_class
from radapt.images.columns import normalise
from radapt.images.folder import SPLIT_NAMES
from radapt.images.split import split_by_patient
from radapt.images.table_rows import known_text, open_cells
from radapt.labels import Labels, stratify
from radapt.predictions import SCORE, Predictions
from radapt.text import counted, listed, visible

Rows = NDArray[np.intp]

SHARE = "0.3"  # of the patients, set aside to choose a threshold on where the table names no val images
NO_PATIENTS = (
    "Every image is taken to be a patient of its own. If patients have several images, intervals are too "
    "narrow: --patient names the column of patients."
)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreTable:
    """The predictions of a table, and what else it says of the images."""

    name: str
    predictions: Predictions
    splits: NDArray[np.str_]  # (n,), "train", "val" or "test"; all "" where the table names none
    columns: Mapping[str, NDArray[np.str_]]  # (n,) each
    has_names: bool  # whether images go by names, and not by the number of their row
    notes: tuple[str, ...] = ()

    def rows_of(self, part: str) -> Rows:
        """Return the rows of a split, or of "all" images.

        Raises
        ------
        AskedWrongly
            If there are none.
        """
        rows = np.arange(len(self.predictions)) if part == "all" else np.flatnonzero(self.splits == part)
        if not len(rows):
            has = listed(sorted(set(self.splits.tolist()) - {""})) or "no splits: --split names their column"
            raise AskedWrongly(f"{self.name} has no {part} images; it has {has}.")
        return rows

    def set_aside(self, part: str, on: str | None, *, seed: int) -> tuple[Rows, Rows, str]:
        """Choose images to fit a recalibration or choose a threshold on, of other patients than those tested.

        Parameters
        ----------
        part
            The images to test on, as for `rows_of`.
        on
            A split, or a share of the patients of `part` to set aside, such as "0.3". None: the val images,
            or `SHARE` where there are none.
        seed
            Of the choice of the patients that are set aside.

        Returns
        -------
        tuple
            The rows to test on, the rows set aside, and in words which these are.

        Raises
        ------
        AskedWrongly
            If there are none, or both would share patients.
        """
        rows = self.rows_of(part)
        on = on or ("val" if part != "all" and (self.splits == "val").any() else SHARE)
        try:
            share = float(on)
        except ValueError:
            others = self.rows_of(on)
            patients = self.predictions.patients
            both = np.intersect1d(patients[rows], patients[others])
            if len(both):
                raise AskedWrongly(
                    f"{counted(len(both), 'patient')} would be both among the images tested and among the "
                    f"{on} images: give --part and --on splits of other patients, or --on {SHARE}."
                ) from None
            return rows, others, f"the {on} images of {self.name}"
        if not 0 < share < 1:
            raise AskedWrongly(f"The share to set aside is between 0 and 1. Got {share:g}.")
        tested = self.predictions.take(rows)
        sides = split_by_patient(
            stratify(tested.labels),
            tested.patients,
            fractions={"rest": 1 - share, "part": share},
            seed=seed,
        )
        whole = "" if part == "all" else f"{part} "
        words = f"those set aside from the {whole}images of {self.name}"
        return rows[sides == "rest"], rows[sides == "part"], words


def saved_predictions(path: Path) -> ScoreTable:
    """Read a predictions file of a run as a table of scores.

    Raises
    ------
    BadArtefact
        If it is none.
    """
    predictions = Predictions.load(path)
    return ScoreTable(path.name, predictions, np.full(len(predictions), ""), {}, has_names=True)


def is_saved(path: Path) -> bool:
    """Say whether a table is a predictions file of a run, by its columns."""
    if not path.name.lower().endswith(".parquet"):
        return False
    names, _ = open_cells(path)
    return {"id", "patient"} <= set(names) and any(name.startswith(SCORE) for name in names)


def read_score_table(path: Path, columns: ScoreColumns) -> ScoreTable:
    """Read a table of scores: CSV or TSV, also gzipped, or Parquet.

    Of one score column the labels are 0 and 1, or two names. The score is the probability of 1, of
    `positive`, or else of the name that does not mean the absence of a finding, see
    `radapt.labels.positive_class`. Of several score columns the labels are numbers from 0 on, in their order,
    or names that the columns' names end with. Scores that add up to 1 but for rounding are divided by their
    sum.

    Raises
    ------
    AskedWrongly
        If a score is missing or not from 0 to 1, an image has no label or patient or is in two rows, or
        labels and scores do not go together.
    UnknownName
        If there is no such column.
    """
    names, cells = open_cells(path)
    for name in _named(columns):
        if name not in names:
            raise UnknownName(f"column in {path}", name, names)
    rows = list(cells)
    if not rows:
        raise AskedWrongly(f"{path} has no rows: a table of scores has one for each image.")
    scores = np.array(
        [[_score(path, at, row[name], name) for name in columns.scores] for at, row in _at(rows)]
    )
    if len(columns.labels) > 1:
        labels: Labels = _findings(path, rows, columns)
        classes, notes = columns.labels, tuple[str, ...]()
    else:
        texts = [_filled(path, at, row, columns.labels[0], "label") for at, row in _at(rows)]
        join = one_score if len(columns.scores) == 1 else score_a_class
        classes, labels, scores, notes = join(path, texts, scores, columns)
    ids = _ids(path, rows, columns)
    patients = ids
    if columns.patient is not None:
        patients = [_filled(path, at, row, columns.patient, "patient") for at, row in _at(rows)]
    return ScoreTable(
        path.name,
        Predictions(scores, labels, np.array(patients, np.str_), np.array(ids, np.str_), classes),
        np.array([_split(row[columns.split] if columns.split else "") for row in rows], dtype=np.str_),
        {
            name: np.array([normalise(name, row[column]) for row in rows], dtype=np.str_)
            for name, column in columns.kept.items()
        },
        has_names=columns.images is not None,
        notes=(*notes, *([] if columns.patient else [NO_PATIENTS])),
    )


def _named(columns: ScoreColumns) -> list[str]:
    """Return the columns that are asked for.

    Raises
    ------
    AskedWrongly
        If no score or no label is among them, or their numbers do not go together.
    """
    scores, labels = columns.scores, columns.labels
    if not scores or not labels:
        raise AskedWrongly(
            "A table of scores needs --score, the column with the probability of the finding (or one for "
            "each class, separated by commas), and --label, the column of labels."
        )
    if len(labels) > 1 and len(labels) != len(scores):
        raise AskedWrongly(
            "Several findings have a column of scores each, in the same order. "
            f"Got {counted(len(scores), 'column')} of scores and {len(labels)} of labels."
        )
    others = (columns.images, columns.patient, columns.split, *columns.kept.values())
    return [*scores, *labels, *(name for name in others if name is not None)]


def _at(rows: Sequence[Mapping[str, str]]) -> enumerate[Mapping[str, str]]:
    """Return rows with their numbers in a file, below its line of names."""
    return enumerate(rows, start=2)


def _score(path: Path, at: int, text: str, column: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = np.nan
    if 0 <= value <= 1:
        return value
    content = f"{value:g}" if value == value else repr(text.strip()[:40]) if text.strip() else "nothing"
    raise AskedWrongly(
        f"A score is a probability from 0 to 1. Row {at} of {path} has {content} in its column {column!r}: "
        "divide percentages by 100, and leave out images without a score."
    )


def _filled(path: Path, at: int, row: Mapping[str, str], column: str, what: str) -> str:
    text = row[column].strip()
    if not text or text.lower() == "nan":
        raise AskedWrongly(
            f"Every image needs a {what}. Row {at} of {path} has none in its column {column!r}: fill it in, "
            "or leave the row out."
        )
    return text


def _ids(path: Path, rows: Sequence[Mapping[str, str]], columns: ScoreColumns) -> list[str]:
    if columns.images is None:
        return [f"row {at}" for at, _ in _at(rows)]
    ids = [_filled(path, at, row, columns.images, "name") for at, row in _at(rows)]
    name, count = Counter(ids).most_common(1)[0]
    if count > 1:
        places = [at for at, each in enumerate(ids, start=2) if each == name][:2]
        raise AskedWrongly(
            f"Every image is in one row. {path} has {visible(name)!r} in {count} rows, such as rows "
            f"{places[0]} and {places[1]}: keep one of them."
        )
    return ids


def _split(text: str) -> str:
    """Return the split that a cell names; "" if it names none."""
    if not known_text(text):
        return ""
    if (split := SPLIT_NAMES.get(text.strip().lower())) is None:
        raise AskedWrongly(
            f"A split is one of {listed(SPLIT_NAMES)}. The column of --split has other values."
        )
    return split


def _findings(path: Path, rows: Sequence[Mapping[str, str]], columns: ScoreColumns) -> NDArray[np.float32]:
    """Read the labels of several findings, (n, k); NaN of a cell that is empty or -1 (uncertain)."""
    known = {"1": 1.0, "0": 0.0, "": np.nan, "-1": np.nan}

    def read(at: int, text: str, column: str) -> float:
        plain = known_text(text).removesuffix(".0")
        if plain not in known:
            raise AskedWrongly(
                f"The label of one of several findings is 1, 0, or empty where it is not known. Row {at} of "
                f"{path} has {visible(text[:40])!r} in its column {column!r}."
            )
        return known[plain]

    labels = [[read(at, row[column], column) for column in columns.labels] for at, row in _at(rows)]
    return np.array(labels, dtype=np.float32)
