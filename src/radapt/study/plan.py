"""The plan of a study, and the models that it trains."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from radapt.adaptation.table import check_suits, get_strategy, suitable
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import plain
from radapt.images.imageset import Dataset
from radapt.metrics.table import metric
from radapt.models.pretrained import Weights
from radapt.models.table import check_model, check_pretrained
from radapt.runs.base import TUNE, Tune
from radapt.shift.expression import parse_shift
from radapt.study.comparison import MARGIN, PRIMARY
from radapt.study.domains import TARGET_PATIENTS, TargetPatients, check_budget

PROTOCOLS = ("held-out", "original")
DEFAULT_STRATEGIES = (
    "none",
    "norm-refresh",
    "recalibrate",
    "refresh-recalibrate",
    "linear-probe",
    "full",
    "scratch",
)
ORIGINAL_STRATEGIES = ("none", "head")  # strategies that the original compared


# Fields that JSON leaves out where they are not used.
_UNUSED = ("auto_seeds", "folds", "by", "base", "minutes", "quick", "checks")


@dataclass(frozen=True, slots=True)
class Plan:
    """All options that determine the result of a study, except for the images.

    Raises
    ------
    AskedWrongly
        If a name is unknown or options contradict each other.
    """

    model: str = "compact"
    shift: str | None = "original"  # None where the target is a real data set
    strategies: tuple[str, ...] = ()  # (): the default ones, or those of the original's protocol
    budgets: tuple[str, ...] = ()  # "val", "all", images ("64") or patients ("16p"); (): "val" or "all"
    seeds: int = 1  # number of training seeds; with `auto_seeds` the maximum
    seed: int = 0  # the first training seed; also for the shift and the splits
    protocol: str = "held-out"
    epochs: int | None = None  # None: each recipe's default
    steps: int | None = None  # batches per epoch; None: each recipe's default
    precision: str = "fp32"  # of training
    metric: str = PRIMARY  # primary metric, for the recommendation
    margin: float = MARGIN  # largest acceptable loss of it on source images, non-inferiority
    target_patients: TargetPatients = "own"  # of a simulated target: "own", or "shared" with the base
    weights: Weights | None = None  # pretrained weights of base models and `scratch`
    tune: Tune = "all"  # of base models, see `radapt.runs.base.train_base`
    auto_seeds: bool = False  # whether to add seeds only until the conclusions are settled
    base: str = ""  # the base model's digest, where a run is the base and none is trained
    folds: int = 0  # of a real target, all of whose patients are tested out of fold; 0: its own test split
    by: tuple[str, ...] = ()  # columns of the target images whose values are scored one by one
    minutes: float | None = None  # of work, after which no model is begun; None: no limit
    quick: bool = False  # whether strategies or epochs are those of a first look, which the results say
    checks: bool = True  # whether scores with parts of the images hidden are measured, which is slow
    # When the minutes of several studies that share them are up, see `radapt.study.pace.deadline_after`.
    deadline: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_model(self.model)
        if self.weights is not None:
            check_pretrained(self.model)
        if not self.strategies:
            usual = ORIGINAL_STRATEGIES if self.protocol == "original" else DEFAULT_STRATEGIES
            object.__setattr__(self, "strategies", suitable(self.model, usual))
        for strategy in self.strategies:
            get_strategy(strategy)
        check_suits(self.model, self.strategies)
        for budget in self.budgets:
            check_budget(budget)
        if self.target_patients not in TARGET_PATIENTS:
            raise UnknownName("way to choose a target's patients", self.target_patients, TARGET_PATIENTS)
        if self.shift is not None:
            parse_shift(self.shift)
        if self.tune not in TUNE:
            raise UnknownName("part of a base model to train", self.tune, TUNE)
        self._check_folds()
        if self.protocol not in PROTOCOLS:
            raise UnknownName("protocol", self.protocol, PROTOCOLS)
        # The option is only for simulated targets under the held-out protocol.
        if self.protocol == "original" or self.shift is None:
            object.__setattr__(self, "target_patients", "shared" if self.shift else "own")
        if self.protocol == "original" and self.shift is None:
            raise AskedWrongly(
                "The original's protocol shifts its own images: give it a shift, not a target."
            )
        object.__setattr__(self, "metric", metric(self.metric).name)
        if not 0 <= self.margin < 1:
            raise AskedWrongly(f"A margin lies between 0 and 1: 0.02 is 2 points. Got {self.margin:g}.")
        if self.minutes is not None and not self.minutes > 0:
            raise AskedWrongly(f"A time limit is a number of minutes above 0. Got {self.minutes:g}.")
        if self.seeds < 1:
            raise AskedWrongly(f"A study needs at least one seed. Got {self.seeds}.")
        if "none" not in self.strategies:
            raise AskedWrongly("A study compares with no adaptation: keep 'none' among its strategies.")

    def _check_folds(self) -> None:
        if self.folds and self.shift is not None:
            raise AskedWrongly(
                "Testing out of fold is for a target data set. A shift is tested on all source test images: "
                "leave the folds out."
            )
        if self.folds < 0 or self.folds == 1:
            raise AskedWrongly(f"Testing out of fold takes 2 folds or more. Got {self.folds}.")

    @property
    def pretrained(self) -> bool | Path:
        """The argument `pretrained` of `radapt.models.table.build`."""
        return False if self.weights is None else self.weights.start

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON: weights by name; keys of unused options are left out."""
        values = {name: value for name, value in asdict(self).items() if name not in ("weights", "deadline")}
        if not self.auto_seeds:
            del values["auto_seeds"]
        if not self.folds:
            del values["folds"]
        if not self.by:
            del values["by"]
        if self.minutes is None:
            del values["minutes"]
        if not self.base:
            del values["base"]
        if not self.quick:
            del values["quick"]
        if self.checks:
            del values["checks"]
        return {**plain(values), **({} if self.weights is None else {"weights": self.weights.name})}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """Return the plan that `as_dict` wrote; its weights have only a name and cannot be loaded."""
        weights = values.get("weights")
        known: dict[str, Any] = {
            each.name: tuple(value) if isinstance(value := values[each.name], list) else value
            for each in fields(cls)
            if each.name not in ("weights", "deadline", *_UNUSED)
        }
        return cls(
            **known,
            weights=None if weights is None else Weights(weights, False),
            by=tuple(values.get("by", ())),
            **{name: values[name] for name in _UNUSED if name in values and name != "by"},
        )

    @property
    def training_seeds(self) -> range:
        """The training seeds."""
        return range(self.seed, self.seed + self.seeds)


