"""Estimates: a value with its interval and standard error, and the verdict of a difference."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

from radapt.stats.intervals import LEVEL
from radapt.stats.power import detectable_difference
from radapt.text import counted


def points(value: float, low: float, high: float) -> str:
    """Write a difference in percentage points with its interval: `+6.1 points [2.0, 10.4]`."""
    return f"{100 * value:+.1f} points [{100 * low:.1f}, {100 * high:.1f}]"


Verdict = Literal["better", "worse", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its interval, and how they were computed; prints as `0.912 [0.884, 0.936]`."""

    value: float  # on the test set; NaN where the metric is not defined on it
    low: float
    high: float
    n: int  # images it rests on: for sensitivity the positive ones, for specificity the negative ones
    patients: int  # of these images
    level: float = LEVEL  # confidence level of the interval
    method: str = ""  # in words: what was resampled, or which formula was used
    se: float = math.nan  # standard error, the spread of the bootstrap samples
    se_test_set: float = math.nan  # its test-set part, with the training runs fixed
    se_seeds: float = math.nan  # its training-seed part, with the images fixed; both NaN for one run
    lower_is_better: bool = False  # as for a Brier score
    p: float = math.nan  # two-sided p-value for H0: difference = 0, unadjusted

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        return f"{self.value:z.3f} [{self.low:z.3f}, {self.high:z.3f}]"

    def _repr_html_(self) -> str:
        people = f"{counted(self.n, 'image')} of {counted(self.patients, 'patient')}"
        return f"<p>{self}, from {people}</p>"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for strict JSON: NaN is None."""
        # only NaN is not equal to itself
        return {name: value if value == value else None for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Estimate":
        """Read the output of `as_dict`, from a row that may hold other keys too.

        Optional fields that are missing have their defaults.

        Raises
        ------
        ValueError
            If a required field is missing, or one has the wrong type.
        """
        known: dict[str, Any] = {}
        for field in fields(cls):
            if field.name in row:
                value = math.nan if row[field.name] is None else row[field.name]
                if not isinstance(value, str if field.type is str else (int, float)):
                    raise ValueError(f"an estimate's {field.name!r} is not {value!r}")
                known[field.name] = value
            elif field.default is MISSING:
                raise ValueError(f"an estimate lacks {field.name!r}")
        return cls(**known)

    @property
    def points(self) -> str:
        """A difference in percentage points with its interval, in words."""
        return points(self.value, self.low, self.high)

    @property
    def gain(self) -> float:
        """The difference as a gain: above 0 where the first of the two is better."""
        return -self.value if self.lower_is_better else self.value

    @property
    def gain_ends(self) -> tuple[float, float]:
        """The interval of the gain, the lower end first."""
        return (-self.high, -self.low) if self.lower_is_better else (self.low, self.high)


def verdict(difference: Estimate) -> Verdict:
    """Say what a difference shows: inconclusive unless its interval excludes 0.

    "better" means that the first of the two scored higher, or lower where lower is better. An undefined
    difference is inconclusive.
    """
    if difference.low > 0:
        return "worse" if difference.lower_is_better else "better"
    if difference.high < 0:
        return "better" if difference.lower_is_better else "worse"
    return "inconclusive"


def minimum_detectable_difference(difference: Estimate) -> float:
    """Compute the smallest true difference that such a comparison would detect with 80 % power.

    It is 2.80 SE, see `radapt.stats.power`, SE being the standard deviation of the bootstrap samples. 0 if
    the two are the same; NaN if the difference is not defined.
    """
    return detectable_difference(difference.se)
