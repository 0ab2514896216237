"""Matrices compose and move the image as they say, and one resampling agrees with SciPy's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import random_pixels
from scipy import ndimage

from radapt.errors import AskedWrongly
from radapt.shift import geometry

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (24, 40), (41, 23)]


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def scipy_warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The same map in SciPy's order, row before column, in double precision."""
    swapped = matrix[[1, 0, 2]][:, [1, 0, 2]]
    centre = (np.array(image.shape) - 1) / 2
    offset = centre + swapped[:2, 2] - swapped[:2, :2] @ centre
    return ndimage.affine_transform(
        image.astype(np.float64), swapped[:2, :2], offset, order=1, mode="nearest"
    )


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from(SIZES),
    theta=st.floats(-180, 180),
    x=st.floats(-30, 30),
    y=st.floats(-30, 30),
    lean=st.floats(-30, 30),
    zx=st.floats(0.3, 3),
    zy=st.floats(0.3, 3),
    flips=st.tuples(st.booleans(), st.booleans()),
)
def test_any_composition_agrees_with_scipy(size, theta, x, y, lean, zx, zy, flips):
    matrices = (
        geometry.rotation(column(theta))
        @ geometry.translation(column(x), column(y))
        @ geometry.shear(column(lean))
        @ geometry.zoom(column(zx), column(zy))
        @ geometry.mirror(np.array([flips[0]]), np.array([flips[1]]))
    )
    pixels = random_pixels(1, *size).numpy()
    warped = geometry.warp(torch.from_numpy(pixels), matrices)
    assert warped.dtype == torch.float32
    np.testing.assert_allclose(warped[0].numpy(), scipy_warp(pixels[0], matrices[0]), atol=0.05)


def test_a_positive_rotation_turns_anticlockwise():
    pixels = torch.zeros(1, 21, 21)
    pixels[0, 10, 20] = 255  # at three o'clock
    warped = geometry.warp(pixels, geometry.rotation(column(90)))
    assert warped[0, 0, 10] == pytest.approx(255, abs=0.1)  # at twelve


def test_a_translation_reads_further_right_and_down():
    pixels = torch.arange(35, dtype=torch.float32).reshape(1, 5, 7)
    warped = geometry.warp(pixels, geometry.translation(column(2), column(1)))
    assert warped[0, 0, 0] == pytest.approx(pixels[0, 1, 2].item(), abs=1e-4)
    assert warped[0, 4, 6] == pytest.approx(pixels[0, 4, 6].item(), abs=1e-4)  # beyond the edge: its nearest


