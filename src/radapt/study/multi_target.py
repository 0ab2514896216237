"""One base model, several target hospitals: a study of each, and a page that compares them.

The folder holds a study folder per target, and `several.json`, which names them. Base models are trained in
the first study and used again by the others, so that all start from the same.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radapt.artefacts import SEVERAL
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import write_document
from radapt.images.imageset import Dataset
from radapt.lock import alone_in
from radapt.progress import SILENT, Watch
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.text import listed
from radapt.workfolder import check_ours


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A target hospital: the source's images under a shift, or a data set of its own."""

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
    targets: Sequence[Target],
    out: Path,
    *,
    hardware: Hardware,
    watch: Watch = SILENT,
) -> Iterator[tuple[Target, dict[str, Any]]]:
    """Carry out a study for each target; yields the target and the content of its `study.json`.

    Raises
    ------
    AskedWrongly
        As for `radapt.study.experiment.run_study`, if two of them have one name, or if `out` holds other
        work.
    RadaptError
        If another process writes there, or somebody removes the folder meanwhile.
    """
    names = [target.name for target in targets]
    if len(set(names)) < len(names):
        raise AskedWrongly(f"Each target needs a name of its own. Got {listed(names)}.")
    check_ours(out, SEVERAL)
    with alone_in(out):
        write_document(out / SEVERAL, {"studies": names})
        for target in targets:
            # Base models are the same where the targets are of one kind: a simulated target takes half of the
            # training patients, a data set of its own takes none.
            same_kind = next(one.name for one in targets if bool(one.shift) == bool(target.shift))
            first = None if target.name == same_kind else out / same_kind
            own = replace(plan, shift=target.shift)
            yield (
                target,
                run_study(
                    own,
                    source,
                    target.target,
                    out / target.name,
                    hardware=hardware,
                    watch=watch,
                    base_models_from=first,
                ),
            )
