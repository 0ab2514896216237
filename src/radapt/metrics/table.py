"""The table of metrics: one row says all that is true of a metric, whoever needs to know it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radapt.errors import AskedWrongly, UnknownName
from radapt.metrics import decisions, ranking, scoring_rules
from radapt.metrics.weighted import Floats, MetricFunction, PerImage
from radapt.predictions import Predictions
from radapt.text import listed

ClassKind = Literal["binary", "multi-class", "multi-label"]

IntervalKind = Literal["auroc", "proportion", "class proportions", "class means", "logit", "percentiles"]
"""How the 95 % interval of a metric is built, see `radapt.stats`:

- `auroc`: a score interval of the Mann-Whitney statistic;
- `proportion`: a score interval of a share of images;
- `class proportions`: the plain mean of a share in each class, from the interval of each;
- `class means`: a mean over images, from the interval of the mean in each class;
- `logit`: symmetric on the logit scale;
- `percentiles`: of bootstrap samples.
"""

Denominator = Literal["all images", "positive images", "negative images", "each class"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and what is true of it. Call it with predictions and weights to compute it."""

    name: str  # in options and files: `balanced-accuracy`
    function: MetricFunction
    words: str  # within a sentence: `balanced accuracy`
    interval: IntervalKind
    unit: Literal["", "%"] = ""  # "%" where values are written times 100, and differences in points
    range: tuple[float, float] = (0.0, 1.0)
    lower_is_better: bool = False
    denominator: Denominator = "each class"  # the images that it needs
    per_image: PerImage | None = None  # of class proportions and class means: the numbers averaged
    classes: tuple[ClassKind, ...] = ("binary", "multi-label")
    shown: Literal["table", "folded table", "on request"] = "table"
    decides: bool = False  # whether it depends on the threshold of a decision
    ranks: bool = False  # whether it depends on the order of the scores alone
    compared: bool = False  # whether a study compares strategies by it, whatever its own metric
    aliases: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name it at the head of a table or figure, without its unit: `Balanced accuracy`."""
        return self.words[0].upper() + self.words[1:]

    @property
    def heading(self) -> str:
        """Name it with its unit: `Accuracy, %`, `AUROC`."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def gap_heading(self) -> str:
        """Name a difference of it with its unit: `Accuracy, points`, `AUROC`."""
        return f"{self.title}, points" if self.unit else self.title

    def gain(self, value: float) -> float:
        """Return a value so that more is better."""
        return -value if self.lower_is_better else value

    def suits(self, predictions: Predictions) -> bool:
        """Say whether it is defined for classes such as these."""
        return class_kind(predictions) in self.classes

    def __call__(self, predictions: Predictions, weights: Floats, threshold: float = 0.5, /) -> Floats:
        """Compute it.

        Parameters
        ----------
        predictions
            n images.
        weights
            (B, n), how much each image counts, 0 or more.
        threshold
            The probability from which on an image is predicted positive, where a decision is needed.

        Returns
        -------
        NDArray[np.float64]
            (B,), within `range`; NaN where it is not defined.

        Raises
        ------
        AskedWrongly
            If it is for two classes only and there are more.
        """
        if not self.suits(predictions):
            raise AskedWrongly(
                f"The metric {self.name} is only for two classes, one of them the finding. These "
                f"predictions have {len(predictions.classes)}: {listed(predictions.classes)}. For these "
                f"there are: {listed(metrics_suiting(predictions))}."
            )
        return self.function(predictions, weights, threshold)


_EVERY_KIND: tuple[ClassKind, ...] = ("binary", "multi-class", "multi-label")

