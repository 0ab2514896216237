"""Exposure acts as its physics says: photons are counted, tubes are hard or soft, veils lie over images."""

import numpy as np
import pytest
import torch
from corruptions import KEYS, check_neutral, check_refused
from scipy import ndimage, stats

from radapt.shift.counter_rng import image_keys
from radapt.shift.draws import Draws
from radapt.shift.exposure import (
    LATITUDE,
    STEEPNESS,
    Heel,
    Kvp,
    Overexposure,
    QuantumNoise,
    Scatter,
    Underexposure,
    Window,
    _spread,
)
from radapt.shift.expression import at, parse_shift
from radapt.shift.noise_fields import EXACT_BELOW, draw_grain, poisson, uniforms

EVEN = (torch.arange(2**17, dtype=torch.float32) + 0.5) * 2**-17


@pytest.mark.parametrize("mean", [0.0, 1e-6, 0.02, 0.5, 1.0, 2.7, 3.999])
def test_few_events_are_the_exact_quantiles(mean):
    events = poisson(torch.full_like(EVEN, mean), EVEN).numpy()
    expected = stats.poisson.ppf(EVEN.double().numpy(), mean)
    wrong = events != expected
    edge = stats.poisson.cdf(np.minimum(events, expected), mean)  # between the two lies rounding alone
    assert np.allclose(EVEN.numpy()[wrong], edge[wrong], atol=1e-7)


@pytest.mark.parametrize("mean", [4.0, 4.6, 6.0, 8.3, 12.0, 40.0, 300.0, 2500.0])
def test_many_events_are_the_quantiles_but_for_two_in_1000_that_are_off_by_one(mean):
    events = poisson(torch.full_like(EVEN, mean), EVEN).numpy()
    off = np.abs(events - stats.poisson.ppf(EVEN.double().numpy(), mean))
    assert off.max() <= 1
    assert (off > 0).mean() <= 2 / 1000
    assert events.mean() == pytest.approx(mean, abs=0.001)
    assert events.var() == pytest.approx(mean, rel=0.001)


def test_the_rarest_numbers_of_events_are_quantiles_too():
    ends = torch.tensor([2.0**-24, 1 - 2.0**-24])
    for mean in (0.1, 3.0, 3.9, 4.0, 7.0, 20.0, 1000.0):
        events = poisson(torch.full((2,), mean), ends).numpy()
        assert np.abs(events - stats.poisson.ppf(ends.double().numpy(), mean)).max() <= 1
        assert (events >= 0).all()


def test_images_of_few_and_many_events_have_their_mean_and_variance_and_stand_alone():
    means = torch.tensor([0.3, 3.0, EXACT_BELOW, 15.0, 200.0])[:, None, None].repeat(1, 300, 300)
    means[:, :, :50] = 1.0
    even = uniforms(draw_grain(KEYS[:5], 0, "test"), 300, 300, means.device)
    events = poisson(means, even)
    for row in range(5):
        assert torch.equal(poisson(means[row : row + 1], even[row : row + 1])[0], events[row])
        own = events[row, :, 50:].double()
        assert own.mean() == pytest.approx(means[row, 0, -1].item(), rel=0.01)
        assert own.var() == pytest.approx(means[row, 0, -1].item(), rel=0.02)


def test_no_pixels_have_no_events():
    assert poisson(torch.zeros(0, 3, 3), torch.zeros(0, 3, 3)).shape == (0, 3, 3)


LEVELS = torch.arange(256, dtype=torch.float32)[None]


def table(**columns: float) -> Draws:
    return {name: np.array([value], dtype=np.float64) for name, value in columns.items()}


@pytest.mark.parametrize(
    "text",
    ["gamma(1)", "underexposure(0)", "overexposure(0)", "kvp(1)", "window(1, 0)", "heel(0)", "scatter(0)"],
)
@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_an_option_that_does_nothing_changes_no_bit(text, size):
    check_neutral(text, size)


