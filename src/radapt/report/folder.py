"""What a finished study or run folder holds: read once, checked, and not computed with."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from radapt.artefacts import (
    CELLS,
    EXAMPLE_IMAGES,
    HISTORY,
    PLAN,
    RECORD,
    SCORES,
    STUDY,
    prediction_files,
    predictions_file,
)
from radapt.errors import BadArtefact, WrongFolder
from radapt.files import check_kinds, read_json
from radapt.predictions import Predictions
from radapt.report.example_images import ExampleImage, read_images
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.runs.folder import read_history
from radapt.stats.estimate import Estimate

ROLES = ("source train", "source validation", "source test", "target test")  # whose images a page counts

History = dict[str, list[float]]  # the columns of a history.csv


@dataclass(frozen=True, slots=True)
class Count:
    """How many images there are, of how many patients, in which classes."""

    images: int
    patients: int
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Source:
    """Where images came from, and how they were read."""

    name: str
    patient_rule: str
    split_rule: str
    preprocessing: Mapping[str, str | int | bool]
    failed: tuple[tuple[str, str], ...]  # (file, reason)
    notes: tuple[str, ...]
    notices: tuple[str, ...]  # what every page has to say in red
    splits: Mapping[str, Count]
    unnamed: int = 0  # images that a table names no patient of, though it names some
    shared: int | None = None  # patients with images in two splits; None where that was not counted


@dataclass(frozen=True, slots=True)
class Asked:
    """What a study was asked to do."""

    model: str
    shift: str | None
    strategies: tuple[str, ...]
    budgets: tuple[str, ...]
    seeds: int
    seed: int
    protocol: str
    epochs: int | None
    steps: int | None
    precision: str
    metric: str
    margin: float
    target_patients: str  # "own" or "shared" with the base model, under a simulated shift
    weights: str | None  # pretrained ones that models started from


@dataclass(frozen=True, slots=True)
class Score:
    """One strategy by one metric on one test set."""

    strategy: str
    budget: int  # labelled images; 0 for none
    domain: str  # "target" or "source"
    metric: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Gap:
    """One strategy against another on the same images."""

    strategy: str
    against: str
    budget: int
    domain: str
    metric: str
    estimate: Estimate
    verdict: str
    smallest: float  # the smallest true difference that would probably have been seen; NaN if undefined


@dataclass(frozen=True, slots=True)
class Regained:
    """The share of what a shift cost that a strategy won back."""

    strategy: str
    budget: int
    metric: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What a study was to show by its protocol, and what became of it."""

    word: str
    reason: str
    frozen_at: str
    digest: str
    notices: tuple[str, ...]  # that it was changed, or frozen late
    late: bool  # frozen after test images had been scored


@dataclass(frozen=True, slots=True)
class Cell:
    """One trained model of a study."""

    name: str
    strategy: str  # "none" for the base model, which the others start from
    budget: str  # its label; "" for the base
    seed: int
    trained_on: Count
    validated_on: Count | None
    epochs: int
    seconds: float
    history: History
    notes: Mapping[str, Any]  # what was chosen or found on the way

    @property
    def folds(self) -> int:
        """How many folds of its images chose its rate and epoch; 0 if that was done otherwise."""
        chosen = self.notes.get("chosen_by_cross_validation")
        return int(chosen["folds"]) if chosen else 0


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A finished study."""

    folder: Path
    asked: Asked
    source: Source
    target: Source | None  # None where the source's own images were shifted
    roles: Mapping[str, Count]
    budgets: tuple[tuple[str, Count], ...]
    cells: tuple[Cell, ...]
    scores: tuple[Score, ...]
    gaps: tuple[Gap, ...]
    recommendation: str
    worth: tuple[str, ...]  # what more images are worth, a sentence a strategy with a learning curve
    regained: tuple[Regained, ...]
    claim: Claim | None
    beneath: ShortcutChecks
    appraisal: tuple[Mapping[str, Any], ...]  # of the models that were looked at closely
    occlusions: tuple[Mapping[str, Any], ...]  # the same with parts of images hidden
    images: Mapping[str, tuple[ExampleImage, ...]]  # "source", "target", "worst"
    provenance: Mapping[str, Any]

    def predictions(self, cell: Cell, domain: str) -> Predictions:
        """Read what a model said about the test images of a domain."""
        return Predictions.load(predictions_file(self.folder / CELLS / cell.name, f"{domain}-test"))


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run: one model and its records."""

    name: str
    record: Mapping[str, Any]
    source: Source | None  # where its images came from; None of runs that do not say
    history: History
    scores: tuple[Score, ...]
    beneath: ShortcutChecks
    predictions: Mapping[str, Predictions]  # by test set


