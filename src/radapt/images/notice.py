"""Notices: what limits a result, each with a kind, the harm that it does, and a sentence."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = (
    "invalid",  # the headline cannot be trusted
    "caution",  # the headline may mislead
    "note",  # good to know
)
KINDS: Mapping[str, str] = {  # the title of each kind, on every page and in print
    "unsafe-split": "Unsafe split.",
    "leak": "Test images among the training images.",
    "learned": "The model has learned from these images.",
    "optimistic": "These scores are optimistic.",
    "protocol": "Not the registered protocol.",
    "reversed-classes": "The classes may be the other way round.",
    "equal-scores": "All images get nearly the same scores.",
    "learned-unknown": "Nobody knows what the model learned from.",
    "one-class": "Nearly all images are called one class.",
    "threshold": "Questionable threshold.",
    "recalibration": "The recalibration may do harm.",
    "baseline": "Not clearly better than a shortcut baseline.",
    "shortcut": "The scores may rest on a shortcut.",
    "map": "These maps are weak evidence.",
    "site": "Images give their site away.",
    "uncertain-labels": "Uncertain labels were taken as certain.",
    "unknown-patients": "Unknown patients.",
    "unused-patients": "Patients that may be known.",
    "input-range": "Probably another input range.",
    "unreadable": "Unreadable files.",
    "one-base": "One base model for every seed.",
    "one-seed": "Every model was trained once.",
    "time-limit": "Stopped by the time limit.",
    "quick": "A first look.",
    "unchecked": "Not checked with parts of the images hidden.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A limit of a result.

    Raises
    ------
    ValueError
        If there is no such kind or severity.
    """

    kind: str  # one of KINDS
    severity: str  # one of SEVERITIES
    text: str  # one sentence or several

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.severity not in SEVERITIES:
            raise ValueError(f"there is no notice of kind {self.kind!r} and severity {self.severity!r}")

    @property
    def title(self) -> str:
        """The title of its kind."""
        return KINDS[self.kind]

    @property
    def invalidates(self) -> bool:
        """Whether the headline cannot be trusted, which pages show in red."""
        return self.severity == SEVERITIES[0]


def in_order(notices: Iterable[Notice]) -> list[Notice]:
    """Return notices by severity, the most harmful first; each once, those of a severity as they came."""
    return sorted(dict.fromkeys(notices), key=lambda notice: SEVERITIES.index(notice.severity))


def as_rows(notices: Iterable[Notice]) -> list[dict[str, str]]:
    """Return notices for JSON, the most harmful first: objects of kind, severity and text."""
    return [asdict(notice) for notice in in_order(notices)]


def from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[Notice, ...]:
    """Return what `as_rows` gave.

    Raises
    ------
    TypeError, KeyError, ValueError
        If a row is not of a notice.
    """
    return tuple(Notice(*(str(row[name]) for name in ("kind", "severity", "text"))) for row in rows)
