"""How common each finding is among images without labels, by a model's scores."""

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
    """Estimate how common each finding is among target images, without looking at their labels.

    Parameters
    ----------
    source
        The model's answers for labelled images of other patients that it did not learn from.
    labelled
        Labelled images like the new ones, for the check of what it all rests on.
    draws, seed
        As for `radapt.evaluation.label_shift.estimate_label_shift`.

    Returns
    -------
    list[dict]
        For each finding "finding", "source" (its share there), "prevalence" (an estimate), "likeness"
        ("alike": True, False, or None where it could not be checked; "text"), "map": how scores become
        probabilities where the finding is this common, and "why": None, or why there is no map, which is only
        given where the check was made and did not refute it, and some but not all images are estimated to
        have the finding. A finding that cannot be estimated has "left_out", the reason, instead.

    Raises
    ------
    AskedWrongly
        If there are three classes or more that exclude one another, the images do not suit the model, or no
        finding can be estimated.
    """
    none: Label = 0 if source.exclusive else (0.0,) * len(source.classes)
    labels = label_array([none] * len(new))  # not looked at; none may be missing
    scores = scores_of(classifier, new.pixels, hardware)
    seen = Predictions(scores, labels, new.patients, new.ids, classifier.spec.classes)
    known = None if labelled is None else predict(classifier, labelled, hardware)
    rows, refused = [], []
    for name, here, there, like in _each(source, seen, known):
        try:
            found = estimate_label_shift(here, there, labelled=like, draws=draws, seed=seed)
            rows.append({"finding": name, **_told(found)})
        except AskedWrongly as error:
            refused.append(error)
            rows.append({"finding": name, "left_out": str(error)})
    if len(refused) == len(rows):
        raise refused[0]
    return rows


def _each(
    source: Predictions, seen: Predictions, known: Predictions | None
) -> Iterator[tuple[str, Predictions, Predictions, Predictions | None]]:
    """Give each finding, with source, target images and those of the check as predictions of two classes."""
    if source.exclusive:
        two = source.of_finding("The prevalence elsewhere")
        yield two.classes[two.positive], two, seen, known
        return
    likes = [None] * len(source.classes) if known is None else [part for _, part in known.apart()]
    for name, (_, here), (_, there), like in zip(
        source.classes, source.apart(), seen.apart(), likes, strict=True
    ):
        yield name, here, there, like


def _told(found: LabelShift) -> dict[str, Any]:
    mapped, why = _map(found)
    return {
        "source": found.source,
        "prevalence": found.prevalence.as_dict(),
        "likeness": asdict(found.likeness),
        "map": mapped,
        "why": why,
    }


def _map(found: LabelShift) -> tuple[dict[str, float] | None, str | None]:
    """Give the map and None, or None and why there is none."""
    if not found.likeness.alike:
        return None, found.likeness.text
    try:
        return asdict(found.correction().maps[0]), None
    except AskedWrongly as error:  # none or all
        return None, str(error)
