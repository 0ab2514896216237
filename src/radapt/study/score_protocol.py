"""The protocol of a comparison of scores: its one claim, written down before the comparison is made.

It is about two models that are known by their scores of the same images, one of them the reference. Its claim
is tested as the halves of a study's are, see `radapt.study.claim`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from radapt.artefacts import TOML_SCHEMA
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import check_new_toml, read_toml, write_text
from radapt.metrics.table import metric
from radapt.stats.estimate import Estimate
from radapt.study.claim import ClaimVerdict, noninferiority, superiority
from radapt.study.model_comparison import Model, ModelComparison
from radapt.text import listed

BETTER, NOT_WORSE = "better", "not-worse"
CLAIMS = (BETTER, NOT_WORSE)
_HEAD = f"""\
# The protocol of a comparison of scores: what it is to show, written down before it is made.

# the form of this file
schema = {TOML_SCHEMA}
"""
_ABOUT = {
    "created": "when this was written",
    "reference": "the model that is compared with ...",
    "model": "... and the one that something is claimed of, by the names that `radapt compare` gives them",
    "images": "how many images both have scored ...",
    "images_sha256": "... and the sha256 of their names (no labels, no patients); other images are refused",
    "metric": "the claim: by this metric the model is ...",
    "claim": '... "better" by more than the margin, or "not-worse": worse by less than it',
    "margin": "0.02 is 2 points",
    "threshold_reference": "the probability from which on the reference predicts an image positive",
    "threshold_model": "the same of the model",
}


@dataclass(frozen=True, slots=True)
class ScoreProtocol:
    """What a comparison of scores commits to.

    Raises
    ------
    UnknownName
        If there is no such claim or metric.
    AskedWrongly
        If a number is out of its range.
    """

    created: str  # ISO 8601
    reference: str
    model: str
    images: int
    images_sha256: str
    metric: str
    claim: str  # one of `CLAIMS`
    margin: float  # in [0, 1), above 0 for "not-worse"
    threshold_reference: float = 0.5
    threshold_model: float = 0.5

    def __post_init__(self) -> None:
        if self.claim not in CLAIMS:
            raise UnknownName("claim", self.claim, CLAIMS)
        object.__setattr__(self, "metric", metric(self.metric).name)
        least = "above 0" if self.claim == NOT_WORSE else "0 or more"
        if not 0 <= self.margin < 1 or (self.claim == NOT_WORSE and not self.margin):
            raise AskedWrongly(
                f"The margin of a claim of {self.claim!r} is {least} and below 1 (0.02 is 2 points). "
                f"Got {self.margin:g}."
            )
        if self.reference == self.model:
            raise AskedWrongly(f"A claim is about two models. Got {self.model!r} twice.")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        return {"schema": TOML_SCHEMA, **asdict(self)}

    @property
    def digest(self) -> str:
        """The sha256 of what it says; when it was written is left out."""
        content = {name: value for name, value in self.as_dict().items() if name != "created"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def images_of(models: Sequence[Model]) -> dict[str, Any]:
    """Return the number of images that models have in common, and the sha256 of their names."""
    names = sorted(set.intersection(*(set(model.runs[0].ids.tolist()) for model in models)))
    return {"images": len(names), "images_sha256": hashlib.sha256("\0".join(names).encode()).hexdigest()}


def write_score_protocol(path: Path, protocol: ScoreProtocol) -> None:
    """Write a protocol as TOML that says what each line is for; an existing file is never written over.

    Raises
    ------
    AskedWrongly
        As for `radapt.files.check_new_toml`.
    """
    check_new_toml(path, "protocol")
    content = protocol.as_dict()
    lines = [
        f"\n# {about}\n{name} = {json.dumps(content[name], ensure_ascii=False)}\n"
        for name, about in _ABOUT.items()
    ]
    write_text(path, _HEAD + "".join(lines))


def read_score_protocol(path: Path) -> ScoreProtocol:
    """Read the protocol of a comparison.

    Raises
    ------
    AskedWrongly
        If the file cannot be read, or a line is missing, unknown or of another kind.
    """
    values = read_toml(path)
    known = {field.name: field.type for field in fields(ScoreProtocol)}
    if values.pop("schema", None) != TOML_SCHEMA or "images_sha256" not in values:
        raise AskedWrongly(
            f"{path} is no protocol of a comparison of scores. `radapt protocol scores` writes one."
        )
    for name in values:
        if name not in known:
            raise UnknownName(f"key in {path}", name, known)
    if missing := [name for name in known if name not in values]:
        raise AskedWrongly(f"{path} lacks the key {missing[0]}.")
    for name, kind in known.items():
        allowed = (int, float) if kind is float else (kind,)
        if type(values[name]) not in allowed:
            raise AskedWrongly(f"{name} in {path} is {_KINDS[kind]}. Got {values[name]!r}.")
    return ScoreProtocol(**values)


_KINDS: Mapping[Any, str] = {str: "a text", int: "a whole number", float: "a number"}


def check_models(protocol: ScoreProtocol, models: Sequence[Model]) -> None:
    """Refuse models or images that a protocol is not about.

    Raises
    ------
    AskedWrongly
        If the reference is not the first, the model is missing, or their thresholds, or the images that all
        models have in common, are others.
    """
    names = [model.name for model in models]
    if names[0] != protocol.reference or protocol.model not in names[1:]:
        raise AskedWrongly(
            f"The protocol compares {protocol.model!r} with the reference {protocol.reference!r}, which "
            f"comes first. Got {listed(names)}."
        )
    pair = [models[0], models[names.index(protocol.model)]]
    _check_images(protocol, pair, "Write another protocol, before they are compared.")
    _check_images(protocol, models, "Leave out further models, which lack some of them.")
    asked = (protocol.threshold_reference, protocol.threshold_model)
    if not all(map(math.isclose, asked, (model.threshold for model in pair))):
        raise AskedWrongly(
            f"The protocol decides at thresholds of {asked[0]:g} and {asked[1]:g}: leave --threshold out."
        )


def _check_images(protocol: ScoreProtocol, models: Sequence[Model], advice: str) -> None:
    found = images_of(models)
    if found["images_sha256"] != protocol.images_sha256:
        raise AskedWrongly(
            f"The protocol is about {protocol.images:,} images; these models have {found['images']:,} in "
            f"common, which are not the same. {advice}"
        )


def verdict_on_scores(protocol: ScoreProtocol, comparison: ModelComparison) -> ClaimVerdict:
    """Test the claim of a protocol by the paired difference of its two models.

    It is accepted where the whole 95 % interval lies on its side of the margin, rejected where all of it lies
    on the other, and else inconclusive.
    """
    estimate = _difference(protocol, comparison)
    test = superiority if protocol.claim == BETTER else noninferiority
    half, words = test(protocol.metric, protocol.margin, estimate)
    verdicts: dict[str, Literal["Accept", "Reject", "Inconclusive"]] = {"yes": "Accept", "no": "Reject"}
    reason = f"{protocol.model} against {protocol.reference}: {words}."
    return ClaimVerdict(verdicts.get(half, "Inconclusive"), reason)


def _difference(protocol: ScoreProtocol, comparison: ModelComparison) -> Estimate:
    return next(
        row.estimate
        for row in comparison.differences
        if (row.strategy, row.metric) == (protocol.model, protocol.metric)
    )
