"""The last linear layer solved for: a logistic regression with an L2 penalty on the frozen features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.adaptation.cross_validation import REPEATS, folds_of
from radapt.adaptation.feature_cache import Views
from radapt.adaptation.last_layer import Standardised, learnable, targets_of, with_inputs
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.stats.penalised_logistic import Axes, fit_penalised, losses_of

Floats = NDArray[np.float64]

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(4, -7, -1))  # 100 to 0.001
UNCHOSEN = 1.0  # where a class has one patient, so that there is nothing to choose by
MANY = 1000  # images, from which on cross-validation is not repeated with other folds
AUGMENT = "mild"  # of further views


@dataclass(frozen=True, slots=True)
class LinearProbe(Strategy):
    """Penalised logistic regression on standardised features (Kornblith et al. 2019, arXiv:1805.08974).

    The trunk, and of several dense layers all but the last, stay as they are. The strength of the penalty has
    the lowest log loss in cross-validation over the patients of the labelled images. Standardised features
    are divided by the root of their number, so that a strength s is a normal prior under which an image's
    logit has a variance of 1 / s. Validation images are not looked at, so that a threshold can be chosen on
    them. Scale and offset of the features are folded into the layer. A finding that all images have, or none,
    keeps its former weights.
    """

    views: int = 1  # the image as it is, and this many less one augmented copies of it
    balanced: bool = False  # whether every class counts the same in sum, however many images it has

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "the last dense layer alone, solved as a penalised logistic regression"
    on_features: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of the head and 0 for all others."""
        return float(place.head)

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Return a copy of the base with another last layer."""
        views = Views(AUGMENT if self.views > 1 else "none", self.views, seed=conditions.seed)
        adapted, layer, inputs = with_inputs(base, target, conditions, strategy="linear-probe", views=views)
        features = Standardised.of(inputs)
        targets, weights = targets_of(target.labels, len(target.classes))
        if self.balanced:
            weights = _balanced(targets, weights, exclusive=target.exclusive)
        times = (self.views, 1)
        exclusive = base.spec.outputs == "softmax"
        problem = _Problem(
            features.axes, np.tile(targets, times), np.tile(weights / self.views, times), exclusive
        )
        folds = [np.tile(fold, self.views) for fold in folds_of(target, conditions.seed)]
        if len(target) >= MANY:
            folds = folds[: len(folds) // REPEATS]
        losses = problem.cross_validate(folds, conditions) if folds else {UNCHOSEN: np.nan}
        strength = min(losses, key=lambda one: losses[one])
        ((coefficients, offsets),) = problem.solve(slice(None), [strength])
        learned = learnable(targets, weights) | exclusive
        features.put(layer, coefficients, offsets, learned)
        notes: dict[str, Any] = {"strength": strength, "folds": len(folds)}
        if folds:
            notes["loss_by_strength"] = {f"{one:.3g}": round(loss, 6) for one, loss in losses.items()}
        return AdaptResult(adapted.cpu().eval(), notes=notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The regression of n rows, views of images, for k classes or findings."""

    axes: Axes
    targets: Floats  # (n, k)
    weights: Floats  # (n, k)
    exclusive: bool

    def solve(
        self, rows: NDArray[np.bool_] | slice, strengths: Sequence[float]
    ) -> list[tuple[Floats, Floats]]:
        """Return coefficients (r, k) and offsets (k,) for each strength, from these rows alone."""
        axes = Axes(self.axes.vectors, self.axes.rows[rows], self.axes.curvature)
        fits = fit_penalised(
            axes, self.targets[rows], self.weights[rows], strengths, exclusive=self.exclusive
        )
        return list(fits)

    def cross_validate(
        self, folds: Sequence[NDArray[np.bool_]], conditions: AdaptContext
    ) -> dict[float, float]:
        """Return the mean log loss of rows left out, by strength."""
        total, watch = dict.fromkeys(STRENGTHS, 0.0), conditions.watch
        watch.begin(f"{conditions.task}, choosing the strength", len(folds), "fold")
        for done, fold in enumerate(folds, start=1):
            fits = self.solve(~fold, STRENGTHS)
            for strength, (coefficients, offsets) in zip(STRENGTHS, fits, strict=True):
                logits = self.axes.rows[fold] @ coefficients + offsets
                losses, _ = losses_of(logits, self.targets[fold], exclusive=self.exclusive)
                total[strength] += float((losses * self.weights[fold]).sum())
            watch.advance(done)
        watch.end()
        count = sum(float(self.weights[fold].sum()) for fold in folds)
        return {strength: loss / count for strength, loss in total.items()}


def _balanced(targets: Floats, weights: Floats, *, exclusive: bool) -> Floats:
    """Return weights (n, k) by which each class, or presence and absence of a finding, counts the same."""
    present, absent = (weights * targets).sum(axis=0), (weights * (1 - targets)).sum(axis=0)
    if exclusive:
        share = present.sum() / (present > 0).sum()
        result: Floats = weights * (targets @ (share / present.clip(1)))[:, None]
        return result
    half = (present + absent) / 2
    result = weights * np.where(targets == 1, half / present.clip(1), half / absent.clip(1))
    return result
