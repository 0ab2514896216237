"""What every strategy promises, and under which conditions it is carried out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from radapt.adapt.feature_cache import FeatureCache
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


@dataclass(frozen=True, slots=True)
class AdaptContext:
    """On what, from which seed, where the state is kept, and who watches."""

    hardware: Hardware
    seed: int = 0
    state: Path | None = None  # a file; training goes on from it if it is there
    watch: Watch = SILENT
    task: str = "training"  # what the watcher is told this is
    epochs: int | None = None  # instead of the strategy's own
    steps: int | None = None  # batches an epoch, instead of the strategy's own
    rate: float = 1.0  # times the strategy's own learning rate
    stop_at: int | None = None  # epochs after which training ends, the schedule being as long as it was
    few: bool = False  # images are too few to set some aside: the recipe must not depend on whether some are
    source: ImageSet | None = None  # the source images, for the strategies that go back to them
    cache: FeatureCache = field(default_factory=FeatureCache)  # what frozen prefixes have given so far
    pretrained: bool | Path = False  # what a new model starts from, as the base did; False: random weights

    def fit_options(
        self, *, rates: RateMultipliers = train_everything, penalty: Penalty | None = None
    ) -> FitOptions:
        """Return the options of a training under these conditions."""
        return FitOptions(self.state, self.watch, self.task, rates, penalty)

    def adjusted(self, recipe: Recipe) -> Recipe:
        """Give a recipe with the epochs, steps and rate that were asked for."""
        return replace(
            recipe,
            epochs=self.epochs or recipe.epochs,
            steps=self.steps or recipe.steps,
            stop_at=self.stop_at,
            learning_rate=recipe.learning_rate * self.rate,
        )

    def phase(self, name: str) -> "AdaptContext":
        """Give the same conditions for one part of an adaptation, with a state of its own."""
        state = self.state and self.state.with_name(f"{self.state.stem}-{name}{self.state.suffix}")
        return replace(self, state=state, task=f"{self.task} ({name})")

    def source_images(self, strategy: str) -> ImageSet:
        """Give the source images.

        Raises
        ------
        AskedWrongly
            If there are none.
        """
        if self.source is None:
            raise AskedWrongly(
                f"The strategy {strategy!r} goes back to the images that the base model learned from. "
                "Give their folder as --source."
            )
        return self.source


@dataclass(frozen=True, slots=True, eq=False)
class AdaptResult:
    """An adapted copy of a model, and the epochs that made it."""

    classifier: Classifier
    history: tuple[Epoch, ...] = ()
    recipe: Recipe | None = None  # what it was trained by; None if nothing was
    notes: dict[str, Any] = field(default_factory=dict)  # what was chosen or found on the way, for the record


class Strategy(ABC):
    """A way to fit a base model to another hospital's images.

    `adapt` gives an adapted copy; the base is never changed, and what `rate` denies is the same to the
    bit afterwards, statistics of batch normalisation included. The copy can be trained again.
    """

    needs: ClassVar[str]  # "nothing", "unlabelled" or "labelled": what it uses of the target images
    about: ClassVar[str]  # one line for a list
    source: ClassVar[bool] = False  # whether it goes back to images that the base learned from
    reinitialises: ClassVar[bool] = False  # whether it begins a new model, from what the base began from
    updates_statistics: ClassVar[bool] = False  # whether it moves the statistics of what it does not train
    on_features: ClassVar[bool] = False  # whether it trains on features computed once, and takes seconds
    few_rates: ClassVar[tuple[float, ...]] = ()  # shares of its rate to try where no image is set aside
    many_rate: ClassVar[float] = 1.0  # times its rate, where images are many

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Say how fast a weight learns when a share `done` of the epochs is over, as a share of the recipe's.

        0 is frozen.
        """
        return 0.0

    @abstractmethod
    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Adapt a copy of `base` to the images of `target`; `valid`, where given, chooses the epoch."""

    def trains(self, place: ParameterInfo) -> bool:
        """Say whether a weight is trained at any time."""
        return any(self.rate(place, done / 100) > 0 for done in range(100))
