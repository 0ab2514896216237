"""Training augmentation: new random changes for every batch, on the training device.

An augmentation takes the batch, its image keys and a seed that the caller has derived from the epoch
(`radapt.shift.counter_rng.derived_seed`). So a resumed training sees the same images as an uninterrupted one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.errors import AskedWrongly, UnknownName
from radapt.shift import geometry
from radapt.shift.corruption import Shift
from radapt.shift.counter_rng import uniform
from radapt.shift.expression import names, parse_shift
from radapt.shift.original import OriginalShift
from radapt.shift.shifted import selects_images

Drawn = Callable[[str, float, float], NDArray[np.float64]]  # name, low, high -> a number an image


class Augmentation(Protocol):
    """Changes a batch of images at random; each image's parameters depend on its key and the seed alone."""

    def __call__(self, pixels: Tensor, keys: NDArray[np.uint64], seed: int) -> Tensor:
        """Return float32 (n, height, width) in 0 to 255 from uint8 or floating-point images in 0 to 255."""
        ...


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Leaves the images as they are."""

    def __call__(self, pixels: Tensor, keys: NDArray[np.uint64], seed: int) -> Tensor:  # noqa: ARG002
        """Return the same images as float32."""
        return pixels.float()


@dataclass(frozen=True, slots=True)
class Mild:
    """Pose and exposure as they vary between images of one hospital; never mirrored, since hearts lie left.

    Movements are too small for the repeated edge pixels to become streaks.
    """

    rotation: float = 8.0  # degrees either way
    zoom: tuple[float, float] = (0.92, 1.08)  # factor, one for both axes: a heart's proportions are a finding
    translation: float = 0.04  # fraction of the width and of the height, either way
    gamma: tuple[float, float] = (0.8, 1.25)  # exponent, drawn evenly on a logarithmic scale

    def __call__(self, pixels: Tensor, keys: NDArray[np.uint64], seed: int) -> Tensor:
        """Rotate, zoom, translate and re-expose each image by its own draw.

        Parameters
        ----------
        pixels
            (n, height, width) uint8 or floating point in 0 to 255, on any device.
        keys
            (n,), see `radapt.shift.counter_rng.image_keys`.
        seed
            Any integer; mix the epoch into it.

        Returns
        -------
        Tensor
            (n, height, width) float32 in 0 to 255 on the same device.
        """
        _, height, width = pixels.shape

        def drawn(name: str, low: float, high: float) -> NDArray[np.float64]:
            return uniform(keys, seed, f"mild.{name}", low=low, high=high)

        factor = drawn("zoom", *self.zoom)
        pose = (
            geometry.rotation(drawn("rotation", -self.rotation, self.rotation))
            @ geometry.translation(
                drawn("x", -self.translation, self.translation) * width,
                drawn("y", -self.translation, self.translation) * height,
            )
            @ geometry.zoom(factor, factor)
        )
        exponent = np.exp(drawn("gamma", *np.log(self.gamma).tolist()))

        def varied(rows: slice) -> Tensor:
            return geometry.warp(_exposed(pixels[rows], exponent[rows]), pose[rows])

        return geometry.in_runs(pixels, varied)


@dataclass(frozen=True, slots=True)
class Strong:
    """Wider pose and exposure than `Mild`, with borders and patches painted over.

    Hospitals differ in framing, in exposure and in what stands at the edge of an image (collimation, markers,
    text). What is painted over at random cannot tell the class. Never mirrored.
    """

    pose: Mild = Mild(rotation=15.0, zoom=(0.8, 1.2), translation=0.1, gamma=(0.5, 2.0))
    contrast: tuple[float, float] = (0.6, 1.4)  # factor about mid grey
    brightness: float = 0.15  # added, as a fraction of white, either way
    border: float = 0.15  # widest border painted on a side, as a fraction of the width or height
    patch: float = 0.25  # longest side of a patch, likewise
    painted: float = 0.5  # share of the images with borders, and share with a patch

    def __call__(self, pixels: Tensor, keys: NDArray[np.uint64], seed: int) -> Tensor:
        """Vary each image by its own draw; shapes and ranges as of `Mild`."""
        images, drawn = self.pose(pixels, keys, seed), partial(_drawn, keys, seed)
        factor, offset = (
            drawn("contrast", *self.contrast),
            drawn("brightness", -self.brightness, self.brightness),
        )
        images.sub_(127.5).mul_(_of_images(factor, images)).add_(_of_images(255 * offset + 127.5, images))
        images.clamp_(0, 255)
        self._paint_borders(images, drawn)
        self._paint_patches(images, drawn)
        return images

    def _paint_borders(self, images: Tensor, drawn: Drawn) -> None:
        """Paint up to four sides of some images in one grey, half of them black as collimation is."""
        _, height, width = images.shape
        names = ("top", "bottom", "left", "right")
        shares = np.stack([drawn(name, -self.border, self.border) for name in names], axis=1).clip(0)
        shares[drawn("borders", 0, 1) >= self.painted] = 0
        levels = drawn("border.level", -255, 255).clip(0)
        for image, share, level in zip(images, shares, levels, strict=True):
            top, bottom, left, right = (share * (height, height, width, width)).astype(int).tolist()
            image[:top] = image[height - bottom :] = level
            image[:, :left] = image[:, width - right :] = level

    def _paint_patches(self, images: Tensor, drawn: Drawn) -> None:
        """Paint a rectangle of any grey anywhere in some images."""
        _, height, width = images.shape
        tall, wide = (drawn(name, self.patch / 4, self.patch) for name in ("tall", "wide"))
        y, x = drawn("y", 0, 1) * (1 - tall), drawn("x", 0, 1) * (1 - wide)
        levels = drawn("patch.level", 0, 255)
        for row in np.flatnonzero(drawn("patches", 0, 1) < self.painted):
            ys = slice(int(y[row] * height), int((y[row] + tall[row]) * height))
            xs = slice(int(x[row] * width), int((x[row] + wide[row]) * width))
            images[row, ys, xs] = levels[row]


@dataclass(frozen=True, slots=True)
class Shifted:
    """A shift as augmentation: drawn afresh for every seed."""

    shift: Shift = field(default_factory=OriginalShift)

    def __call__(self, pixels: Tensor, keys: NDArray[np.uint64], seed: int) -> Tensor:
        """Shift each image by its own draw; floating-point levels are truncated to integers first."""
        return self.shift.apply(pixels.to(torch.uint8), self.shift.draw(keys, seed)).float()


AUGMENTATIONS: dict[str, Augmentation] = {"none": Unchanged(), "mild": Mild(), "strong": Strong()}


def parse_augmentation(text: str) -> Augmentation:
    """Read an augmentation as a user writes it: "none", "mild", or any shift.

    Of all presets only `original` mirrors images, as the original demonstration did;
    `original(horizontal_flip=0)` does not.

    Raises
    ------
    UnknownName
        If there is none of that name; the message suggests the nearest.
    AskedWrongly
        If it is a shift that is written wrongly, or one that drops images.
    """
    if text in AUGMENTATIONS:
        return AUGMENTATIONS[text]
    if re.fullmatch(r"[\w-]+", text) and text not in names():
        raise UnknownName("augmentation", text, [*AUGMENTATIONS, *names()])
    shift = parse_shift(text)
    if selects_images(shift):
        raise AskedWrongly(f"An augmentation changes images. {text!r} drops some of them.")
    return Shifted(shift)


def _drawn(keys: NDArray[np.uint64], seed: int, name: str, low: float, high: float) -> NDArray[np.float64]:
    return uniform(keys, seed, f"strong.{name}", low=low, high=high)


def _of_images(values: NDArray[np.float64], images: Tensor) -> Tensor:
    """Return one value an image in a shape (n, 1, 1) that images broadcast with."""
    return torch.from_numpy(values.astype(np.float32)).to(images.device)[:, None, None]


def _exposed(pixels: Tensor, exponent: NDArray[np.float64]) -> Tensor:
    """Raise each image's levels, as fractions of 255, to its exponent.

    Integer levels are looked up in a table: twice as fast as powers, and bitwise equal in any batch.
    """
    if pixels.dtype != torch.uint8:
        power = torch.from_numpy(exponent.astype(np.float32)).to(pixels.device)[:, None, None]
        return (pixels.float() / 255).pow_(power).mul_(255)
    levels = 255 * (np.arange(256) / 255) ** exponent[:, None]  # (n, 256)
    table = torch.from_numpy(levels.astype(np.float32).ravel()).to(pixels.device)
    offsets = 256 * torch.arange(len(pixels), dtype=torch.int32, device=pixels.device)[:, None, None]
    return table.index_select(0, (pixels + offsets).ravel()).view(pixels.shape)
