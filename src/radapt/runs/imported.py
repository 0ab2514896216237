"""Make a run of a model that was trained elsewhere: a program in a file, a state dict, or Keras weights."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radapt.artefacts import IDENTITY
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import plain
from radapt.images.notice import Notice, as_rows
from radapt.models import file_kind
from radapt.models.classifier import GIVES, Classifier, Spec
from radapt.models.keras import load_keras
from radapt.models.program import FILES, PREFIX, WITH_FEATURES, classifier_of, declared_shape
from radapt.models.state_dict import put_state_dict
from radapt.models.table import MODELS, build, new_spec
from radapt.models.weights_file import read_tensors
from radapt.provenance import now, provenance
from radapt.runs.folder import is_whole, read_record, save_run
from radapt.runs.learned import not_known
from radapt.text import counted, joined, listed
from radapt.version import __version__
from radapt.workfolder import reserve_folder


@dataclass(frozen=True, slots=True)
class Scaling:
    """How grey levels become a model's input: spread over a range, then less a mean and divided by a std."""

    low: float = 0.0  # what black becomes
    high: float = 1.0  # what white becomes
    mean: tuple[float, ...] = (0.0,)  # in units of the range; one, or one a channel
    std: tuple[float, ...] = (1.0,)

    @property
    def of_grey(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and std of grey values in 0..1, as a `Spec` has them."""
        width = self.high - self.low
        return tuple((each - self.low) / width for each in self.mean), tuple(
            each / width for each in self.std
        )


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What is said of a model's file; None where the file, or its network, is asked instead."""

    classes: tuple[str, ...]  # in the order of its outputs
    model: str | None = None  # the network of a state dict, a name in `radapt.models.table`
    size: int | None = None
    channels: int | None = None
    resize: str = "squash"
    intensity: str = "window"
    trim: bool = False
    scaling: Scaling | None = None
    gives: str | None = None  # one of `GIVES`
    findings: bool = False  # whether an image may have several of the classes
    scores: str | None = None  # the name of the output with the scores, where there are several
    features: str | None = None  # and of the one with features
    threshold: float | None = None  # the probability of the finding from which on an image is labelled so


def import_model(path: Path, out: Path, options: ImportOptions, *, hardware: Hardware) -> dict[str, Any]:
    """Make a run of a model's file; return its record.

    The run is whole: a program is copied into it, and the weights of a state dict or of Keras are in its
    `model.safetensors`. The record has the file's name and sha256.

    Raises
    ------
    AskedWrongly
        If the file is refused, does not fit what is said of it, or `out` holds other work.
    BadArtefact
        If it is damaged.
    """
    classifier = open_model(path, options)
    started = now()
    identity = {
        "kind": "import",
        "radapt": __version__,
        "file": {
            "name": path.name,
            "kind": file_kind.kind_of(path),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
        "spec": plain(classifier.spec.as_dict()),
        "threshold": options.threshold,
    }
    with reserve_folder(out, identity, IDENTITY) as begun:
        if begun and is_whole(out):
            return read_record(out)
        record = {
            **identity,
            **{
                "recipe": None,
                "pretrained": False,
                "strategy": "none",
                "images": 0,
                "source": None,
                "notes": {},
            },
            "notices": as_rows(
                [Notice("learned-unknown", "caution", not_known(f"the model imported from {path.name}"))]
            ),
            "provenance": provenance(hardware, started),
        }
        save_run(out, classifier=classifier, history=(), predictions={}, record=record)
        return read_record(out)


def open_model(path: Path, options: ImportOptions) -> Classifier:
    """Open a model's file as a classifier on the processor, in evaluation mode.

    Raises
    ------
    AskedWrongly, BadArtefact
        As for `import_model`.
    """
    _check(options)
    kind = file_kind.kind_of(path)
    if kind not in FILES and (options.features or options.scores or options.gives):
        raise AskedWrongly(
            f"{path.name} holds weights, whose features and outputs are known: leave --features, --scores "
            "and --gives out."
        )
    if kind == file_kind.STATE:
        return _of_state_dict(path, options)
    if options.model is not None:
        raise AskedWrongly(
            f"{path.name} is a {kind} file, which says itself which network it is: leave --model "
            f"{options.model} out."
        )
    return _of_keras(path, options) if kind == file_kind.KERAS else _of_program(path, kind, options)


def _check(options: ImportOptions) -> None:
    """Refuse classes, a range or an output that cannot be."""
    named = [name.strip().casefold() for name in options.classes]
    if (
        not named
        or not all(named)
        or len(set(named)) < len(named)
        or (len(named) < 2 and not options.findings)
    ):
        raise AskedWrongly(
            "--classes takes the names of the model's classes in the order of its outputs, each once, as "
            f"NORMAL,PNEUMONIA. Got {listed(options.classes)!r}."
        )
    if options.channels not in (None, 1, 3):
        raise AskedWrongly(f"--channels is 1, or 3 equal ones. Got {options.channels}.")
    if options.gives not in (None, *GIVES):
        raise AskedWrongly(f"--gives is {joined(GIVES, 'or')}. Got {options.gives!r}.")
    if options.threshold is not None and (len(named) != 2 or options.findings):
        raise AskedWrongly(
            "A threshold is for two classes that exclude one another. Got "
            f"{counted(len(named), 'finding') if options.findings else len(named)}: leave --threshold out."
        )


def _spec(options: ImportOptions, spec: Spec) -> Spec:
    """Return a spec with what the options say of the images' scale."""
    if options.scaling is None:
        return spec
    mean, std = options.scaling.of_grey
    for values in (mean, std):
        if len(values) not in (1, spec.channels):
            raise AskedWrongly(
                f"--mean and --std take one number, or one a channel. Got {len(values)} for {spec.channels}."
            )
    return replace(spec, mean=mean[0] if len(mean) == 1 else mean, std=std[0] if len(std) == 1 else std)


def _reading(options: ImportOptions) -> dict[str, Any]:
    return {"resize": options.resize, "intensity": options.intensity, "trim": options.trim}


def _of_program(path: Path, kind: str, options: ImportOptions) -> Classifier:
    content = path.read_bytes()
    _, channels, height, _ = declared_shape(content, path.name, kind)
    size, channels = options.size or height, options.channels or channels
    if size is None or channels is None:
        raise AskedWrongly(
            f"{path.name} does not say which images it takes: give --size in pixels and --channels 1 or 3."
        )
    spec = Spec(
        model=f"{PREFIX}{kind}{WITH_FEATURES if options.features else ''}",
        classes=options.classes,
        size=size,
        channels=channels,
        **_reading(options),
        outputs="findings" if options.findings else "softmax",
        encoder=hashlib.sha256(content).hexdigest(),
        gives=options.gives or "",
        file_outputs=(options.scores or "", *([options.features] if options.features else [])),
    )
    scaled = _spec(replace(options, scaling=options.scaling or Scaling()), spec)
    return classifier_of(content, path.name, scaled)


def _of_state_dict(path: Path, options: ImportOptions) -> Classifier:
    tensors = read_tensors(path)
    if options.model is None:
        raise AskedWrongly(
            f"{path.name} holds weights by name and no network: give the network as --model, such as "
            f"timm:resnet18, {listed(MODELS)}."
        )
    spec = new_spec(
        options.model,
        options.classes,
        size=options.size,
        channels=options.channels,
        **_reading(options),
        findings=options.findings,
    )
    classifier = build(_spec(options, spec))
    put_state_dict(classifier, tensors, path.name)
    return classifier.eval()


def _of_keras(path: Path, options: ImportOptions) -> Classifier:
    classifier = load_keras(path, options.classes)
    spec = classifier.spec
    for option, own, asked in (
        ("size", spec.size, options.size),
        ("channels", spec.channels, options.channels),
    ):
        if asked not in (None, own):
            raise AskedWrongly(f"{path.name} was made for --{option} {own}. Got {asked}.")
    outputs = "findings" if options.findings else spec.outputs
    classifier.spec = _spec(options, replace(spec, **_reading(options), outputs=outputs))
    return classifier
