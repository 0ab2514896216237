"""Recalibration: maps from a model's scores to calibrated probabilities.

They are fitted on images that are neither trained on nor tested on. Of two classes, or of several labels,
they keep the order of the images, and so the AUROC; only Platt's reverses it, where scores were reversed.
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

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0  # where no image is wrong, the best temperature would be 0


@dataclass(frozen=True, slots=True)
class Map:
    """Calibrated log odds of a score s: a log(s) - b log(1 - s) + c, as in Kull 2017.

    Platt scaling has a = b, temperature scaling c = 0 as well.
    """

    a: float
    b: float
    c: float = 0.0


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A fitted recalibration; as JSON it goes beside the model."""

    method: str  # a name in `RECALIBRATORS`
    classes: tuple[str, ...]
    maps: tuple[Map, ...]  # one for each label, or one for classes that exclude one another
    fitted_on: str  # in words: which images, and how many

    def apply(self, predictions: Predictions) -> Predictions:
        """Apply it to predictions.

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
            return replace(predictions, scores=_tempered(predictions.scores, self.maps[0].a))
        if predictions.binary:
            new = _mapped(predictions.scores, predictions.positive, self.maps[0])
            return replace(predictions, scores=new)
        columns = [
            _mapped(np.stack([1 - score, score], axis=1), 1, of_label)[:, 1]
            for score, of_label in zip(predictions.scores.T, self.maps, strict=True)
        ]
        return replace(predictions, scores=np.stack(columns, axis=1))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for strict JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Recalibrator":
        """Return what `as_dict` gave."""
        maps = tuple(Map(**fields) for fields in row["maps"])
        return cls(str(row["method"]), tuple(row["classes"]), maps, str(row["fitted_on"]))


def recalibrate(method: str, predictions: Predictions, *, on: str) -> Recalibrator:
    """Fit a recalibration.

    Parameters
    ----------
    method
        A name in `RECALIBRATORS`.
    predictions
        Of images with labels. Of several labels each is fitted on the images that have it, 1 or 0.
    on
        Which images these are, in words, such as "the validation split".

    Raises
    ------
    UnknownName
        If there is no such method.
    AskedWrongly
        If a class has no images, there are too many classes for the method, or it has no finite solution.
    """
    if method not in RECALIBRATORS:
        raise UnknownName("recalibration", method, RECALIBRATORS)
    fit = RECALIBRATORS[method]
    parts = [predictions] if predictions.exclusive else [label for _, label in predictions.apart()]
    for part in parts:
        _check(method, part)
    patients = np.unique(predictions.patients).size
    words = f"{len(predictions):,} images of {patients:,} patients, {on}"
    return Recalibrator(method, predictions.classes, tuple(fit(part) for part in parts), words)


def temperature(predictions: Predictions) -> Map:
    """Divide the log odds by a temperature of 0.05 to 20, by maximum likelihood (Guo 2017, arXiv 1706.04599).

    It is for any number of classes.
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(predictions.scores, EDGE))
    true_class = logs[np.arange(len(logs)), predictions.labels.astype(np.int64)]

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        total = np.logaddexp.reduce(inverse * logs, axis=1)
        return float((total - inverse * true_class).mean())

    ends = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    best = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-9})
    inverse = float(np.exp(-best.x))
    return Map(inverse, inverse)


def platt(predictions: Predictions) -> Map:
    """Fit slope and intercept of the log odds, to targets slightly below 1 and above 0.

    These are (n1 + 1) / (n1 + 2) for the n1 positive images and 1 / (n0 + 2) for the n0 negative ones
    (Platt 1999; Lin, Lin & Weng 2007, Mach. Learn. 68:267), so that there is a solution also where no image
    is wrong.
    """
    positive = predictions.labels == predictions.positive
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    targets = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    odds = log_odds(predictions)
    slope, intercept = _finite("platt", _line(odds), targets)
    return Map(slope, slope, intercept)


def beta(predictions: Predictions) -> Map:
    """Fit beta calibration (Kull, Silva Filho & Flach 2017, Electron. J. Stat. 11:5052).

    A coefficient that would be negative, and reverse scores, is set to 0 as its authors do.
    """
    scores = np.maximum(predictions.scores, EDGE)
    positive = predictions.positive
    logs = [np.log(scores[:, positive]), -np.log(scores[:, 1 - positive])]
    targets = (predictions.labels == positive).astype(np.float64)
    a, b, c = _finite("beta", np.stack([*logs, np.ones(len(targets))], axis=1), targets)
    if a < 0:
        b, c = _finite("beta", _line(logs[1]), targets)
        a = 0.0
    elif b < 0:
        a, c = _finite("beta", _line(logs[0]), targets)
        b = 0.0
    if a < 0 or b < 0:  # scores say nothing: every image gets the prevalence
        prevalence = float(targets.mean())
        return Map(0.0, 0.0, float(np.log(prevalence / (1 - prevalence))))
    return Map(a, b, c)


RECALIBRATORS: dict[str, Callable[[Predictions], Map]] = {
    "temperature": temperature,
    "platt": platt,
    "beta": beta,
}


def _line(values: Floats) -> Floats:
    return np.stack([values, np.ones_like(values)], axis=1)


def _finite(method: str, features: Floats, targets: Floats) -> Sequence[float]:
    coefficients = fit_logistic(features, targets)[0]
    if np.isnan(coefficients).any():
        others = ", ".join(name for name in RECALIBRATORS if name not in (method, "beta"))
        raise AskedWrongly(
            f"The scores of these images separate the classes perfectly, so that {method} has no finite "
            f"solution. These have one: {others}."
        )
    return [float(value) for value in coefficients]


def _check(method: str, part: Predictions) -> None:
    if method != "temperature" and not part.binary:
        raise AskedWrongly(
            f"The recalibration {method} is for two classes, or for findings; for {len(part.classes)} "
            "classes use temperature."
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


def _mapped(scores: Floats, positive: int, fitted: Map) -> Floats:
    from scipy.special import expit

    logs = np.log(np.maximum(scores, EDGE))
    odds = fitted.a * logs[:, positive] - fitted.b * logs[:, 1 - positive] + fitted.c
    new = np.empty_like(scores)
    new[:, positive], new[:, 1 - positive] = expit(odds), expit(-odds)
    return new


def _tempered(scores: Floats, inverse_temperature: float) -> Floats:
    logs = inverse_temperature * np.log(np.maximum(scores, EDGE))
    new: Floats = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
    return new
