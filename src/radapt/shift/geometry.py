"""Projective transforms of images, composed into one matrix for each image, so that it is resampled once.

Matrices are (n, 3, 3), in homogeneous coordinates (x, y, 1): column and row in pixels from the centre of the
image, which is at size / 2 - 0.5. They map each output pixel to the place in the input where it is sampled.
So `first @ second` moves the image by `first` and then by `second`, a zoom above 1 makes the content smaller,
and no matrix depends on the size of the image. If the last row is not (0, 0, 1), the sampled place is divided
by the third coordinate, as in perspective.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from radapt.errors import AskedWrongly

Matrices = NDArray[np.float64]  # (n, 3, 3), from output to input pixels, about the centre

PIXELS_AT_ONCE = 1 << 20  # about 30 MB of working memory: 46 images of 150 x 150
IN_CACHE = 1 << 18  # on a CPU: so few pixels fit its cache, and are processed twice as fast
HORIZON = 1e-6  # smallest divisor in perspective: places behind the horizon show the image's edge


def rotation(degrees: NDArray[np.float64]) -> Matrices:
    """Rotate about the centre; a positive angle turns the image anticlockwise."""
    angle = np.deg2rad(degrees)
    return _matrices(np.cos(angle), -np.sin(angle), 0.0, np.sin(angle), np.cos(angle), 0.0)


def translation(x: NDArray[np.float64], y: NDArray[np.float64]) -> Matrices:
    """Sample `x` pixels further right and `y` further down, so that the image moves left and up."""
    return _matrices(np.ones_like(x), 0.0, x, 0.0, 1.0, y)


def shear(degrees: NDArray[np.float64]) -> Matrices:
    """Shear by an angle, as Keras does: its cosine scales the height too."""
    angle = np.deg2rad(degrees)
    return _matrices(np.ones_like(angle), -np.sin(angle), 0.0, 0.0, np.cos(angle), 0.0)


def zoom(x: NDArray[np.float64], y: NDArray[np.float64]) -> Matrices:
    """Fit `x` times the width and `y` times the height into the image: above 1 the content is smaller."""
    return _matrices(x, 0.0, 0.0, 0.0, y, 0.0)


def mirror(horizontally: NDArray[np.bool_], vertically: NDArray[np.bool_]) -> Matrices:
    """Mirror images left to right where `horizontally` is True, top to bottom where `vertically` is."""
    return zoom(np.where(horizontally, -1.0, 1.0), np.where(vertically, -1.0, 1.0))


def perspective(x: NDArray[np.float64], y: NDArray[np.float64]) -> Matrices:
    """Tilt the image: coordinates are divided by 1 + x column + y row; where that is small, it recedes."""
    matrices = np.tile(np.eye(3), (len(x), 1, 1))
    matrices[:, 2, :2] = np.stack([x, y], axis=-1)
    return matrices


def between(shown: NDArray[np.float64], read: NDArray[np.float64]) -> Matrices:
    """Return the perspective that shows four points of the input at four points of the output.

    Parameters
    ----------
    shown
        (n, 4, 2), the points of the output: columns and rows from the centre, no three on a line.
    read
        (n, 4, 2) or (4, 2), those of the input.
    """
    read = np.broadcast_to(read, shown.shape)
    ones, none = np.ones((*shown.shape[:2], 1)), np.zeros((*shown.shape[:2], 3))
    places = np.concatenate([shown, ones], axis=2)
    # Two equations for each point: matrix row @ shown - read * (divisor - 1) = read.
    equations = [
        np.concatenate([*parts, -read[:, :, axis, None] * shown], axis=2)
        for axis, parts in enumerate(((places, none), (none, places)))
    ]
    entries = np.linalg.solve(
        np.concatenate(equations, axis=1), np.concatenate([read[:, :, 0], read[:, :, 1]], axis=1)[..., None]
    )
    return np.concatenate([entries[..., 0], ones[:, 0]], axis=1).reshape(-1, 3, 3)


def pixel_slices(
    count: int, height: int, width: int, pixels_at_once: int = PIXELS_AT_ONCE
) -> Iterator[slice]:
    """Yield slices of `count` images, of at most `pixels_at_once` pixels or one image, to bound memory."""
    step = max(1, pixels_at_once // max(1, height * width))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def in_runs(pixels: Tensor, work: Callable[[slice], Tensor]) -> Tensor:
    """Process images in runs of a few at a time, and return the results as one tensor.

    Parameters
    ----------
    pixels
        (n, height, width); only its shape and device are used.
    work
        Takes the slice of a run and returns its images, (m, height, width); called at least once.

    Returns
    -------
    Tensor
        (n, height, width), of the type that `work` returns.
    """
    at_once = IN_CACHE if pixels.device.type == "cpu" else PIXELS_AT_ONCE
    count, height, width = pixels.shape
    first, *others = list(pixel_slices(count, height, width, at_once)) or [slice(0, 0)]
    done = work(first)
    if not others:
        return done
    total = done.new_empty(pixels.shape)
    total[first] = done
    for rows in others:
        total[rows] = work(rows)
    return total


def warp(pixels: Tensor, matrices: Matrices) -> Tensor:
    """Resample each image once through its matrix, bilinearly; beyond the edge the edge pixels are repeated.

    The identity and pure mirroring are exact. The result does not depend on which images are in a batch.

    Parameters
    ----------
    pixels
        (n, height, width), uint8 or floating point, on any device.
    matrices
        (n, 3, 3), from output to input coordinates about the centre.

    Returns
    -------
    Tensor
        (n, height, width) float32 on the device of `pixels`, in the range of the input.

    Raises
    ------
    AskedWrongly
        If there is not one matrix for each image.
    """
    if pixels.ndim != 3 or matrices.shape != (len(pixels), 3, 3):
        raise AskedWrongly(
            "Warping takes images of shape (n, height, width) and matrices of shape (n, 3, 3). "
            f"Got {tuple(pixels.shape)} and {matrices.shape}."
        )
    if not pixels.numel():
        return pixels.float()
    return in_runs(pixels, lambda rows: _sampled(pixels[rows], matrices[rows]))


def _matrices(*first_two_rows: float | NDArray[np.float64]) -> Matrices:
    entries = np.broadcast_arrays(*first_two_rows, 0.0, 0.0, 1.0)
    return np.stack(entries, axis=-1).reshape(-1, 3, 3).astype(np.float64)


def _sampled(pixels: Tensor, matrices: Matrices) -> Tensor:
    _, height, width = pixels.shape
    sampled = functional.grid_sample(
        pixels[:, None].float(),
        _grid(matrices, height, width, pixels.device),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )[:, 0]
    _restore_mirrored(sampled, pixels, matrices)
    return sampled


def _grid(matrices: Matrices, height: int, width: int, device: torch.device) -> Tensor:
    """Return where each output pixel is sampled, (n, height, width, 2), -1 to 1 from edge to edge.

    x and y lie in separate planes in memory, which is several times faster than interleaved pairs. Only
    elementwise sums and products are used, so the rounding does not depend on the batch size.
    """
    half = np.array([[width / 2], [height / 2]])
    x = torch.arange(width, dtype=torch.float32, device=device) - (width - 1) / 2
    y = torch.arange(height, dtype=torch.float32, device=device) - (height - 1) / 2
    slope = torch.from_numpy((matrices[:, :2] / half).astype(np.float32)).to(device)  # (n, 2, 3)
    along_x = slope[:, :, 0, None] * x  # (n, 2, width)
    along_y = slope[:, :, 1, None] * y + slope[:, :, 2, None]  # (n, 2, height)
    planes = along_x[:, :, None, :] + along_y[:, :, :, None]
    if (matrices[:, 2] != (0, 0, 1)).any():  # affine matrices of the batch are divided by 1
        last = torch.from_numpy(matrices[:, 2].astype(np.float32)).to(device)  # (n, 3)
        depth = (last[:, 0, None] * x)[:, None, :] + (last[:, 1, None] * y + last[:, 2, None])[:, :, None]
        planes /= depth.clamp_min_(HORIZON)[:, None]
    return planes.permute(0, 2, 3, 1)


def _restore_mirrored(sampled: Tensor, pixels: Tensor, matrices: Matrices) -> None:
    """Copy the images that are only mirrored, or not moved at all, so that they are not rounded."""
    for x, y, axes in ((1, 1, ()), (-1, 1, (2,)), (1, -1, (1,)), (-1, -1, (1, 2))):
        rows = np.flatnonzero((matrices == np.diag([x, y, 1])).all(axis=(1, 2)))
        if len(rows):
            chosen = torch.from_numpy(rows).to(pixels.device)
            sampled[chosen] = pixels[chosen].flip(axes).float()