def read_folder(folder: Path) -> Study | Run:
    """Read a finished study, or a single run.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither.
    BadArtefact
        If the study is not finished, or what the folder holds is damaged.
    """
    return read_study(folder) if kind_of(folder) == "study" else read_run(folder)


def kind_of(folder: Path) -> str:
    """Say whether a folder holds a "study" or a "run".

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither.
    BadArtefact
        If it holds a study that is not finished.
    """
    if not folder.is_dir():
        raise WrongFolder(
            f"There is no folder {folder}. Give one that `radapt study` or `train` has written."
        )
    if (folder / STUDY).is_file():
        return "study"
    if (folder / RECORD).is_file():
        return "run"
    if (folder / PLAN).is_file():
        raise BadArtefact(
            f"{folder} holds a study that is not finished: it has no {STUDY}. "
            "Give the command that began it once more, and it goes on from there."
        )
    raise WrongFolder(
        f"{folder} holds neither a study nor a run: it has no {STUDY} and no {RECORD}. "
        "Give a folder that `radapt study`, `demo`, `train` or `adapt` has written."
    )


def read_study(folder: Path) -> Study:
    """Read a finished study.

    Raises
    ------
    BadArtefact
        If one of its files is missing or damaged.
    """
    raw = read_json(folder / STUDY)
    with expected_in(folder / STUDY):
        study = Study(
            folder=folder,
            asked=_asked(raw["plan"]),
            source=source_of(raw["source"]),
            target=source_of(raw["target"]) if "name" in raw["target"] else None,
            roles={name: _count(raw["roles"][name]) for name in ROLES},
            budgets=tuple((str(value["label"]), _count(value)) for value in raw["budgets"]),
            cells=tuple(_cell(folder / CELLS, value) for value in raw["cells"]),
            scores=tuple(_score(row) for row in raw["estimates"]),
            gaps=tuple(_gap(row) for row in raw["differences"]),
            recommendation=str(raw["recommendation"]),
            worth=tuple(f"{curve['strategy']}: {curve['worth']}" for curve in raw["curves"]),
            regained=tuple(Regained(**row) for row in raw["regained"]),
            claim=_claim(raw["protocol"]),
            beneath=ShortcutChecks.of(raw),
            appraisal=tuple(map(dict, raw.get("appraisal", ()))),  # there is none in folders of before
            occlusions=tuple(map(dict, raw.get("occlusions", ()))),
            images=read_images(folder / EXAMPLE_IMAGES, raw["images"]),
            provenance=dict(raw["provenance"]),
        )
        check_kinds(study)
        if not (study.scores and study.budgets):
            raise ValueError("it holds no scores, or no budgets")
    return study


def read_run(folder: Path) -> Run:
    """Read a single run, with the records that it has.

    Raises
    ------
    BadArtefact
        If one of its files is damaged.
    """
    record = read_json(folder / RECORD)
    tables = prediction_files(folder, "*-test")
    with expected_in(folder / RECORD):
        return Run(
            name=folder.resolve().name,
            record=dict(record),
            source=source_of(record["data_set"]) if "data_set" in record else None,
            history=read_history(folder / HISTORY) if (folder / HISTORY).is_file() else {},
            scores=read_scores(folder),
            beneath=read_shortcut_checks(folder),
            predictions={path.stem: Predictions.load(path) for path in tables},
        )


