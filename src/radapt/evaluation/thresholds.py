"""Decision thresholds: from which probability on an image is predicted positive, and how it was chosen.

A threshold is chosen on other images than those it is tested on, and records which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from radapt.artefacts import VALIDATION, predictions_file
from radapt.errors import AskedWrongly
from radapt.labels import positive_class
from radapt.predictions import Predictions

Floats = NDArray[np.float64]
Kind = Literal["fixed", "youden", "sensitivity", "specificity", "cost"]

EXAMPLES = "0.5, youden, sensitivity=0.95, specificity=0.9, cost=5:1"

_SLACK = 1e-12  # rounding error of a sensitivity or specificity
_HIGHEST = 1 + 1e-9  # of a threshold: one lies just above 1 where no image may reach it


@dataclass(frozen=True, slots=True)
class Rule:
    """How a threshold is chosen; prints as users write it."""

    kind: Kind
    number: float = 0.0  # the threshold, the sensitivity or specificity to reach, or the cost of a FN
    other: float = 0.0  # the cost of a FP

    def __str__(self) -> str:
        if self.kind == "youden":
            return self.kind
        if self.kind == "fixed":
            return f"{self.number:g}"
        return f"{self.kind}={self.number:g}" + (f":{self.other:g}" if self.kind == "cost" else "")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and how it was chosen; prints as `0.312 (sensitivity=0.95, chosen on 240 ...)`."""

    value: float  # an image with this probability or more is predicted positive
    rule: Rule
    chosen_on: str  # in words: on which images, how many, with what sensitivity and specificity there

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.rule}, {self.chosen_on})"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for strict JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Threshold":
        """Return what `as_dict` gave."""
        return cls(float(row["value"]), Rule(**row["rule"]), str(row["chosen_on"]))


def parse_threshold(text: str) -> Rule:
    """Read a rule: a probability, `youden`, `sensitivity=0.95`, `specificity=0.9` or `cost=FN:FP`.

    Raises
    ------
    AskedWrongly
        If it is none of these, or a number is out of range.
    """
    kind, equals, written = text.strip().lower().partition("=")
    if kind == "youden" and not equals:
        return Rule("youden")
    if not equals:
        return Rule("fixed", _share(kind, text, "A threshold is a probability"))
    if kind in ("sensitivity", "specificity"):
        return Rule(cast(Kind, kind), _share(written, text, f"The {kind} to reach is a share"))
    if kind == "cost":
        fn, _, fp = written.partition(":")
        costs = _number(fn), _number(fp)
        if all(0 < cost < np.inf for cost in costs):
            return Rule("cost", *costs)
        raise AskedWrongly(
            "Costs are two numbers above 0, of a false negative and of a false positive, as in cost=5:1. "
            f"Got {text!r}."
        )
    raise _unknown(text)


def choose_threshold(rule: Rule, predictions: Predictions, *, on: str) -> Threshold:
    """Choose a threshold on some images.

    It lies half-way between two scores. `youden` takes the largest sensitivity + specificity - 1 (Youden
    1950, Cancer 3:32), `sensitivity` the highest threshold that reaches it, `specificity` the lowest. `cost`
    takes the smallest sum of costs on these images, and so assumes their prevalence. Of equally good ones it
    is the lowest, which has the fewest false negatives.

    Parameters
    ----------
    rule
        As `parse_threshold` reads it.
    predictions
        Of two classes, or of one label; images without it are left out.
    on
        Which images these are, in words, such as "the validation images".

    Returns
    -------
    Threshold
        For a fixed rule the number itself, chosen on no images.

    Raises
    ------
    AskedWrongly
        If there is no one finding, or the images lack a class that the rule needs.
    """
    if rule.kind == "fixed":
        return Threshold(rule.number, rule, f"fixed beforehand{_of_all(rule.number)}")
    predictions = predictions.of_finding("A threshold")
    positive = predictions.labels == predictions.positive
    _need_classes(rule, positive)
    scores = np.unique(predictions.scores[:, predictions.positive])
    cuts = np.searchsorted(scores, predictions.scores[:, predictions.positive])
    fn = _below(cuts[positive], len(scores))  # at each threshold
    tn = _below(cuts[~positive], len(scores))
    sensitivity = 1 - fn / max(1, positive.sum())
    specificity = tn / max(1, (~positive).sum())
    best = _best(rule, sensitivity, specificity, fn, (~positive).sum() - tn)
    reached = f"sensitivity {sensitivity[best]:.3f} and specificity {specificity[best]:.3f} there"
    images = f"{len(predictions):,} images of {on}, {int(positive.sum()):,} of them with the finding"
    value = _between(scores, best)
    return Threshold(value, rule, f"chosen on {images}; {reached}{_of_all(value)}")


