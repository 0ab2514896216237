"""A number with its interval: what is known of it, and what it shows."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, Protocol

from radapt.stats.intervals import LEVEL, Z_POWER, Z


class Interval(Protocol):
    """A number and the ends that it lies between, such as an `Estimate`."""

    @property
    def value(self) -> float:
        """The number."""

    @property
    def low(self) -> float:
        """The lower end."""

    @property
    def high(self) -> float:
        """The upper end."""


def points(given: Interval) -> str:
    """Write a difference in percentage points with its interval: `+6.1 points [2.0, 10.4]`."""
    return f"{100 * given.value:+.1f} points [{100 * given.low:.1f}, {100 * given.high:.1f}]"


Verdict = Literal["better", "worse", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, the interval it lies in, and what they rest on; prints as `0.912 [0.884, 0.936]`."""

    value: float  # on the test set as it is; NaN where the metric is not defined on it
    low: float
    high: float
    n: int  # images it rests on: for sensitivity those with the finding, for specificity the others
    patients: int  # whose images these are
    level: float = LEVEL  # how often such an interval holds the true value
    method: str = ""  # in plain words: what was resampled, or which formula was used
    se: float = math.nan  # standard error, the spread of the bootstrap samples
    se_test_set: float = math.nan  # what of it comes from the test images, the training runs held
    se_seeds: float = math.nan  # and from the training runs, the images held; both NaN of one run
    lower_is_better: bool = False  # as of a Brier score; otherwise more is better
    p: float = math.nan  # of a difference: the two-sided p-value of none, before any adjustment

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        return f"{self.value:z.3f} [{self.low:z.3f}, {self.high:z.3f}]"

    def as_dict(self) -> dict[str, Any]:
        """Give the fields by name, ready for strict JSON: what is not a number is None."""
        # only NaN is not equal to itself
        return {name: value if value == value else None for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Estimate":
        """Give back what `as_dict` gave, from a row that may hold more than that.

        What was not yet known when it was written has its default.

        Raises
        ------
        ValueError
            If what an estimate is made of is missing or no number.
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
    def gain(self) -> float:
        """A difference as a gain: more than 0 where the first of the two is better."""
        return -self.value if self.lower_is_better else self.value

    @property
    def gain_ends(self) -> tuple[float, float]:
        """The interval of a difference as one of the gain, the lower end first."""
        return (-self.high, -self.low) if self.lower_is_better else (self.low, self.high)


def verdict(difference: Estimate) -> Verdict:
    """Say what a difference shows: something only where its interval does not hold 0.

    "better" means that the first of the two scored higher, or lower where less is better. An undefined
    difference is inconclusive.
    """
    if difference.low > 0:
        return "worse" if difference.lower_is_better else "better"
    if difference.high < 0:
        return "better" if difference.lower_is_better else "worse"
    return "inconclusive"


def minimum_detectable_difference(difference: Estimate) -> float:
    """Give the smallest true difference that a comparison like this one would find four times out of five.

    It is (z_0.975 + z_0.8) * SE = 2.80 SE, for a two-sided test at 5 % with 80 % power (Chow, Shao & Wang
    2008, Sample Size Calculations in Clinical Research, 3.1), SE being the spread of the bootstrap
    samples. 0 if the two are the same; NaN if the difference is not defined.
    """
    return (Z + Z_POWER) * difference.se
