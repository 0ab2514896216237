"""Exposure acts as its physics says: photons are counted, tubes are hard or soft, veils lie over films."""

import numpy as np
import pytest
import torch
from scipy import stats

from radapt.shift.fields import FEW, draw_grain, poisson, uniforms
from radapt.shift.keys import image_keys

KEYS = image_keys([f"film-{number}" for number in range(64)])
EVEN = (torch.arange(2**17, dtype=torch.float32) + 0.5) * 2**-17


@pytest.mark.parametrize("mean", [0.0, 1e-6, 0.02, 0.5, 1.0, 2.7, 5.0, 6.999])
def test_few_events_are_the_exact_quantiles(mean):
    events = poisson(torch.full_like(EVEN, mean), EVEN).numpy()
    expected = stats.poisson.ppf(EVEN.double().numpy(), mean)
    wrong = events != expected
    edge = stats.poisson.cdf(np.minimum(events, expected), mean)  # between the two lies rounding alone
    assert np.allclose(EVEN.numpy()[wrong], edge[wrong], atol=1e-7)


@pytest.mark.parametrize("mean", [7.0, 8.3, 12.0, 40.0, 300.0, 2500.0])
def test_many_events_are_the_quantiles_but_for_one_in_1000_that_is_off_by_one(mean):
    events = poisson(torch.full_like(EVEN, mean), EVEN).numpy()
    off = np.abs(events - stats.poisson.ppf(EVEN.double().numpy(), mean))
    assert off.max() <= 1
    assert (off > 0).mean() <= 1 / 1000


def test_the_rarest_numbers_of_events_are_quantiles_too():
    ends = torch.tensor([2.0**-24, 1 - 2.0**-24])
    for mean in (0.1, 3.0, 6.9, 7.0, 20.0, 1000.0):
        events = poisson(torch.full((2,), mean), ends).numpy()
        assert np.abs(events - stats.poisson.ppf(ends.double().numpy(), mean)).max() <= 1
        assert (events >= 0).all()


def test_films_of_few_and_many_events_have_their_mean_and_variance_and_stand_alone():
    means = torch.tensor([0.3, 4.0, FEW, 15.0, 200.0])[:, None, None].repeat(1, 300, 300)
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
