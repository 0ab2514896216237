"""A whole image set under a shift: every image shifted once, and the table of drawn parameters."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.images.imageset import ImageSet
from radapt.images.pixel_buffers import allocate_pixels
from radapt.shift.chain import Chain
from radapt.shift.corruption import SelectionCorruption, Shift
from radapt.shift.counter_rng import image_keys
from radapt.shift.draws import Draws, rows_of
from radapt.shift.expression import parse_shift
from radapt.shift.geometry import pixel_slices


def shift_images(
    images: ImageSet, shift: Shift, *, seed: int, device: str | torch.device = "cpu"
) -> tuple[ImageSet, Draws]:
    """Shift a whole set; the same seed gives the same set on every run, whatever its order or labels.

    Parameters
    ----------
    images
        n images; their pixels may be a memory map, and are read in slices. Many shifted images are kept on
        disk too, see `radapt.images.pixel_buffers.allocate_pixels`.
    shift
        From `radapt.shift.expression.parse_shift`, or any other `Shift`.
    seed
        Any integer.
    device
        Where the work is done. Devices may differ by a grey level, since they round differently.

    Returns
    -------
    tuple[ImageSet, Draws]
        The set with other pixels and the same labels, patients and ids, and the drawn table, n rows. A shift
        that selects images gives fewer.
    """
    return shift_pixels(select_images(images, shift, seed=seed), shift, seed=seed, device=device)


def select_images(images: ImageSet, shift: Shift, *, seed: int) -> ImageSet:
    """Return the images that a shift keeps: all of them, unless it changes the population."""
    if not selects_images(shift):
        return images
    assert isinstance(shift, Chain)
    return images.take(shift.select(images, image_keys(images.ids), seed))


def selects_images(shift: Shift) -> bool:
    """Return whether a shift selects some of the images and drops the others."""
    return isinstance(shift, Chain) and any(
        isinstance(corruption, SelectionCorruption) for corruption in shift.corruptions
    )


def shift_pixels(
    images: ImageSet, shift: Shift, *, seed: int, device: str | torch.device = "cpu"
) -> tuple[ImageSet, Draws]:
    """Shift every image of a set; see `shift_images`."""
    params = shift.draw(image_keys(images.ids), seed)
    count, height, width = images.pixels.shape
    pixels = allocate_pixels((count, height, width))
    for rows in pixel_slices(count, height, width):
        batch = torch.from_numpy(np.array(images.pixels[rows])).to(
            device
        )  # a copy: a memory map is read-only
        pixels[rows] = shift.apply(batch, rows_of(params, rows)).cpu().numpy()
    return images.with_pixels(pixels), params


def shifted_pixels(images: ImageSet, shifts: Sequence[str], *, seed: int) -> list[NDArray[np.uint8]]:
    """Return the pixels (n, h, w) of the images under each of the named shifts."""
    return [shift_pixels(images, parse_shift(shift), seed=seed)[0].pixels for shift in shifts]


def shifted(images: ImageSet, shift: str | None, seed: int) -> ImageSet:
    """Return the images under a shift, or as they are where it is None."""
    return images if shift is None else shift_images(images, parse_shift(shift), seed=seed)[0]
