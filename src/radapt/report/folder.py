"""Read and check the records of a finished study or run; nothing is computed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.artefacts import (
    CELLS,
    CLASSIFIER,
    EXAMPLE_IMAGES,
    HISTORY,
    PLAN,
    RECORD,
    SCORES,
    STUDY,
    prediction_files,
)
from radapt.display.table import Listing, Row, Table
from radapt.errors import AskedWrongly, BadArtefact, WrongFolder
from radapt.evaluation.scores import Score
from radapt.files import check_kinds, read_document
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Classifier
from radapt.predictions import Predictions
from radapt.report.example_images import ExampleImage, read_images
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.runs.folder import read_history
from radapt.runs.holdout import DatasetRecord, ImageCount
from radapt.stats.estimate import Estimate
from radapt.study.cells import read_predictions
from radapt.study.claim import ClaimVerdict
from radapt.study.comparison import Difference
from radapt.study.plan import Cell, Plan, budget_name
from radapt.study.registration import RegisteredProtocol
from radapt.study.results import Recovered
from radapt.text import counted, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = ("source train", "source validation", "source test", "target test")  # the parts that a page counts

History = dict[str, list[float]]  # the columns of a history.csv


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What a study keeps of one trained model."""

    cell: Cell
    trained_on: ImageCount
    validated_on: ImageCount | None
    epochs: int
    seconds: float
    history: History
    notes: Mapping[str, Any]  # what adaptation chose or found

    @property
    def folds(self) -> int:
        """The number of cross-validation folds that chose its rate and epoch; 0 without cross-validation."""
        chosen = self.notes.get("chosen_by_cross_validation")
        return int(chosen["folds"]) if chosen else 0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study(Table):
    """A finished study; alone in the cell of a notebook it shows what it found and what limits that."""

    folder: Path
    plan: Plan
    source: DatasetRecord
    target: DatasetRecord | None  # None where the source's own images were shifted
    roles: Mapping[str, ImageCount]
    characteristics: Mapping[str, Any]  # see `radapt.images.characteristics`
    budgets: tuple[tuple[str, ImageCount], ...]
    models: tuple[ModelRecord, ...]
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    loss: Estimate  # the base model at the target less at the source, by the plan's metric
    recommendation: str
    expected_gains: tuple[str, ...]  # of more images, a sentence for each strategy with a learning curve
    recovered: tuple[Recovered, ...]
    subgroups: tuple[Mapping[str, Any], ...]  # see `radapt.study.subgroups`
    registered: RegisteredProtocol | None
    verdict: ClaimVerdict | None  # on the claim of the registered protocol
    shortcut_checks: ShortcutChecks
    performance: tuple[Mapping[str, Any], ...]  # of the base model and the best at each budget
    occlusions: tuple[Mapping[str, Any], ...]  # the same with parts of images hidden
    images: Mapping[str, tuple[ExampleImage, ...]]  # "source", "target", "worst"
    provenance: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Study({self.folder}: {counted(len(self.models), 'model')}; {listed(self.plan.strategies)})"

    def __str__(self) -> str:
        """Return the headline, a line for each number of labels, what to do next, and the notices."""
        from radapt.report.notebook import text_of_study

        return text_of_study(self)

    @property
    def budget_names(self) -> dict[int, str]:
        """What each number of labelled images is called: `64`, `all (499)`."""
        return {count.images: budget_name(label, count.images) for label, count in self.budgets}

    def _repr_html_(self) -> str:
        from radapt.report.notebook import html_of_study  # which imports this module

        return html_of_study(self)

    def rows(self) -> list[Row]:
        """Return a row for each strategy, budget, test set and metric, with its interval."""
        from radapt.report.notebook import score_rows

        return score_rows(self.scores)

    @property
    def headline(self) -> str:
        """What is lost at the target and what helps, in two sentences."""
        from radapt.report.notebook import answers_of_study

        return answers_of_study(self)[0]

    @property
    def answers(self) -> Listing:
        """What is lost, what helps, what it costs at the source, and whether this can be trusted."""
        from radapt.report.notebook import answers_of_study

        return answers_of_study(self)[1]

    def comparisons(self) -> Listing:
        """Return a row for each paired difference on the same test images, with what it shows."""
        from radapt.report.notebook import difference_rows

        return Listing(difference_rows(self.differences))

    def plot(self, metric: str | None = None) -> "Figure":
        """Draw every strategy's score on the target by number of labelled images.

        Parameters
        ----------
        metric
            By default that of the plan.

        Raises
        ------
        UnknownName
            If there is no such metric.
        """
        from radapt.report.notebook import plot_study

        return plot_study(self, metric)

    @property
    def base(self) -> ModelRecord:
        """The base model of the first training seed."""
        return next(model for model in self.models if model.cell.is_base)

    @property
    def datasets(self) -> tuple[DatasetRecord, ...]:
        """The source and, where it is a data set of its own, the target."""
        return (self.source,) if self.target is None else (self.source, self.target)

    def predictions(self, cell: Cell, domain: str) -> Predictions:
        """Read the predictions of a model, and those of its folds, for the test images of a domain."""
        return read_predictions(self.folder, self.plan, cell, domain)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Run(Table):
    """A finished run, one model and its records; alone in the cell of a notebook it shows its scores."""

    folder: Path
    name: str
    record: Mapping[str, Any]
    spec: Mapping[str, Any]  # of `classifier.json`; empty where there is none
    source: DatasetRecord | None  # the images it was trained on; None where the record does not say
    history: History
    scores: tuple[Score, ...]
    changes: tuple[Mapping[str, Any], ...]  # by adapting, see `radapt.runs.before_after`
    shortcut_checks: ShortcutChecks
    predictions: Mapping[str, Predictions]  # by test set

    def __repr__(self) -> str:
        strategy = self.record.get("strategy", "none")
        return f"Run({self.folder}: {self.spec.get('model', 'a model')}, strategy {strategy})"

    def _repr_html_(self) -> str:
        from radapt.report.notebook import html_of_run  # which imports this module

        return html_of_run(self)

    def rows(self) -> list[Row]:
        """Return a row for each test set and metric, with its interval."""
        from radapt.report.notebook import score_rows

        return score_rows(self.scores)

    def plot(self) -> "Figure":
        """Draw loss and accuracy by epoch; of a model that was trained without epochs its scores."""
        from radapt.report.notebook import plot_run

        return plot_run(self)

    @property
    def model(self) -> Classifier:
        """The model, read from its folder.

        Raises
        ------
        WrongFolder, BadArtefact
            As for `radapt.models.checkpoint.load_classifier`.
        """
        return load_classifier(self.folder)


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
    """Return whether a folder holds a "study" or a "run".

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


def read_study(folder: Path | str) -> Study:
    """Read a finished study.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds none.
    BadArtefact
        If it is not finished, or one of its files is missing or damaged.
    """
    folder = Path(folder)
    _check_holds(folder, "study")
    raw = read_document(folder / STUDY)
    with expected_in(folder / STUDY):
        plan, protocol = Plan.from_dict(raw["plan"]), raw["protocol"]
        study = Study(
            folder=folder,
            plan=plan,
            source=DatasetRecord.from_dict(raw["source"]),
            target=DatasetRecord.from_dict(raw["target"]) if "name" in raw["target"] else None,
            roles={name: ImageCount.from_dict(raw["roles"][name]) for name in ROLES},
            characteristics=dict(raw["characteristics"]),
            budgets=tuple((str(value["label"]), ImageCount.from_dict(value)) for value in raw["budgets"]),
            models=tuple(_model(folder / CELLS, value) for value in raw["cells"]),
            scores=tuple(Score.from_dict(row) for row in raw["estimates"]),
            differences=tuple(Difference.from_dict(row, seeds=plan.seeds) for row in raw["differences"]),
            loss=Estimate.from_dict(raw["loss"]),
            recommendation=str(raw["recommendation"]),
            expected_gains=tuple(f"{curve['strategy']}: {curve['expected_gain']}" for curve in raw["curves"]),
            recovered=tuple(Recovered(**row) for row in raw["recovered"]),
            subgroups=tuple(map(dict, raw["subgroups"])),
            registered=protocol and RegisteredProtocol.from_dict(protocol, STUDY),
            verdict=protocol and ClaimVerdict.from_dict(protocol["verdict"]),
            shortcut_checks=ShortcutChecks.from_dict(raw),
            performance=tuple(map(dict, raw["performance"])),
            occlusions=tuple(map(dict, raw["occlusions"])),
            images=read_images(folder / EXAMPLE_IMAGES, raw["images"]),
            provenance=dict(raw["provenance"]),
        )
        check_kinds(study)
        if not study.scores or tuple(label for label, _ in study.budgets) != plan.budgets:
            raise ValueError("it holds no scores, or not the budgets of its plan")
        if not any(model.cell.is_base for model in study.models):
            raise ValueError("it holds no base model")
    return study


def read_run(folder: Path | str) -> Run:
    """Read a single run, with the records that it has.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds no finished run.
    BadArtefact
        If one of its files is damaged.
    """
    folder = Path(folder)
    _check_holds(folder, "run")
    record = read_document(folder / RECORD)
    tables = prediction_files(folder, "*-test")
    spec = read_document(folder / CLASSIFIER) if (folder / CLASSIFIER).is_file() else {}
    with expected_in(folder / RECORD):
        return Run(
            folder=folder,
            name=folder.resolve().name,
            record=dict(record),
            spec=spec,
            source=DatasetRecord.from_dict(record["data_set"]) if "data_set" in record else None,
            history=read_history(folder / HISTORY) if (folder / HISTORY).is_file() else {},
            scores=read_scores(folder),
            changes=_read_changes(folder),
            shortcut_checks=read_shortcut_checks(folder),
            predictions={path.stem: Predictions.load(path) for path in tables},
        )


def _check_holds(folder: Path, kind: str) -> None:
    if (found := kind_of(folder)) != kind:
        raise WrongFolder(f"{folder} holds a {found}, not a {kind}: read it with read_{found}.")


def read_scores(folder: Path) -> tuple[Score, ...]:
    """Read the scores of a run; none where it has none.

    Raises
    ------
    BadArtefact
        If they are damaged.
    """
    if not (folder / SCORES).is_file():
        return ()
    raw = read_document(folder / SCORES)
    with expected_in(folder / SCORES):
        return tuple(Score.from_dict(row) for row in raw["estimates"])


def _read_changes(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """Read what adapting a run's model changed; nothing where it was not adapted."""
    raw = read_document(folder / SCORES) if (folder / SCORES).is_file() else {}
    return tuple(map(dict, raw.get("changes", ())))