@pytest.mark.parametrize(
    "text",
    [
        "gamma(0.5)",
        "underexposure(-1)",
        "overexposure(11)",
        "kvp(0.9)",
        "window(shift=2)",
        "heel(1)",
        "scatter(1)",
        "quantum-noise(0)",
    ],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


def image_level(exposure: np.ndarray | float) -> np.ndarray | float:
    return 255 / (1 + exposure**STEEPNESS)


@pytest.mark.parametrize("stops", [0.5, 1.0, 2.5])
def test_exposures_go_along_the_curve_of_the_image(stops):
    exposure = np.geomspace(0.01, 100, 40)
    levels = torch.from_numpy(image_level(exposure).astype(np.float32))[None]
    darker = Overexposure().map_intensity(levels.clone(), table(stops=stops))[0]
    lighter = Underexposure().map_intensity(levels.clone(), table(stops=stops))[0]
    assert np.allclose(darker, image_level(exposure * 2**stops), atol=1e-3)
    assert np.allclose(lighter, image_level(exposure / 2**stops), atol=1e-3)
    assert np.allclose(
        Underexposure().map_intensity(darker[None].clone(), table(stops=stops)), levels, atol=1e-3
    )


def test_the_curve_keeps_black_and_white_and_the_order_of_levels():
    for corruption in (Underexposure(), Overexposure()):
        graded = corruption.map_intensity(LEVELS.clone(), table(stops=2))[0]
        assert graded[0] == 0
        assert graded[255] == pytest.approx(255)
        assert (graded.diff() > 0).all()


def test_in_mid_grey_a_stop_is_52_levels():
    slope = (image_level(0.999) - image_level(1.001)) / np.log2(1.001 / 0.999)
    assert slope == pytest.approx(255 / LATITUDE * np.log(2), rel=1e-4)
    assert slope == pytest.approx(52, abs=0.1)


@pytest.mark.parametrize("contrast", [0.5, 1.6])
def test_contrast_changes_about_mid_grey(contrast):
    graded = Kvp().map_intensity(LEVELS.clone(), table(contrast=contrast))[0].numpy()
    assert np.allclose(graded, 127.5 + contrast * (np.arange(256) - 127.5), atol=1e-4)


@pytest.mark.parametrize(("width", "shift"), [(0.5, 0.0), (0.5, 0.2), (2.0, -0.1)])
def test_a_window_shows_its_width_from_black_to_white(width, shift):
    graded = Window().map_intensity(LEVELS.clone(), table(width=width, shift=shift))[0].numpy()
    black, white = 255 * (0.5 + shift - width / 2), 255 * (0.5 + shift + width / 2)
    expected = np.interp(np.arange(256), [black, white], [0, 255])
    assert np.allclose(graded.clip(0, 255), expected, atol=1e-4)


@pytest.mark.parametrize("text", ["kvp(2)", "window(2, 0.2)", "gamma(2)"])
def test_factors_are_drawn_evenly_on_either_side_of_one(text):
    shift = parse_shift(text)
    keys = image_keys([str(number) for number in range(2000)])
    for name, values in shift.draw(keys, 0).items():
        drawn, most = (values, 0.2) if name.endswith("shift") else (np.log2(values), 1)
        assert drawn.min() == pytest.approx(-most, abs=0.01)
        assert drawn.max() == pytest.approx(most, abs=0.01)
        assert abs(drawn.mean()) < 0.05 * most


@pytest.mark.parametrize("side", range(4))
def test_the_heel_takes_exposure_away_in_a_straight_line_to_one_side(side):
    image = Heel().transform(torch.full((1, 60, 90), 127.5), table(share=0.5, side=side))[0]
    exposure = ((255 - image) / image) ** (1 / STEEPNESS)
    falling = torch.rot90(exposure, -side)  # to the right
    length = falling.shape[1]
    expected = (1 - 0.5 * (torch.arange(length) + 0.5) / length) / 0.75  # from 1 to 0.5, the middle as it was
    assert torch.allclose(falling, expected.expand_as(falling), atol=1e-4)


@pytest.mark.parametrize("sigma", [3.0, 10.0, 20.0])
def test_the_veil_is_spread_as_broadly_as_it_says_and_keeps_its_light(sigma):
    point = torch.zeros(1, 201, 201)
    point[0, 100, 100] = 1
    veil = _spread(point, sigma)[0].double().numpy()
    assert veil.sum() == pytest.approx(1, abs=1e-3)
    away = np.arange(201) - 100
    for axis in (0, 1):
        assert np.sqrt((veil.sum(axis) * away**2).sum()) == pytest.approx(sigma, abs=0.51)


def test_the_veil_goes_on_beyond_the_edge_as_three_averages_in_scipy_do():
    image = np.random.default_rng(0).uniform(0, 1, (30, 41))
    padded = np.pad(image, 40, mode="edge")
    for _ in range(3):
        padded = ndimage.uniform_filter(padded, 9)
    got = _spread(torch.from_numpy(image.astype(np.float32))[None], np.sqrt(20))[0].numpy()
    assert np.allclose(got, padded[40:-40, 40:-40], atol=1e-5)
    assert torch.equal(_spread(torch.ones(1, 1, 1), 0.1), torch.ones(1, 1, 1))


def test_behind_even_tissue_the_scattered_share_grows_with_what_it_passes():
    corruption = Scatter()
    drawn = table(fraction=0.4)
    for level in (20.0, 127.5, 240.0):
        attenuation = level / 255 * LATITUDE
        got = corruption.transform(torch.full((1, 50, 50), level), drawn)[0, 25, 25].item()
        passing = np.exp(-attenuation) * (0.6 + 0.4 * attenuation / (LATITUDE / 2))
        assert got == pytest.approx(-255 / LATITUDE * np.log(passing), abs=0.05)
    assert corruption.transform(torch.full((1, 50, 50), 127.5), drawn)[0, 25, 25] == pytest.approx(
        127.5, abs=0.05
    )


def test_a_veil_takes_contrast_from_small_things_and_comes_from_tissue_alone():
    image = torch.full((1, 224, 224), 200.0)
    image[:, 108:116, 108:116] = 100
    veiled = Scatter().transform(image.clone(), table(fraction=0.6))[0]
    assert 20 < veiled[80, 80] - veiled[112, 112] < 60
    air = Scatter().transform(torch.zeros(1, 50, 50), table(fraction=0.6))
    assert air[0, 25, 25] == pytest.approx(-255 / LATITUDE * np.log(0.4), abs=0.01)  # only its own is missing


@pytest.mark.parametrize("photons", [40, 400])
@pytest.mark.parametrize("level", [60.0, 127.5, 200.0])
def test_photons_vary_as_poisson_has_it(photons, level):
    corruption = QuantumNoise(photons)
    noisy = corruption.transform(torch.full((64, 80, 80), level), corruption.draw(KEYS, 0)).double()
    counted = photons * ((255 - noisy) / noisy) ** (1 / STEEPNESS)
    mean = photons * ((255 - level) / level) ** (1 / STEEPNESS)
    assert np.allclose(counted, counted.round(), atol=0.01 * mean**0.5)
    assert counted.mean() == pytest.approx(mean, rel=0.01)
    assert counted.var() == pytest.approx(mean, rel=0.02)


def test_noise_in_mid_grey_is_as_stated():
    corruption = QuantumNoise(400)
    noisy = corruption.transform(torch.full((64, 80, 80), 127.5), corruption.draw(KEYS, 0))
    assert noisy.std() == pytest.approx(75 / 400**0.5, rel=0.02)
    assert noisy.mean() == pytest.approx(127.5, abs=0.2)


def test_black_and_white_count_no_noise():
    for severity in (1, 5):
        shift = at("quantum-noise", severity)
        for level in (0, 255):
            flat = torch.full((8, 30, 30), level, dtype=torch.uint8)
            assert (shift.apply(flat, shift.draw(KEYS[:8], 0)).int() - level).abs().max() <= 2
