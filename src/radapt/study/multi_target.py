"""One base model, several second hospitals: a study of each, and a page that lays them side by side.

The folder holds a study folder for every second hospital, and `several.json`, which names them. Base models
are trained in the first study and taken over by the others, which so compare from the same start.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import write_json
from radapt.images.imageset import Dataset
from radapt.lock import alone_in
from radapt.progress import SILENT, Watch
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.text import listed
from radapt.workfolder import check_ours

SEVERAL = "several.json"


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A second hospital: the source's images under a shift, or a data set of its own."""

    shift: str | None = None
    target: Dataset | None = None

    @property
    def name(self) -> str:
        """The name of its folder."""
        text = self.shift or (self.target.origin.name if self.target is not None else "")
        return re.sub(r"[^\w.-]+", "_", text).strip("_") or "target"


def run_several(
    plan: Plan,
    source: Dataset,
    seconds: Sequence[Target],
    out: Path,
    *,
    hardware: Hardware,
    watch: Watch = SILENT,
) -> Iterator[tuple[Target, dict[str, Any]]]:
    """Carry out a study for each second hospital; yields it and what its `study.json` holds, one by one.

    Raises
    ------
    AskedWrongly
        As for `radapt.study.experiment.run_study`, if two of them have one name, or if `out` holds other
        work.
    RadaptError
        If another process writes there, or somebody removes the folder meanwhile.
    """
    names = [second.name for second in seconds]
    if len(set(names)) < len(names):
        raise AskedWrongly(f"Each second hospital needs a name of its own. Got {listed(names)}.")
    check_ours(out, SEVERAL)
    with alone_in(out):
        write_json(out / SEVERAL, {"studies": names})
        for second in seconds:
            alike = [
                name
                for name, one in zip(names, seconds, strict=True)
                if bool(one.shift) == bool(second.shift)
            ]
            bases = (
                None if second.name == alike[0] else out / alike[0]
            )  # a simulated target has patients of theirs
            own = replace(plan, shift=second.shift)
            yield (
                second,
                run_study(
                    own, source, second.target, out / second.name, hardware=hardware, watch=watch, bases=bases
                ),
            )
