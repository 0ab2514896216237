"""Storage: what files, viewers and archives do to an image on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from radapt.shift.clahe import equalised
from radapt.shift.corruption import as_column
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws
from radapt.shift.noise_fields import draw_grain, uniforms
from radapt.shift.options import check_range

MAX_TIMES = 6
SMALLER = tuple(getattr(Image.Resampling, name) for name in ("NEAREST", "BOX", "BILINEAR", "BICUBIC"))
LARGER = tuple(getattr(Image.Resampling, name) for name in ("NEAREST", "BILINEAR", "BICUBIC"))
WHITE = 255.0


@dataclass(frozen=True, slots=True)
class Jpeg:
    """Saved as a grey JPEG (ITU-T T.81) by libjpeg, at its own scale of quality, and read again."""

    quality: float = 15.0  # 1 to 100, rounded

    name: ClassVar[str] = "jpeg"

    def __post_init__(self) -> None:
        check_range("quality", self.quality, 1, 100)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `quality`."""
        return {"quality": np.full(len(keys), self.quality)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Save each image and read it again."""
        return by_pillow(levels, lambda image, row: _saved(image, draws["quality"][row]))


@dataclass(frozen=True, slots=True)
class ResizeChain:
    """Passed on several times: each time made smaller, saved as JPEG, and made as large again.

    Each step has filters of its own, of Pillow's, since what a viewer, a messenger or an archive uses is not
    known: the nearest pixel, even averages, straight lines or cubic curves to make it smaller, and to make it
    larger these without the averages, which then are the nearest pixel. An image made smaller by the nearest
    pixel loses its fine lines, one made larger by curves gets rims. Lanczos' filter, whose rims are a little
    wider, is left out: it takes twice as long as cubic curves.
    """

    times: float = 3.0  # rounded
    factor: float = 2.0  # by which it is made smaller, at most; half as much over 1 at least
    quality: float = 60.0  # of the JPEG, 1 to 100, rounded

    name: ClassVar[str] = "resize-chain"

    def __post_init__(self) -> None:
        check_range("times", self.times, 0, MAX_TIMES)
        check_range("factor", self.factor, 1, 20)
        check_range("quality", self.quality, 1, 100)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `grain` that says by how much each time, and with which filters."""
        return {"grain": draw_grain(keys, seed, "resize-chain.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Pass each image on."""
        chance = uniforms(draws["grain"], MAX_TIMES, 3, torch.device("cpu")).numpy()
        factors = 1 + (self.factor - 1) * (0.5 + 0.5 * chance[:, :, 0])
        filters = (chance[:, :, 1:] * (len(SMALLER), len(LARGER))).astype(np.int64)
        return by_pillow(levels, lambda image, row: self._passed_on(image, factors[row], filters[row]))

    def _passed_on(
        self, image: Image.Image, factors: NDArray[np.float64], filters: NDArray[np.int64]
    ) -> Image.Image:
        size = image.size
        for factor, (smaller, larger) in zip(factors[: round(self.times)], filters, strict=False):
            width, height = (max(1, round(length / factor)) for length in size)
            small = _saved(image.resize((width, height), SMALLER[smaller]), self.quality)
            image = small.resize(size, LARGER[larger])
        return image


@dataclass(frozen=True, slots=True)
class Inversion:
    """Black and white are swapped: the file's photometric interpretation (DICOM MONOCHROME1) was not read."""

    probability: float = 0.6  # that an image is inverted

    name: ClassVar[str] = "inversion"

    def __post_init__(self) -> None:
        check_range("probability", self.probability, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw whether each image is `inverted`."""
        inverted = uniform(keys, seed, "inversion.inverted") < self.probability
        return {"inverted": inverted.astype(np.float64)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Swap black and white of the images drawn."""
        return torch.where(as_column(draws["inverted"], levels) == 1, WHITE - levels, levels)


@dataclass(frozen=True, slots=True)
class Clahe:
    """Processed for display: contrast-limited adaptive histogram equalisation in 8 x 8 tiles.

    See Pizer et al., "Adaptive histogram equalization and its variations" (1987), and `radapt.shift.clahe`.
    """

    clip: float = 3.0  # how steep contrast may get: that many times the mean of a tile's histogram

    name: ClassVar[str] = "clahe"

    def __post_init__(self) -> None:
        check_range("clip", self.clip, 1, 256)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:  # noqa: ARG002
        """Return the `clip` limit."""
        return {"clip": np.full(len(keys), self.clip)}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Equalise each image."""
        return equalised(levels, draws["clip"])


def by_pillow(levels: Tensor, work: Callable[[Image.Image, int], Image.Image]) -> Tensor:
    """Do something to images one by one, in whole levels and on the processor; given are image and row."""
    # libjpeg takes 0.1 to 0.2 ms for an image of 150 x 150; threads were no faster
    images = levels.add(0.5).floor_().clamp_(0, WHITE).to(torch.uint8).cpu().numpy()
    for row, image in enumerate(images):
        images[row] = np.asarray(work(Image.fromarray(image), row))
    return torch.from_numpy(images).to(levels)


def _saved(image: Image.Image, quality: float) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=round(quality))
    return Image.open(file)
