"""Shortcut baselines: logistic regressions on features that show no lung, which a model has to beat."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import ImageSet
from radapt.images.notice import Notice
from radapt.images.streaming import stream
from radapt.images.subsample import subsample_evenly
from radapt.images.thumbnails import averaged
from radapt.predictions import Predictions
from radapt.stats.estimate import Estimate
from radapt.stats.inference import estimate

Floats = NDArray[np.float64]

MAX_TRAIN, MAX_TEST = 20_000, 5_000  # images; more would take minutes and change no digit that is shown

_FINE, _COARSE = 32, 8  # cells a side: of 4 and of 16 pixels where an image has 128

_EDGE, _CORNER = 3, 6  # widths in cells of `_FINE`

_STRENGTH = 0.05  # inverse strength of the L2 penalty, on standardised values


def border(pixels: NDArray[np.uint8]) -> Floats:
    """Return the outer 3/32 of each side, in cells of 1/32: collimation, markers, shoulders, no lung."""
    outer = np.ones((_FINE, _FINE), dtype=np.bool_)
    outer[_EDGE:-_EDGE, _EDGE:-_EDGE] = False
    return averaged(pixels, _FINE)[:, outer].astype(np.float64)


def corners(pixels: NDArray[np.uint8]) -> Floats:
    """Return the four corners, 6/32 of each side, where most letters and side markers are."""
    near = np.zeros(_FINE, dtype=np.bool_)
    near[:_CORNER] = near[-_CORNER:] = True
    return averaged(pixels, _FINE)[:, near[:, None] & near].astype(np.float64)


def thumbnail(pixels: NDArray[np.uint8]) -> Floats:
    """Return the whole image as 8 x 8 grey levels."""
    return averaged(pixels, _COARSE).reshape(len(pixels), -1).astype(np.float64)


def grey(pixels: NDArray[np.uint8]) -> Floats:
    """Return mean, standard deviation, 5th and 95th percentile of the grey levels, (n, 4)."""
    statistics = np.empty((len(pixels), 4))
    for rows, part in stream(pixels):
        flat = part.reshape(-1, pixels[0].size)
        ends = np.quantile(flat, [0.05, 0.95], axis=1)
        statistics[rows] = np.stack([flat.mean(axis=1), flat.std(axis=1), *ends], axis=1)
    return statistics


BASELINES: dict[str, Callable[[NDArray[np.uint8]], Floats]] = {
    "border": border,
    "corners": corners,
    "thumbnail": thumbnail,
    "grey": grey,
}

FILE = "file"  # the baseline that looks at files and not at pixels

ABOUT: dict[str, str] = {
    "border": "the outer 3/32 of each side",
    "corners": "the four corners (6/32 of each side)",
    "thumbnail": "the whole image as 8 x 8 grey levels",
    "grey": "mean, spread and two percentiles of the grey levels",
    FILE: "size, width, height and bit depth of the file",
}


def describe(name: str, height: int, width: int) -> str:
    """Describe the input of a baseline, in whole pixels if the images are square."""
    cells = {"border": _EDGE, "corners": _CORNER}.get(name)
    if cells is None or height != width:
        return ABOUT[name]
    pixels = f"{max(1, round(cells * width / _FINE))} of {width} pixels"  # as `radapt.shortcuts.occlusion`
    return f"the outer {pixels}" if name == "border" else f"the four corners ({pixels} each)"


def predict_baselines(
    train: ImageSet, test: ImageSet, names: Sequence[str] = tuple(BASELINES)
) -> dict[str, Predictions]:
    """Fit each baseline on training images, and predict test images.

    Parameters
    ----------
    train
        Images of at least two classes; more than `MAX_TRAIN` are subsampled evenly.
    test
        Images of other patients; more than `MAX_TEST` are subsampled evenly.
    names
        Of `BASELINES`, or "file" where `reason_unavailable` returns "".

    Returns
    -------
    dict
        Predictions on the test images, by name of the baseline.

    Raises
    ------
    UnknownName
        If there is no such baseline.
    AskedWrongly
        If the training images are of one class or multi-label, the classes of the two sets differ, or their
        files are not known.
    """
    for name in names:
        if name not in ABOUT:
            raise UnknownName("baseline", name, ABOUT)
        if reason := reason_unavailable(name, train, test):
            raise AskedWrongly(reason)
    train, test = subsample_evenly(train, MAX_TRAIN), subsample_evenly(test, MAX_TEST)
    return {name: fit_baseline(train, test, *_features(name, train, test)) for name in names}


def reason_unavailable(name: str, train: ImageSet, test: ImageSet) -> str:
    """Return a sentence on why these images permit no such baseline; "" if they do."""
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
        return "The files of these images are not known, or have changed since they were read."
    if not any(np.ptp(train.files[key]) for key in shared):
        return "The files are all of the same size and depth."
    return ""


def _features(name: str, train: ImageSet, test: ImageSet) -> tuple[Floats, Floats]:
    if name != FILE:
        return BASELINES[name](train.pixels), BASELINES[name](test.pixels)
    shared = [key for key in train.files if key in test.files]
    return _of_files(train, shared), _of_files(test, shared)


def _of_files(images: ImageSet, names: Sequence[str]) -> Floats:
    """Return properties of files (n, d), sizes as logarithms, so that ratios of sizes are linear."""
    known = {name: images.files[name].astype(np.float64) for name in names}
    return np.stack(
        [column if name == "bits" else np.log(column.clip(1)) for name, column in known.items()], axis=1
    )


def fit_baseline(train: ImageSet, test: ImageSet, of_train: Floats, of_test: Floats) -> Predictions:
    """Fit a logistic regression on features (n, d) of `train`, and predict `test` from its features."""
    model = fit_logistic_baseline(of_train, train.labels)
    scores = np.zeros((len(test), len(test.classes)))
    scores[:, model.classes_] = model.predict_proba(of_test)
    return Predictions(scores, test.labels, test.patients, test.ids, test.classes)


def fit_logistic_baseline(numbers: Floats, labels: NDArray[Any]) -> Any:
    """Fit a logistic regression on standardised features (n, d); return the scikit-learn pipeline."""
    from sklearn.exceptions import ConvergenceWarning  # importing takes seconds
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=2000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the optimum is as good a baseline
        model.fit(numbers, labels)
    return model


NAMES = ("border", "thumbnail", "grey", FILE)  # shown beside every model

REFERENCE = "thumbnail"

MARGIN = 0.05  # of AUROC, by which a model has to beat the baseline `REFERENCE`

_ONE_CLASS = "The images that it would be tested on are of one class."


@dataclass(frozen=True, slots=True)
class Baseline:
    """The performance of one baseline on held-out patients."""

    name: str
    about: str  # what it sees, in words
    estimate: Estimate  # AUROC

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON: name, about, auroc, low, high, n, patients and method."""
        value, *rest = ("value", "low", "high", "n", "patients", "method")
        fields = self.estimate.as_dict()
        named = {"name": self.name, "about": self.about, "auroc": fields[value]}
        return {**named, **{name: fields[name] for name in rest}}


