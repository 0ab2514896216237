"""Moving the pixels: maps that keep lines straight, composed into one matrix an image, and resampled once.

Matrices are (n, 3, 3) and act on (x, y, 1): column and row in pixels from the centre of the image, which is
size / 2 - 0.5. They map a place in the output to the place in the input where it is read. So `first @ second`
moves the image by `first` and then by `second`, a zoom above 1 makes what is shown smaller, and no matrix
depends on the size of the image. Where the last row is not (0, 0, 1), the place is divided by what it gives.
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
IN_CACHE = 1 << 18  # of a processor, which works twice as fast on so few
HORIZON = 1e-6  # the least that a place is divided by: from there on the edge is seen, and nothing behind it


def rotation(degrees: NDArray[np.float64]) -> Matrices:
    """Turn about the centre; positive turns the image shown anticlockwise."""
    angle = np.deg2rad(degrees)
    return _matrices(np.cos(angle), -np.sin(angle), 0.0, np.sin(angle), np.cos(angle), 0.0)


def translation(x: NDArray[np.float64], y: NDArray[np.float64]) -> Matrices:
    """Read `x` pixels further right and `y` further down, so that the image moves left and up."""
    return _matrices(np.ones_like(x), 0.0, x, 0.0, 1.0, y)


def shear(degrees: NDArray[np.float64]) -> Matrices:
    """Read columns that lean by an angle, and show the cosine of it of the height, as Keras does."""
    angle = np.deg2rad(degrees)
    return _matrices(np.ones_like(angle), -np.sin(angle), 0.0, 0.0, np.cos(angle), 0.0)


def zoom(x: NDArray[np.float64], y: NDArray[np.float64]) -> Matrices:
    """Show `x` times the width and `y` times the height, so that above 1 everything looks smaller."""
    return _matrices(x, 0.0, 0.0, 0.0, y, 0.0)


def mirror(horizontally: NDArray[np.bool_], vertically: NDArray[np.bool_]) -> Matrices:
    """Swap left and right, or top and bottom, of the images marked."""
    return zoom(np.where(horizontally, -1.0, 1.0), np.where(vertically, -1.0, 1.0))


def perspective(x: NDArray[np.float64], y: NDArray[np.float64]) -> Matrices:
    """Divide what is read at (column, row) by 1 + x column + y row, so it recedes where that is large."""
    matrices = np.tile(np.eye(3), (len(x), 1, 1))
    matrices[:, 2, :2] = np.stack([x, y], axis=-1)
    return matrices


def between(shown: NDArray[np.float64], read: NDArray[np.float64]) -> Matrices:
    """Read four places of the image where four others are shown, and what is between them in perspective.

    Parameters
    ----------
    shown, read
        (n, 4, 2) and (n, 4, 2) or (4, 2): columns and rows from the centre, no three on a line.
    """
    read = np.broadcast_to(read, shown.shape)
    ones, none = np.ones((*shown.shape[:2], 1)), np.zeros((*shown.shape[:2], 3))
    places = np.concatenate([shown, ones], axis=2)
    # for each place and axis: what the row of the matrix gives, less what it reads times the divisor, is read
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
    """Cut `count` images into runs short enough that working on one run takes bounded memory."""
    step = max(1, pixels_at_once // max(1, height * width))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def in_runs(pixels: Tensor, work: Callable[[slice], Tensor]) -> Tensor:
    """Work on a few images at a time and give the results as one.

    Parameters
    ----------
    pixels
        (n, height, width); read for its shape and its device alone.
    work
        Given the rows of a run, makes their (m, height, width) images; called once at least.

    Returns
    -------
    Tensor
        (n, height, width), of the kind that `work` makes.
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
    """Resample each image once through its matrix: bilinear, and beyond the edge the nearest edge pixel.

    The identity and pure mirrorings are exact. The result does not depend on which images are in a batch.

    Parameters
    ----------
    pixels
        (n, height, width), uint8 or floating point, on any device.
    matrices
        (n, 3, 3), see the module: about the centre, from output to input.

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
    """Where each output pixel is read, (n, height, width, 2) in -1 to 1 from edge to edge of the image.

    x and y lie in planes of their own, which the processor reads and writes several times as fast as pairs.
    Only single sums and products, so that no batch size changes the rounding.
    """
    half = np.array([[width / 2], [height / 2]])
    x = torch.arange(width, dtype=torch.float32, device=device) - (width - 1) / 2
    y = torch.arange(height, dtype=torch.float32, device=device) - (height - 1) / 2
    slope = torch.from_numpy((matrices[:, :2] / half).astype(np.float32)).to(device)  # (n, 2, 3)
    along_x = slope[:, :, 0, None] * x  # (n, 2, width)
    along_y = slope[:, :, 1, None] * y + slope[:, :, 2, None]  # (n, 2, height)
    planes = along_x[:, :, None, :] + along_y[:, :, :, None]
    if (matrices[:, 2] != (0, 0, 1)).any():  # dividing the affine ones by 1 leaves them as they are
        last = torch.from_numpy(matrices[:, 2].astype(np.float32)).to(device)  # (n, 3)
        depth = (last[:, 0, None] * x)[:, None, :] + (last[:, 1, None] * y + last[:, 2, None])[:, :, None]
        planes /= depth.clamp_min_(HORIZON)[:, None]
    return planes.permute(0, 2, 3, 1)


def _restore_mirrored(sampled: Tensor, pixels: Tensor, matrices: Matrices) -> None:
    """Copy the images that are only mirrored, or not moved at all, so that no rounding touches them."""
    for x, y, axes in ((1, 1, ()), (-1, 1, (2,)), (1, -1, (1,)), (-1, -1, (1, 2))):
        rows = np.flatnonzero((matrices == np.diag([x, y, 1])).all(axis=(1, 2)))
        if len(rows):
            chosen = torch.from_numpy(rows).to(pixels.device)
            sampled[chosen] = pixels[chosen].flip(axes).float()
