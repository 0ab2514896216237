"""Three two-sample tests of images: by scores, by features, and by a classifier between the two sides.

Each tests whether both sides come from one distribution, stratum by stratum, on independent rows: one image
of each patient. The tests are among those that Rabanser, Günnemann & Lipton 2019 ("Failing loudly", NeurIPS)
compare. Strata are the classes, so that the sides' mixture of classes plays no part, or one stratum of all.

Sides are permuted within strata. Each row is weighted by its side less the share of new rows in its stratum,
so that in each stratum reference rows together weigh as much as new ones (Mantel & Haenszel's weights); with
a single stratum the statistics are the usual ones.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Numbers = NDArray[np.int64]

FOLDS = 5
MAX_FEATURES = 256  # of the classifier; more are reduced to as many principal components
STRENGTH = 0.05  # C of the logistic regression, on standardised features
RIDGE = 4 / STRENGTH  # penalty of the linear regression: the same where the logistic curve is steepest
DRAWS = 999  # permutations

_MIN_SPREAD = 1e-3  # of all features' spread: smaller spreads are not scaled up to those of the others
_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of a test."""

    statistic: float
    p: float  # in (0, 1]


@dataclass(frozen=True, slots=True, eq=False)
class PermutedSides:
    """Rows of two sides, in strata, and the sides under permutations within strata."""

    strata: tuple[NDArray[np.intp], ...]  # the rows of each stratum
    new: NDArray[np.bool_]  # (n, 1 + `DRAWS`), which rows are new: unpermuted in the first column
    weights: Reals  # of the same shape: above 0 of new rows, below of others; each side's add up to 1 and -1
    size: float  # effective number of images, by which `weights` were divided


