"""The methods section of a study: model selection, thresholds, intervals, comparisons, data."""

from collections.abc import Sequence

from radapt.report import wording
from radapt.report.folder import ModelRecord, Study
from radapt.runs.holdout import DatasetRecord
from radapt.study.plan import Plan
from radapt.text import counted, joined

Method = tuple[str, str]  # (heading, sentences)

MODEL_SELECTION = "Choice of the epoch"


def methods(study: Study, finding: str) -> list[Method]:
    """Describe the methods of a study, a heading and a paragraph each.

    Parameters
    ----------
    finding
        The positive class; "" with more than two classes.
    """
    return [
        (MODEL_SELECTION, _model_selection(study)),
        *([] if study.plan.weights is None else [("Initial weights", _initial_weights(study.plan))]),
        *([("Out of fold", _out_of_fold(study))] if study.plan.folds else []),
        ("Threshold", _threshold(finding)),
        ("Intervals", _intervals(study)),
        ("Comparisons", _comparisons(study)),
        *[(f"The images of {data.origin.name}", _data(data)) for data in study.datasets],
        *([("The shift", _shift(study))] if study.target is None else []),
    ]


def _model_selection(study: Study) -> str:
    if study.plan.protocol == "original":
        return (
            "On the test images themselves, as in the original demonstration: the source test images chose "
            "the epoch of the base model, the target test images that of every adapted model. This is why "
            "the scores are optimistic."
        )
    base, sentences = study.base, []
    if study.plan.base:
        sentences.append(f"Base model: a run that was there before (weights {study.plan.base[:12]}...).")
    elif base.validated_on is not None:
        sentences.append(
            f"Base model: on {wording.images_of(base.validated_on)}, set aside from its training images."
        )
    for label, count in study.budgets:
        models = [model for model in study.models if model.cell.budget == label and not model.cell.is_base]
        if models:
            sentences.append(f"With {counted(count.images, 'labelled image')}: {_chosen_by(models)}.")
    sentences.append("No test image was used for this; the test images were scored once, at the end.")
    return " ".join(sentences)


def _chosen_by(models: Sequence[ModelRecord]) -> str:
    valid, folds = models[0].validated_on, max(model.folds for model in models)
    if valid is not None:
        return f"on {wording.images_of(valid)} of these, set aside by patient"
    if not folds:
        return "none was set aside, and the last epoch was kept"
    names = joined(dict.fromkeys(model.cell.strategy for model in models if model.folds))
    return (
        f"none was set aside; for {names} learning rate and epoch were chosen by cross-validation on these "
        f"images, by patient ({counted(folds, 'fold')}), for other strategies the last epoch was kept"
    )


def _initial_weights(plan: Plan) -> str:
    assert plan.weights is not None
    started = f"Base models started from pretrained weights ({plan.weights.name}) and a random head."
    if plan.tune == "head":
        started = (
            f"Base models kept the pretrained weights {plan.weights.name}; their head was trained alone, by "
            "penalised logistic regression on the features."
        )
    if "scratch" not in plan.strategies:
        return started
    return (
        f"{started} So did “scratch”: a strategy that does better shows the benefit of the source images "
        "beyond these weights."
    )


def _out_of_fold(study: Study) -> str:
    assert study.target is not None
    sizes = joined([f"{count.images:,}" for count in study.target.splits.values()])
    return (
        f"All target images were {wording.out_of_fold(study.plan)} of {sizes} images by patient: each fold "
        "was scored by models whose labelled images, and those that chose their epochs, are of the other "
        "folds, and the predictions of all folds were joined. Models of different folds share training "
        "patients, so intervals by patient are approximate. Source images were scored by the models of the "
        "first fold, and the counts of labelled images are of that fold."
    )


def _threshold(finding: str) -> str:
    if not finding:
        return "An image is given its most probable class. No threshold was tuned."
    return (
        f"An image is predicted positive ({finding}) from a probability of {wording.THRESHOLD:g} on. "
        "This threshold was fixed beforehand and not tuned."
    )


def _intervals(study: Study) -> str:
    methods = wording.method_words([row.estimate for row in study.scores])
    levels = sorted({round(100 * row.estimate.level) for row in study.scores})
    seeds = study.plan.seeds
    trained = "once" if seeds == 1 else f"from {seeds} training seeds, and a score is their mean"
    return (
        f"{joined([f'{level} %' for level in levels])} confidence intervals: {methods}. Patients are "
        f"the unit of resampling, since two images of one patient are not independent. "
        f"Every model was trained {trained}."
    )


def _comparisons(study: Study) -> str:
    methods = wording.method_words([row.estimate for row in study.differences])
    if not methods:
        return "Nothing was compared."
    return (
        f"Differences are paired: both models are scored on the same images. Their intervals: {methods}. "
        "Among several comparisons the largest difference is partly due to chance. So a difference is called "
        "better or worse only if a test that allows for all comparisons by that metric on these images is "
        "significant (max-T on shared bootstrap samples, Romano and Wolf 2005, at 5 %). Otherwise it is "
        "called inconclusive, which does not mean that there is no difference. The interval is that of the "
        "single comparison, so it may exclude 0 where the verdict is inconclusive. The detectable difference "
        "is the true difference that this test would find with 80 % power."
    )


def _data(data: DatasetRecord) -> str:
    origin = data.origin
    account = origin.account(sum(count.images for count in data.splits.values()))
    splits = ", ".join(f"{name} {wording.images_of(count)}" for name, count in data.splits.items())
    return " ".join(
        [
            f"{splits}.",
            f"Splits: {origin.split_rule}.",
            f"Patients: {wording.patient_words(origin.patient_rule)}.",
            f"Pixels: {wording.preprocessing_words(origin.preprocessing)}.",
            *([account] if account else []),
            *origin.notes,
        ]
    )


def _target_patients(plan: Plan) -> str:
    if plan.base:
        return "The base model was not trained here: warnings say which of these images it has learned from."
    if plan.target_patients == "own":
        return (
            "The labelled target images are of one half of the training patients, and the base model was "
            "trained on the other half: it has seen none of them."
        )
    if plan.protocol == "original":
        return "The labelled target images are those of the val folder, as in the original."
    return (
        "The base model was trained on the same images that are labelled target images after the shift: "
        "they add no patient, which favours strategies that keep most of the base model."
    )


def _shift(study: Study) -> str:
    return (
        f"The target is simulated by the shift “{study.plan.shift}”, drawn once for every image from seed "
        f"{study.plan.seed}: all models are tested on the same shifted images. "
        f"{_target_patients(study.plan)} "
        "A simulated shift is not a real second hospital: what helps here may not help there."
    )
