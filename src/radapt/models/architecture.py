"""What the table of models says about one of them: how it is built, and the images that it is made for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from radapt.models.classifier import Classifier, Spec
from radapt.models.pretrained import Weights
from radapt.progress import Watch

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of red, green and blue


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model that can be trained, and the images that it is made for."""

    about: str
    build: Callable[[Spec], Classifier]
    size: int  # pixels a side, unless the user says otherwise
    channels: int
    outputs: str = "softmax"
    mean: float | tuple[float, ...] = 0.5  # see `Spec`
    std: float | tuple[float, ...] = 0.25
    encoder: str = ""  # see `Spec`
    pretrained: bool = False  # whether it starts from its published weights unless others are given
    # For pretrained weights, if there are any: find them, and load them into a model.
    find_weights: Callable[[str, bool | Path, Watch], Weights] | None = None
    put_weights: Callable[[Classifier, bool | Path, Watch], None] | None = None


def one_if_equal(values: Sequence[float]) -> float | tuple[float, ...]:
    """Return the one value that all channels share, or all of them."""
    return float(values[0]) if len(set(values)) == 1 else tuple(float(value) for value in values)
