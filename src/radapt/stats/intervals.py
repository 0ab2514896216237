"""95 % intervals and p-values from a value and its standard error or bootstrap samples."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
Z = 1.959963984540054  # the 97.5 % point of the normal distribution: 95 % lie within
Z_POWER = 0.8416212335729143  # the 80 % point of the normal distribution
SAME = 1e-12  # samples closer than this are the same number, rounded differently

_PRIOR = 2  # degrees of freedom given to the model variance of an AUROC
_STEPS = 60  # bisections, to machine precision


def wilson(rate: float, trials: float) -> tuple[float, float]:
    """Compute the 95 % score interval of a proportion (Wilson 1927, JASA 22:209): 10 of 10 give [0.722, 1].

    Parameters
    ----------
    rate
        The observed proportion, in [0, 1].
    trials
        The number of independent trials, more than 0.

    Returns
    -------
    tuple[float, float]
        Both ends, in [0, 1].
    """
    share = Z**2 / trials
    middle = (rate + share / 2) / (1 + share)
    reach = math.sqrt(rate * (1 - rate) * share + share**2 / 4) / (1 + share)
    # Exact at the ends, where rounding would not be.
    return 0.0 if rate <= 0 else max(0.0, middle - reach), 1.0 if rate >= 1 else min(1.0, middle + reach)


def proportion_interval(share: float, se: float, trials: int) -> tuple[float, float]:
    """Compute the 95 % interval of a proportion whose standard error is known from samples of patients.

    It is Wilson's for the effective number of images, which have this standard error (Korn & Graubard 1998,
    Surv. Methodol. 24:193), reduced by the ratio of Student's t to the normal quantile. Bootstrap percentiles
    cover a proportion near 0 or 1 too rarely or too often.

    Parameters
    ----------
    share, se
        The proportion, in [0, 1], and its standard error; 0 where all samples are equal.
    trials
        The number of patients, 1 or more.
    """
    if trials < 2 or se < SAME or not 0 < share < 1:
        return wilson(share, trials)
    return wilson(share, share * (1 - share) / se**2 * (Z / t_quantile(trials - 1)) ** 2)


def logit_interval(value: float, se: float, trials: int) -> tuple[float, float]:
    """Compute the 95 % interval of a value in (0, 1) that is symmetric on the logit scale.

    Boyd, Eng & Page (2013, ECML PKDD) advise it for average precision, whose percentiles lie too high.

    Parameters
    ----------
    value, se
        The value, above 0 and below 1, and its standard error.
    trials
        The effective sample size, 2 or more; Student's t has one degree of freedom less.
    """
    odds = math.log(value / (1 - value))
    reach = t_quantile(trials - 1) * se / (value * (1 - value))
    low, high = (1 / (1 + math.exp(min(700.0, -end))) for end in (odds - reach, odds + reach))
    return low, high


def mean_interval(mean: float, se: float, trials: int) -> tuple[float, float]:
    """Compute the 95 % interval of a mean of numbers in [0, 1] that are rarely 0 or 1, as squared errors are.

    It is that of `logit_interval`, with the small-sample bias of the bootstrap standard error corrected;
    Wilson's where all samples are equal.

    Parameters
    ----------
    mean, se
        The mean, in [0, 1], and the standard deviation of its bootstrap samples.
    trials
        The number of patients, 1 or more.
    """
    if trials < 2 or se < SAME or not 0 < mean < 1:
        return wilson(mean, trials)
    return logit_interval(mean, math.sqrt(trials / (trials - 1)) * se, trials)


def mover_interval(means: Floats, ends: Floats, correlation: Floats) -> tuple[float, float]:
    """Compute the 95 % interval of a sum from the intervals of its terms.

    The squared distance of each end from the sum is the sum of those of the terms to that side, with their
    correlations (Zou & Donner 2008, Stat. Med. 27:1693; known as MOVER).

    Parameters
    ----------
    means
        (S,), the terms.
    ends
        (S, 2), both ends of the 95 % interval of each.
    correlation
        (S, S), of the errors of the terms.
    """
    total = float(means.sum())
    below, above = means - ends[:, 0], ends[:, 1] - means
    reach = [math.sqrt(max(0.0, float(side @ correlation @ side))) for side in (below, above)]
    return total - reach[0], total + reach[1]


def correlation(samples: Floats) -> Floats:
    """Compute the correlation matrix, (S, S), of columns (B, S); 0 with a column that does not vary."""
    deviations = samples - samples.mean(axis=0)
    norms = np.sqrt(np.square(deviations).sum(axis=0))
    deviations = np.divide(deviations, norms, out=np.zeros_like(deviations), where=norms > 0)
    matrix = deviations.T @ deviations
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix, dtype=np.float64)


def percentiles(samples: Floats, trials: int) -> Floats:
    """Compute the percentile interval, (2, ...), of bootstrap samples (B, ...).

    With few trials percentiles are too narrow; they are expanded by the ratio of Student's t to the normal
    quantile (Hesterberg 2015, Am. Stat. 69:371).

    Parameters
    ----------
    samples
        The value in each sample, along the first axis; NaN is left out.
    trials
        The effective sample size, 2 or more.
    """
    outside = math.erfc(math.sqrt(trials / (trials - 1) / 2) * t_quantile(trials - 1)) / 2
    return np.asarray(np.nanquantile(samples, [outside, 1 - outside], axis=0), dtype=np.float64)


def corrected_percentiles(value: float, samples: Floats, trials: int) -> Floats:
    """Compute the bias-corrected percentile interval, (2,) (Efron & Tibshirani 1986, Stat. Sci. 1:54).

    Parameters
    ----------
    value
        The value on the test set.
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
    """Return the rank of the sample, from the outside, at which a 95 % interval ends; 0 if there are too few.

    Parameters
    ----------
    trials
        The effective sample size, 2 or more.
    count
        The number of samples.
    """
    from scipy.special import ndtr

    return max(0, math.ceil(float(ndtr(-_half_width(trials))) * (count + 1)) - 1)


