"""A stress test: a model's scores under every shift of a suite at every severity, on the same images.

A stress folder holds `asked.json` (the request), `cells.json` (the scores so far), `stress.npz` (example
images) and, when it is finished, `stress.json`. The same request continues an unfinished test.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import IDENTITY, STRESS, STRESS_CELLS, STRESS_IMAGES
from radapt.device import Hardware
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import atomic, plain, read_document, read_if_whole, write_document
from radapt.images.imageset import ImageSet
from radapt.models.checkpoint import model_digest
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes, predict
from radapt.predictions import Predictions
from radapt.progress import SILENT, Watch
from radapt.provenance import now, provenance
from radapt.shift.corruption import Shift
from radapt.shift.expression import at, names, parse_shift
from radapt.shift.presets import SUITES
from radapt.shift.shifted import selects_images, shift_images
from radapt.shift.table import SEVERITIES
from radapt.stats.estimate import verdict
from radapt.stats.inference import difference, estimate
from radapt.text import listed
from radapt.version import __version__
from radapt.workfolder import reserve_folder

METRICS = ("accuracy", "auroc")
SHOWN = 8  # example images, under the most harmful shift


def shifts_of(suite: str, severities: Sequence[int] = SEVERITIES) -> list[tuple[str, int, Shift]]:
    """Return the shifts of a suite: name, severity (0 for a shift without severities) and shift.

    Parameters
    ----------
    suite
        The name of a suite, or names of shifts separated by commas.
    severities
        From 1 to 5.

    Raises
    ------
    UnknownName
        If there is no such suite or shift.
    AskedWrongly
        If no shift is named, or one that removes images, which leaves nothing to compare image by image.
        Such shifts are skipped where they are part of a suite.
    """
    parts = tuple(dict.fromkeys(part.strip() for part in suite.split(",") if part.strip()))
    requested = SUITES.get(suite) or parts
    if not requested or not severities:
        raise AskedWrongly(f"A suite is one of {listed(SUITES)}, or names of shifts. Got {suite!r}.")
    todo: list[tuple[str, int, Shift]] = []
    for name in requested:
        if name == "original":
            todo.append((name, 0, parse_shift(name)))
            continue
        if name not in names():
            raise UnknownName("suite or shift", name, [*SUITES, *names()])
        shifts = [at(name, severity) for severity in severities]
        if any(map(selects_images, shifts)):
            if suite in SUITES:
                continue
            raise AskedWrongly(f"{name!r} takes images away, so it cannot be compared image by image.")
        todo += [(name, severity, shift) for severity, shift in zip(severities, shifts, strict=True)]
    return todo


@dataclass(frozen=True, slots=True)
class StressOptions:
    """Which shifts a model is tested under, and how many bootstrap samples an interval takes."""

    suite: str = "all"  # see `shifts_of`
    severities: Sequence[int] = SEVERITIES
    seed: int = 0
    draws: int = 1000


def stress_model(
    classifier: Classifier,
    images: ImageSet,
    out: Path,
    options: StressOptions | None = None,
    *,
    about: Mapping[str, Any] | None = None,
    hardware: Hardware,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Score a model under every shift of a suite into a folder, or continue there.

    Parameters
    ----------
    images
        The test images, the same under every shift.
    about
        More about the images for the record, such as the name of the data set.

    Returns
    -------
    dict
        The content of `stress.json`: `clean` (scores without a shift), `cells` (for each shift, severity and
        metric the score with its interval, the paired `drop` against clean, and its verdict), `ranking`
        (shifts by mean drop of accuracy, the worst first, each with its lowest harmful severity),
        `harmless` (shifts that do not lower accuracy at any severity) and `shown` (example images).

    Raises
    ------
    AskedWrongly
        If the suite is unknown, the images do not suit the model, or `out` holds another stress test.
    """
    options = options or StressOptions()
    todo = shifts_of(options.suite, options.severities)
    check_classes(classifier, images)
    identity = {
        "kind": "stress",
        "radapt": __version__,
        "suite": options.suite,
        "shifts": [f"{name}@{severity}: {shift}" for name, severity, shift in todo],
        "seed": options.seed,
        "draws": options.draws,
        "model": model_digest(classifier),
        "images": images.digest(),
        **(about or {}),
    }
    with reserve_folder(out, plain(identity), IDENTITY) as begun:
        if begun and (before := read_if_whole(out / STRESS)):
            return before
        started, clean = now(), predict(classifier, images, hardware)
        test = _StressTest(classifier, images, clean, options, hardware)
        cells = _score_cells(test, todo, out, watch)
        ranking = _ranking(cells)
        worst = ranking[0]
        shift = next(each for name, level, each in todo if (name, level) == _worst_cell(worst))
        result = {
            **identity,
            "clean": [{"metric": name, **_estimated(name, clean, options.draws)} for name in METRICS],
            "cells": cells,
            "ranking": ranking,
            "harmless": [row["shift"] for row in ranking if row["lowest_harmful_severity"] is None],
            "shown": {
                "shift": worst["shift"],
                "severity": worst["worst_severity"],
                "images": _save_examples(test, shift, out),
            },
            "provenance": provenance(hardware, started),
        }
        write_document(out / STRESS, result)
        return read_document(out / STRESS)