@dataclass(frozen=True, slots=True)
class Cell:
    """One model of a study."""

    strategy: str  # "none" for the base model, which the others adapt
    budget: str
    seed: int
    fold: int | None = None  # the fold of target patients that it is tested on, from 1; None: all

    @property
    def is_base(self) -> bool:
        """Whether this is the base model, which the others adapt."""
        return self.strategy == "none"

    @property
    def represents_folds(self) -> bool:
        """Whether it is the first fold's model, or the only one: one model a strategy, budget and seed."""
        return self.fold in (None, 1)

    @property
    def name(self) -> str:
        """The name of its folder, such as `head-64-s0`, or `head-64-f1-s0` of a fold."""
        strategy = re.sub(r"[^\w.-]+", "_", self.strategy).strip("_")
        fold = "" if self.fold is None else f"f{self.fold}"
        return "-".join(filter(None, [strategy, self.budget, fold, f"s{self.seed}"]))


def cells(plan: Plan) -> Iterator[Cell]:
    """Yield the models of a study in the order of training."""
    for seed in plan.training_seeds:
        yield Cell("none", "", seed)
        others = [name for name in plan.strategies if name != "none"]
        labelled = [name for name in others if get_strategy(name).needs == "labelled"]
        wanted = [Cell(name, "", seed) for name in others if name not in labelled]
        wanted += [Cell(name, budget, seed) for budget in plan.budgets for name in labelled]
        yield from (part for cell in wanted for part in by_fold(plan, cell))


def by_fold(plan: Plan, cell: Cell) -> list[Cell]:
    """Return the models that together test a strategy: one for each fold, or one that needs no folds."""
    if not plan.folds or get_strategy(cell.strategy).needs == "nothing":
        return [cell]
    return [replace(cell, fold=fold) for fold in range(1, plan.folds + 1)]


def budget_name(label: str, images: int) -> str:
    """Name a number of labelled images by how it was asked for: `64`, `all (499)`, `16p (31)`."""
    return f"{images:,}" if label == str(images) else f"{label} ({images:,})"


def default_budgets(source: Dataset, target: Dataset | None) -> tuple[str, ...]:
    """Return ("val",) if a shifted source has a val folder, as the original used, else ("all",)."""
    return ("val",) if target is None and "val" in source.splits else ("all",)
