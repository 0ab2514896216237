"""Poses move images as they say, by no more than they say."""

import numpy as np
import pytest
import torch
from corruptions import check_neutral, check_refused

from radapt.shift.counter_rng import image_keys
from radapt.shift.draws import Draws
from radapt.shift.expression import parse_shift
from radapt.shift.geometry import warp
from radapt.shift.pose import DISTANCE, Flip, Perspective, QuarterTurn, Shear, Translation, Zoom

KEYS = image_keys([f"image-{number}" for number in range(400)])


def table(**columns: float) -> Draws:
    return {name: np.array([value], dtype=np.float64) for name, value in columns.items()}


def radiograph(height: int, width: int) -> torch.Tensor:
    rng = np.random.default_rng(height * 100 + width)
    return torch.from_numpy(rng.integers(0, 256, (1, height, width), dtype=np.uint8))


@pytest.mark.parametrize(
    "text",
    [
        "rotation(0)",
        "translation(0)",
        "zoom(1)",
        "shear(0)",
        "flip(0)",
        "quarter-turn(0)",
        "perspective(0)",
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_an_option_that_does_nothing_changes_no_bit(text, size):
    check_neutral(text, size)


@pytest.mark.parametrize(
    "text",
    [
        "rotation(-5)",
        "translation(1.5)",
        "zoom(0.9)",
        "shear(90)",
        "flip(2)",
        "quarter-turn(-1)",
        "perspective(70)",
        "zoom(nan)",
    ],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


def test_a_image_is_moved_by_shares_of_its_sides():
    pixels = radiograph(20, 40)
    moved = warp(pixels, Translation().matrix(table(right=0.1, down=-0.2), 20, 40))[0]
    assert torch.allclose(moved[:16, 4:], pixels[0, 4:, :36].float(), atol=0.01)
    assert torch.allclose(moved[:16, :4], pixels[0, 4:, :1].float().expand(-1, 4), atol=0.01)
    drawn = Translation(0.1).draw(KEYS, 0)
    for column in drawn.values():
        assert 0.095 < column.max() <= 0.1
        assert -0.1 <= column.min() < -0.095


@pytest.mark.parametrize(("factor", "side"), [(1.5, 30), (1, 20), (0.5, 10)])
def test_a_zoom_keeps_proportions(factor, side):
    square = torch.zeros(1, 40, 60)
    square[0, 10:30, 20:40] = 255
    shown = warp(square, Zoom().matrix(table(factor=factor), 40, 60))[0] > 127
    assert (int(shown.any(0).sum()), int(shown.any(1).sum())) == (side, side)


def test_images_are_shown_as_often_smaller_as_larger():
    factor = Zoom(1.3).draw(KEYS, 0)["factor"]
    assert 1 / 1.3 <= factor.min() < factor.max() <= 1.3
    assert abs(np.log(factor).mean()) < 0.02


def test_a_sheared_column_leans_by_the_angle():
    line = torch.zeros(1, 81, 81)
    line[0, :, 40] = 255
    leaning = warp(line, Shear().matrix(table(degrees=20), 81, 81))[0].numpy()
    weights = leaning / leaning.sum(1, keepdims=True)
    columns = (weights * np.arange(81)).sum(1)
    slope = np.polyfit(np.arange(20, 61), columns[20:61], 1)[0]
    assert slope == pytest.approx(np.sin(np.deg2rad(20)), abs=0.005)  # down and to the right: its top is left


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.6, 1.0])
def test_flipped_images_are_as_many_as_asked_for(probability):
    mirrored = Flip(probability).draw(KEYS, 0)["mirrored"]
    assert set(mirrored) <= {0.0, 1.0}
    assert mirrored.mean() == pytest.approx(probability, abs=0.08 * (0 < probability < 1))


def test_images_that_are_flipped_stay_so_with_a_higher_probability():
    few, many = (Flip(share).draw(KEYS, 0)["mirrored"] for share in (0.2, 0.6))
    assert (few <= many).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (24, 40), (25, 25)])
def test_a_flip_is_exact(size):
    pixels = radiograph(*size)
    corruption = parse_shift("flip(1)")
    assert torch.equal(corruption.apply(pixels, corruption.draw(KEYS[:1], 0)), pixels.flip(2))


@pytest.mark.parametrize("size", [1, 2, 24, 25])
@pytest.mark.parametrize("quarters", [1, -1])
def test_a_quarter_turn_of_a_square_image_is_exact(size, quarters):
    pixels, shift = radiograph(size, size), parse_shift("quarter-turn")
    turned = shift.apply(pixels, {"quarter-turn.quarters": np.array([float(quarters)])})
    assert torch.equal(turned, torch.rot90(pixels, quarters, (1, 2)))


def test_a_image_that_is_not_square_is_squeezed_into_its_frame():
    pixels = torch.zeros(1, 20, 40)
    pixels[0, :10] = 255  # the upper half
    turned = warp(pixels, QuarterTurn().matrix(table(quarters=1), 20, 40))[0]
    assert (turned[:, :18] == 255).all()  # lies on the left
    assert (turned[:, 22:] == 0).all()


