"""What a study is asked to do, and the models that makes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from radapt.adapt.table import get_strategy
from radapt.errors import AskedWrongly, UnknownName
from radapt.files import plain
from radapt.images.imageset import Dataset
from radapt.metrics.table import metric
from radapt.models.pretrained import Weights
from radapt.models.table import check_model, check_pretrained
from radapt.shift.expression import parse_shift
from radapt.study.comparison import MARGIN, PRIMARY
from radapt.study.domains import TARGET_PATIENTS, TargetPatients, check_budget

PROTOCOLS = ("held-out", "original")
DEFAULT_STRATEGIES = ("none", "norm-refresh", "recalibrate", "refresh-recalibrate", "head", "full", "scratch")
ORIGINAL_STRATEGIES = ("none", "head")  # what the original compared


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a study's result, but for the images.

    Raises
    ------
    AskedWrongly
        If a name is unknown or the parts do not go together.
    """

    model: str = "compact"
    shift: str | None = "original"  # None where the target is a real data set
    strategies: tuple[str, ...] = ()  # (): the usual ones, or what the original compared under its protocol
    budgets: tuple[str, ...] = ()  # "val", "all" or numbers of images; (): the val folder, or all
    seeds: int = 1  # how many base models, and adaptations of each; with `auto_seeds` at most so many
    seed: int = 0  # the first of them; also draws the shift and the splits
    protocol: str = "held-out"
    epochs: int | None = None  # instead of each recipe's own
    steps: int | None = None  # batches an epoch, instead of each recipe's own
    precision: str = "fp32"  # of training
    metric: str = PRIMARY  # that the recommendation follows
    margin: float = MARGIN  # of it, that may be lost on the source images
    target_patients: TargetPatients = "own"  # of a simulated target's labelled images; "shared" with the base
    weights: Weights | None = None  # pretrained ones that base models and `scratch` start from
    auto_seeds: bool = False  # whether seeds are added only until what the study decides is settled

    def __post_init__(self) -> None:
        check_model(self.model)
        if self.weights is not None:
            check_pretrained(self.model)
        if not self.strategies:
            object.__setattr__(
                self, "strategies", ORIGINAL_STRATEGIES if self.protocol == "original" else DEFAULT_STRATEGIES
            )
        for strategy in self.strategies:
            get_strategy(strategy)
        for budget in self.budgets:
            check_budget(budget)
        if self.target_patients not in TARGET_PATIENTS:
            raise UnknownName("way to choose a target's patients", self.target_patients, TARGET_PATIENTS)
        if self.shift is not None:
            parse_shift(self.shift)
        if self.protocol not in PROTOCOLS:
            raise UnknownName("protocol", self.protocol, PROTOCOLS)
        if (
            self.protocol == "original" or self.shift is None
        ):  # the original's has the val folder for its second set
            object.__setattr__(self, "target_patients", "shared" if self.shift else "own")
        if self.protocol == "original" and self.shift is None:
            raise AskedWrongly(
                "The original's protocol shifts its own images: give it a shift, not a target."
            )
        object.__setattr__(self, "metric", metric(self.metric).name)
        if not 0 <= self.margin < 1:
            raise AskedWrongly(f"A margin lies between 0 and 1: 0.02 is 2 points. Got {self.margin:g}.")
        if self.seeds < 1:
            raise AskedWrongly(f"A study needs at least one seed. Got {self.seeds}.")
        if "none" not in self.strategies:
            raise AskedWrongly("A study compares with no adaptation: keep 'none' among its strategies.")

    @property
    def pretrained(self) -> bool | Path:
        """What new models are built with, as `radapt.models.table.build` takes it."""
        return False if self.weights is None else self.weights.start

    def as_dict(self) -> dict[str, Any]:
        """Give a value for JSON; weights by what they are; what was not asked for is left out."""
        asked = {name: value for name, value in asdict(self).items() if name != "weights"}
        if not self.auto_seeds:
            del asked["auto_seeds"]
        return {**plain(asked), **({} if self.weights is None else {"weights": self.weights.name})}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """Give back what `as_dict` gave; of weights only the name is known, so that none can be loaded."""
        weights = values.get("weights")
        known: dict[str, Any] = {
            field.name: tuple(value) if isinstance(value := values[field.name], list) else value
            for field in fields(cls)
            if field.name not in ("weights", "auto_seeds")
        }
        return cls(
            **known,
            weights=None if weights is None else Weights(weights, False),
            auto_seeds=values.get("auto_seeds", False),
        )

    @property
    def training_seeds(self) -> range:
        """The seeds that models are trained from."""
        return range(self.seed, self.seed + self.seeds)


@dataclass(frozen=True, slots=True)
class Cell:
    """One model of a study."""

    strategy: str  # "none" for the base model, which the others start from
    budget: str
    seed: int

    @property
    def is_base(self) -> bool:
        """Whether it is the base model, which is not adapted and which the others start from."""
        return self.strategy == "none"

    @property
    def name(self) -> str:
        """The name of its folder."""
        strategy = re.sub(r"[^\w.-]+", "_", self.strategy).strip("_")
        return "-".join([strategy, *([self.budget] if self.budget else []), f"s{self.seed}"])


def cells(plan: Plan) -> Iterator[Cell]:
    """Give the models of a study in the order in which they are trained."""
    for seed in plan.training_seeds:
        yield Cell("none", "", seed)
        others = [name for name in plan.strategies if name != "none"]
        labelled = [name for name in others if get_strategy(name).needs == "labelled"]
        yield from (Cell(name, "", seed) for name in others if name not in labelled)
        yield from (Cell(name, budget, seed) for budget in plan.budgets for name in labelled)


def default_budgets(source: Dataset, target: Dataset | None) -> tuple[str, ...]:
    """Take the source's val folder for the labelled images, as the original did, or else all there are."""
    return ("val",) if target is None and "val" in source.splits else ("all",)
