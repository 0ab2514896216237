"""A trained model on images that it did not learn from: its scores, and what these are worth."""

from collections.abc import Mapping, Sequence
from typing import Any

from radapt.device import Hardware
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.recalibration_trial import (
    RecalibrationPlan,
    evaluate_recalibration,
    split_for_recalibration,
)
from radapt.evaluation.scores import score_rows
from radapt.evaluation.subgroups import FEWEST, score_groups, values_of
from radapt.images.imageset import Dataset, ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.shift.shifted import shifted
from radapt.shortcuts.baselines import NAMES, Baselines, baseline_warnings, measure_baselines
from radapt.shortcuts.occlusion import occlusion_record

WORDS = "the validation images of the run"
NO_TRAIN = "The data set has no train images to fit it on."
SAME = "It would be tested on the images that it was fitted on."


def evaluate_model(
    classifier: Classifier,
    record: Mapping[str, Any],
    data: Dataset,
    *,
    split: str = "test",
    shift: str | None = None,
    seed: int = 0,
    occlusion: bool = False,
    terms: PerformanceOptions | None = None,
    chosen_on: Predictions | None = None,
    remedy: RecalibrationPlan | None = None,
    by: Sequence[str] = (),
    fewest: int = FEWEST,
    hardware: Hardware,
) -> dict[str, Any]:
    """Score a model on one split of a data set, shifted if asked.

    Parameters
    ----------
    occlusion
        Whether to score it with parts of the images hidden, too; see `radapt.shortcuts.occlusion`.
    terms
        Threshold and prevalence to appraise it on, see `radapt.evaluation.performance`; None leaves that out.
    chosen_on
        The run's answers for its validation images, for a threshold that has to be chosen.
    remedy
        A recalibration to try. It is fitted on other patients of the data set, and so is a threshold then.
    by, fewest
        Columns whose groups are to be scored, and how many images a group needs; see
        `radapt.evaluation.subgroups`.

    Returns
    -------
    dict
        "part", "images" and "patients": what was scored. "estimates", rows as in `scores.json`: their
        domain is "source" for the very data that the base model learned from, unshifted, and "target" for
        any other. "baselines", what can be told without looking at the lungs, fitted on the data's `train`
        images as they are; "baselines_left_out", with a reason each; and "warnings", sentences on what the
        scores are worth beside them. If asked, "occlusion", rows with the change against the whole images,
        "exchanged", a row a corner, and "suspicions", sentences on what looks
        like a shortcut;
        and "subgroups", for each column its groups, those too small, and the gaps from the best to the worst.
        With `terms`, "appraisal", a row a finding. With a `remedy` that too, and "recalibration", as
        `radapt.evaluation.recalibration_trial.evaluate_recalibration` has it, with the "estimates" after it.

    Raises
    ------
    AskedWrongly
        If the images do not suit the model, have no such column or split, or cannot be recalibrated on.
    """
    home = record.get("source") == data.origin.fingerprint and shift is None
    sides = (
        None if remedy is None else split_for_recalibration(data, split, remedy.on, record=record, seed=seed)
    )
    images = shifted(data[split] if sides is None else sides.tested_on, shift, seed)
    groups = {column: values_of(images, column) for column in by}  # what is not known is refused at once
    said = predict(classifier, images, hardware)

    def score(given: Predictions) -> list[dict[str, Any]]:
        return score_rows(
            {"source" if home else "target": given},
            strategy=str(record.get("strategy", "none")),
            images=int(record.get("images", 0)),
        )

    rows, words = score(said), WORDS
    mended: dict[str, Any] = {}
    if remedy is not None and sides is not None:
        terms, words = terms or PerformanceOptions(), sides.words
        chosen_on = predict(classifier, shifted(sides.fitted_on, shift, seed), hardware)
        after, mended = evaluate_recalibration(remedy, said, chosen_on, terms, words=words)
        mended["estimates"] = score(after)
    baselines = _baselines(data, split, images)
    scored = [
        score_groups(said, values, column, fewest=fewest).as_dict() for column, values in groups.items()
    ]
    return {
        "part": split,
        "images": len(images),
        "patients": len(set(images.patients.tolist())),
        "estimates": rows,
        **baselines.as_dict(),
        "warnings": baseline_warnings(rows, baselines, f"the train images of {data.origin.name}"),
        **(occlusion_record(classifier, images, hardware) if occlusion else {}),
        **(
            {}
            if terms is None
            else {"appraisal": evaluate_performance(said, terms, chosen_on=chosen_on, words=words)}
        ),
        **({"recalibration": mended} if mended else {}),
        **({"subgroups": scored} if scored else {}),
    }


def _baselines(data: Dataset, split: str, images: ImageSet) -> Baselines:
    if "train" not in data.splits or split in ("train", "all"):
        reason = NO_TRAIN if "train" not in data.splits else SAME
        return Baselines((), tuple((name, reason) for name in NAMES))
    return measure_baselines(data["train"], images)
