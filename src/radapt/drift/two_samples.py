"""Three ways to hold two sets of films against each other: scores, features, and a classifier between them.

Each is a test of whether both were drawn alike, on rows that are independent of one another: one film of each
patient. The tests are those that Rabanser, Günnemann & Lipton 2019 ("Failing loudly", NeurIPS) compare.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radapt.watch import SILENT, Watch

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

FOLDS = 5
WIDE = 256  # features; of more the classifier takes as many principal components
STRENGTH = 0.05  # C of the logistic regression, on standardised features
STOP = 10  # draws at or above what was observed, after which no more are needed: p is above 0.05 by then
KERNEL_DRAWS = 999

_STILL = 1e-3  # of the spread of all features: what spreads less is not blown up to the size of the others
_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test found."""

    statistic: float
    p: float  # how often chance alone gives as much, in (0, 1]


def one_film_each(groups: Numbers, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw one film of each patient; give its row, by patient."""
    order = rng.permutation(len(groups))
    return order[np.unique(groups[order], return_index=True)[1]]


def compare_scores(old: Floats, new: Floats) -> list[Tested]:
    """Compare each column of scores, (m, k) and (n, k), by a Kolmogorov-Smirnov test.

    Black-box shift detection (Lipton, Wang & Smola 2018, ICML); the p-values are of one column each.
    """
    from scipy.stats import ks_2samp

    found = [ks_2samp(one, other) for one, other in zip(old.T, new.T, strict=True)]
    return [Tested(float(each.statistic), float(each.pvalue)) for each in found]


def compare_features(old: Floats, new: Floats, rng: np.random.Generator) -> Tested:
    """Compare features, (m, d) and (n, d), by their maximum mean discrepancy.

    Gretton et al. 2012, JMLR 13:723: the unbiased estimate of its square, with a Gaussian kernel as wide as
    the median distance, and rows permuted between the sides.
    """
    from scipy.spatial.distance import pdist, squareform

    rows, first = standardised(np.concatenate([old, new])), len(old)
    apart = squareform(pdist(rows, "sqeuclidean"))
    usual = float(np.median(apart[np.triu_indices(len(rows), 1)]))
    kernel = np.exp(-apart / (2 * max(usual, _SAME)))
    sides = np.repeat([True, False], [first, len(new)])
    drawn = rng.permuted(np.repeat(sides[:, None], KERNEL_DRAWS, axis=1), axis=0)
    found = _discrepancies(kernel, np.column_stack([sides, drawn]))
    above = int((found[1:] >= found[0] - _SAME).sum())
    return Tested(float(found[0]), (above + 1) / (KERNEL_DRAWS + 1))


def _discrepancies(kernel: NDArray[np.float64], sides: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give the unbiased estimate for each column of sides, (n, draws)."""
    one = sides.astype(np.float64)
    m, n = int(one[:, 0].sum()), int((1 - one[:, 0]).sum())
    of_one = kernel @ one
    of_other = kernel.sum(axis=1, keepdims=True) - of_one
    within = (one * of_one).sum(axis=0) - m  # the diagonal is 1
    within_other = ((1 - one) * of_other).sum(axis=0) - n
    across = ((1 - one) * of_one).sum(axis=0)
    found: NDArray[np.float64] = within / (m * (m - 1)) + within_other / (n * (n - 1)) - 2 * across / (m * n)
    return found


def compare_by_classifier(
    old: Floats, new: Floats, rng: np.random.Generator, *, draws: int, watch: Watch = SILENT
) -> Tested:
    """Compare features, (m, d) and (n, d), by how well a logistic regression tells the sides apart.

    The statistic is its AUROC over 5 folds (a classifier two-sample test: Lopez-Paz & Oquab 2017, ICLR); rows
    are permuted between the sides and the regression fitted anew, up to `draws` times.
    """
    rows = narrowed(standardised(np.concatenate([old, new])))
    sides = np.repeat([0, 1], [len(old), len(new)])
    folds = _folds(sides, np.arange(len(rows)))
    observed = _area(sides, _out_of_fold(rows, sides, folds))
    watch.begin("telling old from new", draws, "permutation")

    def again(order: NDArray[np.intp], done: int) -> float:
        watch.advance(done)
        return _area(sides, _out_of_fold(rows[order], sides, folds))

    p = _permutation_p(observed, again, len(rows), draws, rng)
    watch.end()
    return Tested(observed, p)


def _permutation_p(
    observed: float,
    again: Callable[[NDArray[np.intp], int], float],
    size: int,
    draws: int,
    rng: np.random.Generator,
) -> float:
    """Give the p-value of a permutation test that stops where it is clear to be large.

    Besag & Clifford 1991, Biometrika 78:301: no more than alpha of such p-values are alpha or less.
    """
    above = 0
    for done in range(1, draws + 1):
        above += again(rng.permutation(size), done) >= observed - _SAME
        if above == STOP:
            return STOP / done
    return (above + 1) / (draws + 1)


def told_apart(features: Floats, sides: Numbers, patients: Numbers) -> float:
    """Give how well a logistic regression of features tells two sides apart, as a cross-validated AUROC.

    0.5 is not at all, 1 always; NaN where a side has one patient. Films of a patient are in one fold.

    Parameters
    ----------
    features
        (n, d), of both sides.
    sides
        (n,), 0 or 1.
    patients
        (n,), whose film each is; a number stands for one patient of one side.
    """
    folds = _folds(sides, patients)
    if not folds.any():
        return math.nan
    return _area(sides, _out_of_fold(narrowed(standardised(features)), sides, folds))


def likeness_to_new(
    features: Floats, sides: Numbers, patients: Numbers, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Give how surely each film is called new, in log odds, by a regression that saw no film of its patient.

    Parameters
    ----------
    features, sides, patients
        As for `told_apart`.
    rows
        Those to learn from.
    """
    return _out_of_fold(narrowed(standardised(features)), sides, _folds(sides, patients), rows)


def standardised(features: Floats) -> Floats:
    """Give features (n, d) with mean 0 and spread 1.

    One that hardly spreads next to the others stays small: its digits may differ from machine to machine.
    """
    spread = features.std(axis=0)
    scaled: Floats = (features - features.mean(axis=0)) / (spread + _STILL * features.std() + _SAME)
    return scaled


def narrowed(features: Floats) -> Floats:
    """Give no more than 256 columns: where there are more, their principal components."""
    from sklearn.decomposition import PCA

    if features.shape[1] <= WIDE:
        return features
    components = min(WIDE, len(features))
    narrow: Floats = PCA(components, svd_solver="randomized", random_state=0).fit_transform(features)
    return narrow


def _folds(sides: Numbers, patients: Numbers) -> NDArray[np.intp]:
    """Deal the patients of each side to the folds in turn; give the fold of each film."""
    folds = np.zeros(len(sides), dtype=np.intp)  # as they stay where a side has one patient
    numbers = [np.unique(patients[sides == side], return_inverse=True)[1] for side in (0, 1)]
    count = min(FOLDS, *(len(np.unique(each)) for each in numbers))
    for side, each in enumerate(numbers):
        folds[sides == side] = each % count
    return folds


def _out_of_fold(
    features: Floats, sides: Numbers, folds: NDArray[np.intp], rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Give log odds of side 1 by a regression on the other folds, or on those of `rows` among them."""
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    learns = np.ones(len(sides), dtype=np.bool_)
    if rows is not None:
        learns[:] = False
        learns[rows] = True
    given = np.empty(len(sides))
    model = LogisticRegression(C=STRENGTH, tol=1e-2, max_iter=1000)
    with config_context(assume_finite=True, skip_parameter_validation=True):  # checks take half the time
        for fold in range(int(folds.max()) + 1):
            some, held = learns & (folds != fold), folds == fold
            given[held] = model.fit(features[some], sides[some]).decision_function(features[held])
    return given


def _area(sides: Numbers, scores: NDArray[np.float64]) -> float:
    """Give the AUROC, by ranks: a tenth of the time that scikit-learn's takes to check what it is given."""
    from scipy.stats import rankdata

    ones = int(sides.sum())
    above = rankdata(scores)[sides == 1].sum() - ones * (ones + 1) / 2
    return float(above / (ones * (len(sides) - ones)))
