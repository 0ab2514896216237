"""What can be told without looking at the lungs, as a small table beside the scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.report import wording
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.report.wording import Number
from radapt.shortcuts.baselines import ABOUT
from radapt.stats.estimate import Estimate

HEADING = "What can be told without looking at the lungs"


@dataclass(frozen=True, slots=True)
class BaselineTable:
    """Cheap classifiers, a row each, by what they were fitted and tested on."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Number | None, ...]], ...]  # name, what it sees, AUROCs
    left_out: tuple[str, ...]  # sentences


def baseline_table(beneath: ShortcutChecks) -> BaselineTable | None:
    """Lay the cheap classifiers of a study or run out; None where none was tried."""
    if not beneath.rows and not beneath.left_out:
        return None
    places = list(dict.fromkeys((row["trained_on"], row["domain"]) for row in beneath.rows))
    about = {row["name"]: row.get("about", ABOUT[row["name"]]) for row in beneath.rows}
    found = {(row["name"], row["trained_on"], row["domain"]): _number(row) for row in beneath.rows}
    return BaselineTable(
        columns=tuple(f"fitted on {_images(train)}, tested on {_images(test)}" for train, test in places),
        rows=tuple(
            (name, seen, tuple(found.get((name, *place)) for place in places)) for name, seen in about.items()
        ),
        left_out=tuple(_left_out(beneath.left_out)),
    )


def _images(domain: str) -> str:
    return wording.DOMAINS[domain]


def _number(row: Mapping[str, Any]) -> Number:
    value, low, high = (math.nan if row[name] is None else row[name] for name in ("auroc", "low", "high"))
    return wording.number("auroc", Estimate(value, low, high, row["n"], row["patients"]))


def _left_out(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which are left out and why, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        names = by_reason.setdefault(row["reason"], [])
        if row["name"] not in names:
            names.append(row["name"])
    return [f"Left out: {wording.listed(names)}. {reason}" for reason, names in by_reason.items()]