def one_image_each(groups: Numbers, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw one image of each patient; return their rows, in the order of patients."""
    order = rng.permutation(len(groups))
    return order[np.unique(groups[order], return_index=True)[1]]


def permute_sides(sides: NDArray[np.bool_], strata: Numbers, rng: np.random.Generator) -> PermutedSides:
    """Permute sides, (n,) and true of new rows, within strata, (n,), each of which has rows of both."""
    new = np.repeat(sides[:, None], 1 + DRAWS, axis=1)
    rows = tuple(np.flatnonzero(strata == kind) for kind in np.unique(strata))
    weights = new.astype(np.float64)
    for each in rows:
        new[each, 1:] = rng.permuted(new[each, 1:], axis=0)
        weights[each] = new[each] - sides[each].mean()
    size = float((weights[:, 0] ** 2).sum())
    return PermutedSides(rows, new, weights / size, size)


def within(columns: Floats | Reals, permuted: PermutedSides) -> Reals:
    """Return columns (n, d) centred within each stratum."""
    centred: Reals = columns.astype(np.float64)
    for rows in permuted.strata:
        centred[rows] -= centred[rows].mean(axis=0)
    return centred


def compare_scores(scores: Floats, permuted: PermutedSides) -> tuple[TestResult, list[TestResult]]:
    """Compare each column of scores, (n, k), by its Kolmogorov-Smirnov distance.

    Black-box shift detection (Lipton, Wang & Smola 2018, ICML), stratum by stratum.

    Returns
    -------
    TestResult, list[TestResult]
        The largest statistic of all columns, compared with the largest under permutations; and each column's
        own test.
    """
    statistics = np.stack([_farthest(column, permuted.weights) for column in scores.T])
    largest = statistics.max(axis=0)
    return TestResult(float(largest[0]), _share(largest)), [
        TestResult(float(each[0]), _share(each)) for each in statistics
    ]


def _farthest(column: Floats, weights: Reals) -> Reals:
    """Return the largest distance between the two distribution functions, for each column of weights."""
    order = np.argsort(column, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(column[order])), len(column) - 1)  # the last of equal scores
    farthest: Reals = np.abs(np.cumsum(weights[order], axis=0)[ends]).max(axis=0)
    return farthest


def _share(statistics: Reals) -> float:
    """Return the p-value: the share of draws, the first being the data, with as large a statistic as it."""
    return float((statistics >= statistics[0] - _SAME).mean())


def compare_features(features: Floats, permuted: PermutedSides) -> TestResult:
    """Compare features, (n, d), by their maximum mean discrepancy.

    Gretton et al. 2012, JMLR 13:723: its square with a Gaussian kernel as wide as the median distance, less
    what permutations give on average.
    """
    from scipy.spatial.distance import pdist, squareform

    apart = squareform(pdist(standardised(features), "sqeuclidean"))
    usual = float(np.median(apart[np.triu_indices(len(apart), 1)]))
    kernel = np.exp(-apart / (2 * max(usual, _SAME)))
    statistics = (permuted.weights * (kernel @ permuted.weights)).sum(axis=0)
    return TestResult(float(statistics[0] - statistics[1:].mean()), _share(statistics))


def compare_by_classifier(features: Floats, permuted: PermutedSides, rng: np.random.Generator) -> TestResult:
    """Compare features, (n, d), by how well a linear regression distinguishes the sides.

    The statistic is its AUROC over 5 folds within strata (a classifier two-sample test: Lopez-Paz & Oquab
    2017, ICLR). The regression is of the side on features, with a ridge penalty and an intercept for each
    stratum; as it is linear, it is fitted to all permutations at once.
    """
    rows = within(narrowed(standardised(features)), permuted)
    folds = np.empty(len(rows), dtype=np.intp)
    for each in permuted.strata:
        folds[each] = rng.permutation(len(each)) % FOLDS  # whatever the side, which permutations change
    predicted = np.empty_like(permuted.weights)
    for fold in range(FOLDS):
        train, test = rows[folds != fold], folds == fold
        hessian = train.T @ train + RIDGE * np.eye(rows.shape[1])
        predicted[test] = rows[test] @ np.linalg.solve(hessian, train.T @ permuted.weights[folds != fold])
    areas = _areas(predicted, permuted)
    return TestResult(float(areas[0]), _share(areas))


def _areas(predicted: Reals, permuted: PermutedSides) -> Reals:
    """Return the AUROC of each column within strata, a mean weighted by the strata's effective sizes."""
    from scipy.stats import rankdata

    total = np.zeros(predicted.shape[1])
    for rows in permuted.strata:
        ones = int(permuted.new[rows, 0].sum())
        pairs = ones * (len(rows) - ones)
        ranks = (rankdata(predicted[rows], axis=0) * permuted.new[rows]).sum(axis=0)
        total += (ranks - ones * (ones + 1) / 2) / pairs * (pairs / len(rows) / permuted.size)
    return total


def domain_classifier_auroc(features: Floats, sides: Numbers, patients: Numbers) -> float:
    """Return the cross-validated AUROC of a logistic regression of two sides on features.

    NaN where a side has one patient only. Images of a patient are in one fold.

    Parameters
    ----------
    features
        (n, d), of both sides.
    sides
        (n,), 0 or 1.
    patients
        (n,), the patient of each image; a number stands for one patient of one side.
    """
    folds = _folds(sides, patients)
    if not folds.any():
        return math.nan
    return _area(sides, _out_of_fold(narrowed(standardised(features)), sides, folds))


def log_odds_of_new(
    features: Floats, sides: Numbers, patients: Numbers, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the log-odds that each image is new, by a regression fitted without its patient.

    Parameters
    ----------
    features, sides, patients
        As for `domain_classifier_auroc`.
    rows
        The rows to fit on.
    """
    return _out_of_fold(narrowed(standardised(features)), sides, _folds(sides, patients), rows)


def standardised(features: Floats) -> Floats:
    """Return features (n, d) with mean 0 and standard deviation 1.

    One with next to no spread stays small, since its last digits may differ from machine to machine.
    """
    spread = features.std(axis=0)
    scaled: Floats = (features - features.mean(axis=0)) / (spread + _MIN_SPREAD * features.std() + _SAME)
    return scaled


def narrowed(features: Floats) -> Floats:
    """Return at most 256 columns: of more features the principal components."""
    from sklearn.decomposition import PCA

    if features.shape[1] <= MAX_FEATURES:
        return features
    components = min(MAX_FEATURES, len(features))
    narrow: Floats = PCA(components, svd_solver="randomized", random_state=0).fit_transform(features)
    return narrow


def _folds(sides: Numbers, patients: Numbers) -> NDArray[np.intp]:
    """Assign the patients of each side to folds in turn; return the fold of each image."""
    folds = np.zeros(len(sides), dtype=np.intp)  # as they stay where a side has one patient
    numbers = [np.unique(patients[sides == side], return_inverse=True)[1] for side in (0, 1)]
    count = min(FOLDS, *(len(np.unique(each)) for each in numbers))
    for side, each in enumerate(numbers):
        folds[sides == side] = each % count
    return folds


def _out_of_fold(
    features: Floats, sides: Numbers, folds: NDArray[np.intp], rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Return log-odds of side 1 by a regression on the other folds, or on the rows of `rows` in them."""
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    learns = np.ones(len(sides), dtype=np.bool_)
    if rows is not None:
        learns[:] = False
        learns[rows] = True
    predicted = np.empty(len(sides))
    model = LogisticRegression(C=STRENGTH, tol=1e-2, max_iter=1000)
    with config_context(assume_finite=True, skip_parameter_validation=True):  # checks take half the time
        for fold in range(int(folds.max()) + 1):
            train, test = learns & (folds != fold), folds == fold
            predicted[test] = model.fit(features[train], sides[train]).decision_function(features[test])
    return predicted


def _area(sides: Numbers, scores: NDArray[np.float64]) -> float:
    """Return the AUROC by ranks, ten times as fast as scikit-learn's with its checks."""
    from scipy.stats import rankdata

    ones = int(sides.sum())
    above = rankdata(scores)[sides == 1].sum() - ones * (ones + 1) / 2
    return float(above / (ones * (len(sides) - ones)))
