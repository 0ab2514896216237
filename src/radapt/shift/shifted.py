"""A fixed shifted set: the same images, shifted once, and the table of what each one got."""

import numpy as np
import torch

from radapt.images.imageset import ImageSet
from radapt.shift.draws import Draws, rows_of
from radapt.shift.geometry import pixel_slices
from radapt.shift.keys import image_keys
from radapt.shift.table import Shift


def shift_images(
    images: ImageSet, shift: Shift, *, seed: int, device: str | torch.device = "cpu"
) -> tuple[ImageSet, Draws]:
    """Shift a whole set; the same seed gives the same set on every run, whatever its order or labels.

    Parameters
    ----------
    images
        n images; their pixels may be a memory map, and are read a run at a time.
    shift
        One of `radapt.shift.table.SHIFTS`, or any other `Shift`.
    seed
        Any integer.
    device
        Where the work is done. Devices may differ by a grey level, since they round differently.

    Returns
    -------
    tuple[ImageSet, Draws]
        The set with other pixels and the same labels, patients and ids, and the drawn table, n rows.
    """
    params = shift.draw(image_keys(images.ids), seed)
    count, height, width = images.pixels.shape
    pixels = np.empty((count, height, width), dtype=np.uint8)
    for rows in pixel_slices(count, height, width):
        some = torch.from_numpy(np.array(images.pixels[rows])).to(device)  # a copy: a memory map is read-only
        pixels[rows] = shift.apply(some, rows_of(params, rows)).cpu().numpy()
    return images.with_pixels(pixels), params