_ROWS = (  # in the order of the columns of a table
    Metric(
        "accuracy",
        decisions.accuracy,
        "accuracy",
        "proportion",
        unit="%",
        denominator="all images",
        classes=_EVERY_KIND,
        compared=True,
        decides=True,
    ),
    Metric(
        "balanced-accuracy",
        decisions.balanced_accuracy,
        "balanced accuracy",
        "class proportions",
        unit="%",
        per_image=decisions.correct,
        classes=_EVERY_KIND,
        compared=True,
        decides=True,
    ),
    Metric(
        "auroc",
        ranking.auroc,
        "AUROC",
        "auroc",
        classes=_EVERY_KIND,
        compared=True,
        ranks=True,
        aliases=("auc", "roc-auc"),
    ),
    Metric(
        "sensitivity",
        decisions.sensitivity,
        "sensitivity",
        "proportion",
        unit="%",
        denominator="positive images",
        aliases=("recall", "tpr"),
        decides=True,
    ),
    Metric(
        "specificity",
        decisions.specificity,
        "specificity",
        "proportion",
        unit="%",
        denominator="negative images",
        aliases=("tnr",),
        decides=True,
    ),
    Metric(
        "average-precision",
        ranking.average_precision,
        "average precision",
        "logit",
        classes=_EVERY_KIND,
        ranks=True,
        shown="folded table",
        aliases=("ap", "auprc"),
    ),
    Metric(
        "brier",
        scoring_rules.brier,
        "Brier score",
        "class means",
        lower_is_better=True,
        denominator="all images",
        per_image=scoring_rules.squared_errors,
        classes=_EVERY_KIND,
        shown="folded table",
        aliases=("brier-score",),
    ),
    Metric(
        "f1",
        decisions.f1,
        "F1",
        "percentiles",
        unit="%",
        shown="on request",
        aliases=("f1-score", "dice"),
        decides=True,
    ),
    Metric(
        "mcc",
        decisions.mcc,
        "Matthews correlation",
        "percentiles",
        range=(-1.0, 1.0),
        shown="on request",
        decides=True,
    ),
    Metric(
        "log-loss",
        scoring_rules.log_loss,
        "log loss",
        "class means",
        range=(0.0, scoring_rules.WORST_LOSS),
        lower_is_better=True,
        denominator="all images",
        per_image=scoring_rules.losses,
        classes=_EVERY_KIND,
        shown="on request",
        aliases=("cross-entropy",),
    ),
)

METRICS = {row.name: row for row in _ROWS}

_BY_ALIAS = {alias: row for row in _ROWS for alias in row.aliases}

_PREDICTIVE_VALUES = {
    "ppv": ("positive predictive value", decisions.ppv_at),
    "npv": ("negative predictive value", decisions.npv_at),
}


def metric(name: str) -> Metric:
    """Look a metric up by its name, an alias, or as a predictive value, written `ppv@0.05` or `npv@0.05`.

    Raises
    ------
    UnknownName
        If there is none.
    AskedWrongly
        If it is a predictive value and what follows the @ is no prevalence.
    """
    if name.partition("@")[0] in _PREDICTIVE_VALUES:
        return _predictive_value(name)
    row = METRICS.get(name) or _BY_ALIAS.get(name)
    if row is None:
        raise UnknownName("metric", name, [*METRICS, *(f"{kind}@PREVALENCE" for kind in _PREDICTIVE_VALUES)])
    return row


def _predictive_value(name: str) -> Metric:
    """Make the row of a predictive value at a prevalence."""
    kind, _, written = name.partition("@")
    try:
        prevalence = float(written)
    except ValueError:
        prevalence = np.nan
    if not 0 < prevalence < 1:
        raise AskedWrongly(
            f"A predictive value needs a prevalence of the finding, above 0 and below 1, as in {kind}@0.05. "
            f"Got {name!r}."
        )
    words, formula = _PREDICTIVE_VALUES[kind]
    return Metric(
        name,
        decisions.predictive_value(formula, prevalence),
        f"{words} at a prevalence of {written}",
        "percentiles",
        unit="%",
        decides=True,
        shown="on request",
    )


def class_kind(predictions: Predictions) -> ClassKind:
    """Say what kind of classes predictions are of."""
    if not predictions.exclusive:
        return "multi-label"
    return "binary" if predictions.binary else "multi-class"


def metrics_suiting(predictions: Predictions) -> tuple[str, ...]:
    """Name the metrics that are defined for classes such as these, also those that are shown on request."""
    return tuple(row.name for row in _ROWS if row.suits(predictions))


def metrics_for(predictions: Predictions) -> tuple[str, ...]:
    """Name the metrics to show of these predictions, in this order; the others are there on request."""
    return tuple(name for name in metrics_suiting(predictions) if METRICS[name].shown != "on request")


def compared_metrics() -> tuple[str, ...]:
    """Name the metrics by which every study compares strategies."""
    return tuple(row.name for row in _ROWS if row.compared)


def score(name: str, predictions: Predictions, threshold: float = 0.5) -> float:
    """Compute one metric with every image counting once; NaN where it is not defined.

    Raises
    ------
    UnknownName
        If there is no such metric.
    AskedWrongly
        If it is one for two classes and there are more.
    """
    ones: NDArray[np.float64] = np.ones((1, len(predictions)))
    return float(metric(name)(predictions, ones, threshold)[0])
