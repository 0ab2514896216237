"""The protocol of a study: its one claim, written down before any test label is read.

`protocol.toml` says which images, which strategy with how many labels, which metric, the superiority
margin on the target images, and the non-inferiority margin on the source images.
`radapt.study.registration` keeps the protocol that a study was first given; `radapt.study.claim` tests the
claim.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from radapt.adaptation.table import get_strategy
from radapt.artefacts import TOML_SCHEMA
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import check_new_toml, plain, read_toml, write_text
from radapt.images.imageset import Dataset, ImageSet
from radapt.metrics.table import metric, metrics_suiting
from radapt.models.pretrained import Weights
from radapt.models.table import check_model, check_pretrained
from radapt.predictions import Predictions
from radapt.runs.holdout import split_validation
from radapt.shift.expression import parse_shift
from radapt.shift.shifted import select_images
from radapt.stats.intervals import LEVEL
from radapt.study import domains as parts
from radapt.study.domains import Domains
from radapt.text import listed, whole_number

NO_LABELS = "0"  # the budget of a strategy that needs none
LARGEST_NUMBER = 2**31  # below which all seeds and budgets lie
ALPHA = 0.05  # what the intervals leave outside

_HEAD = f"""\
# The protocol of a study: what it is to show, written down before its test labels are read.
# Changes after a study was first given it are shown on every page of the study.

