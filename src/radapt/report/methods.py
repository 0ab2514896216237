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
            "As in the original demonstration, the epochs were chosen on the test images: the epoch of the "
            "base model on the source test images, that of every adapted model on the target test images. "
            "This is why the scores are optimistic."
        )
    base, sentences = study.base, []
    if study.plan.base:
        sentences.append(f"The base model is a run that was given (weights {study.plan.base[:12]}...).")
    elif base.validated_on is not None:
        sentences.append(
            f"The epoch of the base model was chosen on {wording.images_of(base.validated_on)}, set aside "
            "from its training images."
        )
    for label, count in study.budgets:
        models = [model for model in study.models if model.cell.budget == label and not model.cell.is_base]
        if models:
            sentences.append(f"With {counted(count.images, 'labelled image')}, {_chosen_by(models)}.")
    sentences.append("No test image was used to choose an epoch. Test images were scored once, at the end.")
    return " ".join(sentences)


def _chosen_by(models: Sequence[ModelRecord]) -> str:
    valid, folds = models[0].validated_on, max(model.folds for model in models)
    if valid is not None:
        return f"the epoch was chosen on {wording.images_of(valid)} of these, set aside by patient"
    if not folds:
        return "no image was set aside, and the last epoch was kept"
    names = joined(dict.fromkeys(model.cell.strategy for model in models if model.folds))
    return (
        f"no image was set aside. For {names}, the learning rate and the epoch were chosen by "
        f"cross-validation on these images, by patient ({counted(folds, 'fold')}). For other strategies, "
        "the last epoch was kept"
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
        f"{started} “scratch” started from them too: a strategy that does better than “scratch” shows what "
        "the source images add to these weights."
    )


def _out_of_fold(study: Study) -> str:
    assert study.target is not None
    sizes = joined([f"{count.images:,}" for count in study.target.splits.values()])
    return (
        f"All target images were {wording.out_of_fold(study.plan)} of {sizes} images, divided by patient. "
        "Each fold was scored by models that were adapted, and whose epochs were chosen, on images of the "
        "other folds. The predictions of all folds were then joined. Models of different folds share "
        "training patients, so intervals by patient are approximate. Source images were scored by the "
        "models of the first fold. The counts of labelled images are those of the first fold."
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
    trained = "once" if seeds == 1 else f"with {seeds} training seeds, and a score is the mean over these"
    return (
        f"{joined([f'{level} %' for level in levels])} confidence intervals: {methods}. Patients are "
        "resampled, not images, since two images of one patient are not independent. Every model was "
        f"trained {trained}."
    )


def _comparisons(study: Study) -> str:
    methods = wording.method_words([row.estimate for row in study.differences])
    if not methods:
        return "Nothing was compared."
    return (
        f"Differences are paired: both models are scored on the same images. Their intervals: {methods}. "
        "Among several comparisons, the largest difference is partly due to chance. So a model is called "
        "better or worse only if the difference is significant at 5 % in a test that allows for all "
        "comparisons by that metric on these images (max-T on shared bootstrap samples, Romano and Wolf "
        "2005). Otherwise the verdict is inconclusive, which does not mean that there is no difference. "
        "The interval allows for one comparison only, so it may exclude 0 although the verdict is "
        "inconclusive. The detectable difference is the true difference that this test would find with 80 "
        "% power."
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
        return "The base model was not trained in this study: the warnings say which of these images it was "
        "trained on."
    if plan.target_patients == "own":
        return (
            "The labelled target images are those of one half of the training patients. The base model was "
            "trained on the other half, and has seen none of these patients."
        )
    if plan.protocol == "original":
        return "The labelled target images are those of the val folder, as in the original."
    return (
        "The labelled target images are the training images of the base model under the shift. They add no "
        "patients, which favours strategies that keep most of the base model."
    )


def _shift(study: Study) -> str:
    return (
        f"The target is simulated by the shift “{study.plan.shift}”, drawn once for every image with the "
        f"seed {study.plan.seed}. All models are tested on the same shifted images. "
        f"{_target_patients(study.plan)} A simulated shift is not a real target: what helps under it may "
        "not help at another hospital."
    )
