"""What can be told of films without looking at the lungs: the floors below a model, with intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.floors import FILE, about, floors, why_not
from radapt.images.imageset import ImageSet
from radapt.uncertainty import Estimate, estimate

NAMES = ("border", "thumbnail", "grey", FILE)  # those beside every model
TO_BEAT = "thumbnail"
MARGIN = 0.05  # of AUROC, by which a model has to beat `TO_BEAT`

_ONE_CLASS = "The films that it would be tested on are of one class."


@dataclass(frozen=True, slots=True)
class Floor:
    """How well a cheap classifier does on held-out patients."""

    name: str
    about: str  # what it sees
    estimate: Estimate  # of its AUROC

    def as_dict(self) -> dict[str, Any]:
        """Give a row for JSON: name, about, auroc, low, high, n, patients and method."""
        value, *rest = ("value", "low", "high", "n", "patients", "method")
        fields = self.estimate.as_dict()
        named = {"name": self.name, "about": self.about, "auroc": fields[value]}
        return {**named, **{name: fields[name] for name in rest}}


@dataclass(frozen=True, slots=True)
class Floors:
    """The cheap classifiers that could be had of some films, and why others could not."""

    found: tuple[Floor, ...]
    left_out: tuple[tuple[str, str], ...]  # (name, reason)

    @property
    def to_beat(self) -> float | None:
        """The AUROC of the thumbnail; None where there is none."""
        return next((each.estimate.value for each in self.found if each.name == TO_BEAT), None)

    def as_dict(self, **where: str) -> dict[str, list[dict[str, Any]]]:
        """Give both for JSON, each row beginning with what tells these films from others."""
        return {
            "floors": [{**where, **each.as_dict()} for each in self.found],
            "floors_left_out": [{**where, "name": name, "reason": reason} for name, reason in self.left_out],
        }


def measure_floors(train: ImageSet, test: ImageSet, names: Sequence[str] = NAMES) -> Floors:
    """Fit cheap classifiers on films and test them on films of other patients; seconds.

    Parameters
    ----------
    train, test, names
        As for `radapt.floors.floors`; what cannot be had of these films is left out with a reason.

    Returns
    -------
    Floors
        AUROCs with 95 % intervals, drawn by patient.
    """
    reasons = {name: why_not(name, train, test) for name in names}
    said = floors(train, test, [name for name, reason in reasons.items() if not reason])
    found = {
        name: Floor(name, about(name, *test.pixels.shape[1:]), estimate("auroc", [each]))
        for name, each in said.items()
    }
    reasons |= {name: _ONE_CLASS for name, each in found.items() if math.isnan(each.estimate.value)}
    return Floors(
        tuple(each for name, each in found.items() if not reasons[name]),
        tuple((name, reason) for name, reason in reasons.items() if reason),
    )


def doubts(rows: Sequence[Mapping[str, Any]], floors: Floors, fitted_on: str) -> list[str]:
    """Say where a model's AUROC among rows as in `scores.json` is no `MARGIN` above that of a thumbnail.

    `fitted_on` names the films whose labels the thumbnail's classifier was fitted on.
    """
    least = floors.to_beat
    reached = [row["value"] for row in rows if row["metric"] == "auroc" and row["value"] is not None]
    return [
        f"A classifier of 8 x 8 grey levels, fitted on the labels of {fitted_on}, reaches {least:.3f} on "
        f"these films; this model's {value:.3f} says little about lungs."
        for value in reached
        if least is not None and value < least + MARGIN
    ]


def joined(parts: Sequence[Mapping[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """Put what `Floors.as_dict` gave of several films together."""
    return {name: [row for part in parts for row in part[name]] for name in ("floors", "floors_left_out")}
