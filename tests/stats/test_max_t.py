import math

import numpy as np
import pytest

from radapt.stats.max_t import Spread, adjust


def spread(
    samples: np.ndarray, *, seeds: float | np.ndarray = 0.0, n_seeds: int = 1, known: float | None = None
) -> Spread:
    count = len(samples)
    errors = samples.std(axis=1, ddof=1) if known is None else np.full(count, known)
    return Spread(
        samples, errors, np.broadcast_to(seeds, count), n_seeds, np.ones(count), np.zeros(count, int)
    )


def adjusted(values, given: Spread):
    return adjust(np.asarray(values, dtype=float), given, np.random.default_rng(7))


def noise(count: int, draws: int = 1999, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, draws))


def test_of_one_difference_the_p_value_is_its_own():
    (found,) = adjusted([2.5], spread(noise(1)))
    assert found.p == pytest.approx(math.erfc(2.5 / math.sqrt(2)), abs=0.01)
    assert (found.high + found.low) / 2 == pytest.approx(2.5)
    assert found.high - found.low == pytest.approx(2 * 1.96, rel=0.06)


def test_of_differences_that_are_the_same_one_is_as_good_as_all():
    one = noise(1)
    (alone,), together = (
        adjusted([2.5], spread(one)),
        adjusted([2.5] * 40, spread(np.repeat(one, 40, axis=0))),
    )
    assert all(each.p == alone.p for each in together)


def test_of_many_that_have_nothing_in_common_each_has_to_be_larger():
    alone = adjusted([3.0], spread(noise(1)))[0]
    many = adjusted([3.0, *[0.1] * 49], spread(noise(50)))
    assert alone.p < 0.02
    assert many[0].p == pytest.approx(1 - (1 - math.erfc(3 / math.sqrt(2))) ** 50, abs=0.03)
    assert many[0].low < alone.low


def test_a_large_difference_makes_way_for_the_next():
    values = [9.0, 2.6, 0.0]
    rows = adjusted(values, spread(noise(3)))
    single = adjusted([2.6], spread(noise(3)[1:2]))[0]
    assert rows[0].p < 0.001
    assert single.p <= rows[1].p < 0.03  # as one of two, not of three
    assert rows[2].p == 1.0


def test_large_true_differences_stand_among_eighty():
    rows = adjusted([7.0] * 40 + [0.0] * 40, spread(noise(80)))
    assert all(each.p < 0.01 for each in rows[:40])


@pytest.mark.parametrize("n_seeds", [2, 3, 5])
def test_seeds_that_differ_make_a_difference_less_sure(n_seeds):
    without = adjusted([2.5], spread(noise(1)))[0]
    with_seeds = adjusted([2.5], spread(noise(1), seeds=2.0, n_seeds=n_seeds))[0]
    assert with_seeds.p > without.p
    assert with_seeds.high - with_seeds.low > without.high - without.low


def test_seeds_that_agree_by_chance_are_not_believed():
    seeds = np.array([0.0, 2.0, 2.0])
    rows = adjusted([2.5, 0.1, 0.1], spread(noise(3), seeds=seeds, n_seeds=3))
    assert rows[0].p > 0.05


def test_what_is_not_defined_or_has_no_spread_is_not_tested():
    samples = noise(3)
    samples[1] = 0.0
    given = Spread(samples, np.array([1.0, 0.0, 1.0]), np.zeros(3), 1, np.ones(3), np.zeros(3, int))
    rows = adjusted([3.0, 0.0, math.nan], given)
    assert rows[0].p < 0.05
    assert (rows[1].p, rows[1].low, rows[1].high) == (1.0, 0.0, 0.0)
    assert math.isnan(rows[2].p)


def test_samples_that_are_all_alike_go_by_the_error_that_is_known():
    given = spread(np.zeros((1, 999)), known=1.0)
    assert adjusted([1.0], given)[0].p > 0.2
    assert adjusted([4.0], given)[0].p < 0.01


def test_where_nothing_differs_anything_is_shown_in_one_of_twenty():
    rng, shown, common = np.random.default_rng(3), 0, 0.7
    for _ in range(400):
        shared = rng.normal(0, 1, (1, 400))
        samples = math.sqrt(common) * shared + math.sqrt(1 - common) * rng.normal(0, 1, (30, 400))
        truth = math.sqrt(common) * rng.normal() + math.sqrt(1 - common) * rng.normal(0, 1, 30)
        shown += min(each.p for each in adjust(truth, spread(samples), rng)) < 0.05
    assert 0.02 < shown / 400 < 0.085


def test_what_varies_much_with_few_labels_makes_nothing_stricter_with_many():
    samples = 0.01 * noise(8)
    few, many = np.full(4, 0.08), np.full(4, 0.002)
    groups = np.repeat([16, 1024], 4)
    parts = Spread(samples, np.full(8, 0.01), np.concatenate([few, many]), 5, np.ones(8), groups)
    rows = adjusted([0.05] * 8, parts)
    assert all(one.p > 0.1 for one in rows[:4])
    assert all(one.p < 0.01 for one in rows[4:])
