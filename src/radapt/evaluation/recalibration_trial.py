"""A recalibration tried on another hospital: on whose images it is fitted, and whose it is tested on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.recalibration import RECALIBRATORS, recalibrate
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.split import split_off
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.stats.inference import difference
from radapt.text import counted, listed

TURNED = (
    "On the images that it was fitted on scores went the wrong way, and the map turns them round: a model "
    "that does not tell images apart is not mended by any map."
)
CHANGED = ("log-loss", "brier")  # what the map is to lower

_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")


@dataclass(frozen=True, slots=True)
class RecalibrationPlan:
    """A recalibration, and which images it is fitted on.

    Raises
    ------
    UnknownName
        If there is no such recalibration.
    """

    method: str  # a name in `RECALIBRATORS`
    on: str = "val"  # a split; or a share of the patients who would be tested on, as "0.3", to be set aside

    def __post_init__(self) -> None:
        if self.method not in RECALIBRATORS:
            raise UnknownName("recalibration", self.method, RECALIBRATORS)


@dataclass(frozen=True, slots=True, eq=False)
class RecalibrationSplit:
    """Images of two groups of patients: the one that something is fitted on, and the one that tests it."""

    fitted_on: ImageSet
    tested_on: ImageSet
    words: str  # which images `fitted_on` are


def split_for_recalibration(
    data: Dataset, split: str, on: str, *, record: Mapping[str, Any], seed: int
) -> RecalibrationSplit:
    """Choose the images that a recalibration is fitted on, and those of a split that test it.

    Parameters
    ----------
    split
        The images to be tested on.
    on
        As for `Remedy`.
    record
        Of the run, see `radapt.runs.folder`: what its model learned from is not to be fitted on.
    seed
        Draws the patients who are set aside.

    Raises
    ------
    AskedWrongly
        If these would be the same images, or of the same patients, or images that the model learned from.
    """
    name, share = data.origin.name, float(on) if _NUMBER.fullmatch(on) else None
    learned = data.origin.fingerprint in (record.get("data"), record.get("source"))
    if learned and "train" in (on, split):
        raise AskedWrongly(
            f"The model learned from the train images of {name!r}, of which it is surer than of others. "
            "Give --on val, or a share of the test patients to set aside, as --on 0.3."
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
    held: Predictions,
    terms: PerformanceOptions,
    *,
    words: str,
) -> tuple[Predictions, dict[str, Any]]:
    """Fit a recalibration on the images that were held back, and see what it does to the others.

    Parameters
    ----------
    before
        A model's answers for the images that test it.
    held
        Its answers for those of other patients, on which the map is fitted, and a threshold if it has to be
        chosen.
    terms
        As for `radapt.evaluation.performance.evaluate_performance`.
    words
        Which images `held` are of.

    Returns
    -------
    Predictions, dict
        The answers afterwards; and "map" (a `Recalibrator`), "changes" (of log loss and Brier score, after
        minus before), "warnings" (sentences), and "appraisal" (afterwards, a row a finding).

    Raises
    ------
    AskedWrongly
        If the images that were held back cannot tell, see `radapt.evaluation.recalibration.recalibrate`.
    """
    found = recalibrate(remedy.method, held, on=words)
    after = found.apply(before)
    changes = [{"metric": metric, **difference(metric, [after], [before]).as_dict()} for metric in CHANGED]
    warnings = [TURNED] if any(fitted.a < 0 for fitted in found.maps) else []
    warnings += [
        f"The map makes the {find_metric(row['metric']).words} worse, by {row['value']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}]: it was fitted on {found.fitted_on}, "
        "too few or too unlike these."
        for row in changes
        if row["low"] is not None and row["low"] > 0
    ]
    return after, {
        "map": found.as_dict(),
        "changes": changes,
        "warnings": warnings,
        "appraisal": evaluate_performance(after, terms, chosen_on=found.apply(held), words=words),
    }
