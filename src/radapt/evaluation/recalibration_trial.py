"""Fit a recalibration on some images of another hospital and test it on other patients."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.recalibration import RECALIBRATORS, recalibrate
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import Notice, as_rows
from radapt.images.split import split_off
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.stats.inference import difference
from radapt.text import counted, listed

TURNED = (
    "On the images that the map was fitted on, higher scores meant fewer findings, and the map reverses "
    "the order of the scores. No map mends a model that does not distinguish the classes."
)
CHANGED = ("log-loss", "brier")  # metrics that a recalibration should lower

_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")


@dataclass(frozen=True, slots=True)
class RecalibrationPlan:
    """A recalibration method and the images it is fitted on.

    Raises
    ------
    UnknownName
        If there is no such method.
    """

    method: str  # a name in `RECALIBRATORS`
    on: str = "val"  # a split; or a share of the test patients to set aside, as "0.3"

    def __post_init__(self) -> None:
        if self.method not in RECALIBRATORS:
            raise UnknownName("recalibration", self.method, RECALIBRATORS)


@dataclass(frozen=True, slots=True, eq=False)
class RecalibrationSplit:
    """Images to fit a recalibration on and images to test it on, of different patients."""

    fitted_on: ImageSet
    tested_on: ImageSet
    words: str  # description of `fitted_on`


def split_for_recalibration(
    data: Dataset, split: str, on: str, *, record: Mapping[str, Any], seed: int
) -> RecalibrationSplit:
    """Choose the images to fit a recalibration on and the images to test it on.

    Parameters
    ----------
    split
        Name of the split to test on.
    on
        As for `RecalibrationPlan`.
    record
        The record of the run, see `radapt.runs.folder`; it names the data that its model was trained on.
    seed
        For the random choice of the patients to set aside.

    Raises
    ------
    AskedWrongly
        If both would share images or patients, or would include images that the model was trained on.
    """
    name, share = data.origin.name, float(on) if _NUMBER.fullmatch(on) else None
    learned = data.origin.fingerprint in (record.get("data"), record.get("source"))
    if learned and "train" in (on, split):
        raise AskedWrongly(
            f"The model was trained on the train images of {name!r}, and is more certain of them than of "
            "others. Give --on val, or a share of the test patients to set aside, as --on 0.3."
        )
    if share is not None:
        rest, part = split_off(data[split], share, seed=seed)
        return RecalibrationSplit(part, rest, f"those set aside from the {split} images of {name}")
    if on == split:
        raise AskedWrongly(
            f"A recalibration is not tested on the images that it was fitted on. Got the {on} "
            f"images for both. "
            "Give a share of their patients to set aside, as --on 0.3."
        )
    if on not in data.splits:
        raise AskedWrongly(
            f"The data set {name!r} has no {on} images to fit a recalibration on. "
            f"Give --on one of {listed(data.splits)}, or a share of the {split} patients, as --on 0.3."
        )
    sides = RecalibrationSplit(data[on], data[split], f"the {on} images of {name}")
    both = np.intersect1d(sides.fitted_on.patients, sides.tested_on.patients)
    if len(both):
        raise AskedWrongly(
            f"{counted(len(both), 'patient')} of the {split} images "
            f"{'is' if len(both) == 1 else 'are'} among "
            f"the {on} images too, such as {str(both[0])!r}: a recalibration is tested on other patients. "
            f"Give a share of the {split} patients to set aside, as --on 0.3."
        )
    return sides


def evaluate_recalibration(
    remedy: RecalibrationPlan,
    before: Predictions,
    validation: Predictions,
    terms: PerformanceOptions,
    *,
    words: str,
) -> tuple[Predictions, dict[str, Any]]:
    """Fit a recalibration on some images and measure its effect on others.

    Parameters
    ----------
    before
        Predictions for the test images, before recalibration.
    validation
        Predictions for images of other patients, to fit the map on, and to choose a threshold if there is
        none.
    terms
        As for `radapt.evaluation.performance.evaluate_performance`.
    words
        Description of the images of `validation`.

    Returns
    -------
    Predictions, dict
        The recalibrated predictions of the test images; and a dict of "map" (a `Recalibrator` as JSON),
        "changes" (of log loss and Brier score, after minus before), "warnings" (notices) and "performance"
        (performance after recalibration, a row per finding).

    Raises
    ------
    AskedWrongly
        If the images do not suffice for a fit, see `radapt.evaluation.recalibration.recalibrate`.
    """
    recalibrator = recalibrate(remedy.method, validation, on=words)
    after = recalibrator.apply(before)
    changes = [{"metric": metric, **difference(metric, [after], [before]).as_dict()} for metric in CHANGED]
    sentences = [TURNED] if any(fitted.a < 0 for fitted in recalibrator.maps) else []
    sentences += [
        f"The map makes the {find_metric(row['metric']).words} worse, by {row['value']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}]: it was fitted on {recalibrator.fitted_on}, "
        "too few or too unlike these."
        for row in changes
        if row["low"] is not None and row["low"] > 0
    ]
    return after, {
        "map": recalibrator.as_dict(),
        "changes": changes,
        "warnings": as_rows(Notice("recalibration", "caution", text) for text in sentences),
        "performance": evaluate_performance(
            after, terms, chosen_on=recalibrator.apply(validation), words=words
        ),
    }
