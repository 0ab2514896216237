"""The columns of a table of scores, and which score is of which label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.labels import positive_class
from radapt.predictions import SCORE, SUM_TOLERANCE
from radapt.text import counted, listed, whole_number

ROUNDED = 0.02  # how far from 1 rounded scores of exclusive classes may add up

_SIGNS: tuple[dict[str, str], ...] = (  # pairs of labels of which one means the finding, and 1
    {"0": "0", "1": "1"},
    {"0.0": "0", "1.0": "1"},
    {"false": "0", "true": "1"},
    {"no": "0", "yes": "1"},
)


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Which columns of a table of scores hold what."""

    scores: tuple[str, ...]  # one, the probability of the positive label; or one a class or finding
    labels: tuple[str, ...]  # one with the class; or, of several findings, one a finding, of 1, 0 or nothing
    images: str | None = None  # names of the images, by which models are paired
    patient: str | None = None
    split: str | None = None  # train, val and test
    positive: str | None = None  # the label that a single score is the probability of
    classes: tuple[str, ...] | None = None  # the labels in the order of the score columns
    kept: Mapping[str, str] = field(default_factory=dict)  # columns to keep, by the name to keep them under


Joined = tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]


def one_score(path: Path, texts: Sequence[str], scores: NDArray[np.float64], columns: ScoreColumns) -> Joined:
    """Join two labels with the probability of one of them; the negative class comes first.

    Raises
    ------
    AskedWrongly
        If there are not two labels, or it is not clear which of them the score is the probability of.
    UnknownName
        If no label is `columns.positive`.
    """
    column, values = columns.labels[0], sorted(set(texts))
    if len(values) != 2:
        why = (
            "is the label of every image, so that no score can be computed"
            if len(values) == 1
            else f"are {len(values)} labels, which need a column of scores each (--score A,B,C)"
        )
        raise AskedWrongly(f"One column of scores goes with two labels. In {path}, {listed(values)} {why}.")
    signs = next((known for known in _SIGNS if {each.lower() for each in values} == set(known)), None)
    positive = columns.positive
    if positive is not None and positive not in values:
        raise UnknownName(f"label in {path}", positive, values)
    if positive is None and signs is not None:
        positive = next(each for each in values if signs[each.lower()] == "1")
    if positive is None:
        if positive_class(values) == positive_class(
            values[::-1]
        ):  # neither name means that nothing was found
            raise AskedWrongly(
                f"The labels in {path} are {values[0]!r} and {values[1]!r}, and the score is the probability "
                f"of one of them: say which, as --positive {values[1]}."
            )
        positive = values[positive_class(values)]
    negative = next(each for each in values if each != positive)
    name = column if signs is not None and signs[positive.lower()] == "1" else positive
    plain = signs is None and positive_class((negative, positive)) == 1
    classes = (negative if plain else f"no {name}", name)
    labels = np.array([text == positive for text in texts], dtype=np.int64)
    return classes, labels, np.concatenate([1 - scores, scores], axis=1), ()


def score_a_class(
    path: Path, texts: Sequence[str], scores: NDArray[np.float64], columns: ScoreColumns
) -> Joined:
    """Join labels with a column of scores for each of them.

    Raises
    ------
    AskedWrongly
        If it is not clear which column is of which label, or the scores of an image do not add up to 1.
    """
    if columns.positive is not None:
        raise AskedWrongly("--positive names the label of a single column of scores. Got several columns.")
    names = tuple(name.removeprefix(SCORE) for name in columns.scores)
    values = sorted(set(texts))
    numbers = [whole_number(value.removesuffix(".0")) for value in values]
    if columns.classes is not None:
        order = columns.classes
    elif all(number is not None and number < len(names) for number in numbers):
        order = tuple(str(place) for place in range(len(names)))
        texts = [text.removesuffix(".0") for text in texts]
    else:
        order = tuple(_label_of(name, values) or name for name in names)
    strange = sorted(set(texts) - set(order))
    if len(order) != len(names) or len(set(order)) < len(order) or strange:
        raise AskedWrongly(
            f"The labels in {path} are {listed(values)}, and the columns of scores {listed(columns.scores)}: "
            "say which goes with which, as --classes A,B, the labels in the order of the columns."
        )
    classes = names if order[0] == "0" and columns.classes is None else order
    labels = np.array([order.index(text) for text in texts], dtype=np.int64)
    return classes, labels, *_adding_up(path, scores)


def _label_of(column: str, values: Sequence[str]) -> str | None:
    """Return the longest label that the name of a column ends with."""
    ends = [value for value in values if column.lower().endswith(value.lower())]
    return max(ends, key=len, default=None)


def _adding_up(path: Path, scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    sums = scores.sum(axis=1)
    off = np.abs(sums - 1)
    if off.max() > ROUNDED:
        at = int(off.argmax())
        raise AskedWrongly(
            f"The scores of an image add up to 1 over its classes. Those in row {at + 2} of {path} add up "
            f"to {sums[at]:.3f}: give the scores of all classes, or a column of labels for each of several "
            "findings (--label A,B)."
        )
    rounded = off > SUM_TOLERANCE
    if not rounded.any():
        return scores, ()
    scores = np.where(rounded[:, None], scores / sums[:, None], scores)
    images = counted(int(rounded.sum()), "image")
    return scores, (f"Scores of {images} add up to 1 but for rounding, and were divided by their sum.",)
