"""Operating points: from which probability on an image is called positive, and what chose it.

A threshold is chosen on images that are not those it is then tested on, and says which these were.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly
from radapt.predictions import Predictions

Floats = NDArray[np.float64]
Kind = Literal["fixed", "youden", "sensitivity", "specificity", "cost"]

EXAMPLES = "0.5, youden, sensitivity=0.95, specificity=0.9, cost=5:1"

_SLACK = 1e-12  # a share that rounding alone keeps from what was asked


@dataclass(frozen=True, slots=True)
class Rule:
    """How a threshold is chosen; prints as it is written."""

    kind: Kind
    number: float = 0.0  # the threshold itself, the share to reach, or what a missed image costs
    other: float = 0.0  # what a false alarm costs

    def __str__(self) -> str:
        if self.kind == "youden":
            return self.kind
        if self.kind == "fixed":
            return f"{self.number:g}"
        return f"{self.kind}={self.number:g}" + (f":{self.other:g}" if self.kind == "cost" else "")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what chose it; prints as `0.312 (sensitivity=0.95, chosen on 240 images of ...)`."""

    value: float  # an image with this probability or more is called positive
    rule: Rule
    chosen_on: str  # in words: which images, how many, and what the rule came to on them

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.rule}, {self.chosen_on})"

    def as_dict(self) -> dict[str, Any]:
        """Give the fields by name, ready for strict JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Threshold":
        """Give back what `as_dict` gave."""
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
        missed, _, alarm = written.partition(":")
        costs = _number(missed), _number(alarm)
        if all(0 < cost < np.inf for cost in costs):
            return Rule("cost", *costs)
        raise AskedWrongly(
            "Costs are two numbers above 0, of a missed image and of a false alarm, as in cost=5:1. "
            f"Got {text!r}."
        )
    raise _unknown(text)


def choose_threshold(rule: Rule, predictions: Predictions, *, on: str) -> Threshold:
    """Choose a threshold on some images.

    It lies half-way between two scores. `youden` takes the largest sensitivity + specificity - 1 (Youden
    1950, Cancer 3:32), `sensitivity` the highest threshold that reaches it, `specificity` the lowest. `cost`
    takes the smallest sum of costs on these images, whose prevalence it so takes for granted. Of equals it is
    the lowest, which misses fewest.

    Parameters
    ----------
    rule
        As `parse_threshold` reads it.
    predictions
        Of two classes, or of one finding; those not labelled are passed over.
    on
        Which images these are, in words, such as "the validation images".

    Returns
    -------
    Threshold
        Of a fixed rule the number itself, chosen on nothing.

    Raises
    ------
    AskedWrongly
        If there is no one finding, or the images lack a class that the rule needs.
    """
    if rule.kind == "fixed":
        return Threshold(rule.number, rule, f"fixed beforehand{_of_all(rule.number)}")
    given = predictions.of_finding("A threshold")
    positive = given.labels == given.positive
    _need_classes(rule, positive)
    scores = np.unique(given.scores[:, given.positive])
    cuts = np.searchsorted(scores, given.scores[:, given.positive])
    missed = _below(cuts[positive], len(scores))  # of the images with the finding, at each threshold
    cleared = _below(cuts[~positive], len(scores))
    sensitivity = 1 - missed / max(1, positive.sum())
    specificity = cleared / max(1, (~positive).sum())
    best = _best(rule, sensitivity, specificity, missed, (~positive).sum() - cleared)
    came_to = f"sensitivity {sensitivity[best]:.3f} and specificity {specificity[best]:.3f} there"
    images = f"{len(given):,} images of {on}, {int(positive.sum()):,} of them with the finding"
    value = _between(scores, best)
    return Threshold(value, rule, f"chosen on {images}; {came_to}{_of_all(value)}")


def _of_all(value: float) -> str:
    """Say what a threshold of 0 means, in words to go on with; "" of any other."""
    return "" if value else "; at 0 every image is called positive, whatever its score"


def _best(rule: Rule, sensitivity: Floats, specificity: Floats, missed: Floats, alarms: Floats) -> int:
    if rule.kind == "sensitivity":
        return int(np.flatnonzero(sensitivity >= rule.number - _SLACK)[-1])
    if rule.kind == "specificity":
        return int(np.flatnonzero(specificity >= rule.number - _SLACK)[0])
    if rule.kind == "cost":
        return int(np.argmin(rule.number * missed + rule.other * alarms))
    index = sensitivity + specificity
    return int(np.flatnonzero(index >= index.max() - _SLACK)[0])


def _below(cuts: NDArray[np.intp], thresholds: int) -> Floats:
    """Count images below each of the thresholds and below none: (thresholds + 1,)."""
    counts = np.bincount(cuts, minlength=thresholds)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)


def _between(scores: Floats, cut: int) -> float:
    """Give a threshold that calls the scores from `cut` on, of n in rising order, and none before."""
    if cut == 0:
        return 0.0
    below = float(scores[cut - 1])
    if cut == len(scores):
        return (below + 1) / 2 if (below + 1) / 2 > below else float(np.nextafter(below, 2))
    middle = (below + float(scores[cut])) / 2
    return middle if middle > below else float(scores[cut])


def _need_classes(rule: Rule, positive: NDArray[np.bool_]) -> None:
    has, has_not = int(positive.sum()), int((~positive).sum())
    if (has == 0 and rule.kind != "specificity") or (has_not == 0 and rule.kind != "sensitivity"):
        raise AskedWrongly(
            f"The rule {rule} needs images with and images without the finding to choose on. "
            f"Got {has:,} with and {has_not:,} without."
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
