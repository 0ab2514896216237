"""The table of models by name, and `build`, which builds any of them."""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from radapt.errors import AskedWrongly, UnknownName
from radapt.models import compact, efficientnet_lite, original_cnn, xrv
from radapt.models.architecture import Architecture
from radapt.models.classifier import Classifier, Spec
from radapt.models.ensemble import combine, member_seeds
from radapt.models.pretrained import Weights
from radapt.progress import SILENT, Watch
from radapt.text import listed


def _of_torchxrayvision(about: str, size: int) -> Architecture:
    return Architecture(
        about,
        xrv.build,
        size=size,
        channels=1,
        mean=xrv.MEAN,
        std=xrv.STD,
        find_weights=xrv.find_weights,
        put_weights=xrv.put_weights,
    )


def _of_imagenet(number: int, size: int) -> Architecture:
    return Architecture(
        f"EfficientNet-Lite{number}, started from ImageNet weights that come with radapt[imagenet]",
        efficientnet_lite.build,
        size=size,
        channels=1,
        mean=0.5,
        std=0.5,
        pretrained=True,
        find_weights=efficientnet_lite.find_weights,
        put_weights=efficientnet_lite.put_weights,
    )


MODELS: dict[str, Architecture] = {
    "compact": Architecture(
        "a small residual CNN that trains from scratch on two cores (the default)",
        compact.build,
        size=128,
        channels=1,
    ),
    "lite0": _of_imagenet(0, size=160),
    "lite1": _of_imagenet(1, size=176),
    "lite2": _of_imagenet(2, size=192),
    "original-cnn": Architecture(
        "the CNN of the original Keras demonstration, layer for layer",
        original_cnn.build,
        size=150,
        channels=3,
        outputs="sigmoid",
        mean=0.0,  # the demonstration only divided by 255
        std=1.0,
    ),
    "xrv:densenet121": _of_torchxrayvision(
        "DenseNet-121 of torchxrayvision; --pretrained or --weights starts it from chest images", 224
    ),
    "xrv:resnet50": _of_torchxrayvision("ResNet-50 of torchxrayvision, the same on images of 512 x 512", 512),
}
# The modules of models that are named by a prefix and a name, folder or file; what they import takes seconds.
FAMILIES = {
    "timm:": "timm_network",
    "hf:": "hf_encoder",
    "onnx:": "onnx_encoder",
    "imported:": "program",
}


def check_model(name: str) -> None:
    """Refuse an unknown model, before any image is read.

    Raises
    ------
    UnknownName
        If it is neither in `MODELS` nor `timm:NAME`, `hf:DIR` or `onnx:FILE`.
    """
    if name not in MODELS and not name.startswith(tuple(FAMILIES)):
        raise UnknownName("model", name, [*MODELS, "timm:resnet18", "hf:FOLDER", "onnx:FILE"])


def has_pretrained(name: str) -> bool:
    """Say whether a model has pretrained weights; any of timm may have."""
    return name not in MODELS or MODELS[name].find_weights is not None


def architecture(name: str) -> Architecture:
    """Return what is known of a model.

    Raises
    ------
    UnknownName
        If there is no such model.
    """
    check_model(name)
    if name in MODELS:
        return MODELS[name]
    described: Architecture = _family(name).architecture(name)
    return described


def _family(name: str) -> Any:
    """Return the module of a model with a prefix."""
    return import_module(f"radapt.models.{FAMILIES[name.partition(':')[0] + ':']}")


def is_frozen(name: str) -> bool:
    """Return whether only the head of a model can be trained."""
    return name.startswith(("onnx:", "imported:"))


def check_pretrained(name: str) -> None:
    """Refuse a model without pretrained weights, before any image is read.

    Raises
    ------
    AskedWrongly
        If it is not one of `MODELS` that has some, and none of timm or of a folder.
    """
    if not has_pretrained(name):
        have = listed(filter(has_pretrained, MODELS))
        raise AskedWrongly(
            f"The model {name!r} has no pretrained weights. Use one that has: {have}, timm:NAME or hf:DIR."
        )


def find_weights(name: str, pretrained: bool | Path, watch: Watch = SILENT) -> Weights | None:
    """Return the pretrained weights that are asked for; None without any.

    Published weights are downloaded, except timm's own, which timm downloads when a model is built.

    Parameters
    ----------
    pretrained, watch
        As for `build`.

    Raises
    ------
    UnknownName
        If there is no such model.
    AskedWrongly
        If the model has no pretrained weights, or none but its own, or there is no such file.
    BadArtefact
        If the file is damaged, or is none of weights.
    RadaptError
        If the weights cannot be fetched.
    """
    kind = architecture(name)
    if pretrained and is_frozen(name):
        raise AskedWrongly(f"The file of {name} holds its weights: leave out --pretrained and --weights.")
    pretrained = pretrained or kind.pretrained
    if not pretrained:
        return None
    check_pretrained(name)
    return None if kind.find_weights is None else kind.find_weights(name, pretrained, watch)


