"""Estimate the prevalence of each finding among unlabelled images from a model's scores."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.evaluation.label_shift import LabelShift, estimate_label_shift
from radapt.images.imageset import ImageSet
from radapt.labels import Label, label_array
from radapt.models.classifier import Classifier
from radapt.models.inference import predict, scores_of
from radapt.predictions import Predictions


def estimate_prevalence(
    classifier: Classifier,
    source: Predictions,
    new: ImageSet,
    *,
    labelled: ImageSet | None = None,
    draws: int = 1000,
    seed: int = 0,
    hardware: Hardware,
) -> list[dict[str, Any]]:
    """Estimate the prevalence of each finding among target images without their labels.

    Parameters
    ----------
    source
        Predictions for labelled source images that the model was not trained on, of other patients.
    new
        Target images; their labels are not used.
    labelled
        Labelled target images, to check the assumption of label shift; None for no check.
    draws, seed
        As for `radapt.evaluation.label_shift.estimate_label_shift`.

    Returns
    -------
    list[dict]
        A dict per finding: "finding" (name), "source" (prevalence among source images), "prevalence" (an
        estimate), "check" ("passed": True, False, or None if not checked; "text"), "map" (parameters that
        turn scores into probabilities at this prevalence, or None) and "why" (None, or why there is no map).
        There is a map only if the check passed and the estimate lies strictly between 0 and 1. A finding that
        cannot be estimated has "left_out", the reason, instead.

    Raises
    ------
    AskedWrongly
        If there are three or more exclusive classes, the images do not fit the model, or no finding can be
        estimated.
    """
    none: Label = 0 if source.exclusive else (0.0,) * len(source.classes)
    labels = label_array([none] * len(new))  # placeholders, never read: missing labels would be dropped
    scores = scores_of(classifier, new.pixels, hardware)
    target = Predictions(scores, labels, new.patients, new.ids, classifier.spec.classes)
    known = None if labelled is None else predict(classifier, labelled, hardware)
    rows, refused = [], []
    for name, here, there, like in _each(source, target, known):
        try:
            shift = estimate_label_shift(here, there, labelled=like, draws=draws, seed=seed)
            rows.append({"finding": name, **_row(shift)})
        except AskedWrongly as error:
            refused.append(error)
            rows.append({"finding": name, "left_out": str(error)})
    if len(refused) == len(rows):
        raise refused[0]
    return rows


def _each(
    source: Predictions, target: Predictions, known: Predictions | None
) -> Iterator[tuple[str, Predictions, Predictions, Predictions | None]]:
    """Yield each finding with two-class predictions of the source, target and labelled target images."""
    if source.exclusive:
        two = source.of_finding("The prevalence elsewhere")
        yield two.classes[two.positive], two, target, known
        return
    likes = [None] * len(source.classes) if known is None else [part for _, part in known.apart()]
    for name, (_, here), (_, there), like in zip(
        source.classes, source.apart(), target.apart(), likes, strict=True
    ):
        yield name, here, there, like


def _row(shift: LabelShift) -> dict[str, Any]:
    mapped, why = _map(shift)
    return {
        "source": shift.source,
        "prevalence": shift.prevalence.as_dict(),
        "check": asdict(shift.check),
        "map": mapped,
        "why": why,
    }


def _map(shift: LabelShift) -> tuple[dict[str, float] | None, str | None]:
    """Return (map, None), or (None, reason why there is no map)."""
    if not shift.check.passed:
        return None, shift.check.text
    try:
        return asdict(shift.correction().maps[0]), None
    except AskedWrongly as error:  # an estimated prevalence of 0 or 1
        return None, str(error)
