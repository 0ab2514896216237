"""Shortcut baselines: classifiers that see no lung, which a model has to beat."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import ImageSet
from radapt.images.streaming import stream
from radapt.images.subsample import subsample_evenly
from radapt.images.thumbnails import averaged
from radapt.predictions import Predictions
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate

Floats = NDArray[np.float64]

MOST_TRAIN, MOST_TEST = 20_000, 5_000  # images; more would cost minutes and move no digit that is shown

_FINE, _COARSE = 32, 8  # cells a side: of 4 and of 16 pixels where an image has 128

_EDGE, _CORNER = 3, 6  # cells of `_FINE`

_STRENGTH = 0.05  # inverse strength of the L2 penalty, on standardised values


def border(pixels: NDArray[np.uint8]) -> Floats:
    """Return the outer 3/32 of each side, in cells of 1/32: collimation, markers, shoulders, no lung."""
    outer = np.ones((_FINE, _FINE), dtype=np.bool_)
    outer[_EDGE:-_EDGE, _EDGE:-_EDGE] = False
    return averaged(pixels, _FINE)[:, outer].astype(np.float64)


def corners(pixels: NDArray[np.uint8]) -> Floats:
    """Return the four corners, 6/32 of each side, where letters and side markers mostly lie."""
    near = np.zeros(_FINE, dtype=np.bool_)
    near[:_CORNER] = near[-_CORNER:] = True
    return averaged(pixels, _FINE)[:, near[:, None] & near].astype(np.float64)


def thumbnail(pixels: NDArray[np.uint8]) -> Floats:
    """Return the whole image as 8 x 8 grey levels."""
    return averaged(pixels, _COARSE).reshape(len(pixels), -1).astype(np.float64)


def grey(pixels: NDArray[np.uint8]) -> Floats:
    """Return mean, spread, 5th and 95th percentile of the grey levels, wherever they lie."""
    found = np.empty((len(pixels), 4))
    for rows, part in stream(pixels):
        flat = part.reshape(-1, pixels[0].size)
        ends = np.quantile(flat, [0.05, 0.95], axis=1)
        found[rows] = np.stack([flat.mean(axis=1), flat.std(axis=1), *ends], axis=1)
    return found


BASELINES: dict[str, Callable[[NDArray[np.uint8]], Floats]] = {
    "border": border,
    "corners": corners,
    "thumbnail": thumbnail,
    "grey": grey,
}

FILE = "file"  # the one that is of files and not of pixels

ABOUT: dict[str, str] = {
    "border": "the outer 3/32 of each side",
    "corners": "the four corners, 6/32 of each side",
    "thumbnail": "the whole image as 8 x 8 grey levels",
    "grey": "mean, spread and two percentiles of the grey levels",
    FILE: "size, width, height and bit depth of the file",
}


def describe(name: str, height: int, width: int) -> str:
    """Say what a cheap classifier sees of images of so many pixels, in pixels where the images are square."""
    cells = {"border": _EDGE, "corners": _CORNER}.get(name)
    if cells is None or height != width:
        return ABOUT[name]
    pixels = f"{cells * width / _FINE:.3g} of {width} pixels"
    return f"the outer {pixels}" if name == "border" else f"the four corners, {pixels} each"


def predict_baselines(
    train: ImageSet, test: ImageSet, names: Sequence[str] = tuple(BASELINES)
) -> dict[str, Predictions]:
    """Fit each cheap classifier on some images, and say what it makes of others.

    Parameters
    ----------
    train
        Images to fit on, of two classes at the least; of more than `MOST_TRAIN` so many, evenly spread.
    test
        Images of other patients; of more than `MOST_TEST` so many, evenly spread.
    names
        Which of `FLOORS`, or "file" where `why_not` has nothing against it.

    Returns
    -------
    dict
        By name, what it said of the test images.

    Raises
    ------
    UnknownName
        If there is no such baseline.
    AskedWrongly
        If the images to fit on are of one class or have several findings, the two sets have other classes, or
        their files are not known.
    """
    for name in names:
        if name not in ABOUT:
            raise UnknownName("baseline", name, ABOUT)
        if reason := reason_unavailable(name, train, test):
            raise AskedWrongly(reason)
    train, test = subsample_evenly(train, MOST_TRAIN), subsample_evenly(test, MOST_TEST)
    found = {}
    for name in names:
        seen, unseen = _numbers(name, train, test)
        found[name] = fit_baseline(train, test, seen, unseen)
    return found


def reason_unavailable(name: str, train: ImageSet, test: ImageSet) -> str:
    """Say in a sentence why a baseline cannot be had of these images; "" if it can."""
    if train.classes != test.classes:
        return (
            "A baseline is fitted and tested on the same classes. "
            f"Got {', '.join(train.classes)} and {', '.join(test.classes)}."
        )
    if not (train.exclusive and test.exclusive):
        return "A baseline is of images of one class each. These may have several findings."
    if len(np.unique(train.labels)) < 2:
        return "A baseline is fitted on images of two classes or more. Got images of one."
    if name != FILE:
        return ""
    shared = train.files.keys() & test.files.keys()
    if not shared:
        return "It is not known what files these images came from, or they were changed since."
    if not any(np.ptp(train.files[key]) for key in shared):
        return "The files are all of the same size and depth."
    return ""


def _numbers(name: str, train: ImageSet, test: ImageSet) -> tuple[Floats, Floats]:
    if name != FILE:
        return BASELINES[name](train.pixels), BASELINES[name](test.pixels)
    shared = [key for key in train.files if key in test.files]
    return _of_files(train, shared), _of_files(test, shared)


def _of_files(images: ImageSet, names: Sequence[str]) -> Floats:
    """Return what files say without being looked at (n, d), sizes as logarithms: so is their ratio in it."""
    known = {name: images.files[name].astype(np.float64) for name in names}
    return np.stack(
        [column if name == "bits" else np.log(column.clip(1)) for name, column in known.items()], axis=1
    )


def fit_baseline(train: ImageSet, test: ImageSet, seen: Floats, unseen: Floats) -> Predictions:
    """Fit a logistic regression on numbers (n, d) of the images `train`, and give what it says of `test`."""
    model = fit_logistic_baseline(seen, train.labels)
    scores = np.zeros((len(test), len(test.classes)))
    scores[:, model.classes_] = model.predict_proba(unseen)
    return Predictions(scores, test.labels, test.patients, test.ids, test.classes)


def fit_logistic_baseline(numbers: Floats, labels: NDArray[Any]) -> Any:
    """Fit a logistic regression on numbers (n, d), standardised; give it as scikit-learn has it."""
    from sklearn.exceptions import ConvergenceWarning  # takes seconds; who fits nothing need not wait
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=2000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the optimum is as good a baseline
        model.fit(numbers, labels)
    return model


NAMES = ("border", "thumbnail", "grey", FILE)  # those beside every model

REFERENCE = "thumbnail"

MARGIN = 0.05  # of AUROC, by which a model has to beat `TO_BEAT`

_ONE_CLASS = "The images that it would be tested on are of one class."


@dataclass(frozen=True, slots=True)
class Baseline:
    """How well a cheap classifier does on held-out patients."""

    name: str
    about: str  # what it sees
    estimate: Estimate  # of its AUROC

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON: name, about, auroc, low, high, n, patients and method."""
        value, *rest = ("value", "low", "high", "n", "patients", "method")
        fields = self.estimate.as_dict()
        named = {"name": self.name, "about": self.about, "auroc": fields[value]}
        return {**named, **{name: fields[name] for name in rest}}


