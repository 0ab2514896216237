"""Estimate the benefit of each strategy within minutes, from unlabelled images and a few labelled ones.

Strategies that need labels are cross-validated on the labelled images, with folds by patient: an image is
scored by a model that was not trained on any image of its patient. Strategies without labels use all target
images. With so few labels the intervals are wide; a study with a separate test set is more certain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.adaptation.cross_validation import folds_of
from radapt.adaptation.feature_cache import FeatureCache, FrozenPrefix, Views
from radapt.adaptation.strategy import AdaptContext, Strategy
from radapt.adaptation.table import check_base, get_strategy
from radapt.device import Hardware
from radapt.drift.two_samples import domain_classifier_auroc as auroc_apart
from radapt.errors import AskedWrongly
from radapt.evaluation.scores import Outcome, estimate_rows
from radapt.images.imageset import ImageSet
from radapt.images.split import choose_budget
from radapt.models.classifier import Classifier
from radapt.models.inference import check_classes, predict
from radapt.models.pretrained import Weights
from radapt.predictions import Predictions, join_predictions
from radapt.progress import SILENT, Watch
from radapt.study.comparison import MARGIN, PRIMARY, Difference, best_shown, differences
from radapt.study.decision import recommend

ADVICE_STRATEGIES = ("none", "norm-refresh", "recalibrate", "refresh-recalibrate", "linear-probe", "last-k")
DEFAULT_LABELS = 32  # labelled images by default
MAX_IMAGES = 1000  # maximum images per domain for the domain classifier


@dataclass(frozen=True, slots=True)
class AdviceOptions:
    """Options of `advise`."""

    strategies: tuple[str, ...] = ADVICE_STRATEGIES
    labels: int = DEFAULT_LABELS  # maximum number of images whose labels are used
    seed: int = 0
    metric: str = PRIMARY
    margin: float = MARGIN


def advise(
    base: Classifier,
    images: ImageSet,
    question: AdviceOptions,
    *,
    hardware: Hardware,
    old: ImageSet | None = None,
    weights: Weights | None = None,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Estimate the performance of strategies by cross-validation on a few labelled images.

    Parameters
    ----------
    images
        Target images. The labels of at most `question.labels` of them are used.
    old
        Source images that the base was trained on, for the domain classifier.
    weights
        Pretrained weights that the base was initialised from: `scratch` starts from the same.

    Returns
    -------
    dict
        "asked" (labels requested), "labels" (labelled images used), "unlabelled" (all target images),
        "estimates" and "differences" as in a study, "recommendation", and with `old`
        "domain_classifier_auroc", see `domains_distinguished`.

    Raises
    ------
    AskedWrongly
        If the images have other classes than the model, or a class has only one patient among the labelled.
    """
    check_base(base.spec, question.strategies)
    check_classes(base, images)
    handful = choose_budget(images, min(question.labels, len(images)), seed=question.seed)
    folds = list(folds_of(handful, question.seed))
    if not folds:
        raise AskedWrongly(
            f"Advice needs labelled images of at least two patients of every class. Got {len(handful)} "
            f"images: {handful.counts()}. Give more with --labels."
        )
    start = False if weights is None else weights.start
    conditions = AdaptContext(
        hardware, question.seed, watch=watch, few=True, source=old, cache=FeatureCache(), pretrained=start
    )
    outcomes = []
    for name in dict.fromkeys(("none", *question.strategies)):
        strategy = get_strategy(name)
        runs = _answers(strategy, name, base, images, handful, folds, conditions)
        outcomes.append(Outcome(name, len(handful) * (strategy.needs == "labelled"), {"target": runs}))
    rows = differences(outcomes, question.metric)
    return {
        "asked": question.labels,
        "labels": len(handful),
        "unlabelled": len(images),
        "estimates": [row for outcome in outcomes for row in estimate_rows(outcome, question.metric)],
        "differences": [row.as_dict() for row in rows],
        "recommendation": recommend(
            rows, question.metric, question.margin, "these cross-validated labelled images"
        ),
        **(
            {}
            if old is None
            else {"domain_classifier_auroc": domains_distinguished(base, old, images, conditions)}
        ),
    }


def next_step(result: Mapping[str, Any], run: str, data: str, metric: str = PRIMARY) -> str:
    """Return a sentence on what to do after the advice `result` about a run and a data set."""
    rows = [Difference.from_dict(row, seeds=1) for row in result["differences"]]
    best = best_shown([row for row in rows if row.metric == metric and row.against == "none"])
    if best is None:
        return (
            "Next: keep the model as it is for now. Label more images and ask again with a larger --labels, "
            "or run `radapt study SOURCE --target DATA`, which tests on held-out patients."
        )
    return (
        f"Next: confirm {best.strategy} on held-out patients with `radapt study SOURCE --target {data} "
        f"--strategies {best.strategy}`, or use it: `radapt adapt {run} {data} --strategy {best.strategy}`."
    )


def _answers(
    strategy: Strategy,
    name: str,
    base: Classifier,
    images: ImageSet,
    handful: ImageSet,
    folds: Sequence[NDArray[np.bool_]],
    conditions: AdaptContext,
) -> list[Predictions]:
    """Return cross-validated predictions of the labelled images, one per round of folds."""
    hardware, watch = conditions.hardware, conditions.watch
    if strategy.needs != "labelled":
        return [predict(strategy.adapt(base, images, None, conditions).classifier, handful, hardware)]
    watch.begin(name, len(folds), "fold")
    rounds: list[list[Predictions]] = []
    answered = np.ones(len(handful), dtype=np.bool_)
    quiet = replace(conditions, watch=SILENT)
    for done, fold in enumerate(folds, start=1):
        if answered.all():
            answered = np.zeros(len(handful), dtype=np.bool_)
            rounds.append([])
        adapted = strategy.adapt(base, handful.take(~fold), None, quiet).classifier
        rounds[-1].append(predict(adapted, handful.take(fold), hardware))
        answered |= fold
        watch.advance(done)
    watch.end()
    return [join_predictions(parts) for parts in rounds]


def domains_distinguished(base: Classifier, old: ImageSet, new: ImageSet, conditions: AdaptContext) -> float:
    """Return the AUROC of a linear classifier of the base model's features, source against target images.

    0.5 is chance. See `radapt.drift.two_samples.domain_classifier_auroc`.
    """
    sides = [images.spread(MAX_IMAGES) if len(images) > MAX_IMAGES else images for images in (old, new)]
    prefix = FrozenPrefix(base, len(base.blocks))
    features = np.concatenate(
        [
            conditions.cache.get(prefix, side, Views(), conditions.hardware).features().cpu().numpy()
            for side in sides
        ]
    )
    which = np.repeat([0, 1], [len(side) for side in sides])
    groups = np.concatenate([np.char.add(f"{n}/", side.patients) for n, side in enumerate(sides)])
    return auroc_apart(features, which, np.unique(groups, return_inverse=True)[1])