def read_shortcut_checks(folder: Path) -> ShortcutChecks:
    """Read the shortcut baselines and occlusion scores of a run.

    Raises
    ------
    BadArtefact
        If it is damaged.
    """
    raw = read_document(folder / SCORES) if (folder / SCORES).is_file() else {}
    with expected_in(folder / SCORES):
        return ShortcutChecks.from_dict(raw)


@contextmanager
def expected_in(path: Path) -> Iterator[None]:
    """Turn an error in reading a file into one that names the damaged file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, AskedWrongly) as error:
        missing = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadArtefact(f"{path} is damaged, or of another version of radapt: {missing}.") from None


def _model(folder: Path, raw: Mapping[str, Any]) -> ModelRecord:
    cell = Cell(raw["strategy"], str(raw["budget"]), int(raw["seed"]), raw.get("fold"))
    if raw["name"] != cell.name:
        raise ValueError(f"{raw['name']!r} is not the name of a cell")
    valid = raw["validated_on"]
    return ModelRecord(
        cell=cell,
        trained_on=ImageCount.from_dict(raw["trained_on"]),
        validated_on=None if valid is None else ImageCount.from_dict(valid),
        epochs=int(raw["epochs"]),
        seconds=float(raw["training_seconds"]),
        history=read_history(folder / cell.name / HISTORY),
        notes=dict(raw["notes"]),
    )
