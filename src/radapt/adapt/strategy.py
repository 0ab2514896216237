"""What every strategy promises, and under which conditions it is carried out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol

from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.recipe import Recipe
from radapt.rows import Rows
from radapt.training import Epoch, fit
from radapt.watch import SILENT, Watch


@dataclass(frozen=True, slots=True)
class Conditions:
    """On what, from which seed, where the state is kept, and who watches."""

    hardware: Hardware
    seed: int = 0
    state: Path | None = None  # a file; training goes on from it if it is there
    watch: Watch = SILENT
    task: str = "training"  # what the watcher is told this is
    epochs: int | None = None  # instead of the strategy's own
    steps: int | None = None  # batches an epoch, instead of the strategy's own

    def adjusted(self, recipe: Recipe) -> Recipe:
        """Give a recipe with the epochs and steps that were asked for."""
        return replace(recipe, epochs=self.epochs or recipe.epochs, steps=self.steps or recipe.steps)


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """An adapted copy of a model, and the epochs that made it."""

    classifier: Classifier
    history: tuple[Epoch, ...] = ()
    recipe: Recipe | None = None  # what it was trained by; None if nothing was


class Strategy(Protocol):
    """A way to fit a base model to another hospital's films.

    `adapt` gives an adapted copy; the base is never changed, and what `trains` denies is the same to the
    bit afterwards, statistics of batch normalisation included. The copy can be trained again.
    """

    needs: ClassVar[str]  # "nothing", "unlabelled" or "labelled": what it uses of the target films
    about: ClassVar[str]  # one line for a list

    def trains(self, tensor: str) -> bool:
        """Say whether a parameter of this name (as in `named_parameters`) is trained."""
        ...

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: Conditions
    ) -> Adapted:
        """Adapt a copy of `base` to the films of `target`; `valid`, where given, chooses the epoch."""
        ...


def train(
    classifier: Classifier,
    part: str,
    rows: Rows,
    valid: Rows | None,
    recipe: Recipe,
    conditions: Conditions,
) -> Adapted:
    """Train a classifier, or one part of it, in place, telling the watcher of every step.

    `part` is "" for the whole classifier or the name of a submodule, whose inputs `rows` and `valid` give.
    """
    hardware, watch = conditions.hardware, conditions.watch
    classifier.to(hardware.device)
    history: list[Epoch] = []
    watch.begin(conditions.task, recipe.epochs, "epoch")

    def tick(done: int, steps: int) -> None:
        watch.advance(len(history) + done / steps)

    epochs = fit(
        classifier.get_submodule(part),
        rows,
        valid,
        recipe,
        outputs=classifier.spec.outputs,
        hardware=hardware,
        seed=conditions.seed,
        state=conditions.state,
        tick=tick,
    )
    for epoch in epochs:
        history.append(epoch)
        validation = "" if valid is None else f", validation AUROC {epoch.valid_auroc:.3f}"
        watch.advance(len(history), f"loss {epoch.loss:.3f}{validation}")
    watch.end()
    return Adapted(classifier.cpu().eval(), tuple(history), recipe)
