"""What a corruption is: drawn once for each image, then one of five things done to images in batches.

A cause is a frozen dataclass of options, numbers in physical or pixel units, with a `name`. Lengths in pixels
are those of an image 224 pixels wide and grow with the image. What is random is drawn by `draw` from (key,
seed) alone and kept; what a cause then does is one or two of:

- `place`: moves the image. The matrices of all causes in a chain are composed and the image is resampled
once.
- `surround`: paints what its own movement brought in beside the image, where later movements take it.
- `grade`: changes each grey level for itself. Neighbouring ones in a chain are worked out on the 256 levels.
- `change`: anything else that is done to pixels.
- `choose`: takes some of the images and leaves others; it alone may look at labels.
"""

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.images.imageset import ImageSet
from radapt.shift.draws import Draws
from radapt.shift.geometry import Matrices

UNIT = 224  # pixels: the width of the image that lengths are given for
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey: ITU-R BT.601, as Pillow has it


class Corruption(Protocol):
    """What can happen to a radiograph."""

    name: ClassVar[str]

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw what each image gets, from its key and the seed alone: columns of (n,)."""
        ...


@runtime_checkable
class Placing(Protocol):
    """Moves the image."""

    def place(self, draws: Draws, height: int, width: int) -> Matrices:
        """Give the matrix of each image, (n, 3, 3), see `radapt.shift.geometry`."""
        ...


@runtime_checkable
class Surrounding(Placing, Protocol):
    """Moves the image, and paints what is then seen beside it."""

    def surround(self, levels: Tensor, draws: Draws, after: Matrices) -> Tensor:
        """Paint on moved images (n, height, width), float32 in 0 to 255, given later movements."""
        ...


@runtime_checkable
class Grading(Protocol):
    """Changes each grey level for itself."""

    def grade(self, levels: Tensor, draws: Draws) -> Tensor:
        """Give what becomes of these levels (n, m), float32 in 0 to 255, of n images; in place or not."""
        ...


@runtime_checkable
class Changing(Protocol):
    """Does anything else to pixels."""

    def change(self, levels: Tensor, draws: Draws) -> Tensor:
        """Give what becomes of these images (n, height, width), float32 in 0 to 255; in place or not."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """Takes some of the images."""

    def choose(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> NDArray[np.intp]:
        """Give the rows of the images that are taken, in the order of the set."""
        ...


class Shift(Protocol):
    """What is done to a set of images, whole."""

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw a row for each image, from its key and the seed alone."""
        ...

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Shift uint8 images (n, height, width) by their rows; uint8 of the same shape on the same device."""
        ...


def scale_of(width: int) -> float:
    """Give how many pixels of an image so wide are one pixel of an image 224 wide."""
    return width / UNIT


def as_column(values: NDArray[np.float64], like: Tensor) -> Tensor:
    """Give a column as a tensor that multiplies `like`, (n, ...): float32 (n, 1, ...) on its device."""
    column = torch.from_numpy(values.astype(np.float32)).to(like.device)
    return column.view(-1, *[1] * (like.ndim - 1))
