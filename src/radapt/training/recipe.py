"""Everything that decides how a model is trained; saved beside the weights it made."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from radapt.errors import AskedWrongly, UnknownName

OPTIMISERS = ("adam", "adamw")
SCHEDULES = ("one-cycle", "plateau", "constant")
MONITORS = ("auroc", "accuracy", "loss")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained; the defaults are those of the default model, trained from scratch.

    Raises
    ------
    AskedWrongly
        If a number is out of its range, or a name is not one of those listed.
    """

    epochs: int = 10
    stop_at: int | None = None  # epochs after which training ends, before the end of the schedule
    steps: int | None = None  # batches an epoch; None: every image once
    batch_size: int = 64
    optimiser: str = "adamw"  # or "adam"
    learning_rate: float = 3e-3  # the highest, where the schedule moves it
    weight_decay: float = 0.05  # of AdamW
    schedule: str = "one-cycle"  # or "plateau" (as below), or "constant"
    plateau_factor: float = 0.2  # plateau: what the rate is multiplied by
    patience: int = 3  # plateau: epochs without a lower validation loss before that
    min_learning_rate: float = 1e-5  # plateau: the lowest rate
    early_stopping_patience: int = 15  # epochs without a lower validation loss before training stops
    monitor: str = "auroc"  # of the validation images, chooses the best weights; or "accuracy", "loss"
    label_smoothing: float = 0.05
    balance: bool = False  # weight classes by the inverse of their frequency
    augment: str = "mild"  # see radapt.shift.augment; never a flip unless asked for
    average: float = 0.0  # decay per step of the moving average of the weights that is kept; 0: the last ones
    validation_images: int | None = None  # images drawn from the validation set each epoch; None: all

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "stop_at",
            "steps",
            "batch_size",
            "patience",
            "early_stopping_patience",
            "validation_images",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise AskedWrongly(f"A recipe's {name} is a whole number from 1 up. Got {value}.")
        if not 0 < self.learning_rate < math.inf:
            raise AskedWrongly(f"A recipe's learning_rate is a number above 0. Got {self.learning_rate}.")
        if not 0 <= self.average < 1:
            raise AskedWrongly(f"A recipe's average is a decay from 0 up to below 1. Got {self.average}.")
        _check("optimiser", self.optimiser, OPTIMISERS)
        _check("schedule", self.schedule, SCHEDULES)
        _check("monitor", self.monitor, MONITORS)

    def with_min_steps(self, images: int, minimum: int = 150) -> "Recipe":
        """Return a recipe of at least `minimum` steps: more epochs and patience where images are few."""
        steps = self.steps or max(1, images // self.batch_size)
        epochs = max(self.epochs, -(-minimum // steps))
        return replace(
            self, epochs=epochs, early_stopping_patience=max(self.early_stopping_patience, epochs // 2)
        )

    def with_lower_rate(self, times: float) -> "Recipe":
        """Return the same recipe with its learning rate divided by `times`."""
        return replace(self, learning_rate=self.learning_rate / times)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return asdict(self)


def _check(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise UnknownName(kind, name, known)


# How the original demonstration trained: Adam at Keras's rate, the test images as validation images (a study
# passes them), seven batches of them an epoch, and the best weights by accuracy.
ORIGINAL_BASE = Recipe(
    epochs=25,
    steps=100,
    batch_size=16,
    optimiser="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    schedule="plateau",
    monitor="accuracy",
    label_smoothing=0.0,
    augment="none",
    validation_images=7 * 16,
)

# Its second training: the same but shorter, on images that are shifted anew for every batch.
ORIGINAL_ADAPT = replace(ORIGINAL_BASE, epochs=20, steps=90, augment="original")

RECIPES: dict[str, Recipe] = {
    "compact": Recipe(),
    # every image an epoch, and all validation images
    "original-cnn": replace(ORIGINAL_BASE, steps=None, validation_images=None),
}


# How base models are trained, which are used elsewhere: stronger augmentation, classes of equal weight, and
# an average of the weights. On the training hospital's own images that scores a little lower, on shifted ones
# higher (docs/benchmarks.md).
BASE_RECIPES: dict[str, Recipe] = {
    "compact": replace(
        RECIPES["compact"], epochs=20, augment="strong", balance=True, average=0.99, label_smoothing=0.02
    ),
}

BASE_STEPS, BASE_EPOCHS = 600, 60  # batches that a base model is trained for at least, and the most epochs


def recipe_for(model: str) -> Recipe:
    """Return the default recipe for training a model for one hospital's images, from its initial weights."""
    return RECIPES.get(model, Recipe(learning_rate=1e-3))


def base_recipe_for(model: str, images: int | None = None) -> Recipe:
    """Return the default recipe for training a base model, which will be used at other hospitals.

    Strong augmentation takes long to learn from: of few training `images` there are more epochs, as many as
    make `BASE_STEPS` batches, at most `BASE_EPOCHS` (docs/adapting.md, "The base model").
    """
    recipe = BASE_RECIPES.get(model)
    if recipe is None or images is None:
        return recipe or recipe_for(model)
    in_an_epoch = max(1, images // recipe.batch_size)
    return recipe.with_min_steps(images, min(BASE_STEPS, BASE_EPOCHS * in_an_epoch))
