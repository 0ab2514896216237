"""Shortcut baselines as a small table below the scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.report import wording
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.report.wording import Number
from radapt.shortcuts.baselines import ABOUT
from radapt.stats.estimate import Estimate
from radapt.text import joined

HEADING = "Shortcut baselines: what can be predicted without the lungs"


@dataclass(frozen=True, slots=True)
class BaselineTable:
    """Shortcut baselines, a row each, by the images they were fitted and tested on."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Number | None, ...]], ...]  # name, input, AUROCs
    left_out: tuple[str, ...]  # sentences


def baseline_table(checks: ShortcutChecks) -> BaselineTable | None:
    """Return the table of shortcut baselines of a study or run; None where none was fitted."""
    if not checks.baselines and not checks.left_out:
        return None
    places = list(dict.fromkeys((row["trained_on"], row["domain"]) for row in checks.baselines))
    about = {row["name"]: row.get("about", ABOUT[row["name"]]) for row in checks.baselines}
    aurocs = {(row["name"], row["trained_on"], row["domain"]): _number(row) for row in checks.baselines}
    return BaselineTable(
        columns=tuple(f"fitted on {_images(train)}, tested on {_images(test)}" for train, test in places),
        rows=tuple(
            (name, inputs, tuple(aurocs.get((name, *place)) for place in places))
            for name, inputs in about.items()
        ),
        left_out=tuple(_left_out(checks.left_out)),
    )


def _images(domain: str) -> str:
    """Name the images of a domain, or those of a part of one data set."""
    return wording.DOMAINS.get(domain, "all images" if domain == "all" else f"{domain} images")


def _number(row: Mapping[str, Any]) -> Number:
    value, low, high = (math.nan if row[name] is None else row[name] for name in ("auroc", "low", "high"))
    return wording.number("auroc", Estimate(value, low, high, row["n"], row["patients"]))


def _left_out(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each reason, with the baselines that are left out for it."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        names = by_reason.setdefault(row["reason"], [])
        if row["name"] not in names:
            names.append(row["name"])
    return [f"Left out: “{joined(names)}”. {reason}" for reason, names in by_reason.items()]
