"""The table of metrics: what each is called, its range, and which way is better."""

import numpy as np

from radapt.errors import UnknownName
from radapt.metrics.decisions import (
    accuracy,
    balanced_accuracy,
    f1,
    mcc,
    predictive_value,
    sensitivity,
    specificity,
)
from radapt.metrics.ranking import auroc, average_precision
from radapt.metrics.scoring_rules import WORST_LOSS, brier, log_loss
from radapt.metrics.weighted import OF_MANY, Metric
from radapt.predictions import Predictions

METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "auroc": auroc,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "balanced-accuracy": balanced_accuracy,
    "average-precision": average_precision,
    "brier": brier,
    "f1": f1,
    "mcc": mcc,
    "log-loss": log_loss,
}

LOWER_IS_BETTER = frozenset({"brier", "log-loss"})

SHARES = frozenset({"accuracy", "sensitivity", "specificity"})  # of images that are rightly called

OF_IMAGES = frozenset({"accuracy", "brier", "log-loss"})  # plain means over images, whatever their class

_ON_REQUEST = ("f1", "mcc", "log-loss")  # not shown unless asked for

_RANGES = {"mcc": (-1.0, 1.0), "log-loss": (0.0, WORST_LOSS)}

_AT_A_PREVALENCE = ("ppv", "npv")


def metric(name: str) -> Metric:
    """Give the metric of this name, which may also be a predictive value, written `ppv@0.05` or `npv@0.05`.

    Raises
    ------
    UnknownName
        If there is none.
    AskedWrongly
        If it is a predictive value and what stands behind the @ is no prevalence.
    """
    if name.partition("@")[0] in _AT_A_PREVALENCE:
        return predictive_value(name)
    if name not in METRICS:
        raise UnknownName("metric", name, [*METRICS, *(f"{kind}@PREVALENCE" for kind in _AT_A_PREVALENCE)])
    return METRICS[name]


def in_words(name: str) -> str:
    """Write a metric's name as it stands in a sentence: `AUROC`, `Brier score`, `balanced accuracy`."""
    return {"auroc": "AUROC", "brier": "Brier score"}.get(name, name.replace("-", " "))


def metrics_for(predictions: Predictions) -> tuple[str, ...]:
    """Name the metrics to show of these predictions, in this order; the others are there on request."""
    two = predictions.binary or not predictions.exclusive
    return tuple(name for name in METRICS if name not in _ON_REQUEST and (two or name in OF_MANY))


def range_of(name: str) -> tuple[float, float]:
    """Give the least and the greatest value that a metric can have."""
    return _RANGES.get(name, (0.0, 1.0))


def score(name: str, predictions: Predictions, threshold: float = 0.5) -> float:
    """Give one metric with every image counting once; NaN where it is not defined.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If it is one for two classes and there are more.
    """
    return float(metric(name)(predictions, np.ones((1, len(predictions))), threshold)[0])
