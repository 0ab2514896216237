"""Wording about a single run: what it is, what it was tested on, and what limits its numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from radapt.report import wording
from radapt.report.folder import Count, Run, Score
from radapt.text import counted


def warnings(run: Run) -> list[wording.Warned]:
    """Say what limits the numbers of a single run."""
    stamps = [wording.notice_of(str(stamp)) for stamp in run.record.get("stamps", ())]
    doubts = [wording.warning_of(doubt) for doubt in run.beneath.doubts]
    sites = (run.record.get("sites") or {}).get("doubts", ())
    return [
        *stamps,
        *doubts,
        *(wording.unknown_patients(run.source) if run.source else ()),
        *(wording.suspected_shortcut(str(one)) for one in run.beneath.suspicions),
        *(wording.Warned("The site is given away.", str(doubt)) for doubt in sites),
    ]


def facts(run: Run) -> list[tuple[str, str]]:
    """Say what a single run is; what its record does not hold is left out."""
    record = run.record
    said = {
        "Model": record.get("spec", {}).get("model", ""),
        "Strategy": record.get("strategy", ""),
        "Shift": record.get("shift") or "",
        "Labelled films": record.get("budget") or "",
        "Trained on": _films_in(record.get("trained_on")),
        "Epoch chosen on": _films_in(record.get("validated_on")) or "no film: the last epoch was kept",
        "Epochs": record.get("epochs", ""),
        "Time of training": wording.duration(record["training_seconds"])
        if "training_seconds" in record
        else "",
        "Seed": record.get("seed", ""),
        "Sites": _sites(record.get("sites") or {}),
    }
    return [(name, str(text)) for name, text in said.items() if text != ""]


def headings(scores: Sequence[Score]) -> dict[str, str]:
    """Name a run's test sets, by domain."""
    found = {}
    for row in scores:
        if row.domain not in found and row.metric == "accuracy":
            films = wording.images_of(Count(row.estimate.n, row.estimate.patients, {}))
            found[row.domain] = f"{test_set(row.domain)}: {films}"
    return found


def test_set(name: str) -> str:
    """Name a test set: `target-test` holds new films, `source-test` old ones."""
    domain = name.partition("-")[0]
    return wording.DOMAINS.get(domain, domain).capitalize()


def _sites(given: Mapping[str, Any]) -> str:
    """Write how many films each site has, and how well it is told from what; "" where none are known."""
    if not given:
        return ""
    films = wording.listed(f"{name} {counted(count, 'film')}" for name, count in given["films"].items())
    told = wording.listed(
        f"from {row['seen']} {row['auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for row in given["told"]
    )
    return f"{films}; AUROC of telling them apart, cross-validated by patient, {told}"


def _films_in(given: Any) -> str:
    """Write how many films a record tells of, which is a number or a count by patient and class."""
    if isinstance(given, Mapping):
        return wording.images_of(Count(given["images"], given["patients"], {}))
    return counted(given, "film") if given else ""
