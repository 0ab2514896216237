"""The interface of corruptions: parameters drawn once for each image, and five kinds of operation.

A corruption is a frozen dataclass of options, numbers in physical or pixel units, with a `name`. Lengths in
pixels hold for an image 224 pixels wide and scale with the image's width. `draw` draws all that is random,
from (key, seed) alone, as a table that is kept. Then a corruption does one or two of these:

- `matrix`: moves the image. The matrices of all corruptions in a chain are composed, and the image is
  resampled once.
- `paint_border`: paints the area that its own movement brought in from beyond the image's edge. All later
  movements move it too.
- `map_intensity`: maps grey levels, each pixel by its own level alone. Neighbouring maps of a chain are
  composed as tables of 256 levels.
- `transform`: any other operation on pixels.
- `select`: keeps some of the images; it alone may look at labels.
"""

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.images.imageset import ImageSet
from radapt.shift.draws import Draws
from radapt.shift.geometry import Matrices

UNIT = 224  # pixels, the image width at which lengths hold as given
LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in grey: ITU-R BT.601, as in Pillow


class Corruption(Protocol):
    """A change of a radiograph."""

    name: ClassVar[str]

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw each image's parameters, from its key and the seed alone; return columns of shape (n,)."""
        ...


@runtime_checkable
class GeometricCorruption(Protocol):
    """Moves the image by a matrix."""

    def matrix(self, draws: Draws, height: int, width: int) -> Matrices:
        """Return the matrix of each image, (n, 3, 3), see `radapt.shift.geometry`."""
        ...


@runtime_checkable
class BorderCorruption(GeometricCorruption, Protocol):
    """Moves the image, and paints the area that this brings in from beyond its edge."""

    def paint_border(self, levels: Tensor, draws: Draws, after: Matrices) -> Tensor:
        """Paint on moved images (n, height, width), float32 in 0 to 255; `after` are all later movements."""
        ...


@runtime_checkable
class IntensityCorruption(Protocol):
    """Maps grey levels, each pixel by its own level alone."""

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Map levels (n, m), float32 in 0 to 255, of n images; it may write into `levels`."""
        ...


@runtime_checkable
class PixelCorruption(Protocol):
    """Changes pixels in another way."""

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Change images (n, height, width), float32 in 0 to 255; it may write into `levels`."""
        ...


@runtime_checkable
class SelectionCorruption(Protocol):
    """Keeps some of the images."""

    def select(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> NDArray[np.intp]:
        """Return the rows of the images that are kept, in the order of the set."""
        ...


class Shift(Protocol):
    """A whole shift: draws parameters for a set of images, and applies them."""

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw a row for each image, from its key and the seed alone."""
        ...

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Shift uint8 images (n, height, width) by the rows of a table; return the same type and shape."""
        ...


def scale_of(width: int) -> float:
    """Return the length of one pixel of an image 224 wide, in pixels of an image of this width."""
    return width / UNIT


def as_column(values: NDArray[np.float64], like: Tensor) -> Tensor:
    """Return (n,) values as float32 of shape (n, 1, ...), to broadcast over `like` (n, ...) on its device."""
    column = torch.from_numpy(values.astype(np.float32)).to(like.device)
    return column.view(-1, *[1] * (like.ndim - 1))
