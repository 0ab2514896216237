"""From a number and how it spreads to where the truth lies: 95 % intervals and p-values, in numbers alone."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
Z = 1.959963984540054  # the 97.5 % point of the normal distribution: 95 % lie within
Z_POWER = 0.8416212335729143  # the 80 % point of the normal distribution
SAME = 1e-12  # samples closer than this are the same number, rounded differently

_PRIOR = 2  # patients' worth of belief in the model variance of an area
_STEPS = 60  # halvings, to the last digit


def wilson(rate: float, trials: float) -> tuple[float, float]:
    """Give the 95 % score interval of a proportion (Wilson 1927, JASA 22:209): 10 of 10 give [0.722, 1].

    Parameters
    ----------
    rate
        The share observed, in [0, 1].
    trials
        How many independent trials it was observed on, more than 0.

    Returns
    -------
    tuple[float, float]
        Both ends, in [0, 1].
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(rate * trials, trials, alpha=1 - LEVEL, method="wilson")
    low = 0.0 if rate <= 0 else max(0.0, float(low))  # exact at the ends, where rounding would not be
    high = 1.0 if rate >= 1 else min(1.0, float(high))
    return low, high


def proportion_interval(share: float, se: float, trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a share whose standard error is known from samples of patients.

    It is Wilson's on as many independent images as would have this standard error (Korn & Graubard 1998,
    Surv. Methodol. 24:193), fewer as Student's t is wider than the normal distribution. Percentiles of
    bootstrap samples hold a share near 0 or 1 too seldom or too often.

    Parameters
    ----------
    share, se
        The share, in [0, 1], and its standard error; 0 where samples know nothing of it.
    trials
        How many patients it rests on, 1 or more.
    """
    if trials < 2 or se < SAME or not 0 < share < 1:
        return wilson(share, trials)
    return wilson(share, share * (1 - share) / se**2 * (Z / t_quantile(trials - 1)) ** 2)


def logit_interval(value: float, se: float, trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a number in (0, 1) that is symmetric in the logarithm of its odds.

    So Boyd, Eng & Page (2013, ECML PKDD) advise for average precision, of which percentiles lie too high.

    Parameters
    ----------
    value, se
        The number, above 0 and below 1, and its standard error.
    trials
        How many independent facts it rests on, 2 or more; Student's t is that of one less.
    """
    odds = math.log(value / (1 - value))
    reach = t_quantile(trials - 1) * se / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(700.0, -end))) for end in (odds - reach, odds + reach))
    return low, high


