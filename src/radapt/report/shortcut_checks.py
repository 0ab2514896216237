"""What a finished folder holds on shortcuts: baselines without the lungs, and scores with parts hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radapt.images.notice import Notice, from_rows


@dataclass(frozen=True, slots=True)
class ShortcutChecks:
    """The shortcut baselines, occlusion scores and corner permutations of a study or run."""

    baselines: tuple[Mapping[str, Any], ...]  # name, trained_on, domain, auroc and its interval
    left_out: tuple[Mapping[str, Any], ...]  # baselines that were not fitted: name and reason
    warnings: tuple[Notice, ...]  # of scores near a baseline, and of what limits a model
    occlusion: tuple[Mapping[str, Any], ...]  # a row for each mask and metric
    corners: tuple[Mapping[str, Any], ...]  # corner and effect of permuting it
    occlusion_warnings: tuple[Notice, ...]  # of what occlusion showed

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ShortcutChecks":
        """Read them from a `study.json` or `scores.json`; empty where they were not made."""
        rows = (
            tuple(map(dict, values.get(name, ())))
            for name in ("baselines", "baselines_left_out", "occlusion", "corner_permutation")
        )
        warnings, occlusion_warnings = (
            from_rows(values.get(name, ())) for name in ("warnings", "occlusion_warnings")
        )
        baselines, left_out, occlusion, corners = rows
        return cls(baselines, left_out, warnings, occlusion, corners, occlusion_warnings)
