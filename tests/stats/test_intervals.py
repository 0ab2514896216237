import math

import numpy as np
import pytest
from scipy import stats

from radapt.stats.intervals import (
    auroc_interval,
    corrected_percentiles,
    difference_interval,
    holm,
    logit_interval,
    mean_interval,
    mover_interval,
    percentiles,
    proportion_interval,
    t_quantile,
    wilson,
)


@pytest.mark.parametrize(("hits", "trials"), [(0, 12), (1, 29), (15, 148), (81, 263), (56, 56)])
def test_wilson_is_scipys(hits, trials):
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    assert wilson(hits / trials, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "published"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_gives_what_newcombe_1998_printed(hits, trials, published):
    """Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(hits / trials, trials) == pytest.approx(published, abs=5e-5)


def test_an_area_of_many_patients_has_the_interval_of_its_standard_error():
    low, high = auroc_interval(0.8, 0.004, 5000, 5000)
    assert (low, high) == pytest.approx((0.8 - 1.96 * 0.004, 0.8 + 1.96 * 0.004), abs=2e-4)


@pytest.mark.parametrize(("hits", "trials"), [(29, 30), (3, 12), (400, 800)])
def test_a_share_of_independent_images_has_wilsons_interval_but_for_few_patients_somewhat_wider(hits, trials):
    share = hits / trials
    low, high = proportion_interval(share, math.sqrt(share * (1 - share) / trials), trials)
    narrow, wide = wilson(share, trials), wilson(share, trials * (1.96 / stats.t.ppf(0.975, trials - 1)) ** 2)
    assert (low, high) == pytest.approx(wide, abs=1e-3)
    assert low <= narrow[0] < share < narrow[1] <= high


def test_a_logit_interval_is_symmetric_in_the_logarithm_of_the_odds():
    low, high = logit_interval(0.9, 0.02, 400)
    odds = [math.log(value / (1 - value)) for value in (low, 0.9, high)]
    assert odds[2] - odds[1] == pytest.approx(odds[1] - odds[0])
    assert odds[2] - odds[1] == pytest.approx(stats.t.ppf(0.975, 399) * 0.02 / 0.09, rel=1e-4)
    assert logit_interval(0.001, 0.5, 3) == pytest.approx((0, 1), abs=1e-9)


def test_two_intervals_put_together_give_what_newcombe_1998_printed_of_a_difference():
    """Statistics in Medicine 17:873, table II, 56/70 less 48/80, method 10."""
    one, other = wilson(56 / 70, 70), wilson(48 / 80, 80)
    ends = np.array([one, (-other[1], -other[0])])
    found = mover_interval(np.array([56 / 70, -48 / 80]), ends, np.eye(2))
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_parts_that_err_together_reach_as_far_as_their_sum_and_opposed_ones_make_up_for_each_other():
    means, ends = np.array([0.4, 0.3]), np.array([[0.3, 0.6], [0.1, 0.4]])
    assert mover_interval(means, ends, np.ones((2, 2))) == pytest.approx((0.4, 1.0))
    opposed = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert mover_interval(means, ends, opposed) == pytest.approx((0.6, 0.8))


def test_a_mean_of_few_patients_has_a_wider_interval_than_its_spread_says_and_none_without_any():
    low, high = mean_interval(0.2, 0.05, 8)
    plain = logit_interval(0.2, 0.05, 8)
    assert low < plain[0] < 0.2 < plain[1] < high
    assert mean_interval(0.2, 0.0, 8) == wilson(0.2, 8)
    assert mean_interval(0.0, 0.1, 8) == wilson(0.0, 8)


def test_where_the_spread_is_that_of_hanley_and_mcneil_the_ends_are_just_far_enough():
    def spread(area, having, others):
        above, below = area / (2 - area), 2 * area**2 / (1 + area)
        sums = area * (1 - area) + (having - 1) * (above - area**2) + (others - 1) * (below - area**2)
        return math.sqrt(sums / (having * others))

    low, high = auroc_interval(0.95, spread(0.95, 40, 60), 40, 60)
    far = stats.t.ppf(0.975, 41)
    assert (0.95 - low) / spread(low, 40, 60) == pytest.approx(far, rel=1e-3)
    assert (high - 0.95) / spread(high, 40, 60) == pytest.approx(far, rel=1e-3)
    assert 0.95 - low > high - 0.95


@pytest.mark.parametrize("area", [0.0, 0.01, 0.5, 0.999, 1.0])
def test_the_interval_of_an_area_holds_it_and_lies_between_0_and_1(area):
    low, high = auroc_interval(area, 0.03, 12, 200)
    assert 0 <= low <= area <= high <= 1


def test_percentiles_are_corrected_by_where_the_number_lies_among_its_samples():
    samples = np.random.default_rng(0).normal(1, 0.1, 20_001)
    middle = float(np.median(samples))
    assert corrected_percentiles(middle, samples, 50) == pytest.approx(percentiles(samples, 50), abs=2e-3)
    low, high = corrected_percentiles(middle - 0.05, samples, 5000)  # half a spread below: a whole one lower
    assert (low, high) == pytest.approx((0.9 - 0.196, 0.9 + 0.196), abs=0.01)


@pytest.mark.parametrize("trials", [2, 5, 8, 30, 400])
def test_an_interval_leaves_0_out_just_where_the_p_value_is_below_one_in_twenty(trials):
    rng = np.random.default_rng(0)
    said = set()
    for draws in (60, 400, 2001):
        for shift in np.concatenate([np.linspace(-5, 5, 101), rng.normal(2.1, 0.4, 200)]):
            samples = rng.normal(shift, 1, draws)
            low, high, p = difference_interval(shift, samples, trials)
            assert low <= shift <= high
            assert (p < 0.05) == (low > 0 or high < 0)
            said.add(p < 0.05)
    assert said == (
        {False} if trials == 2 else {True, False}
    )  # two patients show nothing within five spreads


def test_a_p_value_is_the_tail_of_the_samples_widened_by_students_t():
    rng = np.random.default_rng(0)
    for trials in (8, 30, 400):
        for shift in np.linspace(0, 4, 41):
            samples = rng.normal(shift, 1, 4001)
            beyond = min(np.sum(samples <= 0), np.sum(samples >= 0))
            z = stats.norm.isf((beyond + 1) / 4002)
            expected = 2 * stats.t.sf(z * math.sqrt((trials - 1) / trials), trials - 1)
            assert difference_interval(shift, samples, trials)[2] == pytest.approx(expected, abs=1e-9)


def test_a_difference_on_the_other_side_of_0_than_its_samples_is_none():
    samples = np.random.default_rng(0).normal(4, 1, 2000)
    low, high, p = difference_interval(-0.5, samples, 100)
    assert low <= -0.5 < 0 < high
    assert p == 1


def test_students_point_is_right_from_one_degree_of_freedom():
    known = {1: 12.706204736, 2: 4.302652730, 5: 2.570581836, 30: 2.042272456}  # any table of t
    for freedom, point in known.items():
        assert t_quantile(freedom) == pytest.approx(point, abs=1e-8)


def test_too_few_patients_for_any_tail_are_judged_by_students_t():
    samples = np.random.default_rng(0).normal(1, 0.2, 60)
    low, high, p = difference_interval(1.0, samples, 4)
    se = samples.std(ddof=1) * math.sqrt(4 / 3)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 3, 1.0, se))
    assert p == pytest.approx(2 * stats.t.sf(1 / se, 3))


def test_holms_adjustment_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(0)
    for count in (1, 2, 5, 40):
        p_values = np.round(rng.random(count) ** 2, 2)  # with ties
        expected = multipletests(p_values, method="holm")[1]
        assert holm(p_values.tolist()) == pytest.approx(expected.tolist())
        with_untested = holm([math.nan, *p_values.tolist(), math.nan])
        assert with_untested[1:-1] == pytest.approx(expected.tolist())
        assert math.isnan(with_untested[0])
        assert math.isnan(with_untested[-1])
    assert holm([]) == []
