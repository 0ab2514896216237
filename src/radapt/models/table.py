"""The models by name, and the one door through which each is built."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from radapt.errors import AskedWrongly, UnknownName
from radapt.models import compact, seed
from radapt.models.classifier import Classifier, Spec


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model that can be trained, and the films it is meant for."""

    about: str
    build: Callable[[Spec], Classifier]
    size: int  # pixels a side, unless the user says otherwise
    channels: int
    outputs: str
    mean: float = 0.5
    std: float = 0.25


MODELS: dict[str, Architecture] = {
    "compact": Architecture(
        "a small residual CNN that trains from scratch on two cores (the default)",
        compact.build,
        size=128,
        channels=1,
        outputs="softmax",
    ),
    "seed": Architecture(
        "the CNN of the original Keras demonstration, layer for layer",
        seed.build,
        size=150,
        channels=3,
        outputs="sigmoid",
        mean=0.0,  # the demonstration only divided by 255
        std=1.0,
    ),
}
TIMM_SIZE = 224


def check_model(name: str) -> None:
    """Refuse a model that there is none of, before any film is read.

    Raises
    ------
    UnknownName
        If it is neither in `MODELS` nor `timm:NAME`.
    """
    if name not in MODELS and not name.startswith("timm:"):
        raise UnknownName("model", name, [*MODELS, "timm:resnet18"])


def default_size(name: str) -> int:
    """Give the side in pixels of the films that a model is meant for."""
    check_model(name)
    return MODELS[name].size if name in MODELS else TIMM_SIZE


def new_spec(
    name: str,
    classes: tuple[str, ...],
    *,
    size: int | None = None,
    channels: int | None = None,
    fit: str = "squash",
    levels: str = "window",
    trim: bool = False,
    findings: bool = False,
) -> Spec:
    """Describe a new model of this name for these classes, or findings of which a film may have several."""
    check_model(name)
    if channels not in (None, 1, 3):
        raise AskedWrongly(f"A model takes 1 channel or 3 equal ones. Got {channels}.")
    if name in MODELS:
        kind = MODELS[name]
        return Spec(
            model=name,
            classes=classes,
            size=size or kind.size,
            channels=channels or kind.channels,
            fit=fit,
            levels=levels,
            trim=trim,
            mean=kind.mean,
            std=kind.std,
            outputs="findings" if findings else kind.outputs,
        )
    size, channels = size or TIMM_SIZE, channels or 1
    outputs = "findings" if findings else "softmax"
    return Spec(
        name, classes, size=size, channels=channels, fit=fit, levels=levels, trim=trim, outputs=outputs
    )


def build(spec: Spec, *, seed: int = 0, pretrained: bool | Path = False) -> Classifier:
    """Build the described model; its weights are drawn from `seed`, and no global state moves.

    Parameters
    ----------
    pretrained
        For a timm model: True for timm's own weights, or a safetensors file of them.

    Raises
    ------
    UnknownName
        If there is no such model.
    AskedWrongly
        If pretrained weights are asked of a model that has none.
    """
    check_model(spec.model)
    with torch.random.fork_rng(devices=[]):  # models are built on the processor
        torch.default_generator.manual_seed(seed)
        if spec.model not in MODELS:
            from radapt.models import backbone  # timm takes seconds to import

            model = backbone.build(spec, pretrained)
        elif pretrained:
            raise AskedWrongly(
                f"The model {spec.model!r} has no pretrained weights. Use timm:NAME for one that has."
            )
        else:
            model = MODELS[spec.model].build(spec)
    return model.to(memory_format=torch.channels_last)