@dataclass(frozen=True, slots=True)
class Baselines:
    """The baselines that a set of images permits, and why it does not permit the others."""

    fitted: tuple[Baseline, ...]
    left_out: tuple[tuple[str, str], ...]  # (name, reason)

    @property
    def reference_auroc(self) -> float | None:
        """The AUROC of the thumbnail; None where there is none."""
        return next((each.estimate.value for each in self.fitted if each.name == REFERENCE), None)

    def as_dict(self, **where: str) -> dict[str, list[dict[str, Any]]]:
        """Return rows for JSON; `where` holds columns that identify the images, put first in each row."""
        return {
            "baselines": [{**where, **each.as_dict()} for each in self.fitted],
            "baselines_left_out": [
                {**where, "name": name, "reason": reason} for name, reason in self.left_out
            ],
        }


def measure_baselines(train: ImageSet, test: ImageSet, names: Sequence[str] = NAMES) -> Baselines:
    """Fit baselines on images and test them on images of other patients; takes seconds.

    Parameters
    ----------
    train, test, names
        As for `predict_baselines`; baselines that the images do not permit are left out, with a reason.

    Returns
    -------
    Baselines
        AUROCs with 95 % intervals, drawn by patient.
    """
    reasons = {name: reason_unavailable(name, train, test) for name in names}
    predictions = predict_baselines(train, test, [name for name, reason in reasons.items() if not reason])
    fitted = {
        name: Baseline(name, describe(name, *test.pixels.shape[1:]), estimate("auroc", [each]))
        for name, each in predictions.items()
    }
    reasons |= {name: _ONE_CLASS for name, each in fitted.items() if math.isnan(each.estimate.value)}
    return Baselines(
        tuple(each for name, each in fitted.items() if not reasons[name]),
        tuple((name, reason) for name, reason in reasons.items() if reason),
    )


def baseline_warnings(
    rows: Sequence[Mapping[str, Any]], baselines: Baselines, fitted_on: str
) -> list[Notice]:
    """Return a notice of each AUROC in rows of `scores.json` that is not `MARGIN` above the thumbnail's.

    `fitted_on` names the images on whose labels the thumbnail's classifier was fitted.
    """
    reference = baselines.reference_auroc
    aurocs = [row["value"] for row in rows if row["metric"] == "auroc" and row["value"] is not None]
    return [
        Notice(
            "baseline",
            "caution",
            f"A classifier of 8 x 8 grey levels, fitted on the labels of {fitted_on}, reaches "
            f"{reference:.3f} on these images; this model's {value:.3f} says little about lungs.",
        )
        for value in aurocs
        if reference is not None and value < reference + MARGIN
    ]


def join_baselines(parts: Sequence[Mapping[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """Concatenate the rows of several `Baselines.as_dict`."""
    return {
        name: [row for part in parts for row in part[name]] for name in ("baselines", "baselines_left_out")
    }
