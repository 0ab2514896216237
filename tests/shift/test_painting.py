"""What is painted on images covers as much of each pixel as it should, in any batch."""

import numpy as np
import pytest
import torch

from radapt.errors import AskedWrongly
from radapt.shift import geometry
from radapt.shift.counter_rng import image_keys
from radapt.shift.lettering import CHARACTERS, LINES, LONGEST, Print, paste, random_lines
from radapt.shift.noise_fields import draw_grain
from radapt.shift.options import check_range
from radapt.shift.painting import APART, beyond, curves, paint_lines, put, reach_of, windows

GRAIN = draw_grain(image_keys([f"image-{number}" for number in range(200)]), 0, "test")


def straight(*ends: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The corners of a curve that is straight: columns and rows from (x0, y0) to (x1, y1)."""
    x0, y0, x1, y1 = ends
    return torch.linspace(x0, x1, 4)[None, None], torch.linspace(y0, y1, 4)[None, None]


def painted(corners: tuple[torch.Tensor, torch.Tensor], half: float, size: int = 64) -> torch.Tensor:
    mask = torch.zeros(1, size, size)
    dots = curves(corners, int(3 * size / APART))
    one = torch.ones(1, 1, 1)
    paint_lines(mask, dots, half * one, one, reach_of(half))
    return mask[0]


@pytest.mark.parametrize("half", [0.1, 0.4, 0.5, 1.3, 3.0])
@pytest.mark.parametrize("angle", [0, 20, 44, 45, 46, 90, 133, 180])
def test_a_line_covers_as_much_as_it_is_long_and_wide(half, angle):
    right, fall = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    ends = (31.3 - 25 * right, 31.8 - 25 * fall, 31.3 + 25 * right, 31.8 + 25 * fall)
    assert float(painted(straight(*ends), half).sum()) == pytest.approx(50 * 2 * half, rel=0.12, abs=5)


def test_a_curve_is_painted_where_it_runs_and_without_a_gap():
    corners = torch.tensor([[[5.0, 60, 60, 5]]]), torch.tensor([[[5.0, 5, 58, 58]]])
    t = np.linspace(0, 1, 4000)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    x, y = (weights @ axis[0, 0].numpy() for axis in corners)
    row, column = np.mgrid[:64, :64]
    distance = np.sqrt((column[..., None] - x) ** 2 + (row[..., None] - y) ** 2).min(axis=2)
    expected = np.clip(0.8 + 0.5 - distance, 0, 1)
    got = painted(corners, 0.8).numpy()
    ends = (np.hypot(column - 5, row - 5) < 3) | (np.hypot(column - 5, row - 58) < 3)
    off = (np.abs(got - expected) > 0.15) & ~ends
    assert off.sum() <= 2  # one at each place where the curve turns from flat to steep
    assert got[expected > 0.9].min() > 0.85


def test_beyond_the_edge_there_is_nothing_to_paint():
    inside = painted(straight(10, 10, 40, 30), 1.0)
    crossing = painted(straight(-200, -90, 300, 160), 1.0)
    assert inside[10:30, 10:40].any()
    assert crossing[:, [0, -1]].sum() < 10
    assert not painted(straight(-50, -50, -10, -3), 1.0).any()


def test_of_two_things_the_stronger_stays_whichever_comes_first():
    column, row = torch.tensor([[4.0, 5.0]]), torch.tensor([[4.0, 4.0]])
    columns, rows = windows(column, row, 1)
    values = torch.tensor([0.3, 0.8])[None, :, None, None].expand(1, 2, 3, 3)
    one, other = torch.zeros(1, 9, 9), torch.zeros(1, 9, 9)
    put(one, columns, rows, values)
    put(other, columns.flip(1), rows.flip(1), values.flip(1))
    assert torch.equal(one, other)
    assert one[0, 4].tolist() == pytest.approx([0, 0, 0, 0.3, 0.8, 0.8, 0.8, 0, 0])


def test_what_a_movement_brings_in_is_masked_and_nothing_else():
    still = geometry.zoom(np.ones(1), np.ones(1))
    images = torch.zeros(1, 20, 30)
    assert not beyond(still, images).any()
    moved = geometry.translation(np.array([2.25]), np.array([0.0]))
    outside = beyond(moved, images)[0]
    assert outside[7].tolist() == [0.0] * 27 + [0.25, 1.0, 1.0]
    quarter = beyond(geometry.rotation(np.array([90.0])), images)[0]
    assert quarter.sum() == pytest.approx(20 * 10)


def test_a_image_shown_larger_or_smaller_is_masked_to_half_a_pixel_of_what_is_shown():
    images = torch.zeros(1, 40, 40)
    assert not beyond(geometry.zoom(np.array([0.7]), np.array([0.7])), images).any(), "nothing is brought in"
    smaller = beyond(geometry.zoom(np.array([40 / 21]), np.array([40 / 30])), images)[0]  # to 21 by 30 pixels
    assert smaller[20].tolist() == pytest.approx([1] * 9 + [0.5] + [0] * 20 + [0.5] + [1] * 9, abs=1e-6)
    assert smaller[:, 20].tolist() == pytest.approx([1] * 5 + [0] * 30 + [1] * 5, abs=1e-6)


def test_beside_a_image_that_recedes_there_is_what_lies_outside_of_its_four_corners():
    images = torch.zeros(1, 60, 60)
    matrices = geometry.perspective(np.array([0.01]), np.array([0.0])) @ geometry.rotation(np.array([20.0]))
    y, x = np.mgrid[:60, :60] - 29.5
    column, row, depth = np.einsum("ij,jhw->ihw", matrices[0], np.stack([x, y, np.ones_like(x)]))
    outside = (np.maximum(np.abs(column), np.abs(row)) > 30 * depth) | (depth <= 0)
    masked = beyond(matrices, images)[0].numpy()
    assert 0.1 < outside.mean() < 0.9
    assert np.array_equal(masked > 0.5, outside)
    assert ((masked > 0) & (masked < 1)).mean() < 0.12
    behind = beyond(geometry.perspective(np.array([0.05]), np.array([0.0])), images)[0]
    assert (behind[:, :9] == 1).all(), "1 + 0.05 x is below 0 there"


def test_made_up_lines_fit_and_name_nobody():
    codes = random_lines(GRAIN, 6)
    lines = {"".join(CHARACTERS[code] for code in line).rstrip() for line in codes.reshape(-1, LONGEST)}
    assert len(lines) > 500
    letters = {word for line in lines for word in line.replace(".", " ").split() if word.isalpha()}
    assert letters <= {"ID", "ACC", "KV", "MAS", "SN", "A", "IM", "SE", "DAP", "EI", "PA", "ERECT"}
    assert all(len(line) <= LONGEST for line in LINES)
    assert all(code >= 0 for code in codes.ravel())
    dates = [line for line in lines if line[2:3] == "." and line[5:6] == "."]
    assert dates
    assert all(1 <= int(date[:2]) <= 29 and 1 <= int(date[3:5]) <= 9 for date in dates)


def test_print_is_pasted_whole_pixels_and_cut_at_the_edge():
    block = Print(torch.from_numpy(random_lines(GRAIN[:1], 2)), 9)
    letters, boxes = torch.zeros(1, 40, 120), torch.zeros(1, 40, 120)
    paste((letters, boxes), block, torch.tensor([7]), torch.tensor([5]))
    assert not letters[:, :5].any()
    assert not letters[:, :, :7].any()
    assert not letters[:, 5 + 18 :].any()
    assert set(boxes.unique().tolist()) == {0.0, 1.0}
    assert not (letters[boxes == 0] > 0).any()
    assert 0.1 < letters.sum() / boxes.sum() < 0.5
    moved = torch.zeros(1, 40, 120), torch.zeros(1, 40, 120)
    paste(moved, block, torch.tensor([-3]), torch.tensor([-2]))
    assert torch.equal(moved[0][:, :33, :110], letters[:, 7:, 10:])


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_an_option_out_of_range_is_told_its_range(value):
    check_range("contrast", 1.0, 0, 1)
    with pytest.raises(AskedWrongly, match=r"The option 'contrast' is 0 to 1\. Got"):
        check_range("contrast", value, 0, 1)