def test_a_zoom_above_one_makes_what_is_shown_smaller():
    pixels = torch.zeros(1, 21, 21)
    pixels[0, 5:16, 5:16] = 255
    warped = geometry.warp(pixels, geometry.zoom(column(2), column(1)))
    assert ((warped[0] > 127).sum(1).max(), (warped[0] > 127).sum(0).max()) == (5, 11)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("horizontally", "vertically"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_the_identity_and_mirrorings_are_exact(size, horizontally, vertically):
    pixels = random_pixels(3, *size).numpy()
    matrices = geometry.rotation(np.zeros(3)) @ geometry.mirror(
        np.full(3, horizontally), np.full(3, vertically)
    )
    expected = pixels[:, :: -1 if vertically else 1, :: -1 if horizontally else 1]
    for given_pixels in (torch.from_numpy(pixels), torch.from_numpy(pixels).float()):
        assert np.array_equal(geometry.warp(given_pixels, matrices).numpy(), expected)


def test_an_image_comes_out_the_same_alone_and_in_a_batch_of_more_than_one_run():
    pixels = random_pixels(64, 150, 150)
    assert len(list(geometry.pixel_slices(64, 150, 150))) > 1
    matrices = geometry.rotation(np.linspace(-40, 40, 64)) @ geometry.zoom(*np.full((2, 64), 1.1))
    whole = geometry.warp(pixels, matrices)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(geometry.warp(pixels[order], matrices[order.numpy()]), whole[order])
    for row in (0, 31, 63):
        assert torch.equal(geometry.warp(pixels[row : row + 1], matrices[row : row + 1])[0], whole[row])


def test_an_image_larger_than_a_run_is_worked_on_alone():
    height = 1100
    assert height * height > geometry.PIXELS_AT_ONCE
    assert list(geometry.pixel_slices(2, height, height)) == [slice(0, 1), slice(1, 2)]


def test_no_images_give_no_images():
    warped = geometry.warp(torch.zeros(0, 8, 8, dtype=torch.uint8), geometry.rotation(column()))
    assert warped.shape == (0, 8, 8)


@pytest.mark.parametrize("shape", [(2, 3, 3), (3, 2, 3), (3, 3)])
def test_a_matrix_too_few_or_of_another_shape_is_refused(shape):
    with pytest.raises(AskedWrongly, match=r"Got \(3, 8, 8\) and"):
        geometry.warp(torch.zeros(3, 8, 8), np.zeros(shape))


def scipy_projected(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Read every pixel by itself where the matrix says, in double precision."""
    height, width = image.shape
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    column, row, depth = np.einsum("ij,jhw->ihw", matrix, np.stack([x, y, np.ones_like(x)]))
    places = [row / depth + (height - 1) / 2, column / depth + (width - 1) / 2]
    return ndimage.map_coordinates(image.astype(np.float64), places, order=1, mode="nearest")


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from(SIZES),
    theta=st.floats(-180, 180),
    x=st.floats(-0.2, 0.2),
    y=st.floats(-0.2, 0.2),
    factor=st.floats(0.5, 2),
)
def test_a_perspective_between_movements_is_resampled_once_as_scipy_does(size, theta, x, y, factor):
    image = ndimage.gaussian_filter(random_pixels(1, *size).numpy()[0].astype(np.float32), 1)
    half = np.hypot(*size) / 2  # so the divisor is 1 - 2 (0.2 + 0.2) at least
    matrix = (
        geometry.rotation(column(theta))
        @ geometry.perspective(column(x / half), column(y / half))
        @ geometry.zoom(column(1 / factor), column(1.0))
    )
    matrix *= 3  # of no account, since places are divided by the last row
    warped = geometry.warp(torch.from_numpy(image)[None], matrix)[0].numpy()
    assert np.allclose(warped, scipy_projected(image, matrix[0]), atol=0.05)


def test_a_perspective_makes_smaller_what_recedes():
    ruled = np.zeros((1, 41, 41), dtype=np.uint8)
    ruled[:, 10:31] = 200
    warped = geometry.warp(torch.from_numpy(ruled), geometry.perspective(column(-0.02), column(0)))[0]
    left, right = (int((warped[:, edge] > 100).sum()) for edge in (0, 40))
    assert (left, right) == (29, 13)  # 21 pixels x (1 + 0.02 x 20) and x (1 - 0.02 x 20)


def test_affine_images_are_the_same_to_the_bit_beside_receding_ones():
    pixels = random_pixels(6, 33, 20)
    matrices = geometry.rotation(np.linspace(-40, 40, 6))
    expected = geometry.warp(pixels, matrices)
    mixed = matrices.copy()
    mixed[::2] = mixed[::2] @ geometry.perspective(np.full(3, 0.01), np.full(3, -0.005))
    warped = geometry.warp(pixels, mixed)
    assert torch.equal(warped[1::2], expected[1::2])
    for row in (0, 2, 4):
        assert torch.equal(geometry.warp(pixels[row : row + 1], mixed[row : row + 1])[0], warped[row])
        assert not torch.equal(warped[row], expected[row])


def test_beyond_the_horizon_the_edge_is_seen():
    pixels = torch.arange(35, dtype=torch.float32).reshape(1, 5, 7)
    warped = geometry.warp(pixels, geometry.perspective(column(-0.5), column(0)))
    assert warped.isfinite().all()
    assert warped[0, 2, 6] == pytest.approx(20)  # the last column of the middle row, where 1 - 0.5 x 3 < 0
    assert (warped[0, :, 5:] >= 0).all()
