"""Find labels and views that contradict their images, by confident learning on a model's features.

Confident learning (Northcutt et al. 2021, JAIR 70:1373), as the package cleanlab has it, estimates from
out-of-fold probabilities how often each class is mistaken for each other one, and names the labels that are
probably wrong. The probabilities are those of logistic regressions on the features of a frozen trunk,
cross-validated by patient.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.auditing.collection import Collection
from radapt.auditing.finding import Finding
from radapt.errors import AskedWrongly
from radapt.files import write_text
from radapt.images.columns import VIEW
from radapt.images.subsample import sample_patients
from radapt.shortcuts.out_of_fold import FOLDS, out_of_fold
from radapt.text import counted, listed

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MIN_IMAGES = 10  # of a class or view; rarer ones are not checked
MAX_IMAGES = 20_000  # a random selection of whole patients of larger sets

SUSPECT_LABEL, SUSPECT_VIEW = "suspect-label", "suspect-view"
COLUMNS = ("rank", "kind", "image", "given", "suggested", "probability", "probability_of_given")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label or a view that contradicts its image."""

    rank: int  # from 1, the most suspect, among those of its kind (and of its finding)
    kind: str  # `SUSPECT_LABEL` or `SUSPECT_VIEW`
    image: str
    given: str
    suggested: str
    probability: float  # out of fold, of what is suggested
    probability_of_given: float

    def as_finding(self) -> Finding:
        """Return the finding of an audit."""
        verb = "labelled" if self.kind == SUSPECT_LABEL else "said to be"
        detail = (
            f"Suspected: it is {verb} {self.given}, and looks like {self.suggested}, with a probability of "
            f"{self.probability:.2f} against {self.probability_of_given:.2f}."
        )
        return Finding(self.kind, "warning", (self.image,), detail)


@dataclass(frozen=True, slots=True)
class Review:
    """The suspect labels and views of a data set, and sentences on how they were looked for."""

    suspects: tuple[Suspect, ...]  # labels first, each kind by rank
    words: tuple[str, ...]

    def findings(self) -> list[Finding]:
        """Return the findings of an audit."""
        notes = [Finding("label-check", "note", (), words) for words in self.words]
        return [*(each.as_finding() for each in self.suspects), *notes]

    def as_dict(self) -> dict[str, Any]:
        """Return the suspects, for JSON."""
        return {"suspects": [asdict(each) for each in self.suspects]}

    def write(self, path: Path) -> None:
        """Write the suspects as CSV, whole or not at all.

        Raises
        ------
        RadaptError
            If it cannot be written there.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(each) for each in self.suspects)
        write_text(path, text.getvalue())


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """Classes that the images at some rows are said to be of."""

    kind: str
    rows: Rows
    labels: NDArray[np.int64]  # (len(rows),), an index into `names`
    names: tuple[str, ...]

    @property
    def what(self) -> str:
        """What is checked, in words."""
        return f"{'labels' if self.kind == SUSPECT_LABEL else 'views'} ({listed(self.names)})"


def rows_to_review(images: Collection) -> Rows:
    """Return the rows to compute features of: all, or those of a selection of patients."""
    return sample_patients(images.patients, MAX_IMAGES, seed=0)


def review(images: Collection, rows: Rows, features: Floats, of: str) -> Review:
    """Look for labels and views that contradict their images.

    Parameters
    ----------
    images
        The data set.
    rows
        Its rows that are looked at, from `rows_to_review`.
    features
        (len(rows), d), of a frozen trunk.
    of
        Whose features they are, in words.

    Raises
    ------
    AskedWrongly
        If cleanlab is not installed.
    """
    _check_installed()
    suspects: list[Suspect] = []
    words = []
    for task in (*_label_tasks(images, rows), *_view_tasks(images, rows)):
        if reason := _reason_against(task, images.patients):
            words.append(f"The {task.what} could not be checked: {reason}")
            continue
        of_task = _suspects(task, images, features[np.searchsorted(rows, task.rows)])
        suspects += of_task
        words.append(
            f"Of {counted(len(task.rows), 'image')} the {task.what} of {len(of_task):,} are suspect, by "
            f"confident learning on logistic regressions on the features of {of}, {FOLDS} folds by patient."
        )
    if not any(VIEW in each.columns for each in images.sets.values()):
        words.append("The views could not be checked: no column of the data set says them (--view).")
    if len(rows) < len(images):
        words.append(f"Checked were {len(rows):,} images, a random selection of patients.")
    return Review(tuple(suspects), tuple(words))


def _check_installed() -> None:
    try:
        import cleanlab  # noqa: F401
    except ModuleNotFoundError:
        raise AskedWrongly(
            "Looking for suspect labels takes the package cleanlab: install it with "
            "pip install 'radapt[labels]', or leave --labels out."
        ) from None


def _label_tasks(images: Collection, rows: Rows) -> list[_Task]:
    """Return one task for exclusive classes, or one for each finding, on the images labelled for it."""
    truth = images.truth[rows]
    if all(each.exclusive for each in images.sets.values()):
        return [_Task(SUSPECT_LABEL, rows, truth.argmax(axis=1).astype(np.int64), images.classes)]
    tasks = []
    for name, column in zip(images.classes, truth.T, strict=True):
        known = ~np.isnan(column)
        tasks.append(_Task(SUSPECT_LABEL, rows[known], column[known].astype(np.int64), (f"no {name}", name)))
    return tasks


def _view_tasks(images: Collection, rows: Rows) -> list[_Task]:
    """Return the task of the views that are common enough; none if no view is said."""
    columns = [each.columns.get(VIEW, np.full(len(each), "")) for each in images.sets.values()]
    views = np.concatenate(columns)[rows]
    names, counts = np.unique(views[views != ""], return_counts=True)
    if not len(names):
        return []
    common = names[counts >= MIN_IMAGES] if (counts >= MIN_IMAGES).sum() > 1 else names
    known = np.isin(views, common)
    return [_Task(SUSPECT_VIEW, rows[known], np.searchsorted(common, views[known]), tuple(common.tolist()))]


def _reason_against(task: _Task, patients: NDArray[np.str_]) -> str:
    """Return why a task cannot be done; "" if it can."""
    if len(task.names) < 2:
        hint = " (--views all keeps those that a published table leaves out)" * (task.kind == SUSPECT_VIEW)
        return f"all images are said to be {task.names[0]}{hint}."
    count = np.bincount(task.labels, minlength=len(task.names)).tolist()
    people = [len(np.unique(patients[task.rows[task.labels == k]])) for k in range(len(task.names))]
    for what, least, counts in (("images", MIN_IMAGES, count), ("patients", FOLDS, people)):
        if min(counts) < least:
            rarest = task.names[counts.index(min(counts))]
            return f"it takes {least} {what} of each, and there are {min(counts)} of {rarest}."
    return ""


def _suspects(task: _Task, images: Collection, features: Floats) -> list[Suspect]:
    from cleanlab.filter import find_label_issues

    scores = out_of_fold(features, task.labels, images.patients[task.rows])
    ranked: Sequence[int] = find_label_issues(
        task.labels, scores, return_indices_ranked_by="self_confidence", n_jobs=1
    ).tolist()
    best = scores.argmax(axis=1)
    return [
        Suspect(
            rank=rank,
            kind=task.kind,
            image=str(images.ids[task.rows[row]]),
            given=task.names[task.labels[row]],
            suggested=task.names[best[row]],
            probability=float(scores[row, best[row]]),
            probability_of_given=float(scores[row, task.labels[row]]),
        )
        for rank, row in enumerate(ranked, start=1)
    ]
