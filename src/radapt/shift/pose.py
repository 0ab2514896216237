"""Pose: geometric transforms, such as rotation, translation and perspective.

Areas outside the image become black, see `radapt.shift.chain`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from radapt.shift import geometry
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.options import check_range

DISTANCE = 1.2  # from image to camera in image widths, as with a phone held by hand


@dataclass(frozen=True, slots=True)
class Rotation:
    """The image is rotated about its centre."""

    degrees: float = 15.0  # maximum rotation, either way

    name: ClassVar[str] = "rotation"

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, 0, 180, " degrees")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `degrees`, positive anticlockwise."""
        return {"degrees": uniform(keys, seed, "rotation.degrees", low=-self.degrees, high=self.degrees)}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:  # noqa: ARG002
        """Turn each image."""
        return geometry.rotation(draws["degrees"])


@dataclass(frozen=True, slots=True)
class Translation:
    """The patient is not centred on the receptor: the image is translated."""

    share: float = 0.08  # maximum shift, as a share of width and height, either way

    name: ClassVar[str] = "translation"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `right` and `down`, shares of the width and of the height."""
        return {
            "right": uniform(keys, seed, "translation.right", low=-self.share, high=self.share),
            "down": uniform(keys, seed, "translation.down", low=-self.share, high=self.share),
        }

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Move each image."""
        return geometry.translation(-width * draws["right"], -height * draws["down"])


@dataclass(frozen=True, slots=True)
class Zoom:
    """Another distance of the tube, or another crop: the whole image is enlarged or shrunk.

    Both axes have the same factor, since the proportions of the heart are a finding.
    """

    factor: float = 1.2  # the image is scaled by 1 / factor to factor

    name: ClassVar[str] = "zoom"

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1, 10)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `factor`, evenly on a logarithmic scale; above 1 the image is shown larger."""
        most = float(np.log(self.factor))
        return {"factor": np.exp(uniform(keys, seed, "zoom.factor", low=-most, high=most))}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:  # noqa: ARG002
        """Show each image larger or smaller."""
        return geometry.zoom(1 / draws["factor"], 1 / draws["factor"])


@dataclass(frozen=True, slots=True)
class Shear:
    """Oblique beam: vertical lines slant, and are shorter by the cosine of the angle.

    The same as `shear_range` of Keras's `ImageDataGenerator`, in degrees.
    """

    degrees: float = 8.0  # maximum angle, either way

    name: ClassVar[str] = "shear"

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, 0, 80, " degrees")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `degrees`; positive, the top of the image leans to its left."""
        return {"degrees": uniform(keys, seed, "shear.degrees", low=-self.degrees, high=self.degrees)}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:  # noqa: ARG002
        """Shear each image."""
        return geometry.shear(draws["degrees"])


@dataclass(frozen=True, slots=True)
class Flip:
    """The image is mirrored left to right, so the heart is on the other side."""

    probability: float = 0.6  # of an image to be mirrored

    name: ClassVar[str] = "flip"

    def __post_init__(self) -> None:
        check_range("probability", self.probability, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `mirrored`, 0 or 1."""
        mirrored = uniform(keys, seed, "flip.mirrored") < self.probability
        return {"mirrored": mirrored.astype(np.float64)}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:  # noqa: ARG002
        """Mirror the images that were drawn."""
        mirrored = draws["mirrored"] != 0
        return geometry.mirror(mirrored, np.zeros_like(mirrored))


@dataclass(frozen=True, slots=True)
class QuarterTurn:
    """The image is rotated by 90 degrees, as when the orientation of the receptor was not recorded.

    An image that is not square is resized to its old shape.
    """

    probability: float = 0.6  # of an image to be rotated, half of them to either side

    name: ClassVar[str] = "quarter-turn"

    def __post_init__(self) -> None:
        check_range("probability", self.probability, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `quarters`: 0, or 1 anticlockwise, or -1."""
        drawn = uniform(keys, seed, "quarter-turn.quarters")
        aside = np.where(drawn < self.probability / 2, 1.0, -1.0)
        return {"quarters": np.where(drawn < self.probability, aside, 0.0)}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Rotate the images that were drawn by 90 degrees."""
        quarters = draws["quarters"]
        matrices = geometry.zoom(np.where(quarters == 0, 1.0, 0.0), np.where(quarters == 0, 1.0, 0.0))
        matrices[:, 0, 1] = -quarters * (width / height)
        matrices[:, 1, 0] = quarters * (height / width)
        return matrices


@dataclass(frozen=True, slots=True)
class Perspective:
    """Perspective: the cassette or the camera is tilted, so one side is further away and appears smaller.

    The model is a pinhole camera 1.2 widths away from the centre of an image that is tilted about any axis in
    its plane (Hartley and Zisserman, "Multiple View Geometry in Computer Vision", 2004). The result is
    enlarged until no area outside the image is visible.
    """

    degrees: float = 11.0  # maximum tilt; the minimum is half of it

    name: ClassVar[str] = "perspective"

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, 0, 60, " degrees")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the tilt in `degrees`, and in `direction` which side recedes: 0 the right, 90 the upper."""
        return {
            "degrees": uniform(keys, seed, "perspective.degrees", low=self.degrees / 2, high=self.degrees),
            "direction": uniform(keys, seed, "perspective.direction", high=360),
        }

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Tilt each image and crop it."""
        tilt, turn = np.deg2rad(draws["degrees"]), draws["direction"]
        recede = np.tan(tilt) / (DISTANCE * width)  # of what is seen, so all of this is read the other way
        tilted = geometry.zoom(1 / np.cos(tilt), np.ones_like(tilt)) @ geometry.perspective(
            -recede, np.zeros_like(recede)
        )
        matrices = geometry.rotation(-turn) @ tilted @ geometry.rotation(turn)
        nearer = _filling(matrices, height, width)
        return matrices @ geometry.zoom(nearer, nearer)


def _filling(matrices: geometry.Matrices, height: int, width: int) -> NDArray[np.float64]:
    """Return the largest zoom, (n,), at which no area outside the image is read."""
    sides = np.array([[-1, -1, 1, 1], [-1, 1, -1, 1], [0, 0, 0, 0]])
    half = np.array([width / 2, height / 2])
    moved = matrices @ (sides * np.append(half, 0)[:, None])  # (n, 3, 4): no movement, only the slopes
    # a corner stays within an edge while zoom x |slope| <= half (1 + zoom x depth's slope)
    needed = np.abs(moved[:, :2]) / half[:, None] - moved[:, 2:]
    nearer: NDArray[np.float64] = 1 / needed.max(axis=(1, 2))
    return nearer