def find_again(name: str, began: str, weights: Path | None, watch: Watch = SILENT) -> Weights:
    """Find the pretrained weights that a model was initialised from.

    Parameters
    ----------
    name
        The model's.
    began
        The `Weights.name` of these weights.
    weights
        A file of them; published ones are found without it.
    watch
        As for `build`.

    Raises
    ------
    AskedWrongly
        If they come from a file and none is given, or other weights are found.
    BadArtefact, RadaptError
        As for `find_weights`.
    """
    if weights is None and re.fullmatch("[0-9a-f]{64}", began):
        raise AskedWrongly(
            f"The model started from the pretrained weights of a file (sha256 {began[:12]}...), and the "
            "strategy scratch starts from them again: give that file as --weights."
        )
    published, _, checksum = began.partition(" ")
    current = find_weights(name, weights or (Path(published) if checksum else True), watch)
    if current is None or current.name != began:
        raise AskedWrongly(
            f"The model started from {began}, which are not the weights that {weights or published} has now "
            f"({current and current.name}): give the former as --weights."
        )
    return current


def default_size(name: str) -> int:
    """Return the side, in pixels, of the images that a model is made for."""
    return architecture(name).size


def new_spec(
    name: str,
    classes: tuple[str, ...],
    *,
    size: int | None = None,
    channels: int | None = None,
    resize: str = "squash",
    intensity: str = "window",
    trim: bool = False,
    findings: bool = False,
) -> Spec:
    """Return the `Spec` of a new model for these classes; `findings` makes it multi-label.

    Where a model has a mean and std of each colour and one channel is asked for, it gets their means; its
    pretrained weights then start a little off.
    """
    kind = architecture(name)
    if channels not in (None, 1, 3):
        raise AskedWrongly(f"A model takes 1 channel or 3 equal ones. Got {channels}.")
    channels = channels or kind.channels
    return Spec(
        model=name,
        classes=classes,
        size=size or kind.size,
        channels=channels,
        resize=resize,
        intensity=intensity,
        trim=trim,
        mean=_of_channels(kind.mean, channels),
        std=_of_channels(kind.std, channels),
        outputs="findings" if findings else kind.outputs,
        encoder=kind.encoder,
    )


def _of_channels(value: float | tuple[float, ...], channels: int) -> float | tuple[float, ...]:
    """Return one number a channel; on a single channel the colours' mean, which is near what each expects."""
    return fmean(value) if isinstance(value, tuple) and channels == 1 else value


def build(spec: Spec, *, seed: int = 0, pretrained: bool | Path = False, watch: Watch = SILENT) -> Classifier:
    """Build a model; its weights are drawn from `seed`, and no global random state changes.

    Of an ensemble each member is drawn from a seed of its own, see `radapt.models.ensemble.member_seeds`.

    Parameters
    ----------
    pretrained
        For a timm model: True for timm's own weights, or a safetensors file of them. For `hf:DIR`: True
        for those in the folder, or another file. For one of
        torchxrayvision: True for the usual ones, a file, or a name in `radapt.models.xrv.PUBLISHED`.
    watch
        Receives the progress of downloads.

    Raises
    ------
    UnknownName
        If there is no such model.
    AskedWrongly
        If pretrained weights are asked of a model that has none.
    BadArtefact
        If they do not fit.
    """
    check_model(spec.model)
    if pretrained:
        check_pretrained(spec.model)
    if spec.members > 1:
        each = replace(spec, members=1)
        seeds = member_seeds(seed, spec.members)
        return combine([build(each, seed=one, pretrained=pretrained, watch=watch) for one in seeds])
    with torch.random.fork_rng(devices=[]):  # models are built on the processor
        torch.default_generator.manual_seed(seed)
        if spec.model.startswith("timm:"):
            model: Classifier = _family(spec.model).build(spec, pretrained)
        else:  # a model with a prefix is not looked up: its folder or file may be gone
            kind = MODELS[spec.model] if spec.model in MODELS else _family(spec.model)
            model = kind.build(spec)
            if pretrained and kind.put_weights is not None:
                kind.put_weights(model, pretrained, watch)
    return model.to(memory_format=torch.channels_last)