def mean_interval(mean: float, se: float, trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a mean of numbers in [0, 1] that are seldom 0 or 1, as squared errors are.

    It is that of `logit_interval`, the spread of bootstrap samples being made up for what it lacks where
    trials are few; Wilson's where samples know nothing of it.

    Parameters
    ----------
    mean, se
        The mean, in [0, 1], and the spread of its bootstrap samples.
    trials
        How many patients it rests on, 1 or more.
    """
    if trials < 2 or se < SAME or not 0 < mean < 1:
        return wilson(mean, trials)
    return logit_interval(mean, math.sqrt(trials / (trials - 1)) * se, trials)


def mover_interval(means: Floats, ends: Floats, correlation: Floats) -> tuple[float, float]:
    """Give the 95 % interval of a sum from the intervals of what is summed.

    Each end is as far from the sum as the squares of the parts' reaches to that side say, with what the parts
    have in common (Zou & Donner 2008, Stat. Med. 27:1693; since called MOVER).

    Parameters
    ----------
    means
        (S,), what is summed.
    ends
        (S, 2), both ends of the 95 % interval of each.
    correlation
        (S, S), of the errors of the parts.
    """
    total = float(means.sum())
    below, above = means - ends[:, 0], ends[:, 1] - means
    reach = [math.sqrt(max(0.0, float(side @ correlation @ side))) for side in (below, above)]
    return total - reach[0], total + reach[1]


def correlation(samples: Floats) -> Floats:
    """Give the correlation, (S, S), of columns (B, S); that of one that does not vary with others is 0."""
    apart = samples - samples.mean(axis=0)
    size = np.sqrt(np.square(apart).sum(axis=0))
    apart = np.divide(apart, size, out=np.zeros_like(apart), where=size > 0)
    found = apart.T @ apart
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, dtype=np.float64)


def percentiles(samples: Floats, trials: int) -> Floats:
    """Give the ends, (2, ...), between which the middle 95 % of bootstrap samples (B, ...) lie.

    Such percentiles lie too close together where there are few trials, and are set further apart as Student's
    t is wider than the normal distribution (Hesterberg 2015, Am. Stat. 69:371).

    Parameters
    ----------
    samples
        What came out of each sample, along the first axis; what is not defined in a sample is passed over.
    trials
        How many independent facts the number rests on, 2 or more.
    """
    outside = math.erfc(math.sqrt(trials / (trials - 1) / 2) * t_quantile(trials - 1)) / 2
    return np.asarray(np.nanquantile(samples, [outside, 1 - outside], axis=0), dtype=np.float64)


def corrected_percentiles(value: float, samples: Floats, trials: int) -> Floats:
    """Give the ends, (2,), of `percentiles` where samples lie higher or lower than their number.

    As far as its rank among them is from the middle, truth is taken to be from the number, on the other side
    (Efron & Tibshirani 1986, Stat. Sci. 1:54, section 7).

    Parameters
    ----------
    value
        The number on the images as they are.
    samples
        (B,), the same on each bootstrap sample.
    trials
        As for `percentiles`.
    """
    from scipy.special import ndtr, ndtri

    below = float(((samples < value).mean() + (samples <= value).mean()) / 2)
    least = 1 / (len(samples) + 1)
    off = 2 * float(ndtri(min(max(below, least), 1 - least)))
    far = math.sqrt(trials / (trials - 1)) * t_quantile(trials - 1)
    return np.asarray(np.quantile(samples, ndtr([off - far, off + far])), dtype=np.float64)


def percentile_index(trials: int, count: int) -> int:
    """Give which of so many samples, from the outside, ends a 95 % interval; 0 where they are too few for it.

    Parameters
    ----------
    trials
        How many independent facts the number rests on, 2 or more.
    count
        How many samples there are.
    """
    from scipy.special import ndtr

    return max(0, math.ceil(float(ndtr(-_far(trials))) * (count + 1)) - 1)


def _far(trials: int) -> float:
    """Give how many spreads of the samples a 95 % interval reaches, samples varying less than they should."""
    return t_quantile(trials - 1) * math.sqrt(trials / (trials - 1))


def difference_interval(value: float, samples: Floats, trials: int) -> tuple[float, float, float]:
    """Give the 95 % interval of a difference and the p-value of none, below 0.05 just where 0 lies outside.

    The two-sided p-value is twice the smaller tail of the samples beyond 0, a sample more counted in it than
    was seen so that it is never 0, and widened as `percentiles` is. The interval holds those differences
    whose p-value would not be below 0.05, and so ends at samples. Where trials are so few that no tail of so
    many samples could be small enough, both go by the spread of the samples and Student's t.

    Parameters
    ----------
    value
        The difference on the images as they are.
    samples
        (B,), the same on each bootstrap sample; not all alike.
    trials
        How many independent facts it rests on, 2 or more.

    Returns
    -------
    tuple[float, float, float]
        Both ends and the p-value.
    """
    from scipy.special import ndtri, stdtr

    freedom, wider = trials - 1, math.sqrt(trials / (trials - 1))
    last = percentile_index(trials, len(samples))
    if not last:
        se, far = float(samples.std(ddof=1)), _far(trials)
        p = float(2 * stdtr(freedom, -abs(value) / (wider * se)))
        return value - far * se, value + far * se, p
    ordered = np.sort(samples)
    low, high = min(value, float(ordered[last - 1])), max(value, float(ordered[-last]))
    beyond = min(int((samples <= 0).sum()), int((samples >= 0).sum()))
    tail = min(0.5, (beyond + 1) / (len(samples) + 1))
    p = float(2 * stdtr(freedom, ndtri(tail) / wider))
    return low, high, 1.0 if p < 1 - LEVEL and low <= 0 <= high else p


def auroc_interval(area: float, se: float, n_positive: int, n_negative: int) -> tuple[float, float]:
    """Give the 95 % score interval of an area under the ROC curve.

    As Wilson's does for a proportion, it holds those areas from which the one found is not too far, each
    judged by the standard error that it would have itself. The shape of that, as a function of the area, is
    Hanley & McNeil's (1982, Radiology 143:29), with patients for images. Its size is that of the standard
    error found, drawn towards theirs as if by two patients more, since a few patients know little of their
    own spread. How far is too far is said by Student's t. Percentiles hold an area near 1 of a rare finding
    too seldom; how often this does is measured in `docs/statistics.md`.

    Parameters
    ----------
    area, se
        The area, in [0, 1], and its standard error.
    n_positive, n_negative
        How many patients have the finding and how many have not, 2 or more each.

    Returns
    -------
    tuple[float, float]
        Both ends, in [0, 1].
    """
    freedom = min(n_positive, n_negative) - 1
    inside = min(max(area, 0.5 / (n_positive * n_negative)), 1 - 0.5 / (n_positive * n_negative))
    found = se**2 / _model_variance(inside, n_positive, n_negative)
    size = (freedom * found + _PRIOR) / (freedom + _PRIOR)
    far = t_quantile(freedom + _PRIOR) * math.sqrt(size)

    def within(other: float) -> bool:
        return abs(other - area) <= far * math.sqrt(max(0.0, _model_variance(other, n_positive, n_negative)))

    return _last(within, area, 0.0), _last(within, area, 1.0)


def spread_factors(count: int) -> tuple[float, float]:
    """Give between which multiples of a spread seen in a few numbers the true one lies, with 95 %.

    It is the interval of a standard deviation by chi-square, for numbers that are normally distributed.

    Parameters
    ----------
    count
        How many numbers it was seen in, 2 or more: 3 give 0.52 and 6.3, 5 give 0.60 and 2.9.
    """
    from scipy.special import chdtri

    outside, freedom = (1 - LEVEL) / 2, count - 1
    low, high = (math.sqrt(freedom / float(chdtri(freedom, beyond))) for beyond in (outside, 1 - outside))
    return low, high


def t_quantile(freedom: float) -> float:
    """Give Student's 97.5 % point for so many degrees of freedom, more than 0."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def widening(trials: int) -> float:
    """Say how many times wider than the normal distribution's intervals of so few trials are; 1 below two."""
    return _far(trials) / Z if trials > 1 else 1.0


def all_equal(samples: Floats) -> bool:
    """Say whether samples are all the same, and so know nothing of the uncertainty."""
    return samples.size < 2 or bool(np.ptp(samples) < SAME)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for being several (Holm 1979, Scand. J. Stat. 6:65).

    Held against 0.05, they are wrong about any of those that are nothing one time in twenty at most.

    Parameters
    ----------
    p_values
        In [0, 1]; NaN, for what was not tested, stays so and does not count.

    Returns
    -------
    list[float]
        In [0, 1] and in the same order, none smaller than before.
    """
    from statsmodels.stats.multitest import multipletests

    given = np.array(p_values, dtype=np.float64)
    tested = ~np.isnan(given)
    if tested.any():
        given[tested] = multipletests(given[tested], method="holm")[1]
    return [float(p) for p in given]


def _model_variance(area: float, n_positive: int, n_negative: int) -> float:
    above, below = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (n_positive - 1) * (above - area**2) + (n_negative - 1) * (below - area**2)
    return (area * (1 - area) + spread) / (n_positive * n_negative)


def _last(within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Give where a stretch that begins inside ends on the way outside."""
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if within(middle) else (inside, middle)
    return inside
