"""Artefacts of storage and display: JPEG, repeated resizing, inversion, histogram equalisation."""

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
    """Grey JPEG compression (ITU-T T.81) by libjpeg, at a quality on its own scale."""

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
    """Passed on several times: each time downsampled, saved as JPEG, and upsampled to its former size.

    Which filters viewers, messengers and archives use is not known, so each step draws its own of Pillow's:
    nearest, box, bilinear or bicubic to downsample, and nearest, bilinear or bicubic to upsample (a box
    would equal nearest there). Nearest downsampling loses fine lines, and bicubic upsampling adds rims.
    Lanczos is left out: its rims are only a little wider, and it takes twice as long as bicubic.
    """

    times: float = 3.0  # number of steps, rounded
    factor: float = 2.0  # of downsampling: drawn between (1 + factor) / 2 and this
    quality: float = 60.0  # of the JPEG, 1 to 100, rounded

    name: ClassVar[str] = "resize-chain"

    def __post_init__(self) -> None:
        check_range("times", self.times, 0, MAX_TIMES)
        check_range("factor", self.factor, 1, 20)
        check_range("quality", self.quality, 1, 100)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw the `grain`, which decides the factor and the filters of each step."""
        return {"grain": draw_grain(keys, seed, "resize-chain.grain")}

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Resize and compress each image, step by step."""
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
    """Inverted grey levels, as where DICOM's photometric interpretation MONOCHROME1 is not honoured."""

    probability: float = 0.6  # of an image to be inverted

    name: ClassVar[str] = "inversion"

    def __post_init__(self) -> None:
        check_range("probability", self.probability, 0, 1)

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw whether each image is `inverted`."""
        inverted = uniform(keys, seed, "inversion.inverted") < self.probability
        return {"inverted": inverted.astype(np.float64)}

    def map_intensity(self, levels: Tensor, draws: Draws) -> Tensor:
        """Invert the images drawn."""
        return torch.where(as_column(draws["inverted"], levels) == 1, WHITE - levels, levels)


@dataclass(frozen=True, slots=True)
class Clahe:
    """Contrast-limited adaptive histogram equalisation in 8 x 8 tiles, as in processing for display.

    See Pizer et al., "Adaptive histogram equalization and its variations" (1987), and `radapt.shift.clahe`.
    """

    clip: float = 3.0  # clip limit, as a multiple of the mean count of a tile's histogram

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
    """Apply `work(image, row)` to each image in turn, rounded to whole levels, on the CPU."""
    # libjpeg takes 0.1 to 0.2 ms for an image of 150 x 150; threads were no faster
    images = levels.add(0.5).floor_().clamp_(0, WHITE).to(torch.uint8).cpu().numpy()
    for row, image in enumerate(images):
        images[row] = np.asarray(work(Image.fromarray(image), row))
    return torch.from_numpy(images).to(levels)


def _saved(image: Image.Image, quality: float) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=round(quality))
    return Image.open(file)
