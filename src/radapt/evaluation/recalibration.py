"""Maps that make probabilities mean what they say.

They are fitted on images that were not trained on and are not tested on. Of two classes, or of findings, they
leave images in the order that they had, so that an AUROC stays what it was; only Platt's turns it round,
where scores were the wrong way round.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.predictions import Predictions
from radapt.stats.logistic import EDGE, fit_logistic, log_odds
from radapt.text import listed

Floats = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0  # temperatures; on images that are all right there is no end to the cold


@dataclass(frozen=True, slots=True)
class Map:
    """New log odds of a finding with score p: rise * log(p) - fall * log(1 - p) + shift."""

    rise: float
    fall: float
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A fitted recalibration; as JSON it goes beside the model."""

    method: str  # a name in `RECALIBRATORS`
    classes: tuple[str, ...]
    maps: tuple[Map, ...]  # one for each finding, or one for classes that exclude one another
    fitted_on: str  # in words: which images, and how many

    def apply(self, predictions: Predictions) -> Predictions:
        """Give the predictions with new scores.

        Raises
        ------
        AskedWrongly
            If they are of other classes than those it was fitted on.
        """
        if predictions.classes != self.classes:
            raise AskedWrongly(
                f"This recalibration is for the classes {listed(self.classes)}. "
                f"Got predictions of {listed(predictions.classes)}."
            )
        if predictions.exclusive and not predictions.binary:
            return replace(predictions, scores=_tempered(predictions.scores, self.maps[0].rise))
        if predictions.binary:
            new = _mapped(predictions.scores, predictions.positive, self.maps[0])
            return replace(predictions, scores=new)
        columns = [
            _mapped(np.stack([1 - score, score], axis=1), 1, each)[:, 1]
            for score, each in zip(predictions.scores.T, self.maps, strict=True)
        ]
        return replace(predictions, scores=np.stack(columns, axis=1))

    def as_dict(self) -> dict[str, Any]:
        """Give the fields by name, ready for strict JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Recalibrator":
        """Give back what `as_dict` gave."""
        maps = tuple(Map(**each) for each in row["maps"])
        return cls(str(row["method"]), tuple(row["classes"]), maps, str(row["fitted_on"]))


def recalibrate(method: str, predictions: Predictions, *, on: str) -> Recalibrator:
    """Fit a recalibration.

    Parameters
    ----------
    method
        A name in `RECALIBRATORS`.
    predictions
        Of images whose labels are known. Of several findings each is fitted on the images labelled for it.
    on
        Which images these are, in words, such as "the validation split".

    Raises
    ------
    UnknownName
        If there is no such method.
    AskedWrongly
        If the images cannot tell: a class has none, there are too many classes for the method, or it has no
        finite answer.
    """
    if method not in RECALIBRATORS:
        raise UnknownName("recalibration", method, RECALIBRATORS)
    fit = RECALIBRATORS[method]
    parts = [predictions] if predictions.exclusive else [apart for _, apart in predictions.apart()]
    for part in parts:
        _check(method, part)
    patients = np.unique(predictions.patients).size
    words = f"{len(predictions):,} images of {patients:,} patients, {on}"
    return Recalibrator(method, predictions.classes, tuple(fit(part) for part in parts), words)


def temperature(predictions: Predictions) -> Map:
    """Divide the log odds by one number (Guo 2017, arXiv 1706.04599): the likeliest between 0.05 and 20.

    It serves any number of classes.
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(predictions.scores, EDGE))
    own = logs[np.arange(len(logs)), predictions.labels.astype(np.int64)]

    def loss(log_temperature: float) -> float:
        colder = np.exp(-log_temperature)
        whole = np.logaddexp.reduce(colder * logs, axis=1)
        return float((whole - colder * own).mean())

    ends = np.log(COLDEST), np.log(HOTTEST)
    best = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-9})
    by = float(np.exp(-best.x))
    return Map(by, by)


def platt(predictions: Predictions) -> Map:
    """Fit a line to the log odds, towards targets a little short of 1 and 0.

    These are (n1 + 1) / (n1 + 2) for the n1 images with the finding and 1 / (n0 + 2) for the n0 others (Platt
    1999; Lin, Lin & Weng 2007, Mach. Learn. 68:267), so that there is an answer also where no image is wrong.
    """
    has = predictions.labels == predictions.positive
    with_it, without = int(has.sum()), int((~has).sum())
    targets = np.where(has, (with_it + 1) / (with_it + 2), 1 / (without + 2))
    odds = log_odds(predictions)
    slope, shift = _finite("platt", _line(odds), targets)
    return Map(slope, slope, shift)


def beta(predictions: Predictions) -> Map:
    """Fit how scores and their complements count, each for itself.

    This is beta calibration (Kull, Silva Filho & Flach 2017, Electron. J. Stat. 11:5052). A map that would
    turn scores round is left without that part, as its authors do.
    """
    scores = np.maximum(predictions.scores, EDGE)
    positive = predictions.positive
    parts = [np.log(scores[:, positive]), -np.log(scores[:, 1 - positive])]
    targets = (predictions.labels == positive).astype(np.float64)
    rise, fall, shift = _finite("beta", np.stack([*parts, np.ones(len(targets))], axis=1), targets)
    if rise < 0:
        fall, shift = _finite("beta", _line(parts[1]), targets)
        rise = 0.0
    elif fall < 0:
        rise, shift = _finite("beta", _line(parts[0]), targets)
        fall = 0.0
    if rise < 0 or fall < 0:  # neither part tells: the share of the finding for all
        share = float(targets.mean())
        return Map(0.0, 0.0, float(np.log(share / (1 - share))))
    return Map(rise, fall, shift)


RECALIBRATORS: dict[str, Callable[[Predictions], Map]] = {
    "temperature": temperature,
    "platt": platt,
    "beta": beta,
}


def _line(values: Floats) -> Floats:
    return np.stack([values, np.ones_like(values)], axis=1)


def _finite(method: str, features: Floats, targets: Floats) -> Sequence[float]:
    found = fit_logistic(features, targets)[0]
    if np.isnan(found).any():
        others = ", ".join(name for name in RECALIBRATORS if name not in (method, "beta"))
        raise AskedWrongly(
            f"The scores of these images part the classes without error, which leaves {method} without a "
            f"finite answer. Others that have one: {others}."
        )
    return [float(value) for value in found]


def _check(method: str, part: Predictions) -> None:
    if method != "temperature" and not part.binary:
        raise AskedWrongly(
            f"The recalibration {method} is for two classes or for findings; for "
            f"{len(part.classes)} classes there is: temperature."
        )
    counts = np.bincount(part.labels.astype(np.int64), minlength=len(part.classes))
    if part.binary and not counts.all():
        missing = part.classes[int(counts.argmin())]
        raise AskedWrongly(
            "A recalibration is fitted on images of both classes. "
            f"Got {len(part):,} images, none of {missing!r}."
        )
    if not len(part):
        raise AskedWrongly("A recalibration is fitted on images. Got none.")


def _mapped(scores: Floats, positive: int, by: Map) -> Floats:
    from scipy.special import expit

    logs = np.log(np.maximum(scores, EDGE))
    odds = by.rise * logs[:, positive] - by.fall * logs[:, 1 - positive] + by.shift
    new = np.empty_like(scores)
    new[:, positive], new[:, 1 - positive] = expit(odds), expit(-odds)
    return new


def _tempered(scores: Floats, colder: float) -> Floats:
    logs = colder * np.log(np.maximum(scores, EDGE))
    new: Floats = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
    return new
