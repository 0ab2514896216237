"""What the service asks of a model: classes, thresholds, and an answer for decoded pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from radapt.images.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What a model says of one image."""

    scores: tuple[float, ...]  # the probability of each class
    label: str
    features: NDArray[np.float32] | None = None  # (d,), of its trunk


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A map of what speaks for a class, drawn over its image."""

    picture: NDArray[np.uint8]  # red, green and blue, (height, width, 3)
    target: str  # the class


class Predictor(Protocol):
    """A model that scores decoded images, each as if it were alone."""

    @property
    def name(self) -> str:
        """What the page calls it."""

    @property
    def about(self) -> str:
        """A sentence on it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes or findings."""

    @property
    def exclusive(self) -> bool:
        """Whether an image is of one class."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The probability from which on an image is labelled so, by class; empty: the likeliest class."""

    @property
    def chosen(self) -> str:
        """What chose the threshold, in words."""

    @property
    def reading(self) -> Preprocessing:
        """How images are decoded for it."""

    @property
    def golden(self) -> Mapping[str, float] | None:
        """Its scores of the golden image when it was made; None if they were not kept."""

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[Scored]:
        """Score decoded images, each (h, w)."""

    def unlike(self, features: NDArray[np.float32]) -> Mapping[str, Any] | None:
        """Say whether an image of these features, (d,), is unlike those that the model was made with.

        Returns
        -------
        Mapping or None
            "unlike_reference" and "distance_percentile", 0 to 100; None if there is nothing to compare with.
        """

    @property
    def has_reference(self) -> bool:
        """Whether there are images to compare with."""

    def drift(self, features: NDArray[np.float32], scores: NDArray[np.float32]) -> list[str]:
        """Say in sentences whether images of these features (n, d) and scores (n, k) differ from those.

        Raises
        ------
        AskedWrongly
            If there are too few of them, or none to compare with.
        """

    @property
    def draws_maps(self) -> bool:
        """Whether it can say where in an image it looked."""

    def map_of(self, data: bytes, side: int) -> Map:
        """Draw the map of an image file's label, or of the likeliest of its findings.

        Parameters
        ----------
        side
            The most pixels that the longer side of the picture has.

        Raises
        ------
        AskedWrongly
            If this model has no maps, or gives the image no label.
        BadImage
            If the file cannot be read.
        """


def threshold_in_use(predictor: Predictor) -> float | dict[str, float] | None:
    """Return the threshold of an answer: a number, one a finding, or None where the likeliest is taken."""
    if not predictor.exclusive:
        return {name: predictor.thresholds.get(name, 0.5) for name in predictor.classes}
    if len(predictor.classes) == 2:
        return next(iter(predictor.thresholds.values()), 0.5)
    return None
