"""Look at an imported model on a few labelled images: are its classes and its input range what was said."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radapt.device import Hardware
from radapt.evaluation.scores import score_rows
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import Notice, as_rows
from radapt.metrics.table import score
from radapt.models.architecture import IMAGENET_MEAN, IMAGENET_STD
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.runs.imported import Scaling
from radapt.stats.inference import difference
from radapt.text import counted

ALIKE = 0.01  # scores that spread less than this tell no image from another
LEAST = 0.05  # of AUROC, by which another range has to be better
USUAL: Mapping[str, Scaling] = {  # scalings that models are made with, by the options that ask for them
    "--range 0,1": Scaling(),
    "--range -1,1": Scaling(-1, 1),
    "--range 0,255": Scaling(0, 255),
    "--range -1024,1024": Scaling(-1024, 1024),
    "--range 0,1 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225": Scaling(
        mean=IMAGENET_MEAN, std=IMAGENET_STD
    ),
}


@dataclass(frozen=True, slots=True)
class ImportCheck:
    """What a few labelled images say of an imported model."""

    images: int
    estimates: tuple[Mapping[str, Any], ...]  # rows as of `score_rows`
    warnings: tuple[Notice, ...]  # nothing is changed

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return {
            "images": self.images,
            "estimates": list(self.estimates),
            "warnings": as_rows(self.warnings),
        }


def check_import(classifier: Classifier, images: ImageSet, hardware: Hardware) -> ImportCheck:
    """Score a few labelled images, and warn of what is probably not as it was said.

    That is: scores all alike, classes the other way round, or a usual range that suits clearly better.

    Raises
    ------
    AskedWrongly
        If the images are of other classes than the model's.
    """
    own = predict(classifier, images, hardware)
    warnings = list(_alike(own))
    better, best = _best_range(classifier, images, own, hardware)
    if better:
        warnings.append(Notice("input-range", "caution", _other_range(better, best, own)))
    if images.exclusive and len(images.classes) == 2 and _reversed(best):
        text = (
            f"The AUROC of {_auroc(best):.3f} is far below 0.5: the classes are probably the other way "
            "round. Nothing was changed: import it again with --classes "
            f"{','.join(reversed(images.classes))}."
        )
        warnings.append(Notice("reversed-classes", "invalid", text))
    rows = score_rows({"target": own}, strategy="none", images=0)
    return ImportCheck(len(images), tuple(rows), tuple(warnings))


def few_of_each(dataset: Dataset, count: int, *, seed: int = 0) -> ImageSet:
    """Return at most `count` images of each class, or as many in all as that for findings, of all splits."""
    images = dataset.with_all()["all"]
    order = np.random.default_rng(seed).permutation(len(images))
    if not images.exclusive:
        return images.take(np.sort(order[: count * len(images.classes)]))
    kept = [order[images.labels[order] == label][:count] for label in range(len(images.classes))]
    return images.take(np.sort(np.concatenate(kept)))


def _other_range(name: str, best: Predictions, own: Predictions) -> str:
    """Say that the classes are told apart better at another range, with the AUROCs that this was found on."""
    turned = any(_upright(each) is not each for each in (best, own))
    order = ", each with the two classes in the order that makes it larger" if turned else ""
    return (
        f"With {name} the AUROC on these images is {_apart(best):.3f}, against {_apart(own):.3f} as "
        f"asked{order}: the model was probably made for that input range. Nothing was changed: import it "
        "again with it."
    )


def _alike(own: Predictions) -> list[Notice]:
    spread = float(np.ptp(own.scores, axis=0).max())
    if spread >= ALIKE:
        predicted = set(own.scores.argmax(axis=1).tolist())
        one = own.classes[min(predicted)]
        same = own.exclusive and len(predicted) == 1
        return [Notice("one-class", "caution", f"Every image is predicted as {one}.")] if same else []
    text = (
        f"All {counted(len(own), 'image')} get nearly the same scores (they differ by {spread:.2g} at "
        "most): the input range (--range, --mean, --std) or --gives is probably another."
    )
    return [Notice("equal-scores", "invalid", text)]


def _best_range(
    classifier: Classifier, images: ImageSet, own: Predictions, hardware: Hardware
) -> tuple[str, Predictions]:
    """Return the usual range at which classes are told apart clearly better, if any, and its scores."""
    better, best = "", own
    for name, scaling in USUAL.items():
        spec, (mean, std) = classifier.spec, scaling.of_grey
        if len(mean) not in (1, spec.channels):
            continue
        other = copy.copy(classifier)
        other.spec = replace(
            spec, mean=mean[0] if len(mean) == 1 else mean, std=std[0] if len(std) == 1 else std
        )
        found = predict(other, images, hardware)
        if _apart(found) < _apart(best) + LEAST:
            continue
        if difference("auroc", [_upright(found)], [_upright(own)]).low > 0:
            better, best = name, found
    return better, best


def _auroc(predictions: Predictions) -> float:
    return float(score("auroc", predictions))


def _apart(predictions: Predictions) -> float:
    """Return how well the classes are told apart, whichever of two is which: an AUROC."""
    return _auroc(_upright(predictions))


def _upright(predictions: Predictions) -> Predictions:
    """Return predictions of two classes, exchanged if that makes the AUROC larger."""
    if len(predictions.classes) != 2 or not predictions.exclusive or _auroc(predictions) >= 0.5:
        return predictions
    return replace(predictions, scores=predictions.scores[:, ::-1].copy())


def _reversed(own: Predictions) -> bool:
    """Say whether the AUROC is below 0.5 beyond chance."""
    turned = replace(own, scores=own.scores[:, ::-1].copy())
    return _auroc(own) < 0.5 and difference("auroc", [turned], [own]).low > 0
