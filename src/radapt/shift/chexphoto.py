"""CheXphoto's synthetic transformations, by the definitions and numbers that its authors published.

Phillips et al., "CheXphoto: 10,000+ photos and transformations of chest X-rays for benchmarking deep learning
robustness" (arXiv 2007.06199), and the transformations of their repository, stanfordmlgroup/cheXphoto. Its
lengths in pixels do not depend on the size of the image. Here they hold for an image 1,245 pixels wide, the
width of the image in its figure, and scale with the width. Images are resampled bilinearly, not bicubically.
"""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.shift import geometry
from radapt.shift.corruption import Corruption, as_column
from radapt.shift.counter_rng import image_keys, uniform
from radapt.shift.draws import Draws
from radapt.shift.filters import box_weights, weighed
from radapt.shift.options import check_range
from radapt.shift.painting import Floats, across, covered, down

WIDE = 1245  # pixels, the image width at which lengths hold as given
WHITE = 255.0
PLACES = 9  # of a mirrored window: three across by three down
GRATINGS = 8  # pairs of gratings
LINES_READ = 3  # of a grating's rows for each row of an image: its lines are nearly upright
MIN_SHOWN = 0.1  # minimum share of the height, of an image much wider than high


@dataclass(frozen=True, slots=True)
class PhotoMotion:
    """Horizontal motion blur: each pixel becomes the mean of its neighbours in the row, mirrored at the edge.

    The width of the mean scales with the image. In CheXphoto an even number of pixels also moves the image by
    up to one pixel; here it does not move.
    """

    pixels: float = 25.0  # of an image 1,245 wide

    name: ClassVar[str] = "photo-motion"

    def __post_init__(self) -> None:
        check_range("pixels", self.pixels, 1, 400, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `pixels`."""
        return {"pixels": np.full(len(keys), self.pixels)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:  # noqa: ARG002
        """Blur the images sideways."""
        variance = (self.pixels**2 - 1) / 12 * (levels.shape[2] / WIDE) ** 2
        return weighed(levels, box_weights(variance), beyond="reflect", axes=(2,))


@dataclass(frozen=True, slots=True)
class PhotoMatte:
    """A Gaussian patch of white, clipped at the top, centred anywhere on the image."""

    radius: float = 150.0  # pixels of an image 1,245 wide, standard deviation
    peak: float = 300.0  # grey levels in the middle, before clipping
    most: float = 210.0  # grey levels, where it is clipped

    name: ClassVar[str] = "photo-matte"

    def __post_init__(self) -> None:
        check_range("radius", self.radius, 1, WIDE, " pixels")
        check_range("peak", self.peak, 0, 1e4)
        check_range("most", self.most, 0, 255)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the centre `x`, `y`, as shares of the image."""
        return {axis: uniform(keys, seed, f"{self.name}.{axis}") for axis in ("x", "y")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Add the patch to each image."""
        _, height, width = levels.shape
        radius = self.radius * width / WIDE
        right, fall = (
            np.exp(-(((np.arange(size) - size * draws[axis][:, None]) / radius) ** 2) / 2)
            for axis, size in (("x", width), ("y", height))
        )
        white = (across(right, levels) * down(fall, levels)).mul_(self.peak).clamp_(max=self.most)
        return covered(levels, white.floor_().div_(WHITE), WHITE)


@dataclass(frozen=True, slots=True)
class PhotoGlossy:
    """A uniform white box in a corner, or near the middle of a side or of the image."""

    share: float = 0.3  # minimum share of the width and of the height; the maximum is 0.05 more
    white: float = 210.0  # minimum grey level; the maximum is 20 more

    name: ClassVar[str] = "photo-glossy"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 0.55)
        check_range("white", self.white, 0, 235)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `place` (0 to 8, down each column), `wide`, `high`, `x`, `y` (shares) and `white`."""

        def drawn(name: str, low: float, high: float) -> Floats:
            return uniform(keys, seed, f"{self.name}.{name}", low=low, high=high)

        return {
            "place": np.minimum(np.floor(drawn("place", 0, PLACES)), PLACES - 1),
            "wide": drawn("wide", self.share, self.share + 0.05),
            "high": drawn("high", self.share, self.share + 0.05),
            "x": drawn("x", 0.3, 0.7),
            "y": drawn("y", 0.3, 0.7),
            "white": np.floor(drawn("white", self.white, self.white + 20)),
        }

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Blend the box into each image."""
        _, height, width = levels.shape
        third, row = np.divmod(draws["place"], 3)
        columns = _within(width, third, draws["wide"], draws["x"])
        rows = _within(height, row, draws["high"], draws["y"])
        white = as_column(draws["white"] / WHITE, levels)
        return covered(levels, (across(columns, levels) * down(rows, levels)).mul_(white), WHITE)


@dataclass(frozen=True, slots=True)
class PhotoTilt:
    """Each corner moves inwards by its own share of the width and height; the area outside is black."""

    share: float = 0.15

    name: ClassVar[str] = "photo-tilt"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 0.45)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw how far each corner moves, across and down, as shares: `left-upper-x`, and so on."""
        return {
            f"{corner}-{axis}": uniform(keys, seed, f"{self.name}.{corner}-{axis}", high=self.share)
            for corner in _CORNERS
            for axis in "xy"
        }

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Return the perspective of each image's corners."""
        whole = np.array(list(_CORNERS.values())) * np.array([width / 2, height / 2])
        inwards = np.array([[draws[f"{corner}-{axis}"] for axis in "xy"] for corner in _CORNERS])
        return geometry.between(whole * (1 - 2 * inwards.transpose(2, 0, 1)), whole)


@dataclass(frozen=True, slots=True)
class PhotoRotation:
    """Rotated by a fixed angle, either way, and shrunk so that all of it is shown, with black corners."""

    degrees: float = 15.0

    name: ClassVar[str] = "photo-rotation"

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, 0, 90, " degrees")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw `degrees`, positive anticlockwise."""
        return {"degrees": self.degrees * _either(keys, seed, f"{self.name}.degrees")}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Rotate each image, and shrink its bounding box into the former frame."""
        angle = np.abs(np.deg2rad(draws["degrees"]))
        wide = np.cos(angle) + np.sin(angle) * (height / width)
        high = np.cos(angle) + np.sin(angle) * (width / height)
        return geometry.rotation(draws["degrees"]) @ geometry.zoom(wide, high)


@dataclass(frozen=True, slots=True)
class PhotoTranslation:
    """Framed by 100 pixels of black, and moved by a fixed distance to one side and up or down."""

    pixels: float = 60.0  # of an image 1,245 wide

    name: ClassVar[str] = "photo-translation"
    margin: ClassVar[float] = 100.0  # pixels of an image 1,245 wide

    def __post_init__(self) -> None:
        check_range("pixels", self.pixels, 0, WIDE, " pixels")

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the movement `right` and `down`, in pixels of an image 1,245 wide."""
        return {way: self.pixels * _either(keys, seed, f"{self.name}.{way}") for way in ("right", "down")}

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:
        """Shrink and move each image."""
        scale = width / WIDE
        shown = [max(MIN_SHOWN, 1 - 2 * self.margin * scale / size) for size in (width, height)]
        wide, high = (np.full(len(draws["right"]), 1 / share) for share in shown)
        return geometry.zoom(wide, high) @ geometry.translation(
            -scale * draws["right"], -scale * draws["down"]
        )


@dataclass(frozen=True, slots=True)
class PhotoMoire:
    """Moire of two gratings of black lines, one pixel wide, over the image at twice its size.

    A grating of horizontal lines, compressed to half their height on one side, is rotated by 90 degrees, the
    second one by N(0, 1) degrees more; each is shifted by up to 100 pixels. As in CheXphoto, lines are drawn
    without anti-aliasing, which causes most of the bands. So the gratings are drawn at CheXphoto's size, for
    an image 1,245 wide, and averaged to the size at hand. There are only eight pairs of gratings, since
    drawing one takes some time; each has another angle.
    """

    gap: float = 2.5  # pixels of an image 2,490 wide, between two lines
    opacity: float = 0.35  # of a line

    name: ClassVar[str] = "photo-moire"

    def __post_init__(self) -> None:
        check_range("gap", self.gap, 0, 100, " pixels")
        check_range("opacity", self.opacity, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw which `pair` of gratings is used, from 0."""
        pair = np.floor(uniform(keys, seed, f"{self.name}.pair", high=GRATINGS))
        return {"pair": np.minimum(pair, GRATINGS - 1)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Multiply each image by its pair of gratings."""
        _, height, width = levels.shape
        for pair in np.unique(draws["pair"]):
            rows = torch.from_numpy(np.flatnonzero(draws["pair"] == pair)).to(levels.device)
            passing = _passing(height, width, self.gap, self.opacity, int(pair)).to(levels.device)
            levels[rows] = levels[rows].mul_(passing)
        return levels


PHOTOGRAPHIC: tuple[type[Corruption], ...] = (
    PhotoMotion,
    PhotoMatte,
    PhotoGlossy,
    PhotoTilt,
    PhotoRotation,
    PhotoTranslation,
    PhotoMoire,
)

_CORNERS = {"left-upper": (-1, -1), "right-upper": (1, -1), "right-lower": (1, 1), "left-lower": (-1, 1)}


def _either(keys: NDArray[np.uint64], seed: int, name: str) -> Floats:
    """Draw -1 or 1."""
    return np.where(uniform(keys, seed, name) < 0.5, -1.0, 1.0)


def _within(size: int, third: Floats, share: Floats, middle: Floats) -> Floats:
    """Mark the pixels of an axis within a box, (n, size): at its start, about a middle, or at its end."""
    long = share * size
    first = np.select(
        [third == 0, third == 1], [0, np.trunc(middle * size - long / 2)], size - np.trunc(long)
    )
    last = np.select([third == 0, third == 1], [np.trunc(long), np.trunc(middle * size + long / 2)], size)
    pixels = np.arange(size)
    return ((pixels >= first[:, None]) & (pixels < last[:, None])).astype(np.float64)


@lru_cache(maxsize=2 * GRATINGS)
def _passing(height: int, width: int, gap: float, opacity: float, pair: int) -> Tensor:
    """Return the transmission of a pair of gratings at each pixel, (height, width), 0 to 1."""
    finer = max(1, round(2 * WIDE / width))  # pixels of the grating along each side of an image's pixel
    taken = min(finer, LINES_READ)
    rows = (np.arange(height * taken) + 0.5) * (finer / taken)
    columns = np.arange(width * finer) + 0.5
    degrees = 90 + NormalDist().inv_cdf((pair + 0.5) / GRATINGS)
    light = np.ones((len(rows), len(columns)), dtype=np.float32)
    dim = np.float32(int(opacity * 255) / 255)
    for number, angle in enumerate((90.0, degrees)):
        own = image_keys([f"{pair}/{number}"])
        right, fall = (np.round(uniform(own, 0, f"photo-moire.{axis}", high=100)) for axis in ("x", "y"))
        size = 2 * finer * max(height, width)
        x, y = columns + right - width * finer / 2, np.floor(rows) + 0.5 + fall - height * finer / 2
        light *= 1 - dim * _lines(x, y, angle, size, 1 + gap)
    averaged = light.reshape(height, taken, width, finer).mean(axis=(1, 3))
    return torch.from_numpy(averaged)


def _lines(x: Floats, y: Floats, degrees: float, size: int, period: float) -> NDArray[np.bool_]:
    """Return whether places, relative to the middle of a square grating, lie on a line."""
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    x, y = x[None].astype(np.float32), y[:, None].astype(np.float32)
    column = np.floor(size / 2 + (np.float32(cosine) * x - np.float32(sine) * y)) + 0.5
    row = np.floor(np.float32(sine) * x + np.float32(cosine) * y) + 0.5
    drawn_together = 0.5 / (1 - column * np.float32(0.5 / size))
    lines = np.floor(size / 2 + row * drawn_together) / np.float32(period)
    on_a_line: NDArray[np.bool_] = lines - np.floor(lines) < np.float32((1 - 0.01) / period)
    return on_a_line
