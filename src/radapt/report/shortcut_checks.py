"""What a finished folder holds on what its scores are worth: cheap classifiers, parts of images hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ShortcutChecks:
    """What can be told without looking at the lungs, and what scores are worth beside it."""

    rows: tuple[Mapping[str, Any], ...]  # name, trained_on, domain, auroc and its interval
    left_out: tuple[Mapping[str, Any], ...]  # name and reason
    warnings: tuple[str, ...]  # sentences
    occlusion: tuple[Mapping[str, Any], ...]  # way, metric, score and change
    exchanged: tuple[Mapping[str, Any], ...]  # corner and share; none in folders of before they were
    suspicions: tuple[str, ...]  # sentences

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "ShortcutChecks":
        """Read it where there is any: folders of before cheap classifiers were fitted hold none."""
        rows, left_out, hidden, exchanged = (
            tuple(map(dict, raw.get(name, ())))
            for name in ("baselines", "baselines_left_out", "occlusion", "exchanged")
        )
        warnings, suspicions = (tuple(map(str, raw.get(name, ()))) for name in ("warnings", "suspicions"))
        return cls(rows, left_out, warnings, hidden, exchanged, suspicions)
