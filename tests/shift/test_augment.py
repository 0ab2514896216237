"""Training augmentation varies every image afresh, in any batch alike, and never mirrors a heart unasked."""

import numpy as np
import pytest
import torch
from corruptions import KEYS
from samples import random_pixels

from radapt.errors import UnknownName
from radapt.shift.augment import AUGMENTATIONS, Mild, Shifted, parse_augmentation
from radapt.shift.counter_rng import derived_seed
from radapt.shift.original import OriginalShift

VARYING = [name for name in AUGMENTATIONS if name != "none"]


def test_an_unknown_augmentation_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownName, match=r"no augmentation called 'mid'\. Did you mean 'mild'\?"):
        parse_augmentation("mid")


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 20), (64, 64)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_levels_come_out_as_floats_from_0_to_255(name, size, dtype):
    pixels = torch.cat([random_pixels(6, *size), torch.zeros(1, *size), torch.full((1, *size), 255)]).to(
        dtype
    )
    varied = parse_augmentation(name)(pixels, KEYS[:8], 0)
    assert varied.shape == pixels.shape
    assert varied.dtype == torch.float32
    assert varied.min() >= 0
    assert varied.max() <= 255 + 1e-4
    if name != "strong":  # which changes the brightness and paints
        assert not varied[6].any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("size", [(64, 64), (50, 47)])
def test_an_image_is_varied_alike_alone_in_a_batch_and_in_any_order(name, size):
    augment, pixels = parse_augmentation(name), random_pixels(64, *size)
    whole = augment(pixels, KEYS, 3)
    order = np.random.default_rng(0).permutation(64)
    assert torch.equal(augment(pixels[order], KEYS[order], 3), whole[order])
    for row in range(0, 64, 7):
        assert torch.equal(augment(pixels[row : row + 1], KEYS[row : row + 1], 3)[0], whole[row])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_more_images_than_one_run_holds_are_varied_as_fewer_are(name):
    augment, pixels = parse_augmentation(name), random_pixels(64, 150, 150)
    whole = augment(pixels, KEYS, 0)
    assert torch.equal(
        torch.cat([augment(pixels[:20], KEYS[:20], 0), augment(pixels[20:], KEYS[20:], 0)]), whole
    )


@pytest.mark.parametrize("name", VARYING)
def test_every_epoch_varies_every_image_otherwise(name):
    augment, pixels = parse_augmentation(name), random_pixels(8)
    first, second = (augment(pixels, KEYS[:8], derived_seed(0, epoch)) for epoch in (0, 1))
    assert (first != second).any(dim=(1, 2)).all()


def test_none_changes_nothing():
    pixels = random_pixels(4)
    assert torch.equal(parse_augmentation("none")(pixels, KEYS[:4], 0), pixels.float())


def test_the_seeds_shift_as_augmentation_is_the_shift():
    pixels, shift = random_pixels(8), OriginalShift()
    expected = shift.apply(pixels, shift.draw(KEYS[:8], 5)).float()
    assert torch.equal(Shifted(shift)(pixels, KEYS[:8], 5), expected)
    assert torch.equal(parse_augmentation("original")(pixels, KEYS[:8], 5), expected)


def test_mild_varies_whole_and_fractional_levels_alike():
    pixels, mild = random_pixels(16), Mild()
    whole, fractional = mild(pixels, KEYS[:16], 0), mild(pixels.float(), KEYS[:16], 0)
    assert (whole - fractional).abs().max() < 1e-3


def test_mild_never_mirrors_and_moves_no_further_than_it_says():
    pixels = torch.zeros(64, 100, 100, dtype=torch.uint8)
    pixels[:, 45:55, 15:25] = 200  # a mark centred at column 19.5 and row 49.5, 30 from the middle
    for seed in range(5):
        varied = Mild(gamma=(1, 1))(pixels, KEYS, seed)
        weight = varied / varied.sum(dim=(1, 2), keepdim=True)
        column = (weight.sum(1) * torch.arange(100)).sum(1)
        row = (weight.sum(2) * torch.arange(100)).sum(1)
        # 30 px / 0.92 + 4.4 px across; sin(8 degrees) of 30 / 0.92, and 4.4 px, down
        assert 49.5 - 30 / 0.92 - 5.5 < column.min() < 17
        assert 22 < column.max() < 49.5 - 30 / 1.08 * 0.99 + 5.5
        assert (row - 49.5).abs().max() < 0.14 * 30 / 0.92 + 5.5


def test_mild_brightens_and_darkens_within_its_exponents():
    pixels = torch.full((64, 8, 8), 100, dtype=torch.uint8)
    levels = Mild()(pixels, KEYS, 0)[:, 4, 4]
    darkest, brightest = (255 * (100 / 255) ** exponent for exponent in (1.25, 0.8))
    assert darkest - 1e-3 <= levels.min() < 85
    assert 118 < levels.max() <= brightest + 1e-3


def test_mild_without_ranges_changes_nothing():
    still = Mild(rotation=0, zoom=(1, 1), translation=0, gamma=(1, 1))
    pixels = random_pixels(4, 31, 20)
    assert torch.equal(still(pixels, KEYS[:4], 0), pixels.float())