def _half_width(trials: int) -> float:
    """Return half the width of a 95 % interval in bootstrap standard deviations, corrected for few trials."""
    return t_quantile(trials - 1) * math.sqrt(trials / (trials - 1))


def difference_interval(value: float, samples: Floats, trials: int) -> tuple[float, float, float]:
    """Compute the 95 % interval of a difference and its two-sided p-value for H0: difference = 0.

    The p-value is below 0.05 exactly where 0 lies outside the interval. It is twice the smaller tail of the
    samples beyond 0, with one sample more so that it is never 0, and expanded as `percentiles` is. The
    interval holds the differences whose p-value would not be below 0.05, and so ends at samples. Where trials
    are so few that no tail of that many samples could be small enough, both are by Student's t.

    Parameters
    ----------
    value
        The difference on the test set.
    samples
        (B,), the same on each bootstrap sample; not all equal.
    trials
        The effective sample size, 2 or more.

    Returns
    -------
    tuple[float, float, float]
        Both ends and the p-value.
    """
    from scipy.special import ndtri, stdtr

    freedom, wider = trials - 1, math.sqrt(trials / (trials - 1))
    last = percentile_index(trials, len(samples))
    if not last:
        se, reach = float(samples.std(ddof=1)), _half_width(trials)
        p = float(2 * stdtr(freedom, -abs(value) / (wider * se)))
        return value - reach * se, value + reach * se, p
    ordered = np.sort(samples)
    low, high = min(value, float(ordered[last - 1])), max(value, float(ordered[-last]))
    beyond = min(int((samples <= 0).sum()), int((samples >= 0).sum()))
    tail = min(0.5, (beyond + 1) / (len(samples) + 1))
    p = float(2 * stdtr(freedom, ndtri(tail) / wider))
    return low, high, 1.0 if p < 1 - LEVEL and low <= 0 <= high else p


