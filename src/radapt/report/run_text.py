"""Sentences about a single run: what it is, what it was tested on, and what limits its numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from radapt.evaluation.scores import Score
from radapt.images.notice import Notice, from_rows, in_order
from radapt.report import wording
from radapt.report.folder import Run
from radapt.report.warnings import unknown_patients
from radapt.runs.holdout import ImageCount
from radapt.text import counted, joined


def warnings(run: Run) -> list[Notice]:
    """Return the notices of a single run, the most harmful first."""
    return in_order(
        [
            *from_rows(run.record.get("notices", ())),
            *run.shortcut_checks.warnings,
            *(unknown_patients(run.source) if run.source else ()),
            *run.shortcut_checks.occlusion_warnings,
            *from_rows((run.record.get("sites") or {}).get("warnings", ())),
        ]
    )


def lead(run: Run) -> str:
    """Say which model it is: its architecture, what it reads, and its weights, as far as they are known."""
    page = "This page holds one model and its records; to compare strategies, run a study."
    if not run.spec.get("model"):
        return page
    spec = run.spec
    digest = f" with the weights {spec['weights_sha256'][:12]}" if spec.get("weights_sha256") else ""
    return (
        f"The model is {_network(spec)}{digest}{_start(run.record)}; it reads images of "
        f"{spec['size']} x {spec['size']} pixels and distinguishes {joined(spec['classes'])}. {page}"
    )


def _network(spec: Mapping[str, Any]) -> str:
    """Name the network, or say of how many an ensemble is."""
    members = spec.get("members", 1)
    return f"an ensemble of {members} networks {spec['model']}" if members > 1 else str(spec["model"])


def _start(record: Mapping[str, Any]) -> str:
    """Say what a model was once started from; "" if nobody knows, as of an imported one that was adapted."""
    start = record.get("pretrained")
    if record.get("kind") == "import":
        return f", once started from the file {record['file']['name']}, which was imported"
    if start:
        return f", once started from {'published weights' if start is True else f'the weights {start}'}"
    kind = record.get("kind")
    trained_here = kind == "train" or (kind == "adapt" and record.get("source"))
    return ", once started from random weights" if trained_here else ""


def facts(run: Run) -> list[tuple[str, str]]:
    """Return sentences on what a run is, as far as its record holds it."""
    record = run.record
    chosen_on = "" if record.get("kind") == "import" else "none: the last epoch was kept"
    values = {
        "Imported from": record.get("file", {}).get("name", ""),
        "Model": run.spec.get("model", ""),
        "Strategy": record.get("strategy", ""),
        "Shift": record.get("shift") or "",
        "Labelled images": record.get("budget") or "",
        "Trained on": _images_in(record.get("trained_on")),
        "Epoch chosen on": _images_in(record.get("validated_on")) or chosen_on,
        "Epochs": record.get("epochs", ""),
        "Time of training": wording.duration(record["training_seconds"])
        if "training_seconds" in record
        else "",
        "Seed": record.get("seed", ""),
        "Sites": _sites(record.get("sites") or {}),
    }
    return [(name, str(text)) for name, text in values.items() if text != ""]


def headings(scores: Sequence[Score]) -> dict[str, str]:
    """Return the names of a run's test sets, by domain."""
    names = {}
    for row in scores:
        if row.domain not in names and row.metric == "accuracy":
            images = wording.images_of(ImageCount(row.estimate.n, row.estimate.patients, {}))
            names[row.domain] = f"{test_set(row.domain)}: {images}"
    return names


def test_set(name: str) -> str:
    """Return the name of a test set: `target-test` holds target images, `source-test` source images."""
    domain = name.partition("-")[0]
    return wording.DOMAINS.get(domain, domain).capitalize()


def _sites(sites: Mapping[str, Any]) -> str:
    """Return a sentence on the images of each site and how well sites are predicted; "" if unknown."""
    if not sites:
        return ""
    images = joined(f"{name} {counted(count, 'image')}" for name, count in sites["images"].items())
    aurocs = joined(
        f"from {row['features']} {row['auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for row in sites["predictions"]
    )
    return f"{images}; AUROC of predicting the site, cross-validated by patient, {aurocs}"


def _images_in(counts: Mapping[str, Any] | None) -> str:
    """Write the number of images and patients in a record; "" where it has none."""
    return "" if counts is None else wording.images_of(ImageCount.from_dict(counts))