@dataclass(frozen=True, slots=True)
class Baselines:
    """The cheap classifiers that could be had of some images, and why others could not."""

    found: tuple[Baseline, ...]
    left_out: tuple[tuple[str, str], ...]  # (name, reason)

    @property
    def to_beat(self) -> float | None:
        """The AUROC of the thumbnail; None where there is none."""
        return next((each.estimate.value for each in self.found if each.name == REFERENCE), None)

    def as_dict(self, **where: str) -> dict[str, list[dict[str, Any]]]:
        """Return both for JSON, each row beginning with what tells these images from others."""
        return {
            "baselines": [{**where, **each.as_dict()} for each in self.found],
            "baselines_left_out": [
                {**where, "name": name, "reason": reason} for name, reason in self.left_out
            ],
        }


def measure_baselines(train: ImageSet, test: ImageSet, names: Sequence[str] = NAMES) -> Baselines:
    """Fit cheap classifiers on images and test them on images of other patients; seconds.

    Parameters
    ----------
    train, test, names
        As for `radapt.shortcuts.baselines.predict_baselines`; what cannot be had of these images is left out
        with a reason.

    Returns
    -------
    Baselines
        AUROCs with 95 % intervals, drawn by patient.
    """
    reasons = {name: reason_unavailable(name, train, test) for name in names}
    said = predict_baselines(train, test, [name for name, reason in reasons.items() if not reason])
    found = {
        name: Baseline(name, describe(name, *test.pixels.shape[1:]), estimate("auroc", [each]))
        for name, each in said.items()
    }
    reasons |= {name: _ONE_CLASS for name, each in found.items() if math.isnan(each.estimate.value)}
    return Baselines(
        tuple(each for name, each in found.items() if not reasons[name]),
        tuple((name, reason) for name, reason in reasons.items() if reason),
    )


def baseline_warnings(
    rows: Sequence[Mapping[str, Any]], predict_baselines: Baselines, fitted_on: str
) -> list[str]:
    """Say where a model's AUROC among rows as in `scores.json` is no `MARGIN` above that of a thumbnail.

    `fitted_on` names the images whose labels the thumbnail's classifier was fitted on.
    """
    least = predict_baselines.to_beat
    reached = [row["value"] for row in rows if row["metric"] == "auroc" and row["value"] is not None]
    return [
        f"A classifier of 8 x 8 grey levels, fitted on the labels of {fitted_on}, reaches {least:.3f} on "
        f"these images; this model's {value:.3f} says little about lungs."
        for value in reached
        if least is not None and value < least + MARGIN
    ]


def join_baselines(parts: Sequence[Mapping[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """Put what `Baselines.as_dict` gave of several images together."""
    return {
        name: [row for part in parts for row in part[name]] for name in ("baselines", "baselines_left_out")
    }
