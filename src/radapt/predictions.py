"""A model's scores for a set of images, with their labels and patients."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radapt.display.table import Row, Table, html_table, html_text
from radapt.errors import AskedWrongly, BadArtefact
from radapt.labels import Labels, are_exclusive, check_labels, join_labels, positive_class
from radapt.parquet import read_table, write_table
from radapt.text import counted, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUM_TOLERANCE = 1e-4  # a float32 softmax adds up to 1 within 1e-6; half precision does not come near
SCORE = "score:"  # prefix of the score columns of a saved table
IDENTIFYING = ("image", "patient")  # columns that a notebook does not show
LABEL = "label:"  # prefix of the label columns of findings


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predictions(Table):
    """One model's scores for a set of images, with their labels and patients.

    Raises
    ------
    AskedWrongly
        If arrays differ in length or have the wrong type, a label has no class, an id occurs twice,
        or the scores of an image are not probabilities (of classes, adding up to 1).
    """

    scores: NDArray[np.float64]  # (n, k), probabilities; for exclusive classes each row adds up to 1
    labels: Labels  # (n,) int64, indices into `classes`; or (n, k) float32 findings, see `radapt.labels`
    patients: NDArray[np.str_]  # (n,), the patient of each image; bootstraps resample patients
    ids: NDArray[np.str_]  # (n,), unique; predictions of two models are paired by them
    classes: tuple[str, ...]  # k names, in the order of the columns of `scores`

    def __post_init__(self) -> None:
        _check_columns(self)
        _check_classes(self.classes, 2 if self.exclusive else 1)
        check_labels(self.labels, self.classes)
        _check_scores(self.scores, self.exclusive)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        people = counted(len(set(self.patients.tolist())), "patient")
        return f"Predictions({counted(len(self), 'image')} of {people}; {listed(self.classes)})"

    def rows(self) -> list[Row]:
        """Return a row for each image: its name, patient, class or findings, and its score for each class."""
        names = ("image", "patient", "label", *(f"score {name}" for name in self.classes))
        cells = zip(
            self.ids.tolist(), self.patients.tolist(), self._labels(), *self.scores.T.tolist(), strict=True
        )
        return [dict(zip(names, row, strict=True)) for row in cells]

    def _repr_html_(self) -> str:
        """Return counts and the first scores as HTML, without patients and files, for notebooks are saved."""
        rows = [
            {name: value for name, value in row.items() if name not in IDENTIFYING} for row in self.rows()
        ]
        return html_text(repr(self)) + html_table(rows)

    def _labels(self) -> list[str]:
        if self.labels.ndim == 1:
            return [self.classes[label] for label in self.labels]
        return [join_labels(self.classes, row == 1) for row in self.labels]

    def plot(self) -> "Figure":
        """Draw the scores of each class, apart by the true class: how well the model tells them apart."""
        from radapt.display.figure import score_histograms  # imports Matplotlib

        panels = [self.positive] if self.binary else range(len(self.classes))
        has = [
            self.labels == c if self.exclusive else self.labels[:, c] == 1 for c in range(len(self.classes))
        ]
        return score_histograms({self.classes[c]: (self.scores[:, c], has[c]) for c in panels})

    @property
    def exclusive(self) -> bool:
        """Whether each image is of exactly one class; otherwise it has any number of findings."""
        return are_exclusive(self.labels)

    @property
    def binary(self) -> bool:
        """Whether there are two exclusive classes, one of them the finding."""
        return self.exclusive and len(self.classes) == 2

    def apart(self) -> Iterator[tuple[NDArray[np.intp], "Predictions"]]:
        """Split by finding: yield the rows of the images labelled for it, and their two-class predictions."""
        for column, name in enumerate(self.classes):
            of_one = self.labels[:, column]
            rows = np.flatnonzero(~np.isnan(of_one))
            score = self.scores[rows, column]
            yield (
                rows,
                Predictions(
                    scores=np.stack([1 - score, score], axis=1),
                    labels=of_one[rows].astype(np.int64),
                    patients=self.patients[rows],
                    ids=self.ids[rows],
                    classes=(f"no {name}", name),
                ),
            )

    def of_finding(self, what: str) -> "Predictions":
        """Return two-class predictions of the only finding, without the images not labelled for it.

        Parameters
        ----------
        what
            The analysis that needs them, as the first words of the error.

        Raises
        ------
        AskedWrongly
            If there are several findings or more than two classes.
        """
        if self.binary:
            return self
        if not self.exclusive and len(self.classes) == 1:
            return next(self.apart())[1]
        each = "" if self.exclusive else " Of several findings it is done for each of `apart()`."
        raise AskedWrongly(
            f"{what} is for one finding. "
            f"These predictions have {len(self.classes)}: {listed(self.classes)}.{each}"
        )

    @property
    def positive(self) -> int:
        """The index of the positive one of two classes, see `radapt.labels.positive_class`.

        Raises
        ------
        AskedWrongly
            If there are not exactly two exclusive classes.
        """
        if not self.binary:
            raise AskedWrongly(
                "Only where there are two classes is one of them the finding. "
                f"These predictions have {len(self.classes)}: {listed(self.classes)}."
            )
        return positive_class(self.classes)

    def decide(self, threshold: float = 0.5) -> NDArray[np.int64]:
        """Return the predicted class of each image, or each of its predicted findings.

        Parameters
        ----------
        threshold
            With two classes, or findings: an image is predicted positive if its probability is at least
            this. With more classes the most probable one is predicted, and the threshold is ignored.

        Returns
        -------
        NDArray[np.int64]
            (n,), indices into `classes`; for findings (n, k), 1 or 0.
        """
        if not self.exclusive:
            return np.asarray(self.scores >= threshold, dtype=np.int64)
        if len(self.classes) != 2:
            return np.asarray(self.scores.argmax(axis=1), dtype=np.int64)
        predicted = self.scores[:, self.positive] >= threshold
        decided: NDArray[np.int64] = np.where(predicted, self.positive, 1 - self.positive)
        return decided

    def own_scores(self) -> NDArray[np.float64]:
        """Return the probability of each image's true class, (n,); of findings the lowest over its labels."""
        if self.labels.ndim == 1:
            own: NDArray[np.float64] = self.scores[np.arange(len(self)), self.labels]
            return own
        right = np.where(self.labels == 1, self.scores, 1 - self.scores)
        least: NDArray[np.float64] = np.where(np.isnan(self.labels), 1.0, right).min(axis=1)
        return least

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | Sequence[int]) -> "Predictions":
        """Return the predictions of these rows, in this order."""
        rows = np.asarray(rows)
        return replace(
            self,
            scores=self.scores[rows],
            labels=self.labels[rows],
            patients=self.patients[rows],
            ids=self.ids[rows],
        )

    def save(self, path: Path) -> None:
        """Write a Parquet table with columns `id`, `patient`, `label` (name of the class) and `score:CLASS`.

        For findings, columns `label:FINDING` (1, 0 or NaN) take the place of `label`.

        Raises
        ------
        RadaptError
            If it cannot be written there.
        """
        labels: dict[str, NDArray[Any]]
        if self.exclusive:
            labels = {"label": np.asarray(self.classes, dtype=np.str_)[self.labels.astype(np.int64)]}
        else:
            labels = {LABEL + name: self.labels[:, column] for column, name in enumerate(self.classes)}
        columns = {"id": self.ids, "patient": self.patients, **labels}
        scores = {SCORE + name: self.scores[:, column] for column, name in enumerate(self.classes)}
        write_table(path, columns | scores)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read a table that `save` wrote; the order of its score columns is the order of the classes.

        Raises
        ------
        BadArtefact
            If the file is missing, is not such a table, or its contents are not valid predictions.
        """
        table = read_table(path)
        classes = tuple(name.removeprefix(SCORE) for name in table if name.startswith(SCORE))
        apart = any(name.startswith(LABEL) for name in table)
        labels = [LABEL + name for name in classes] if apart else ["label"]
        missing = [name for name in ("id", "patient", *labels) if name not in table]
        if missing or not classes:
            raise BadArtefact(
                f"{path} does not hold predictions: it lacks {listed(missing) or SCORE + 'CLASS'}. "
                f"It has: {listed(table)}."
            )
        try:
            return cls(
                scores=np.stack([table[SCORE + name] for name in classes], axis=1).astype(np.float64),
                labels=np.stack([table[name] for name in labels], axis=1).astype(np.float32)
                if apart
                else _numbered(path, table["label"], classes),
                patients=np.asarray(table["patient"], dtype=np.str_),
                ids=np.asarray(table["id"], dtype=np.str_),
                classes=classes,
            )
        except (AskedWrongly, ValueError, TypeError) as error:
            raise BadArtefact(f"{path} does not hold predictions. {error}") from None


def join_predictions(parts: Sequence[Predictions]) -> Predictions:
    """Concatenate one or more predictions of different images with the same classes."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("scores", "labels", "patients", "ids")
    }
    return replace(parts[0], **columns)


