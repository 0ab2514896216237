"""The models of a study that are evaluated in detail: the base model, and the best one at each budget.

Of each strategy it is the model of the first training seed. Most is computed from its saved predictions of
the test images; only the predictions that its threshold is tuned on, and those of occluded images,
need the model. Both are kept in the study folder and computed once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import OCCLUSION, OUT_OF_FOLD, SOURCE_VALIDATION, VALIDATION, predictions_file
from radapt.device import Hardware
from radapt.errors import BadArtefact
from radapt.evaluation.performance import FIXED, PerformanceOptions, evaluate_performance
from radapt.evaluation.scores import Outcome
from radapt.evaluation.thresholds import Rule
from radapt.files import read_if_whole, write_document
from radapt.images.imageset import ImageSet
from radapt.models import checkpoint
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.progress import SILENT, Watch
from radapt.runs.folder import read_record
from radapt.shortcuts.occlusion import occlusion_record
from radapt.study.comparison import outcome_of

SOURCE_VALIDATION_SET = "the source validation images (no labelled target image was set aside)"
TARGET_VALIDATION_SET = "the labelled target images that also chose its epoch"
OUT_OF_FOLD_SET = "the labelled target images, each by a model adapted without its fold of the patients"
NO_TUNING_SET = "the labelled target images are of too few patients to choose by"


@dataclass(frozen=True, slots=True, eq=False)
class SelectedModel:
    """A model that is evaluated in detail, and the images that its threshold is tuned on."""

    outcome: Outcome
    folder: Path  # its run folder
    predict_tuning_set: Callable[[], Predictions | None]  # None where these are of too few patients
    tuning_set: str  # one of the constants above, in words for the page

    @property
    def named(self) -> dict[str, Any]:
        """Its strategy and budget, for JSON."""
        return {"strategy": self.outcome.strategy, "budget": self.outcome.budget}


def select_models(outcomes: Sequence[Outcome], best: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Select the base model, then the models that `radapt.study.results` names best at each budget."""
    return [outcome_of(outcomes), *(outcome_of(outcomes, row["strategy"], row["budget"]) for row in best)]


def evaluate_selected(model: SelectedModel, choose: bool) -> dict[str, Any]:
    """Evaluate a model on the target test images, see `radapt.evaluation.performance`; for JSON.

    Parameters
    ----------
    choose
        Whether the threshold is tuned on images that are not tested on, as the one with the largest
        sensitivity + specificity; otherwise, and for a label without positives or negatives among them, it is
        0.5.

    Returns
    -------
    dict
        "strategy", "budget" and "findings", a row each; none of three classes or more.
    """
    test = model.outcome.predictions["target"][0]
    if test.exclusive and not test.binary:
        return {**model.named, "findings": []}
    chosen_on = _tuning_predictions(model) if choose else None
    tuned = PerformanceOptions(Rule("youden"), fallback=FIXED)
    options = PerformanceOptions() if chosen_on is None else tuned
    words = NO_TUNING_SET if choose and chosen_on is None else model.tuning_set
    return {**model.named, "findings": evaluate_performance(test, options, chosen_on=chosen_on, words=words)}


def _tuning_predictions(model: SelectedModel) -> Predictions | None:
    """Return the predictions that the threshold is tuned on, and save them where they are new."""
    adapted = model.outcome.strategy != "none"
    name = SOURCE_VALIDATION if adapted and model.tuning_set == SOURCE_VALIDATION_SET else VALIDATION
    name = OUT_OF_FOLD if model.tuning_set == OUT_OF_FOLD_SET else name
    path = predictions_file(model.folder, name)
    if path.is_file():
        with suppress(BadArtefact):  # damaged: computed again
            return Predictions.load(path)
    predictions = model.predict_tuning_set()
    if predictions is not None:
        predictions.save(path)
    return predictions


def measure_occlusion(
    model: SelectedModel,
    domain: str,
    images: ImageSet,
    hardware: Hardware,
    *,
    out: Path,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Score a model with parts of the test images hidden; kept in the study folder `out`; for JSON.

    Returns
    -------
    dict
        "strategy", "budget", "domain"; "occlusion", "corner_permutation" and "occlusion_warnings" as of
        `radapt.shortcuts.occlusion`.
    """
    saved = (read_if_whole(out / OCCLUSION) or {}).get("models", {})
    made = read_record(model.folder)["provenance"]["finished"]
    name = f"{model.folder.name} of {made}, {domain}"
    if name not in saved:
        strategy = model.outcome.strategy
        task = f"hiding parts of the {domain} images, {'base model' if strategy == 'none' else strategy}"
        classifier = checkpoint.load_classifier(model.folder)
        whole = model.outcome.predictions[domain][0]
        if not np.array_equal(whole.ids, images.ids):  # of several folds
            whole = predict(classifier, images, hardware)
        saved[name] = occlusion_record(classifier, images, whole, hardware, watch, task)
        write_document(out / OCCLUSION, {"models": saved})
    return {**model.named, "domain": domain, **saved[name]}
