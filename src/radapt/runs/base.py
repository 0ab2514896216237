"""How a base model is trained: all of it or its head, then with its confidence set on validation images."""

from dataclasses import replace
from typing import Literal

import torch
from torch import nn

from radapt.adaptation.linear_probe import LinearProbe
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.adaptation.tuning import fit_all
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.evaluation.recalibration import temperature
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.models.table import is_frozen
from radapt.training.recipe import Recipe

Tune = Literal["all", "head"]
TUNE: tuple[Tune, ...] = ("all", "head")

MIN_TEMPERATURE_IMAGES = 100  # minimum number of validation images to fit a temperature
MAX_SHARPENING = 3.0  # where hardly an image is wrong, the best temperature would be 0


def default_tune(*, pretrained: bool) -> Tune:
    """Return what is trained unless the user says otherwise: the head of pretrained weights, else all.

    Training all weights distorts pretrained features, and the model then generalises less well
    (Kumar 2022, arXiv 2202.10054; docs/benchmarks.md).
    """
    return "head" if pretrained else "all"


def check_tune(model: str, tune: Tune) -> None:
    """Refuse to train all of a frozen encoder.

    Raises
    ------
    AskedWrongly
        If the model is one, and `tune` is not "head".
    """
    if tune != "head" and is_frozen(model):
        raise AskedWrongly(
            f"The encoder of {model} is frozen, so that only its head can be trained: give --tune head."
        )


def check_members(members: int, tune: Tune) -> None:
    """Refuse an ensemble of members that would be alike.

    Raises
    ------
    AskedWrongly
        If there are several, and only their heads are trained.
    """
    if members > 1 and tune == "head":
        raise AskedWrongly(
            "The head of a frozen trunk is solved for, and comes out the same from every seed: leave "
            "--ensemble out, or train all weights with --tune all."
        )


def train_base(
    classifier: Classifier,
    train: ImageSet,
    valid: ImageSet,
    recipe: Recipe,
    conditions: AdaptContext,
    *,
    tune: Tune = "all",
) -> AdaptResult:
    """Train a new model, and divide its logits by the temperature that suits the validation images.

    With `tune` "head" the trunk keeps its weights, each image passes it once, and the last layer is a
    penalised logistic regression with classes of equal weight; the recipe has no part in it.

    Strong augmentation and label smoothing leave a model less confident than it is right. One temperature
    (Guo 2017), folded into the last linear layer, mends that and changes no decision and no order. It is for
    classes that exclude one another; the original CNN keeps its sigmoids as they are.
    """
    if tune == "head":
        result = LinearProbe(balanced=True).adapt(classifier, train, valid, conditions)
    else:
        history = tuple(fit_all(classifier, train, valid, recipe, conditions))
        result = AdaptResult(classifier.cpu().eval(), history, recipe)
    return replace(result, notes={**result.notes, **_temper(result.classifier, valid, conditions.hardware)})


def _temper(classifier: Classifier, valid: ImageSet, hardware: Hardware) -> dict[str, float]:
    """Divide a classifier's logits by a temperature, in place; return it for the record, if there is one."""
    last = [module for module in classifier.head.modules() if isinstance(module, nn.Linear)][-1:]
    enough = len(valid) >= MIN_TEMPERATURE_IMAGES and len(set(valid.labels.tolist())) > 1
    if classifier.spec.outputs != "softmax" or not last or not enough:
        return {}
    inverse = min(temperature(predict(classifier, valid, hardware)).a, MAX_SHARPENING)
    with torch.no_grad():
        for parameter in last[0].parameters():
            parameter.mul_(inverse)
    return {"temperature": 1 / inverse}