def auroc_interval(area: float, se: float, n_positive: int, n_negative: int) -> tuple[float, float]:
    """Compute the 95 % score interval of an area under the ROC curve.

    As Wilson's does for a proportion, it holds all areas that a test would not reject, each with the standard
    error that it would have itself. How that depends on the area is Hanley & McNeil's model (1982, Radiology
    143:29), with patients for images; it is scaled to the given standard error, shrunk towards the model's as
    if by two patients more. The test is by Student's t. Percentiles cover an area near 1 of a rare finding
    too rarely; the coverage of this interval is measured in `docs/statistics.md`.

    Parameters
    ----------
    area, se
        The area, in [0, 1], and its standard error.
    n_positive, n_negative
        The number of patients with and without the finding, 2 or more each.

    Returns
    -------
    tuple[float, float]
        Both ends, in [0, 1].
    """
    freedom = min(n_positive, n_negative) - 1
    inside = min(max(area, 0.5 / (n_positive * n_negative)), 1 - 0.5 / (n_positive * n_negative))
    variance_ratio = se**2 / auroc_variance(inside, n_positive, n_negative)
    shrunk = (freedom * variance_ratio + _PRIOR) / (freedom + _PRIOR)
    reach = t_quantile(freedom + _PRIOR) * math.sqrt(shrunk)

    def within(other: float) -> bool:
        return abs(other - area) <= reach * math.sqrt(max(0.0, auroc_variance(other, n_positive, n_negative)))

    return _last(within, area, 0.0), _last(within, area, 1.0)


def auroc_variance(area: float, n_positive: float, n_negative: float) -> float:
    """Return the variance of an AUROC by the model of Hanley & McNeil (1982, Radiology 143:29)."""
    above, below = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (n_positive - 1) * (above - area**2) + (n_negative - 1) * (below - area**2)
    return (area * (1 - area) + spread) / (n_positive * n_negative)


def spread_factors(count: int) -> tuple[float, float]:
    """Compute the 95 % interval of a standard deviation, as factors of the sample's.

    It is by chi-square, for normally distributed numbers.

    Parameters
    ----------
    count
        The sample size, 2 or more: 3 give 0.52 and 6.3, 5 give 0.60 and 2.9.
    """
    from scipy.special import chdtri

    outside, freedom = (1 - LEVEL) / 2, count - 1
    low, high = (math.sqrt(freedom / float(chdtri(freedom, beyond))) for beyond in (outside, 1 - outside))
    return low, high


def t_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t; degrees of freedom are more than 0."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def widening(trials: int) -> float:
    """Return by how much intervals of few trials are wider than the normal distribution's; 1 below two."""
    return _half_width(trials) / Z if trials > 1 else 1.0


def all_equal(samples: Floats) -> bool:
    """Say whether samples are all equal, and so show no variance."""
    return samples.size < 2 or bool(np.ptp(samples) < SAME)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple testing (Holm 1979, Scand. J. Stat. 6:65).

    Compared with 0.05, they keep the family-wise error rate at 5 %.

    Parameters
    ----------
    p_values
        In [0, 1]; NaN, for what was not tested, stays NaN and does not count.

    Returns
    -------
    list[float]
        In [0, 1] and in the same order, none smaller than before.
    """
    raw = np.array(p_values, dtype=np.float64)
    rising = np.argsort(raw)[: np.count_nonzero(~np.isnan(raw))]  # NaN is sorted last
    adjusted = raw[rising] * np.arange(len(rising), 0, -1)
    raw[rising] = np.minimum(np.maximum.accumulate(adjusted), 1)
    return [float(p) for p in raw]


def _last(within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Bisect for the last point, from inside towards outside, that is still within."""
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if within(middle) else (inside, middle)
    return inside