def test_images_lie_on_either_side_as_often():
    quarters = QuarterTurn(0.5).draw(KEYS, 0)["quarters"]
    shares = [(quarters == value).mean() for value in (-1, 0, 1)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.06)
    assert not np.signbit(quarters[quarters == 0]).any()


def seen(x: float, y: float, tilt: float) -> np.ndarray:
    """Where a pinhole camera shows a place of an image 100 wide that recedes to the right."""
    depth = DISTANCE * 100 + x * np.sin(np.deg2rad(tilt))
    return DISTANCE * 100 * np.array([x * np.cos(np.deg2rad(tilt)), y]) / depth


def test_a_tilted_image_is_seen_as_by_a_pinhole_camera():
    matrix = Perspective().matrix(table(degrees=20, direction=0), 80, 100)[0]
    zoom = matrix[1, 1]  # how near the camera came
    for x, y in [(0, 0), (30, 10), (-45, 38), (50, -40)]:
        read = matrix @ np.append(seen(x, y, 20) / zoom, 1)
        assert read[:2] / read[2] == pytest.approx([x, y], abs=1e-9)


@pytest.mark.parametrize("direction", [0, 90, 180, 270])
def test_the_side_that_recedes_is_smaller(direction):
    y, x = np.mgrid[:100, :100]
    board = torch.from_numpy((255.0 * ((x // 10 + y // 10) % 2))[None]).float()
    shown = warp(board, Perspective().matrix(table(degrees=25, direction=direction), 100, 100))[0] > 127
    receding = torch.rot90(shown, -(direction // 90))  # to the right
    near, far = (int((column[1:] != column[:-1]).sum()) for column in (receding[:, 0], receding[:, -1]))
    assert near < 8 <= far  # squares along the edge, of ten


@pytest.mark.parametrize("size", [(1, 1), (80, 100), (100, 60)])
def test_a_tilted_image_fills_the_frame_and_touches_its_edge(size):
    height, width = size
    matrices = Perspective(60).matrix(Perspective(60).draw(KEYS, 0), height, width)
    corners = np.array([[x * width / 2, y * height / 2, 1] for x in (-1, 1) for y in (-1, 1)])
    column, row, depth = np.moveaxis(matrices @ corners.T, 1, 0)
    assert (depth > 0).all()
    reach = np.maximum(np.abs(column / depth) * 2 / width, np.abs(row / depth) * 2 / height).max(axis=1)
    assert reach == pytest.approx(np.ones(len(KEYS)))


def moved(text, pixels, **fixed):
    """Shift images with some of what is drawn replaced, as in `rotation__degrees=10`."""
    shift = parse_shift(text)
    drawn = shift.draw(image_keys([str(row) for row in range(len(pixels))]), 0)
    fixed = {name.replace("__", "."): np.full(len(pixels), float(value)) for name, value in fixed.items()}
    assert fixed.keys() <= drawn.keys()
    return shift.apply(pixels, drawn | fixed)


def test_what_comes_in_from_beyond_the_edge_is_black():
    pixels = torch.randint(1, 256, (3, 20, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    aside = moved("translation(0.2)", pixels, translation__right=0.2, translation__down=-0.1)
    assert torch.equal(aside[:, :18, 8:], pixels[:, 2:, :32])
    assert not aside[:, 18:].any()
    assert not aside[:, :, :8].any()
    white = torch.full((2, 61, 61), 255, dtype=torch.uint8)
    turned = moved("rotation(45)", white, rotation__degrees=45)[0].float() / 255
    assert float(turned.sum()) == pytest.approx(2 * (np.sqrt(2) - 1) * 61**2, rel=0.002), "an octagon"
    assert turned[30, 30] == 1
    assert float(turned[0, 0]) == 0


@pytest.mark.parametrize("text", ["zoom(1.3)", "perspective(25)", "flip(1)", "quarter-turn(1)"])
def test_no_edge_is_darkened_where_nothing_comes_in(text):
    white = torch.full((16, 30, 50), 255, dtype=torch.uint8)
    nearer = {"zoom__factor": 1.3} if text.startswith("zoom") else {}
    assert (moved(text, white, **nearer) == 255).all()


def test_the_demonstrations_shift_goes_on_with_the_nearest_pixel_in_a_chain_too():
    white = torch.full((8, 32, 32), 200, dtype=torch.uint8)
    assert (moved("original(horizontal_flip=0) + rotation(40)", white, original__brightness=1) == 200).all()


def test_a_white_border_has_no_dark_seam():
    white = torch.full((16, 50, 50), 255, dtype=torch.uint8)
    assert (moved("border(0.2)", white, border__grey=250) >= 250).all()
    both = moved("rotation(30) + border(0.2)", white, border__grey=250, rotation__degrees=30)
    assert (both[:, :2] == 250).all()
    assert (both == 0).any(dim=2).any(dim=1).all(), "within the border the turned image's corners are black"
