"""What a model said about a set of images, beside what they are and whose."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, BadArtefact
from radapt.tables import read_table, write_table

SUM_TOLERANCE = 1e-4  # a float32 softmax adds up to 1 within 1e-6; half precision does not come near
SCORE = "score:"  # how the columns of scores begin in a saved table

_NO_FINDING = re.compile(r"(no|non|without) .+|no ?findings?|(.+ )?(normal|negative|healthy|clear|controls?)")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What one model said about a set of images, beside what they are and whose.

    Raises
    ------
    AskedWrongly
        If the columns differ in length or kind, a label has no class, two images have one id,
        or the scores of an image are not probabilities that add up to 1.
    """

    scores: NDArray[np.float64]  # (n, k), a probability for each class; each row adds up to 1
    labels: NDArray[np.int64]  # (n,), an index into `classes`: what the image is
    patients: NDArray[np.str_]  # (n,), whose the image is: intervals are drawn by patient
    ids: NDArray[np.str_]  # (n,), unique: by these two models' predictions are paired
    classes: tuple[str, ...]  # k names, in the order of the columns of `scores`

    def __post_init__(self) -> None:
        _check_columns(self)
        _check_classes(self.labels, self.classes)
        _check_scores(self.scores)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positive(self) -> int:
        """The class that is the finding, of two, as an index into `classes`.

        If exactly one of the two reads as the absence of a finding ("NORMAL", "covid-negative",
        "No Finding", "healthy", "clear", "control"), it is the other one; else the last.

        Raises
        ------
        AskedWrongly
            If there are more than two classes, none of which is then *the* finding.
        """
        if len(self.classes) != 2:
            raise AskedWrongly(
                "Only where there are two classes is one of them the finding. "
                f"These predictions have {len(self.classes)}: {', '.join(self.classes)}."
            )
        names = [re.sub(r"[\W_]+", " ", name).strip().casefold() for name in self.classes]
        quiet = [_NO_FINDING.fullmatch(name) is not None for name in names]
        return 0 if quiet == [False, True] else 1

    def decide(self, threshold: float = 0.5) -> NDArray[np.int64]:
        """Give each image one class.

        Parameters
        ----------
        threshold
            For two classes, the probability from which on an image is called positive, itself
            included. For more, the most probable class is given and this plays no part.

        Returns
        -------
        NDArray[np.int64]
            (n,), an index into `classes`.
        """
        if len(self.classes) != 2:
            return np.asarray(self.scores.argmax(axis=1), dtype=np.int64)
        called = self.scores[:, self.positive] >= threshold
        decided: NDArray[np.int64] = np.where(called, self.positive, 1 - self.positive)
        return decided

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | Sequence[int]) -> "Predictions":
        """Give the predictions of these rows, in this order."""
        rows = np.asarray(rows)
        return replace(
            self,
            scores=self.scores[rows],
            labels=self.labels[rows],
            patients=self.patients[rows],
            ids=self.ids[rows],
        )

    def save(self, path: Path) -> None:
        """Write a Parquet table: `id`, `patient`, `label` (the class's name), a `score:CLASS` for each class.

        Raises
        ------
        RadaptError
            If it cannot be written there.
        """
        names = np.asarray(self.classes, dtype=np.str_)
        columns = {"id": self.ids, "patient": self.patients, "label": names[self.labels]}
        scores = {SCORE + name: self.scores[:, column] for column, name in enumerate(self.classes)}
        write_table(path, columns | scores)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read a table that `save` wrote; the order of its score columns is the order of the classes.

        Raises
        ------
        BadArtefact
            If it is missing, is not such a table, or what it holds cannot be predictions.
        """
        table = read_table(path)
        classes = tuple(name.removeprefix(SCORE) for name in table if name.startswith(SCORE))
        missing = [name for name in ("id", "patient", "label") if name not in table]
        if missing or not classes:
            raise BadArtefact(
                f"{path} does not hold predictions: it lacks {', '.join(missing) or SCORE + 'CLASS'}. "
                f"It has: {', '.join(table)}."
            )
        index = {name: number for number, name in enumerate(classes)}
        strange = sorted({str(name) for name in table["label"]} - index.keys())
        if strange:
            raise BadArtefact(
                f"{path} has images labelled {strange[0]!r}, for which it has no column of scores."
            )
        try:
            return cls(
                scores=np.stack([table[SCORE + name] for name in classes], axis=1).astype(np.float64),
                labels=np.array([index[str(name)] for name in table["label"]], dtype=np.int64),
                patients=np.asarray(table["patient"], dtype=np.str_),
                ids=np.asarray(table["id"], dtype=np.str_),
                classes=classes,
            )
        except (AskedWrongly, ValueError, TypeError) as error:
            raise BadArtefact(f"{path} does not hold predictions. {error}") from None


def _check_columns(given: Predictions) -> None:
    lengths = {len(given.scores), len(given.labels), len(given.patients), len(given.ids)}
    if len(lengths) != 1:
        raise AskedWrongly(
            "Every image needs scores, a label, a patient and an id. "
            f"Got {len(given.scores)} rows of scores, {len(given.labels)} labels, "
            f"{len(given.patients)} patients, {len(given.ids)} ids."
        )
    if given.scores.dtype != np.float64 or given.scores.shape != (len(given), len(given.classes)):
        raise AskedWrongly(
            f"The scores of {len(given)} images and {len(given.classes)} classes are float64 of shape "
            f"({len(given)}, {len(given.classes)}). Got {given.scores.dtype} of shape {given.scores.shape}."
        )
    if given.labels.dtype != np.int64 or given.patients.dtype.kind != "U" or given.ids.dtype.kind != "U":
        raise AskedWrongly(
            "Labels are int64, patients and ids are text. "
            f"Got {given.labels.dtype}, {given.patients.dtype} and {given.ids.dtype}."
        )
    names, counts = np.unique(given.ids, return_counts=True)
    if (counts > 1).any():
        raise AskedWrongly(
            "Every image has an id of its own, by which models are compared. "
            f"Got {str(names[counts > 1][0])!r} {counts.max()} times."
        )


def _check_classes(labels: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise AskedWrongly(
            "Predictions choose among two classes or more, each with a name of its own. "
            f"Got {', '.join(classes) or 'none'}."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise AskedWrongly(
            f"Labels are numbers from 0 to {len(classes) - 1}, one for each class. "
            f"Got {labels.min()} to {labels.max()}."
        )


def _check_scores(scores: NDArray[np.float64]) -> None:
    if not np.isfinite(scores).all() or (scores < 0).any():
        raise AskedWrongly("Scores are probabilities. Got some that are negative or not a number.")
    off = np.abs(scores.sum(axis=1) - 1)
    if len(off) and off.max() > SUM_TOLERANCE:
        raise AskedWrongly(
            "The scores of an image are probabilities that add up to 1; a softmax in float32 gives such. "
            f"Got a row that adds up to {scores[off.argmax()].sum():.4f}."
        )
