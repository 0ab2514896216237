"""Marks: letters, print, leads and blades are where they were drawn, and hide nothing else."""

import numpy as np
import pytest
import torch
from corruptions import KEYS, check_neutral, check_refused
from scipy import ndimage

from radapt.shift.draws import Draws
from radapt.shift.expression import at
from radapt.shift.marks import BlackCorners, BurnedInText, Collimation, EcgLeads, LateralityMarker
from radapt.shift.table import SHIFTS

PAINTED = [name for name, kind in SHIFTS.items() if kind.group in ("digitising", "phone", "marks")]


def table(**columns: float) -> Draws:
    return {name: np.array([value], dtype=np.float64) for name, value in columns.items()}


@pytest.mark.parametrize(
    "text",
    [
        "laterality-marker(contrast=0)",
        "burned-in-text(lines=0)",
        "ecg-leads(0)",
        "ecg-leads(contrast=0)",
        "collimation(0, 0)",
        "black-corners(0)",
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_an_option_that_does_nothing_changes_no_bit(text, size):
    check_neutral(text, size)


@pytest.mark.parametrize(
    "text",
    [
        "laterality-marker(0)",
        "burned-in-text(7)",
        "ecg-leads(6)",
        "collimation(0.5)",
        "collimation(degrees=90)",
        "black-corners(1.1)",
    ],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


@pytest.mark.parametrize("name", PAINTED)
@pytest.mark.parametrize("size", [(37, 50), (90, 31)])
def test_a_image_that_is_not_square_is_shifted_alike_alone_and_among_others(name, size):
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (64, *size), dtype=np.uint8))
    shift = at(name, 5)
    drawn = shift.draw(KEYS, 0)
    shifted = shift.apply(pixels, drawn)
    assert (shifted != pixels).any()
    for row in (0, 13, 63):
        own = {column: values[row : row + 1] for column, values in drawn.items()}
        assert torch.equal(shift.apply(pixels[row : row + 1], own)[0], shifted[row])


@pytest.mark.parametrize("name", PAINTED)
def test_a_cause_without_options_has_severity_3(name):
    usual = SHIFTS[name].levels[2]
    assert type(usual)() == usual


def test_a_marker_says_left_on_the_right_and_right_on_the_left():
    corruption = LateralityMarker(20, 1.0)
    drawn = corruption.draw(KEYS, 0)
    left = drawn["left"] == 1
    assert 20 < left.sum() < 44
    changed = corruption.transform(torch.zeros(64, 224, 224), drawn).numpy()
    for image, is_left in zip(changed, left, strict=True):
        row, column = ndimage.center_of_mass(image)
        assert (column > 170) if is_left else (column < 54)
        assert row < 85
        holes = ndimage.label(image < 128)[1] - 1  # R has one, L none
        assert holes == (0 if is_left else 1)


def test_a_marker_has_the_size_place_and_contrast_that_were_drawn():
    drawn = table(left=1, x=0.5, y=0.5, size=100, degrees=0)
    image = LateralityMarker(100, 0.5).transform(torch.full((1, 224, 224), 55.0), drawn)[0].numpy()
    inside = np.argwhere(image > 105)
    top, side = inside.min(axis=0)
    bottom, end = inside.max(axis=0)
    # a stroke is 17 pixels wide, so that much is added to the letter of 100 by 55
    assert (bottom - top + 1, end - side + 1) == pytest.approx((117, 72), abs=2)
    assert (top + bottom) / 2 == pytest.approx(111.5, abs=1)
    assert image.max() == pytest.approx(155)
    turned = LateralityMarker(100, 0.5).transform(torch.full((1, 224, 224), 55.0), drawn | table(degrees=90))[
        0
    ]
    assert np.allclose(turned.numpy(), np.rot90(image), atol=0.1)


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("box", range(3))
def test_print_stands_in_its_corner_on_its_box(corner, box):
    corruption = BurnedInText(3, 10)
    drawn = corruption.draw(KEYS[:1], 0) | table(corner=corner, box=box, lines=3, size=10, margin=0.05)
    image = corruption.transform(torch.full((1, 224, 224), 100.0), drawn)[0].numpy()
    rows, columns = np.nonzero(image != 100)
    assert columns.min() >= 11 if corner % 2 == 0 else columns.max() < 224 - 11
    assert rows.min() >= 11 if corner < 2 else rows.max() < 224 - 11
    assert np.ptp(rows) < 30
    assert (columns < 112).all() if corner % 2 == 0 else (columns > 112).all()
    ink = image[image != 100]
    if box == 0:
        assert ink.min() > 100
    else:
        assert ink.min() < 25
        assert ink.max() > 230
        assert np.median(ink) == (255 if box == 1 else 0)


def test_as_many_electrodes_are_stuck_on_as_were_drawn():
    corruption = EcgLeads(5, 1.0)
    drawn = corruption.draw(KEYS, 0)
    assert set(drawn["count"]) == {3, 4, 5}
    images = corruption.transform(torch.zeros(64, 224, 224), drawn).numpy()
    snaps = [ndimage.label(image > 0.9 * 255)[1] for image in images]  # a wire has two thirds
    assert snaps == drawn["count"].tolist()
    for image in images:  # every wire leaves the image at one side
        edge = max(image[:, 0].max(), image[:, -1].max(), image[-1].max())
        assert edge > 100


def test_blades_hide_what_lies_behind_them():
    drawn = table(left=0.25, right=-0.1, top=0.5, bottom=-0.1, degrees=0, penumbra=1, grey=20)
    image = Collimation().transform(torch.full((1, 40, 80), 200.0), drawn)[0]
    assert torch.allclose(image[20:, 20:], torch.tensor(200.0))
    assert torch.allclose(image[:19], torch.tensor(30.0))
    assert torch.allclose(image[:, :19], torch.tensor(30.0))


def test_a_penumbra_is_as_wide_as_drawn_and_goes_down_steadily():
    drawn = table(left=0.5, right=-0.1, top=-0.1, bottom=-0.1, degrees=0, penumbra=8, grey=0)
    edge = Collimation().transform(torch.full((1, 3, 224), 200.0), drawn)[0, 1]
    assert (edge.diff() >= -1e-4).all()
    assert (edge[112:] > 199.9).all()
    assert (edge[:104] < 10.1).all()
    assert 90 < edge[107:109].mean() < 120


def test_blades_turn_together():
    drawn = table(left=0.2, right=0.2, top=0.2, bottom=0.2, degrees=5, penumbra=1, grey=0)
    image = Collimation().transform(torch.full((1, 200, 200), 200.0), drawn)[0].numpy() > 100
    turned = ndimage.rotate(image.astype(float), -5, reshape=False, order=1) > 0.5
    rows, columns = np.nonzero(turned)
    assert turned[rows.min() + 2 : rows.max() - 1, columns.min() + 2 : columns.max() - 1].all()


def test_round_and_cut_corners_hide_as_much():
    white = torch.full((1, 300, 200), 255.0)
    for radius in (0.3, 0.6, 1.0):
        hidden = [
            float(1 - BlackCorners().transform(white.clone(), table(radius=radius, cut=cut)).mean() / 255)
            for cut in (0, 1)
        ]
        expected = (4 - np.pi) * (radius * 100) ** 2 / (300 * 200)
        assert hidden == pytest.approx([expected, expected], rel=0.01)


def test_corners_alone_are_black():
    image = BlackCorners().transform(torch.full((1, 100, 100), 200.0), table(radius=0.5, cut=1))[0]
    assert not image[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert (image[25:75] == 200).all()
    assert (image[:, 25:75] == 200).all()
