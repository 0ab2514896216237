"""The models of a study that are looked at closely: no adaptation, and what is recommended at each budget.

Of each it is the model of the first training seed. What is known of it is computed from what it said of the
test images; only the answers for the images that its threshold is chosen on, and those for images with parts
hidden, need models. Both are kept in the study folder, so that they are asked for once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radapt.artefacts import OCCLUSION, OUT_OF_FOLD, SOURCE_VALIDATION, VALIDATION, predictions_file
from radapt.device import Hardware
from radapt.errors import BadArtefact
from radapt.evaluation.performance import FIXED, PerformanceOptions, evaluate_performance
from radapt.evaluation.scores import Outcome
from radapt.evaluation.thresholds import Rule
from radapt.files import read_if_whole, write_json
from radapt.images.imageset import ImageSet
from radapt.models import checkpoint
from radapt.predictions import Predictions
from radapt.runs.folder import read_record
from radapt.shortcuts.occlusion import occlusion_record
from radapt.study.comparison import outcome_of

OLD = "the source validation images (no labelled target image was set aside)"
NEW = "the labelled target images that also chose its epoch"
CROSS = "the labelled target images, each by a model adapted without its fold of the patients"
FEW = "the labelled target images are of too few patients to choose by"


@dataclass(frozen=True, slots=True, eq=False)
class SelectedModel:
    """A model that is looked at closely."""

    outcome: Outcome
    folder: Path  # its run folder
    answer: Callable[[], Predictions | None]  # for images that are not tested on, to choose a threshold on
    whose: str  # which images these are, in words: `OLD`, `NEW` or `CROSS`; `FEW` where there is no answer

    @property
    def named(self) -> dict[str, Any]:
        """Its strategy and budget, for JSON."""
        return {"strategy": self.outcome.strategy, "budget": self.outcome.budget}


def select_models(outcomes: Sequence[Outcome], best: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Choose what to look at: no adaptation, then what `radapt.study.results` names best at budgets."""
    return [outcome_of(outcomes), *(outcome_of(outcomes, row["strategy"], row["budget"]) for row in best)]


def appraised(model: SelectedModel, *, choose: bool) -> dict[str, Any]:
    """Appraise a model on the target test images, see `radapt.evaluation.performance`; ready for JSON.

    Parameters
    ----------
    choose
        Whether the threshold is chosen on images that are not tested on, as the one with the largest
        sensitivity + specificity (a finding that these lack keeps 0.5, as all do where there are no answers
        to choose by); otherwise it is 0.5.

    Returns
    -------
    dict
        "strategy", "budget" and "findings", a row each; none of three classes or more.
    """
    test = model.outcome.predictions["target"][0]
    if test.exclusive and not test.binary:
        return {**model.named, "findings": []}
    chosen_on = _answers(model) if choose else None
    terms = PerformanceOptions() if chosen_on is None else PerformanceOptions(Rule("youden"), fallback=FIXED)
    words = FEW if choose and chosen_on is None else model.whose
    return {**model.named, "findings": evaluate_performance(test, terms, chosen_on=chosen_on, words=words)}


def _answers(model: SelectedModel) -> Predictions | None:
    """Give the answers that a threshold is chosen on, and keep them."""
    adapted = model.outcome.strategy != "none"
    name = SOURCE_VALIDATION if adapted and model.whose == OLD else VALIDATION
    name = OUT_OF_FOLD if model.whose == CROSS else name
    path = predictions_file(model.folder, name)
    if path.is_file():
        with suppress(BadArtefact):  # damaged: the model is asked again
            return Predictions.load(path)
    answers = model.answer()
    if answers is not None:
        answers.save(path)
    return answers


def occluded(
    model: SelectedModel, domain: str, images: ImageSet, hardware: Hardware, *, out: Path
) -> dict[str, Any]:
    """Give what hiding parts of test images does to a model, kept in the study folder `out`; ready for JSON.

    Returns
    -------
    dict
        "strategy", "budget", "domain"; "occlusion", "exchanged" and "suspicions" as of
        `radapt.shortcuts.occlusion`.
    """
    kept = read_if_whole(out / OCCLUSION, dict) or {}
    made = read_record(model.folder)["provenance"]["finished"]
    name = f"{model.folder.name} of {made}, {domain}"
    if "exchanged" not in kept.get(name, {}):  # nothing, or what was kept before corners were exchanged
        kept[name] = occlusion_record(checkpoint.load_classifier(model.folder), images, hardware)
        write_json(out / OCCLUSION, kept)
    return {**model.named, "domain": domain, **kept[name]}
