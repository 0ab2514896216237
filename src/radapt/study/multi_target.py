"""A grid of studies: several models, several target hospitals, and a summary that compares them.

The folder holds a study folder for each model and target, and `several.json`, which names them and, once all
are done, holds their summary (see `radapt.study.summary`). Base models are trained in the first study of a
model and used again by the others with the same source, so that all start from the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import SEVERAL
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import plain, write_document
from radapt.images.imageset import Dataset
from radapt.lock import alone_in
from radapt.models.table import build, new_spec
from radapt.progress import SILENT, Watch
from radapt.study.experiment import run_study
from radapt.study.pace import deadline_after
from radapt.study.plan import Plan, default_budgets
from radapt.study.summary import summarise
from radapt.study.summary_text import answer
from radapt.study.time_limit import OutOfTime
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
        return folder_name(self.shift or (self.target.origin.name if self.target is not None else ""))


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One study of a grid."""

    plan: Plan  # with its model, pretrained weights and shift
    target: str  # the target's name
    load: Callable[[], tuple[Dataset, Dataset | None]]  # the source, and the target where it is a data set
    shares_base: bool = True  # whether its source is that of the other members

    @property
    def shifted(self) -> bool:
        """Whether the target is a shift of the source."""
        return self.plan.shift is not None


def folder_name(text: str) -> str:
    """Return a text as the name of a folder."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_") or "target"


def grid(plans: Sequence[Plan], data: Mapping[str, tuple[Dataset, Sequence[Target]]]) -> list[Member]:
    """Return the studies of several models with several targets.

    Parameters
    ----------
    plans
        A plan for each model.
    data
        The source and the targets as each model reads them, by the model's name.

    Raises
    ------
    AskedWrongly
        If two models would not learn from, or be tested on, the same images, or a model cannot be built.
    """
    check_same_images([_datasets(source, targets) for source, targets in data.values()])
    check_models(plans, {model: source for model, (source, _) in data.items()})
    members = []
    for plan in plans:
        source, targets = data[plan.model]
        real = next((each.target for each in targets if each.target is not None), None)
        budgets = plan.budgets or default_budgets(source, real)
        for target in targets:
            own = replace(plan, shift=target.shift, budgets=budgets)
            members.append(Member(own, target.name, _loaded(source, target.target)))
    return members


def check_same_images(read: Sequence[Sequence[Dataset]]) -> None:
    """Check that all models read the same images; a file may be readable at one size alone.

    Parameters
    ----------
    read
        The data sets as each model reads them.

    Raises
    ------
    AskedWrongly
        If the images or their splits differ.
    """
    for datasets in read[1:]:
        for one, other in zip(read[0], datasets, strict=True):
            same = one.splits.keys() == other.splits.keys() and all(
                np.array_equal(images.ids, other[name].ids) for name, images in one.splits.items()
            )
            if not same:
                raise AskedWrongly(
                    "The models cannot be compared: not all of them read the same images of "
                    f"{one.origin.name}. Give all of them the same --size."
                )


def check_models(plans: Sequence[Plan], data: Mapping[str, Dataset]) -> None:
    """Build every model once, so that one that cannot be built is refused before another is trained."""
    for plan in plans:
        if plan.base:  # it is there already
            continue
        source = data[plan.model]
        reading = source.origin.reading.as_dict()
        build(new_spec(plan.model, source.classes, findings=not source.exclusive, **reading))


def run_several(
    members: Sequence[Member],
    out: Path,
    *,
    hardware: Hardware,
    watch: Watch = SILENT,
    left_out: Sequence[str] = (),
    base: Path | None = None,
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Carry out every study of a grid, then write the summary.

    A time limit is for all of them together; a study that is out of time before anything can be compared is
    left out of the summary, which says so.

    Parameters
    ----------
    members
        The studies; all with the same strategies and metric.
    left_out
        Sentences that name what could not be studied.
    base
        The folder of a run that is the base model of all of them.

    Yields
    ------
    tuple[Path, dict]
        Of each study that is not left out its folder within `out` and the content of its `study.json`.

    Raises
    ------
    AskedWrongly
        As for `radapt.study.experiment.run_study`, if two of them have one name, or if `out` holds other
        work.
    OutOfTime
        If all of them are left out.
    RadaptError
        If another process writes there, or somebody removes the folder meanwhile.
    """
    folders = _folders(members)
    check_ours(out, SEVERAL)
    entries = [
        {"folder": folder.as_posix(), "model": member.plan.model, "target": member.target}
        for folder, member in zip(folders, members, strict=True)
    ]
    document: dict[str, Any] = {"studies": entries, "left_out": list(left_out)}
    with alone_in(out):
        write_document(out / SEVERAL, {**document, "summary": None})
        late: dict[Path, OutOfTime] = {}
        members = sharing_time(members)
        for folder, member in zip(folders, members, strict=True):
            source, target = member.load()
            begin_from = base or _base_of(member, folders, members, out)
            on: dict[str, Any] = {"hardware": hardware, "watch": watch, "base_models_from": begin_from}
            try:
                result = run_study(member.plan, source, target, out / folder, **on)
            except OutOfTime as error:
                late[folder] = error
                continue
            yield folder, result
        if len(late) == len(members):
            raise late[folders[0]]
        document["studies"] = [
            entry for entry, folder in zip(entries, folders, strict=True) if folder not in late
        ]
        document["left_out"] = [*left_out, *starmap(_late, late.items())]
        summary = summarise(out, document["studies"])
        write_document(
            out / SEVERAL, {**document, "summary": {"answer": answer(summary), **plain(summary.as_dict())}}
        )


def sharing_time(members: Sequence[Member]) -> list[Member]:
    """Return the studies with one end of the time limit for all: that many minutes from now."""
    return [
        replace(member, plan=replace(member.plan, deadline=deadline_after(member.plan.minutes)))
        for member in members
    ]


def _late(folder: Path, error: OutOfTime) -> str:
    return f"The study {folder.as_posix()} is left out. {error}"


def _folders(members: Sequence[Member]) -> list[Path]:
    """Return the folder of each study: that of its target, below that of its model if there are several."""
    several = len({member.plan.model for member in members}) > 1
    folders = [
        Path(folder_name(member.plan.model), member.target) if several else Path(member.target)
        for member in members
    ]
    if len(set(folders)) < len(folders):
        names = [member.target for member in members if member.plan.model == members[0].plan.model]
        raise AskedWrongly(f"Each target needs a name of its own. Got {listed(names)}.")
    return folders


def _base_of(member: Member, folders: Sequence[Path], members: Sequence[Member], out: Path) -> Path | None:
    """Return the study whose base models a study uses again; None for the first.

    Base models are the same where the targets are of one kind: a simulated target takes half of the training
    patients, a data set of its own takes none.
    """
    first = next(
        folder
        for folder, other in zip(folders, members, strict=True)
        if (other.plan.model, other.shifted) == (member.plan.model, member.shifted)
    )
    own = folders[members.index(member)]
    return None if first == own or not member.shares_base else out / first


def _datasets(source: Dataset, targets: Sequence[Target]) -> list[Dataset]:
    return [source, *(each.target for each in targets if each.target is not None)]


def _loaded(source: Dataset, target: Dataset | None) -> Callable[[], tuple[Dataset, Dataset | None]]:
    return lambda: (source, target)
