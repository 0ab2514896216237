"""The shift of the original demonstration: Keras's ImageDataGenerator with the demonstration's arguments.

`ImageDataGenerator(shear_range=0.2, zoom_range=0.2, horizontal_flip=True, rotation_range=30,
channel_shift_range=0.9, brightness_range=[0.5, 1.5])`, in Keras's order: geometry, channel shift, brightness.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.errors import AskedWrongly
from radapt.shift import geometry
from radapt.shift.counter_rng import uniform
from radapt.shift.draws import Draws, check_draws, rows_of

# Keras's names. Degrees, pixels, factors, 0 or 1, grey levels.
COLUMNS = (
    "theta",
    "tx",
    "ty",
    "shear",
    "zx",
    "zy",
    "flip_horizontal",
    "flip_vertical",
    "channel_shift_intensity",
    "brightness",
)

# Keras rounds grey levels down. It interpolates in double precision, radapt in single: a level that is whole
# there may be slightly smaller here, and would be rounded down to the next.
ROUNDING = 1e-4  # grey levels


@dataclass(frozen=True, slots=True)
class OriginalShift:
    """Rotation, zoom, shear, mirroring, channel shift and brightness, as the original demonstration set them.

    Matches Keras 3.15 within 0.001 grey levels on average. An image that is not square is rotated
    about its true centre; Keras swaps half the height and half the width.
    """

    rotation: float = 30.0  # degrees either way
    zoom: tuple[float, float] = (0.8, 1.2)  # factor on the width and on the height shown, drawn separately
    shear: float = 0.2  # degrees either way; the demonstration may have meant a fraction
    horizontal_flip: float = 0.5  # probability
    channel_shift: float = 0.9  # grey levels either way, of 255: next to nothing
    brightness: tuple[float, float] = (0.5, 1.5)  # factor

    name: ClassVar[str] = "original"

    def __str__(self) -> str:
        return "original"

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw each image's parameters, from its key and the seed alone.

        Parameters
        ----------
        keys
            (n,), see `radapt.shift.counter_rng.image_keys`.
        seed
            Any integer.

        Returns
        -------
        Draws
            Ten columns of (n,) under Keras's names: `theta` and `shear` in degrees, `tx` and `ty` in pixels
            (always 0), `zx`, `zy` and `brightness` factors, `flip_horizontal` and `flip_vertical` 0 or 1
            (vertical always 0), `channel_shift_intensity` in grey levels.
        """

        def drawn(name: str, low: float, high: float) -> NDArray[np.float64]:
            return uniform(keys, seed, f"seed.{name}", low=low, high=high)

        flipped = drawn("flip_horizontal", 0.0, 1.0) < self.horizontal_flip
        return {
            "theta": drawn("theta", -self.rotation, self.rotation),
            "tx": np.zeros(len(keys)),
            "ty": np.zeros(len(keys)),
            "shear": drawn("shear", -self.shear, self.shear),
            "zx": drawn("zx", *self.zoom),
            "zy": drawn("zy", *self.zoom),
            "flip_horizontal": flipped.astype(np.float64),
            "flip_vertical": np.zeros(len(keys)),
            "channel_shift_intensity": drawn(
                "channel_shift_intensity", -self.channel_shift, self.channel_shift
            ),
            "brightness": drawn("brightness", *self.brightness),
        }

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Shift images by drawn parameters.

        Parameters
        ----------
        pixels
            (n, height, width) uint8 on any device.
        params
            The ten columns of `draw`, n rows; any values, `tx`, `ty` and `flip_vertical` as well.

        Returns
        -------
        Tensor
            (n, height, width) uint8 on the same device. This loses nothing: Keras's floats are whole here.

        Raises
        ------
        AskedWrongly
            If the pixels are of another type or shape, or the table lacks a column or a row.
        """
        if pixels.dtype != torch.uint8 or pixels.ndim != 3:
            raise AskedWrongly(
                "The original's shift takes uint8 images of shape (n, height, width). "
                f"Got {pixels.dtype} of shape {tuple(pixels.shape)}."
            )
        check_draws(params, COLUMNS, len(pixels))
        if not pixels.numel():
            return pixels.clone()
        matrices = _moved(params)

        def shifted(rows: slice) -> Tensor:
            return _graded(geometry.warp(pixels[rows], matrices[rows]), rows_of(params, rows))

        return geometry.in_runs(pixels, shifted)

    def matrix(self, draws: Draws, height: int, width: int) -> geometry.Matrices:  # noqa: ARG002
        """Return Keras's geometric transform, for a chain of corruptions."""
        return _moved(draws)

    def transform(self, levels: Tensor, draws: Draws) -> Tensor:
        """Change grey levels as Keras does, for a chain of corruptions."""
        return _graded(levels, draws).float()


def _moved(params: Draws) -> geometry.Matrices:
    """Return Keras's geometric transform, (n, 3, 3); mirroring is its last step."""
    return (
        geometry.rotation(params["theta"])
        @ geometry.translation(params["tx"], params["ty"])
        @ geometry.shear(params["shear"])
        @ geometry.zoom(params["zx"], params["zy"])
        @ geometry.mirror(params["flip_horizontal"] != 0, params["flip_vertical"] != 0)
    )


def _graded(levels: Tensor, params: Draws) -> Tensor:
    """Shift levels within each image's own range, round down, and scale by the brightness; in place."""

    def column(name: str) -> Tensor:
        return torch.from_numpy(params[name].astype(np.float32)).to(levels.device)[:, None, None]

    darkest = levels.amin(dim=(1, 2), keepdim=True)
    brightest = levels.amax(dim=(1, 2), keepdim=True)
    levels += column("channel_shift_intensity")
    torch.maximum(levels, darkest, out=levels)
    torch.minimum(levels, brightest, out=levels)
    levels += ROUNDING
    levels.floor_().mul_(column("brightness")).clamp_(0, 255)
    return levels.to(torch.uint8)  # rounds down, as Keras does