def _numbered(path: Path, names: NDArray[np.str_], classes: Sequence[str]) -> NDArray[np.int64]:
    index = {name: number for number, name in enumerate(classes)}
    strange = sorted({str(name) for name in names} - index.keys())
    if strange:
        raise BadArtefact(f"{path} has images labelled {strange[0]!r}, for which it has no column of scores.")
    return np.array([index[str(name)] for name in names], dtype=np.int64)


def _check_columns(predictions: Predictions) -> None:
    scores, labels = predictions.scores, predictions.labels
    patients, ids = predictions.patients, predictions.ids
    if len({len(scores), len(labels), len(patients), len(ids)}) != 1:
        raise AskedWrongly(
            "Every image needs scores, a label, a patient and an id. "
            f"Got {len(scores)} rows of scores, {len(labels)} labels, {len(patients)} patients, "
            f"{len(ids)} ids."
        )
    shape = (len(predictions), len(predictions.classes))
    if scores.dtype != np.float64 or scores.shape != shape:
        raise AskedWrongly(
            f"The scores of {shape[0]} images and {shape[1]} classes are float64 of shape {shape}. "
            f"Got {scores.dtype} of shape {scores.shape}."
        )
    if patients.dtype.kind != "U" or ids.dtype.kind != "U":
        raise AskedWrongly(f"Patients and ids are text. Got {patients.dtype} and {ids.dtype}.")
    names, counts = np.unique(predictions.ids, return_counts=True)
    if (counts > 1).any():
        raise AskedWrongly(
            "Every image has an id of its own, by which models are compared. "
            f"Got {str(names[counts > 1][0])!r} {counts.max()} times."
        )


def _check_classes(classes: tuple[str, ...], minimum: int) -> None:
    if len(classes) < minimum or len(set(classes)) < len(classes):
        raise AskedWrongly(
            "Predictions choose among two classes or more, each with a name of its own. "
            f"Got {listed(classes) or 'none'}."
        )


def _check_scores(scores: NDArray[np.float64], exclusive: bool) -> None:
    if not np.isfinite(scores).all() or (scores < 0).any():
        raise AskedWrongly("Scores are probabilities. Got some that are negative or not a number.")
    if not exclusive:
        if (scores > 1).any():
            raise AskedWrongly("Scores are probabilities. Got some above 1.")
        return
    off = np.abs(scores.sum(axis=1) - 1)
    if len(off) and off.max() > SUM_TOLERANCE:
        raise AskedWrongly(
            "The scores of an image are probabilities that add up to 1; a softmax in float32 gives such. "
            f"Got a row that adds up to {scores[off.argmax()].sum():.4f}."
        )