def thresholds_for(
    rule: Rule, classes: Sequence[str], *, exclusive: bool, validation: Predictions | None, on: str
) -> dict[str, Threshold]:
    """Choose a threshold for the positive one of two classes, or for each finding.

    Parameters
    ----------
    validation
        Predictions of the images to choose on, if the rule needs them.
    on
        Which images these are, in words.

    Returns
    -------
    dict[str, Threshold]
        By the name of the positive class or the finding.

    Raises
    ------
    AskedWrongly
        If there are more than two exclusive classes, or no images to choose on.
    """
    if exclusive and len(classes) != 2:
        raise AskedWrongly(
            f"A threshold is for two classes or for findings. This model has {len(classes)} classes, of "
            "which the likeliest is predicted: leave --threshold out."
        )
    names = classes_with_threshold(classes, exclusive=exclusive)
    if rule.kind == "fixed":
        return dict.fromkeys(names, Threshold(rule.number, rule, "fixed beforehand"))
    if validation is None:
        raise AskedWrongly(
            f"The threshold {rule} is chosen on validation images, and this run has no predictions for "
            "them. Give a number, as --threshold 0.5."
        )
    labels = [validation] if exclusive else [label for _, label in validation.apart()]
    return {name: choose_threshold(rule, label, on=on) for name, label in zip(names, labels, strict=True)}


def validation_of(run: Path) -> Predictions | None:
    """Read a run's predictions for its validation images, if it has kept them."""
    path = predictions_file(run, VALIDATION)
    return Predictions.load(path) if path.is_file() else None


def thresholds_of(
    run: Path | None, classes: Sequence[str], threshold: str | None, *, exclusive: bool
) -> dict[str, Threshold]:
    """Choose a threshold for each finding, on the validation images of a run if it has to be chosen.

    Parameters
    ----------
    run
        None of a model without a run folder.
    threshold
        As `--threshold` takes it; None for none at all: the likeliest class is predicted.

    Raises
    ------
    AskedWrongly
        As `thresholds_for`.
    """
    if threshold is None:
        return {}
    return thresholds_for(
        parse_threshold(threshold),
        classes,
        exclusive=exclusive,
        validation=None if run is None else validation_of(run),
        on="the validation images of the run",
    )


def read_thresholds(rows: Mapping[str, Mapping[str, Any]], classes: Sequence[str]) -> dict[str, Threshold]:
    """Read thresholds that a file or a record keeps, by finding.

    Parameters
    ----------
    classes
        What there can be a threshold of.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        If one is damaged, is no probability, or is of what is not among these.
    """
    found = {name: Threshold.from_dict(row) for name, row in rows.items()}
    if found.keys() - set(classes) or not all(0 <= each.value <= _HIGHEST for each in found.values()):
        raise ValueError("a threshold that is no probability, or of what has none")
    return found


def classes_with_threshold(classes: Sequence[str], *, exclusive: bool) -> list[str]:
    """Return what a threshold can be of: each finding, or the positive one of two classes; else nothing."""
    if not exclusive:
        return list(classes)
    return [classes[positive_class(classes)]] if len(classes) == 2 else []


def _of_all(value: float) -> str:
    """Say what a threshold of 0 means, to append to a sentence; "" for any other."""
    return "" if value else "; at 0 every image is predicted positive, whatever its score"


def _best(rule: Rule, sensitivity: Floats, specificity: Floats, fn: Floats, fp: Floats) -> int:
    """Choose among thresholds: its place."""
    if rule.kind == "sensitivity":
        return int(np.flatnonzero(sensitivity >= rule.number - _SLACK)[-1])
    if rule.kind == "specificity":
        return int(np.flatnonzero(specificity >= rule.number - _SLACK)[0])
    if rule.kind == "cost":
        return int(np.argmin(rule.number * fn + rule.other * fp))
    index = sensitivity + specificity
    return int(np.flatnonzero(index >= index.max() - _SLACK)[0])


def _below(cuts: NDArray[np.intp], thresholds: int) -> Floats:
    """Count images below each threshold, (thresholds + 1,); the first is below all scores."""
    counts = np.bincount(cuts, minlength=thresholds)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)


def _between(scores: Floats, cut: int) -> float:
    """Return a threshold between the scores before `cut` and those from it on, in rising order."""
    if cut == 0:
        return 0.0
    below = float(scores[cut - 1])
    if cut == len(scores):
        return (below + 1) / 2 if (below + 1) / 2 > below else float(np.nextafter(below, 2))
    middle = (below + float(scores[cut])) / 2
    return middle if middle > below else float(scores[cut])


def _need_classes(rule: Rule, positive: NDArray[np.bool_]) -> None:
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if (n_positive == 0 and rule.kind != "specificity") or (n_negative == 0 and rule.kind != "sensitivity"):
        raise AskedWrongly(
            f"The rule {rule} needs images with and images without the finding to choose on. "
            f"Got {n_positive:,} with and {n_negative:,} without."
        )


def _share(written: str, text: str, what: str) -> float:
    number = _number(written)
    if 0 <= number <= 1:
        return number
    if number != number:
        raise _unknown(text)
    raise AskedWrongly(f"{what} from 0 to 1. Got {text!r}.")


def _unknown(text: str) -> AskedWrongly:
    return AskedWrongly(
        f"There is no rule for a threshold called {text!r}. There are, for example: {EXAMPLES}."
    )


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return float("nan")
