"""A stress test: a model's scores under every shift of a suite at every severity, on the same images.

A stress folder holds `asked.json` (what was asked), `cells.json` (the scores so far), `stress.npz` (images to
show) and, when it is finished, `stress.json`. Begun again with the same request, it goes on where it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import IDENTITY, STRESS, STRESS_CELLS, STRESS_IMAGES
from radapt.device import Hardware
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import atomic, plain, read_if_whole, write_json
from radapt.images.imageset import ImageSet
from radapt.models.checkpoint import weights_digest
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
SHOWN = 8  # images under the shift that hurts most


def shifts_of(suite: str, severities: Sequence[int] = SEVERITIES) -> list[tuple[str, int, Shift]]:
    """Give the shifts of a suite: name, severity (0 where it has none) and shift.

    Parameters
    ----------
    suite
        The name of a suite, or names of shifts with commas between.
    severities
        From 1 to 5.

    Raises
    ------
    UnknownName
        If there is no such suite or shift.
    AskedWrongly
        If nothing is asked for, or a shift by its name that takes images away, so that there is nothing to
        compare image by image; of a suite such shifts are left out.
    """
    parts = dict.fromkeys(part.strip() for part in suite.split(",") if part.strip())
    wanted = SUITES.get(suite) or tuple(parts)
    if not wanted or not severities:
        raise AskedWrongly(f"A suite is one of {listed(SUITES)}, or names of shifts. Got {suite!r}.")
    found: list[tuple[str, int, Shift]] = []
    for name in wanted:
        if name == "original":
            found.append((name, 0, parse_shift(name)))
            continue
        if name not in names():
            raise UnknownName("suite or shift", name, [*SUITES, *names()])
        shifts = [at(name, severity) for severity in severities]
        if any(map(selects_images, shifts)):
            if suite in SUITES:
                continue
            raise AskedWrongly(f"{name!r} takes images away, so it cannot be compared image by image.")
        found += [(name, severity, shift) for severity, shift in zip(severities, shifts, strict=True)]
    return found


def stress_model(
    classifier: Classifier,
    images: ImageSet,
    out: Path,
    *,
    suite: str = "all",
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    draws: int = 1000,
    about: Mapping[str, Any] | None = None,
    hardware: Hardware,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Score a model under every shift of a suite into a folder, or go on with it.

    Parameters
    ----------
    images
        What it is tested on; the same images under every shift.
    suite, severities
        See `shifts_of`.
    draws
        Bootstrap samples of each interval.
    about
        What else the record should say of the images.

    Returns
    -------
    dict
        What `stress.json` then holds: `clean` (scores as they are), `cells` (for each shift, severity and
        metric the score with its interval, the `drop` against clean, paired, and its verdict), `ranking`
        (shifts by mean drop of accuracy, the worst first, and from which severity on harm is shown),
        `harmless` (those that no severity shows harm of) and `images`.

    Raises
    ------
    AskedWrongly
        If the suite is unknown, the images do not suit the model, or `out` holds another stress test.
    """
    todo = shifts_of(suite, severities)
    check_classes(classifier, images)
    identity = {
        "kind": "stress",
        "radapt": __version__,
        "suite": suite,
        "shifts": [f"{name}@{severity}: {shift}" for name, severity, shift in todo],
        "seed": seed,
        "draws": draws,
        "model": weights_digest(classifier),
        "images": images.digest(),
        **(about or {}),
    }
    with reserve_folder(out, plain(identity), IDENTITY) as begun:
        if begun and (before := read_if_whole(out / STRESS, dict)):
            return dict(before)
        started, clean = now(), predict(classifier, images, hardware)
        cells: list[dict[str, Any]] = read_if_whole(out / STRESS_CELLS, list) or []
        done = {(row["shift"], row["severity"]) for row in cells}
        watch.begin(f"stress: {suite}", len(todo), "shift")
        for place, (name, severity, shift) in enumerate(todo):
            if (name, severity) not in done:
                shifted = shift_images(images, shift, seed=seed, device=hardware.device)[0]
                said = predict(classifier, shifted, hardware)
                cells += [
                    {"shift": name, "severity": severity, "asked": str(shift), **row}
                    for row in _scored(clean, said, draws)
                ]
                write_json(out / STRESS_CELLS, cells)
            watch.advance(place + 1, name)
        watch.end()
        ranking = _ranking(cells)
        result = {
            **identity,
            "clean": [{"metric": name, **_estimated(name, clean, draws)} for name in METRICS],
            "cells": cells,
            "ranking": ranking,
            "harmless": [row["shift"] for row in ranking if row["hurts_from"] is None],
            "shown": _show(out, classifier, images, clean, todo, ranking, seed, hardware),
            "provenance": provenance(hardware, started),
        }
        write_json(out / STRESS, plain(result))
        return dict(plain(result))


def _estimated(metric: str, said: Predictions, draws: int) -> dict[str, Any]:
    return estimate(metric, [said], draws=draws).as_dict()


def _scored(clean: Predictions, said: Predictions, draws: int) -> Iterator[dict[str, Any]]:
    for metric in METRICS:
        drop = difference(metric, [said], [clean], draws=draws)
        yield {
            "metric": metric,
            **_estimated(metric, said, draws),
            "drop": drop.as_dict(),
            "verdict": verdict(drop),
        }


def _ranking(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rank shifts by what they cost on average over the severities, the worst first."""
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
                "hurts_from": min(harm, default=None),
                "worst_severity": worst["severity"],
            }
        )
    return sorted(ranked, key=lambda row: row["mean_drop"] or 0.0)


def _show(
    out: Path,
    classifier: Classifier,
    images: ImageSet,
    clean: Predictions,
    todo: Sequence[tuple[str, int, Shift]],
    ranking: Sequence[Mapping[str, Any]],
    seed: int,
    hardware: Hardware,
) -> dict[str, Any]:
    """Keep the images that lost most under the shift that hurts most; give what is to be said of them."""
    name, severity = ranking[0]["shift"], ranking[0]["worst_severity"]
    shift = next(each for other, level, each in todo if (other, level) == (name, severity))
    shifted = shift_images(images, shift, seed=seed, device=hardware.device)[0]
    before, after = clean.own_scores(), predict(classifier, shifted, hardware).own_scores()
    rows = np.argsort(after - before, kind="stable")[:SHOWN]
    with atomic(out / STRESS_IMAGES) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, clean=images.pixels[rows], shifted=shifted.pixels[rows])
    return {
        "shift": name,
        "severity": severity,
        "images": [
            {
                "id": str(images.ids[row]),
                "label": label,
                "before": float(before[row]),
                "after": float(after[row]),
            }
            for row, label in zip(rows, images.take(rows).names(), strict=True)
        ],
    }
