"""The interface of strategies, and the context and result of an adaptation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from radapt.adaptation.feature_cache import FeatureCache
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo
from radapt.progress import SILENT, Watch
from radapt.training.loop import FitOptions, Penalty
from radapt.training.optimiser import RateMultipliers, train_everything
from radapt.training.recipe import Recipe
from radapt.training.state import Epoch

_NO_SOURCE = (
    "The strategy {!r} uses the images that the base model was trained on. Give their folder as --source."
)


@dataclass(frozen=True, slots=True)
class AdaptContext:
    """The hardware, seed, data and overrides of one adaptation."""

    hardware: Hardware
    seed: int = 0
    state: Path | None = None  # checkpoint file; training resumes from it if it exists
    watch: Watch = SILENT
    task: str = "training"  # the name that progress is reported under
    epochs: int | None = None  # overrides the recipe's number of epochs
    steps: int | None = None  # batches per epoch; overrides the recipe's
    rate: float = 1.0  # multiplies the recipe's learning rate
    stop_at: int | None = None  # epochs after which training ends; the schedule keeps its length
    few: bool = False  # too few images for a validation set; cross-validation uses the same recipe
    source: ImageSet | None = None  # source images, for strategies that use them
    cache: FeatureCache = field(default_factory=FeatureCache)  # outputs of frozen prefixes so far
    pretrained: bool | Path = False  # initial weights of a new model, as for the base; False: random

    def fit_options(
        self, *, rates: RateMultipliers = train_everything, penalty: Penalty | None = None
    ) -> FitOptions:
        """Return the options of a training under these conditions."""
        return FitOptions(self.state, self.watch, self.task, rates, penalty)

    def adjusted(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the overrides of epochs, steps and learning rate applied."""
        return replace(
            recipe,
            epochs=self.epochs or recipe.epochs,
            steps=self.steps or recipe.steps,
            stop_at=self.stop_at,
            learning_rate=recipe.learning_rate * self.rate,
        )

    def phase(self, name: str) -> "AdaptContext":
        """Return this context for one phase of an adaptation, with a separate state file."""
        state = self.state and self.state.with_name(f"{self.state.stem}-{name}{self.state.suffix}")
        return replace(self, state=state, task=f"{self.task} ({name})")

    def source_images(self, strategy: str) -> ImageSet:
        """Return the source images.

        Raises
        ------
        AskedWrongly
            If there are none.
        """
        if self.source is None:
            raise AskedWrongly(_NO_SOURCE.format(strategy))
        return self.source


@dataclass(frozen=True, slots=True, eq=False)
class AdaptResult:
    """An adapted copy of a model, with its training history."""

    classifier: Classifier
    history: tuple[Epoch, ...] = ()
    recipe: Recipe | None = None  # training recipe; None if nothing was trained
    notes: dict[str, Any] = field(default_factory=dict)  # choices and measurements, for the run's record


class Strategy(ABC):
    """A way to adapt a base model to another hospital's images.

    `adapt` returns an adapted copy and never changes the base. Weights with rate 0, and their batch
    normalisation statistics unless `updates_statistics`, stay equal to the bit.
    The copy can be trained again, but of the head of one that `replaces_head` nothing but its scale.
    """

    needs: ClassVar[str]  # the target images it uses: "nothing", "unlabelled" or "labelled"
    about: ClassVar[str]  # one-line description
    source: ClassVar[bool] = False  # whether it uses source images
    reinitialises: ClassVar[bool] = False  # whether it trains a new model from the base's initial weights
    updates_statistics: ClassVar[bool] = False  # whether it changes normalisation statistics of frozen layers
    on_features: ClassVar[bool] = False  # whether it trains on features computed once, in seconds
    replaces_head: ClassVar[bool] = False  # whether its head is of another kind, which nothing can train
    on_scores: ClassVar[bool] = False  # whether it works on a model that gives nothing but scores
    few_rates: ClassVar[tuple[float, ...]] = ()  # rate multipliers to cross-validate
    many_rate: ClassVar[float] = 1.0  # rate multiplier where there are many images

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return a weight's learning rate as a multiple of the recipe's, after a share `done` of the epochs.

        0 means frozen.
        """
        return 0.0

    @abstractmethod
    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Adapt a copy of `base` to the images of `target`; the epoch is chosen on `valid` if given."""

    def changes_trunk(self) -> bool:
        """Return whether it trains or updates anything below the head, or begins a new model."""
        kinds = [(norm, dense) for norm in (False, True) for dense in (False, True)]
        below = any(self.trains(ParameterInfo("", 0, 1, norm, dense)) for norm, dense in kinds)
        return below or self.updates_statistics or self.reinitialises

    def trains(self, place: ParameterInfo) -> bool:
        """Return whether a weight is trained in any epoch."""
        return any(self.rate(place, done / 100) > 0 for done in range(100))


def check_source(name: str, strategy: Strategy, has_source: bool) -> None:
    """Refuse a strategy that uses source images where none are given.

    Raises
    ------
    AskedWrongly
        If the strategy, written as `name`, needs them.
    """
    if strategy.source and not has_source:
        raise AskedWrongly(_NO_SOURCE.format(name.partition("(")[0]))
