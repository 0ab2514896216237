"""The detector: what it adds is as strong as was drawn, and what it cannot resolve is as its MTF says."""

import numpy as np
import pytest
import torch
from corruptions import KEYS, check_neutral, check_refused
from PIL import Image
from samples import random_pixels
from scipy import ndimage
from torch.nn import functional

from radapt.shift.detector import BitDepth, Blur, DeadPixels, Downsample, GainTiles, GridLines, Noise
from radapt.shift.draws import Draws
from radapt.shift.filters import gaussian, gaussian_weights


def table(**columns: float) -> Draws:
    return {name.replace("_", "-"): np.array([value], dtype=np.float64) for name, value in columns.items()}


@pytest.mark.parametrize(
    "text",
    [
        "noise(0)",
        "blur(0)",
        "dead-pixels(0, 0)",
        "grid-lines(0)",
        "gain-tiles(0, 0)",
        "downsample(1)",
        "bit-depth(8)",
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_an_option_that_does_nothing_changes_no_bit(text, size):
    check_neutral(text, size)


@pytest.mark.parametrize(
    "text",
    [
        "noise(-1)",
        "blur(nan)",
        "dead-pixels(0.9)",
        "dead-pixels(lines=13)",
        "grid-lines(period=1)",
        "gain-tiles(gain=2)",
        "downsample(0.5)",
        "bit-depth(9)",
    ],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


def test_noise_has_the_variance_that_is_asked_for_and_no_mean():
    corruption = Noise(12)
    noise = corruption.transform(torch.full((64, 100, 100), 128.0), corruption.draw(KEYS, 0)) - 128
    assert noise.std().item() == pytest.approx(12, rel=0.01)
    assert abs(noise.mean().item()) < 0.1


@pytest.mark.parametrize("sigma", [0, 0.05, 0.3, 0.59, 0.61, 1.4, 3, 8])
def test_the_weights_of_a_gaussian_have_its_variance_and_a_sum_of_one(sigma):
    weights = np.array(gaussian_weights(sigma))
    assert weights[0] + 2 * weights[1:].sum() == pytest.approx(1, abs=1e-12)
    assert 2 * (weights * np.arange(len(weights)) ** 2).sum() == pytest.approx(sigma**2, rel=0.025)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.3, 4.0])
def test_a_blur_is_the_gaussian_filter_of_scipy(sigma):
    image = random_pixels(2, 60, 224).float()
    expected = ndimage.gaussian_filter(image.numpy(), (0, sigma, sigma), mode="nearest")
    assert np.abs(gaussian(image, sigma).numpy() - expected).max() < 0.1
    corruption = Blur(sigma)
    assert torch.equal(
        corruption.transform(image.clone(), corruption.draw(KEYS[:2], 0)), gaussian(image, sigma)
    )


def test_a_blur_leaves_half_of_the_contrast_at_its_mtf50():
    sigma, waves = 2.0, 21  # over 224 pixels, 0.187 / sigma a pixel
    x = (np.arange(224) + 0.5) / 224
    image = torch.from_numpy(128 + 100 * np.cos(2 * np.pi * waves * x)).float().repeat(1, 9, 1)
    blurred = Blur(sigma).transform(image, table(sigma=sigma))[0, 4, 30:-30]
    assert (blurred - 128).abs().max() == pytest.approx(50, abs=1)


def test_a_blur_grows_with_the_image():
    small, large = torch.zeros(1, 61, 112), torch.zeros(1, 61, 448)
    small[0, 30, 50] = large[0, 30, 50] = 1000
    for image, own in ((small, 1.0), (large, 4.0)):
        got = Blur(2).transform(image, table(sigma=2))[0].numpy() / 1000
        assert (got.sum(axis=0) * (np.arange(image.shape[2]) - 50) ** 2).sum() == pytest.approx(
            own**2, rel=0.01
        )


def test_images_of_one_table_may_be_blurred_differently():
    mixed = Blur().transform(random_pixels(3, 40, 224).float(), {"sigma": np.array([1.0, 3.0, 1.0])})
    for row, sigma in enumerate((1.0, 3.0, 1.0)):
        alone = Blur().transform(random_pixels(3, 40, 224)[row : row + 1].float(), table(sigma=sigma))
        assert torch.equal(mixed[row], alone[0])


def test_dead_pixels_are_as_many_as_asked_for_half_black_half_white():
    corruption = DeadPixels(0.02, 0)
    changed = corruption.transform(torch.full((64, 150, 150), 100.0), corruption.draw(KEYS, 0))
    assert set(changed.unique().tolist()) == {0, 100, 255}
    for level in (0, 255):
        assert (changed == level).float().mean().item() == pytest.approx(0.01, rel=0.03)


def test_dead_lines_run_from_edge_to_edge_and_are_as_many_as_drawn():
    corruption = DeadPixels(0, 6)
    drawn = corruption.draw(KEYS, 0)
    assert set(drawn["lines"]) == {3, 4, 5, 6}
    changed = corruption.transform(torch.full((64, 400, 300), 100.0), drawn)
    dead = changed != 100
    rows, columns = dead.all(dim=2), dead.all(dim=1)
    assert torch.equal(dead, rows[:, :, None] | columns[:, None, :])
    dead_lines = rows.sum(dim=1).numpy() + columns.sum(dim=1).numpy()
    assert (dead_lines <= drawn["lines"]).all()
    assert (dead_lines == drawn["lines"]).mean() > 0.85  # others lie on each other
    assert 0.4 < rows.sum() / dead_lines.sum() < 0.6
    assert 0.4 < (changed[dead] == 255).float().mean() < 0.6


def test_grid_lines_are_a_wave_across_the_grid():
    drawn = table(amplitude=0.2, period=5, degrees=3, phase=0.25)
    got = GridLines().transform(torch.full((1, 90, 224), 100.0), drawn)[0].numpy()
    y, x = np.mgrid[:90, :224] - np.array([44.5, 111.5])[:, None, None]
    place = (np.cos(np.deg2rad(3)) * x - np.sin(np.deg2rad(3)) * y) / 5
    assert np.allclose(got, 100 * (1 + 0.2 * np.cos(2 * np.pi * (place + 0.25))), atol=0.01)


def test_grid_lines_stay_coarse_enough_to_be_seen_on_a_small_image():
    drawn = table(amplitude=0.2, period=4, degrees=0, phase=0)
    lines = GridLines().transform(torch.full((1, 3, 50), 100.0), drawn)[0, 0].numpy()
    assert np.abs(np.fft.rfft(lines - lines.mean())).argmax() == 20  # of 2.5 pixels each


def test_grids_are_upright_or_flat_and_nearly_straight():
    drawn = GridLines(degrees=2).draw(KEYS, 0)["degrees"]
    upright = np.abs(drawn) <= 2
    assert 20 < upright.sum() < 44
    assert (np.abs(drawn[~upright] - 90) <= 2).all()


def test_each_tile_has_a_gain_of_its_own_and_seams_are_dark():
    corruption = GainTiles(0.2, 0.5)
    drawn = corruption.draw(KEYS, 0)
    changed = corruption.transform(torch.full((64, 120, 240), 100.0), drawn)
    seams = changed < 79
    for image, dark, across, down in zip(changed, seams, drawn["across"], drawn["down"], strict=True):
        assert dark.all(dim=0).sum() == across - 1
        assert dark.all(dim=1).sum() == down - 1
        gains = image[~dark].unique() / 100
        assert len(gains) == across * down
        off = (gains - 1).abs()
        assert off.min() >= 0.1 - 1e-5
        assert off.max() <= 0.2 + 1e-5
    assert set(drawn["across"]) == {2, 3, 4}
    assert set(drawn["down"]) == {1, 2, 3, 4}


@pytest.mark.parametrize("factor", [2, 5])
def test_downsampling_averages_and_stretches_in_straight_lines(factor):
    pixels = random_pixels(1, 60, 90)
    corruption = Downsample(factor)
    got = corruption.transform(pixels.float(), corruption.draw(KEYS[:1], 0))
    exact = pixels[0].float().numpy()
    means = exact.reshape(60 // factor, factor, 90 // factor, factor).mean(axis=(1, 3))
    small = Image.fromarray(exact).resize((90 // factor, 60 // factor), Image.Resampling.BOX)
    assert np.allclose(means, np.asarray(small), atol=1e-3)
    expected = functional.interpolate(torch.from_numpy(means)[None, None], size=(60, 90), mode="bilinear")
    assert torch.allclose(got, expected[0], atol=1e-2)


def test_a_image_of_one_large_pixel_is_its_mean():
    got = Downsample(50).transform(random_pixels(1, 20, 30).float(), table(factor=50))
    assert torch.allclose(got, random_pixels(1, 20, 30).float().mean().expand(1, 20, 30), atol=1e-3)


def test_a_converter_of_two_bits_knows_four_greys_of_equal_width():
    levels = torch.arange(256, dtype=torch.float32)[None]
    grey = BitDepth(2).map_intensity(levels, table(bits=2))[0]
    assert grey.tolist() == [0] * 64 + [85] * 64 + [170] * 64 + [255] * 64


@pytest.mark.parametrize("bits", [1, 3.3, 5, 6, 7.5])
def test_a_converter_has_as_many_greys_as_its_bits_say(bits):
    levels = torch.arange(256, dtype=torch.float32)[None]
    grey = BitDepth(bits).map_intensity(levels, table(bits=bits))[0]
    assert len(grey.unique()) == round(2**bits)
    assert (grey.diff() >= 0).all()
    assert (grey.min(), grey.max()) == (0, 255)