@dataclass(frozen=True, slots=True, eq=False)
class _StressTest:
    """The model under test and its test images, with its predictions for them without a shift."""

    classifier: Classifier
    images: ImageSet
    clean: Predictions
    options: StressOptions
    hardware: Hardware

    def shifted(self, shift: Shift) -> tuple[ImageSet, Predictions]:
        """Return the shifted images and the predictions for them."""
        images = shift_images(self.images, shift, seed=self.options.seed, device=self.hardware.device)[0]
        return images, predict(self.classifier, images, self.hardware)


def _score_cells(
    test: _StressTest, todo: Sequence[tuple[str, int, Shift]], out: Path, watch: Watch
) -> list[dict[str, Any]]:
    """Score every shift that `cells.json` does not hold yet, writing it after each."""
    cells: list[dict[str, Any]] = (read_if_whole(out / STRESS_CELLS) or {}).get("cells", [])
    done = {(row["shift"], row["severity"]) for row in cells}
    watch.begin(f"stress: {test.options.suite}", len(todo), "shift")
    for number, (name, severity, shift) in enumerate(todo, start=1):
        if (name, severity) not in done:
            _, predictions = test.shifted(shift)
            cells += [
                {"shift": name, "severity": severity, "requested": str(shift), **row}
                for row in _scored(test.clean, predictions, test.options.draws)
            ]
            write_document(out / STRESS_CELLS, {"cells": cells})
        watch.advance(number, name)
    watch.end()
    return cells


def _estimated(metric: str, predictions: Predictions, draws: int) -> dict[str, Any]:
    return estimate(metric, [predictions], draws=draws).as_dict()


def _scored(clean: Predictions, shifted: Predictions, draws: int) -> Iterator[dict[str, Any]]:
    for metric in METRICS:
        drop = difference(metric, [shifted], [clean], draws=draws)
        yield {
            "metric": metric,
            **_estimated(metric, shifted, draws),
            "drop": drop.as_dict(),
            "verdict": verdict(drop),
        }


def _ranking(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rank shifts by their mean drop of accuracy over the severities, the worst first."""
    ranked = []
    for name in dict.fromkeys(row["shift"] for row in cells):
        own = [row for row in cells if row["shift"] == name and row["metric"] == METRICS[0]]
        drops = [row["drop"]["value"] for row in own if row["drop"]["value"] is not None]
        harm = [row["severity"] for row in own if row["verdict"] == "worse"]
        worst = min(own, key=lambda row: row["drop"]["value"] or 0.0)
        ranked.append(
            {
                "shift": name,
                "mean_drop": float(np.mean(drops)) if drops else None,
                "lowest_harmful_severity": min(harm, default=None),
                "worst_severity": worst["severity"],
            }
        )
    return sorted(ranked, key=lambda row: row["mean_drop"] or 0.0)


def _worst_cell(ranked: Mapping[str, Any]) -> tuple[str, int]:
    return ranked["shift"], ranked["worst_severity"]


def _save_examples(test: _StressTest, shift: Shift, out: Path) -> list[dict[str, Any]]:
    """Save the images whose true-class probability falls most under a shift; return a row on each."""
    shifted, predictions = test.shifted(shift)
    before, after = test.clean.own_scores(), predictions.own_scores()
    rows = np.argsort(after - before, kind="stable")[:SHOWN]
    with atomic(out / STRESS_IMAGES) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, clean=test.images.pixels[rows], shifted=shifted.pixels[rows])
    return [
        {
            "id": str(test.images.ids[row]),
            "label": label,
            "before": float(before[row]),
            "after": float(after[row]),
        }
        for row, label in zip(rows, test.images.take(rows).names(), strict=True)
    ]