def read_scores(folder: Path) -> tuple[Score, ...]:
    """Read the scores of a run; none where it has none.

    Raises
    ------
    BadArtefact
        If they are damaged.
    """
    if not (folder / SCORES).is_file():
        return ()
    raw = read_json(folder / SCORES)
    with expected_in(folder / SCORES):
        return tuple(_score(row) for row in raw["estimates"])


def read_shortcut_checks(folder: Path) -> ShortcutChecks:
    """Read what can be told of a run's test images without looking at the lungs.

    Raises
    ------
    BadArtefact
        If it is damaged.
    """
    raw = read_json(folder / SCORES) if (folder / SCORES).is_file() else {}
    with expected_in(folder / SCORES):
        return ShortcutChecks.of(raw)


@contextmanager
def expected_in(path: Path) -> Iterator[None]:
    """Say that a file is damaged where reading what is expected in it goes wrong."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        missing = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadArtefact(f"{path} is damaged, or of another version of radapt: {missing}.") from None


def _asked(raw: Mapping[str, Any]) -> Asked:
    raw = {"weights": None, "target_patients": "shared", **raw}  # a study of random weights names none
    values: dict[str, Any] = {
        field.name: tuple(raw[field.name]) if isinstance(raw[field.name], list) else raw[field.name]
        for field in fields(Asked)
    }
    return Asked(**values)


def source_of(raw: Mapping[str, Any]) -> Source:
    """Read where images came from."""
    return Source(
        name=str(raw["name"]),
        patient_rule=str(raw["patient_rule"]),
        split_rule=str(raw["split_rule"]),
        preprocessing=dict(raw["preprocessing"]),
        failed=tuple((str(file), str(reason)) for file, reason in raw["failed"]),
        notes=tuple(str(note) for note in raw["notes"]),
        notices=tuple(str(notice) for notice in raw.get("notices", ())),
        splits={name: _count(value) for name, value in raw["splits"].items()},
        unnamed=int(raw.get("unnamed", 0)),
        shared=raw.get("shared_patients"),
    )


def _count(raw: Mapping[str, Any]) -> Count:
    return Count(int(raw["images"]), int(raw["patients"]), dict(raw["classes"]))


def _claim(raw: Mapping[str, Any] | None) -> Claim | None:
    if raw is None:
        return None
    verdict = raw["verdict"]
    notices = tuple(str(notice) for notice in raw["notices"])
    return Claim(
        verdict["word"],
        verdict["reason"],
        str(raw["frozen_at"]),
        str(raw["digest"]),
        notices,
        bool(raw["late"]),
    )


def _score(raw: Mapping[str, Any]) -> Score:
    return Score(raw["strategy"], int(raw["budget"]), raw["domain"], raw["metric"], Estimate.from_dict(raw))


def _gap(raw: Mapping[str, Any]) -> Gap:
    smallest = raw["smallest_detectable"]
    return Gap(
        raw["strategy"],
        raw["against"],
        int(raw["budget"]),
        raw["domain"],
        raw["metric"],
        Estimate.from_dict(raw),
        raw["verdict"],
        math.nan if smallest is None else float(smallest),
    )


def _cell(folder: Path, raw: Mapping[str, Any]) -> Cell:
    valid = raw["validated_on"]
    if Path(raw["name"]).name != raw["name"]:
        raise ValueError(f"{raw['name']!r} is no name of a cell")
    return Cell(
        name=raw["name"],
        strategy=raw["strategy"],
        budget=str(raw["budget"]),
        seed=int(raw["seed"]),
        trained_on=_count(raw["trained_on"]),
        validated_on=None if valid is None else _count(valid),
        epochs=int(raw["epochs"]),
        seconds=float(raw["training_seconds"]),
        history=read_history(folder / raw["name"] / HISTORY),
        notes=dict(raw["notes"]),
    )
