"""The verdict on the claim of a protocol: accept, reject, or inconclusive.

A claim has two halves, superiority on the target images and non-inferiority on the source images. Both have
to hold, so neither needs a stricter level because of the other (an intersection-union test, Berger 1982,
Technometrics 24:295). Margins are compared with the ends of 95 % intervals, as the extension of CONSORT
for non-inferiority has it (Piaggio et al. 2012, JAMA 308:2594).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from radapt.errors import AskedWrongly
from radapt.metrics.table import metric as find_metric
from radapt.stats.estimate import Estimate
from radapt.study.protocol import Protocol

HalfVerdict = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """The verdict on the claim of a protocol, in a word and in a sentence."""

    word: Literal["Accept", "Reject", "Inconclusive"]
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Return both, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ClaimVerdict":
        """Return what `as_dict` gave."""
        return cls(values["word"], values["reason"])


def evaluate_claim(protocol: Protocol, target: Estimate, source: Estimate) -> ClaimVerdict:
    """Test the claim of a protocol.

    It is accepted where the whole interval of the gain on the target lies above the superiority margin, and
    that of the change on the source above minus the non-inferiority margin. It is rejected where either
    interval lies wholly on the other side; a gain that ends at the margin does. Else, or where a difference
    is not defined, it is inconclusive.

    Parameters
    ----------
    target, source
        `radapt.stats.inference.difference` of the strategy of the claim and none, by the protocol's metric,
        on the target and the source test images.

    Raises
    ------
    AskedWrongly
        If an interval is of another level than the protocol's.
    """
    for estimate in (target, source):
        if not math.isclose(estimate.level, 1 - protocol.alpha):
            raise AskedWrongly(
                f"The protocol asks for intervals of {1 - protocol.alpha:.0%}. "
                f"Got one of {estimate.level:.0%}."
            )
    better, gain = superiority(protocol.metric, protocol.superiority_margin, target)
    kept, change = noninferiority(protocol.metric, protocol.noninferiority_margin, source)
    word: Literal["Accept", "Reject", "Inconclusive"] = "Inconclusive"
    if "no" in (better, kept):
        word = "Reject"
    elif better == kept == "yes":
        word = "Accept"
    return ClaimVerdict(
        word, f"{_claimed(protocol)}: on the target images {gain}; on the source images {change}."
    )


def _claimed(protocol: Protocol) -> str:
    words = {
        "0": "without labels",
        "all": "with all labelled images",
        "val": "with the images of the val folder",
    }
    budget = words.get(protocol.budget, f"with {protocol.budget} labelled images")
    return f"{protocol.strategy} {budget}"


def superiority(metric: str, least: float, estimate: Estimate) -> tuple[HalfVerdict, str]:
    """Say whether a difference by a metric is a gain of more than a margin, and in words why."""
    margin = f"the margin of {100 * least:.1f} points"
    name = find_metric(metric).words
    if math.isnan(estimate.value):
        return "open", f"{name} is not defined"
    size = _size(estimate, name)
    low, high = estimate.gain_ends
    if low > least:
        return "yes", f"{size}, all of it above {margin}"
    if high <= least:
        return "no", f"{size}, none of it above {margin}"
    return "open", f"{size}, on both sides of {margin}"


def _size(estimate: Estimate, name: str) -> str:
    less = ", of which lower is better" if estimate.lower_is_better else ""
    return f"{estimate.points} of {name}{less}"


def noninferiority(metric: str, most: float, estimate: Estimate) -> tuple[HalfVerdict, str]:
    """Say whether a difference by a metric is no loss of a margin or more, and in words why."""
    margin = f"the {100 * most:.1f} points that may be lost"
    name = find_metric(metric).words
    if math.isnan(estimate.value):
        return "open", f"{name} is not defined"
    size = _size(estimate, name)
    low, high = estimate.gain_ends
    if low > -most:
        return "yes", f"{size}, so less is lost than {margin}"
    if high < -most:
        return "no", f"{size}, so more is lost than {margin}"
    return "open", f"{size}, so it is open whether more is lost than {margin}"