# the form of this file
schema = {TOML_SCHEMA}
"""
_ABOUT = {
    "created": "when this was written",
    "source": "the source: the data set that the base model is trained on",
    "source_fingerprint": "sha256 of its files, labels, splits and reading; other images are refused",
    "target": "the target: the data set that models are adapted to",
    "target_fingerprint": "the same of the target",
    "shift": "or the target is simulated by this shift of the source images",
    "model": "the base model, see `radapt models`",
    "weights": "the pretrained weights that it starts from: their name, or the sha256 of their file",
    "strategies": "all that are compared; the claim is about one of them, see below",
    "seeds": "how many base models are trained, and adaptations of each",
    "seed": "the first seed, which also draws the shift, the splits and the labelled images",
    "strategy": "the claim: this strategy ...",
    "budget": '... with so many labelled target images ("all", "val", or "0" where it needs none) ...',
    "metric": "... by this metric, compared with the base model without adaptation, ...",
    "superiority_margin": "... is better by more than this on the target images (0.02 is 2 points) ...",
    "noninferiority_margin": "... and worse by less than this on the source images",
    "alpha": "the share of studies whose interval may miss the truth; there is 0.05 alone",
}
_KINDS = {str: "a text", int: "a whole number", float: "a number", tuple: "a list of texts"}


@dataclass(frozen=True, slots=True)
class Protocol:
    """Everything that a study commits to before its test labels are read.

    Raises
    ------
    UnknownName
        If there is no such model, strategy, shift or metric.
    AskedWrongly
        If the parts do not go together, or a number is out of its range.
    """

    created: str  # a date, or date and time, in ISO 8601
    source: str  # the data set's own name
    source_fingerprint: str  # `Dataset.origin.fingerprint`
    model: str
    strategies: tuple[str, ...]  # with "none", which all are held against
    strategy: str  # the one that something is claimed of
    budget: str  # of the claim: a number of labelled target images, "all", "val", or "0" for none
    metric: str  # see `radapt.metrics.table.metric`
    superiority_margin: float = 0.0  # on the target, in the metric's unit, in [0, 1)
    noninferiority_margin: float = 0.02  # on the source, in (0, 1)
    alpha: float = ALPHA
    seeds: int = 1
    seed: int = 0
    target: str | None = None  # None where the source's images are shifted
    target_fingerprint: str | None = None
    shift: str | None = None  # None where there is a target
    weights: str | None = None  # pretrained ones, as `radapt.models.pretrained.Weights.name`; None for random

    def __post_init__(self) -> None:
        for name in ("source", "target"):  # a folder may have any name, a line of TOML may not
            if (text := getattr(self, name)) is not None:
                object.__setattr__(self, name, "".join(c if c.isprintable() else "?" for c in text))
        for name in ("superiority_margin", "noninferiority_margin", "alpha"):
            object.__setattr__(self, name, float(getattr(self, name)))  # so that 0 and 0.0 have one digest
        _check_hospitals(self)
        check_model(self.model)
        if self.weights is not None:
            check_pretrained(self.model)
        _check_claim(self)
        object.__setattr__(self, "metric", metric(self.metric).name)
        _check_numbers(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        return {"schema": TOML_SCHEMA, **plain(asdict(self))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> "Protocol":
        """Return what `as_dict` gave, or what a file called `where` holds.

        Raises
        ------
        AskedWrongly
            If something is missing, unknown, or of another kind.
        """
        known = {field.name: field for field in fields(cls)}
        if type(values.get("schema")) is not int or values["schema"] != TOML_SCHEMA:
            raise AskedWrongly(
                f"{where} is no protocol of schema {TOML_SCHEMA}: it says {values.get('schema', 'none')}. "
                "`radapt protocol init` writes one."
            )
        for name in values:
            if name not in known and name != "schema":
                raise UnknownName(f"key in {where}", name, known)
        missing = [name for name, field in known.items() if name not in values and field.default is not None]
        if missing:
            raise AskedWrongly(f"{where} lacks {listed(missing)}.")
        entries = {name: value for name, value in values.items() if name != "schema" and value is not None}
        return cls(
            **{name: _of_kind(known[name].type, value, name, where) for name, value in entries.items()}
        )


def digest(protocol: Protocol) -> str:
    """Return the sha256 of what a protocol says; when it was written is left out."""
    content = {name: value for name, value in protocol.as_dict().items() if name != "created"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def of_images(protocol: Protocol, source: Dataset, target: Dataset | None) -> Protocol:
    """Return a protocol with the names and fingerprints of these images, once they are found to suit it.

    Raises
    ------
    AskedWrongly
        As for `check_images`.
    """
    protocol = replace(
        protocol,
        source=source.origin.name,
        source_fingerprint=source.origin.fingerprint,
        target=None if target is None else target.origin.name,
        target_fingerprint=None if target is None else target.origin.fingerprint,
    )
    check_images(protocol, source, target)
    return protocol


def check_images(protocol: Protocol, source: Dataset, target: Dataset | None) -> None:
    """Refuse images that a protocol is not about or that are too few for it, reading no test label.

    Raises
    ------
    AskedWrongly
        If a fingerprint differs, there are too few images for the budget, source and target do not go
        together, or the metric does not suit the classes.
    """
    if (target is None) == (protocol.shift is None):
        wanted = f"the shift {protocol.shift!r}" if protocol.shift else f"the images of {protocol.target!r}"
        actual = "none" if target is None else f"the images of {target.origin.name!r}"
        raise AskedWrongly(f"The target of this protocol is {wanted}. Got {actual}.")
    _check_same("source", protocol.source_fingerprint, source)
    if target is not None:
        _check_same("target", protocol.target_fingerprint, target)
    images = _domains(protocol, _without_pixels(source), target and _without_pixels(target))
    if protocol.budget != NO_LABELS:
        parts.labelled_images(images, protocol.budget, seed=protocol.seed)
    blank = _blank(images.source_train)
    if not metric(protocol.metric).suits(blank):
        raise AskedWrongly(
            f"The metric {protocol.metric!r} does not suit the {len(source.classes)} classes of these "
            f"images. For these there are: {listed(metrics_suiting(blank))}."
        )


def check_weights(protocol: Protocol, weights: Weights | None) -> None:
    """Refuse other pretrained weights than those of a protocol.

    Raises
    ------
    AskedWrongly
        If they differ, or are missing.
    """
    name = None if weights is None else weights.name
    if name != protocol.weights:
        raise AskedWrongly(
            f"The models of this protocol start from {_started(protocol.weights)}. Got {_started(name)}: "
            "give the same --weights or --pretrained as to `protocol init`."
        )


def _started(weights: str | None) -> str:
    return "random weights" if weights is None else f"the pretrained weights {weights}"


def write_protocol(path: Path, protocol: Protocol) -> None:
    """Write a protocol as TOML that says what each line is for, whole or not at all.

    Raises
    ------
    AskedWrongly
        As for `radapt.files.check_new_toml`.
    """
    check_new_toml(path, "protocol")
    content = protocol.as_dict()
    lines = [  # TOML writes texts, numbers and lists as JSON does
        f"\n# {about}\n{name} = {json.dumps(content[name], ensure_ascii=False)}\n"
        for name, about in _ABOUT.items()
        if content[name] is not None
    ]
    write_text(path, _HEAD + "".join(lines))


def read_protocol(path: Path) -> Protocol:
    """Read a protocol from TOML.

    Raises
    ------
    AskedWrongly
        If the file cannot be read, or a line is missing, unknown, or of another kind.
    """
    if not path.exists():
        raise AskedWrongly(f"There is no file {path}. `radapt protocol init` writes a protocol.")
    return Protocol.from_dict(read_toml(path), path.name)


def _check_hospitals(protocol: Protocol) -> None:
    if (protocol.shift is None) == (protocol.target is None):
        raise AskedWrongly("A protocol needs a target: either a shift or a target data set, and not both.")
    if (protocol.target is None) != (protocol.target_fingerprint is None):
        raise AskedWrongly("A protocol has a target together with its target_fingerprint, or neither.")
    if protocol.shift is not None:
        parse_shift(protocol.shift)
    try:
        datetime.fromisoformat(protocol.created)
    except ValueError:
        raise AskedWrongly(f"A date is written like 2026-01-31. Got {protocol.created!r}.") from None


def _check_claim(protocol: Protocol) -> None:
    for name in (*protocol.strategies, protocol.strategy):
        get_strategy(name)
    if "none" not in protocol.strategies or protocol.strategy == "none":
        raise AskedWrongly(
            "A claim is tested against no adaptation: 'none' is among the strategies, and not claimed."
        )
    if protocol.strategy not in protocol.strategies:
        raise AskedWrongly(
            f"What is claimed is also compared: {protocol.strategy!r} is not among "
            f"{listed(protocol.strategies)}."
        )
    labelled = get_strategy(protocol.strategy).needs == "labelled"
    if not labelled and protocol.budget != NO_LABELS:
        raise AskedWrongly(
            f"{protocol.strategy!r} needs no labels: its budget is 0. Got {protocol.budget!r}."
        )
    number = (whole_number(protocol.budget) or 0) > 0
    if labelled and not number and protocol.budget not in ("all", "val"):
        raise AskedWrongly(
            f"A budget is a number of labelled images, 'all' or 'val'. Got {protocol.budget!r}."
        )


def _check_numbers(protocol: Protocol) -> None:
    if not 0 <= protocol.superiority_margin < 1:
        requirement = "The superiority margin is 0 or more and below 1 (0.02 is 2 points)"
        raise AskedWrongly(f"{requirement}. Got {protocol.superiority_margin}.")
    if not 0 < protocol.noninferiority_margin < 1:
        requirement = "The non-inferiority margin lies between 0 and 1 (0.02 is 2 points)"
        raise AskedWrongly(f"{requirement}. Got {protocol.noninferiority_margin}.")
    if not math.isclose(protocol.alpha, ALPHA):
        raise AskedWrongly(f"Intervals are at {LEVEL:.0%}, so alpha is {ALPHA}. Got {protocol.alpha}.")
    if not (0 < protocol.seeds < LARGEST_NUMBER and 0 <= protocol.seed < LARGEST_NUMBER):
        requirement = (
            f"A study has one seed or more, and the first is 0 or more, both below {LARGEST_NUMBER:,}"
        )
        raise AskedWrongly(f"{requirement}. Got {protocol.seeds} from {protocol.seed} on.")


def _of_kind(kind: Any, value: Any, name: str, where: str) -> Any:
    """Return a value of a file as the kind that a field is of; whole numbers are numbers, and budgets."""
    kind = {str | None: str, tuple[str, ...]: tuple}.get(kind, kind)
    if type(value) is kind:
        return value
    if type(value) is int and (kind is float or name == "budget") and abs(value) < LARGEST_NUMBER:
        return kind(value)
    if kind is tuple and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise AskedWrongly(f"{name} in {where} is {_KINDS[kind]}. Got {value!r}.")


def _check_same(which: str, wanted: str | None, images: Dataset) -> None:
    fingerprint = images.origin.fingerprint
    if fingerprint != wanted:
        raise AskedWrongly(
            f"The {which} images, {images.origin.name!r}, are not those of the protocol, or are read "
            f"in another way: their fingerprint is {fingerprint[:12]}, that of the protocol "
            f"{str(wanted)[:12]}."
        )


def _domains(protocol: Protocol, source: Dataset, target: Dataset | None) -> Domains:
    """Return the images by their parts; where there is a shift, those that it takes, as they were."""
    if target is not None:
        return parts.real_domains(source, target, seed=protocol.seed)
    shift = parse_shift(str(protocol.shift))
    first, second = parts.divide(source["train"], "own", seed=protocol.seed)
    train, valid = split_validation(first, seed=protocol.seed)
    pool = select_images(second, shift, seed=protocol.seed)
    folder = select_images(source["val"], shift, seed=protocol.seed) if "val" in source.splits else None
    return Domains(train, valid, source["test"], pool, folder, source["test"], None)


def _without_pixels(dataset: Dataset) -> Dataset:
    splits = {
        name: images.with_pixels(np.zeros((len(images), 1, 1), dtype=np.uint8))
        for name, images in dataset.splits.items()
    }
    return replace(dataset, splits=splits)


def _blank(images: ImageSet) -> Predictions:
    """Return uninformative predictions, to find the metrics that suit the classes."""
    count = len(images.classes)
    scores = np.full((len(images), count), 1 / count)
    return Predictions(scores, images.labels, images.patients, images.ids, images.classes)
