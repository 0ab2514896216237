"""Three ways to hold two sets of images against each other: scores, features, and a classifier between them.

Each is a test of whether both were drawn alike, stratum by stratum, on rows that are independent of one
another: one image of each patient. The tests are those that Rabanser, Günnemann & Lipton 2019 ("Failing
loudly", NeurIPS) compare. Strata are classes, so that sides do not differ by their mixture, or one for all.

Sides are permuted within strata, and each row counts by its side less the share of new rows in its stratum:
so in each stratum the old rows together weigh as much as the new ones (Mantel & Haenszel's weights), and in a
single stratum the statistics are the usual ones.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Numbers = NDArray[np.int64]

FOLDS = 5
WIDE = 256  # features; of more the classifier takes as many principal components
STRENGTH = 0.05  # C of the logistic regression, on standardised features
RIDGE = 4 / STRENGTH  # penalty of the linear one: as much, where a logistic curve is steepest
DRAWS = 999  # permutations

_STILL = 1e-3  # of the spread of all features: what spreads less is not blown up to the size of the others
_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test found."""

    statistic: float
    p: float  # how often chance alone gives as much, in (0, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """Rows of two sides, in strata, and the sides under permutations within these."""

    strata: tuple[NDArray[np.intp], ...]  # the rows of each
    new: NDArray[np.bool_]  # (n, 1 + `DRAWS`), which rows are new: in the first column as they are
    weights: (
        Reals  # of the same shape: above 0 of new rows, below of old ones, each adding up to 1 without sign
    )
    size: float  # by which `weights` were divided: the images' worth that both sides make together


def one_image_each(groups: Numbers, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw one image of each patient; give its row, by patient."""
    order = rng.permutation(len(groups))
    return order[np.unique(groups[order], return_index=True)[1]]


def deal(sides: NDArray[np.bool_], strata: Numbers, rng: np.random.Generator) -> Dealt:
    """Permute sides, (n,) and true of new rows, within strata, (n,), each of which has rows of both."""
    new = np.repeat(sides[:, None], 1 + DRAWS, axis=1)
    rows = tuple(np.flatnonzero(strata == kind) for kind in np.unique(strata))
    weights = new.astype(np.float64)
    for each in rows:
        new[each, 1:] = rng.permuted(new[each, 1:], axis=0)
        weights[each] = new[each] - sides[each].mean()
    size = float((weights[:, 0] ** 2).sum())
    return Dealt(rows, new, weights / size, size)


def within(columns: Floats | Reals, dealt: Dealt) -> Reals:
    """Return columns (n, d) less their mean in each stratum."""
    centred: Reals = columns.astype(np.float64)
    for rows in dealt.strata:
        centred[rows] -= centred[rows].mean(axis=0)
    return centred


def compare_scores(scores: Floats, dealt: Dealt) -> tuple[Tested, list[Tested]]:
    """Compare each column of scores, (n, k), by its Kolmogorov-Smirnov distance.

    Black-box shift detection (Lipton, Wang & Smola 2018, ICML), stratum by stratum.

    Returns
    -------
    Tested, list[Tested]
        The largest of all columns, held against the largest under permutations, and each column by itself.
    """
    found = np.stack([_farthest(column, dealt.weights) for column in scores.T])
    largest = found.max(axis=0)
    return Tested(float(largest[0]), _share(largest)), [
        Tested(float(each[0]), _share(each)) for each in found
    ]


def _farthest(column: Floats, weights: Reals) -> Reals:
    """Return how far apart two distribution functions come, for each column of weights."""
    order = np.argsort(column, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(column[order])), len(column) - 1)  # the last of equal scores
    farthest: Reals = np.abs(np.cumsum(weights[order], axis=0)[ends]).max(axis=0)
    return farthest


def _share(found: Reals) -> float:
    """Return the p-value: how many draws, the rows as they are among them, give as much as these."""
    return float((found >= found[0] - _SAME).mean())


def compare_features(features: Floats, dealt: Dealt) -> Tested:
    """Compare features, (n, d), by their maximum mean discrepancy.

    Gretton et al. 2012, JMLR 13:723: its square with a Gaussian kernel as wide as the median distance, less
    what permutations give on average.
    """
    from scipy.spatial.distance import pdist, squareform

    apart = squareform(pdist(standardised(features), "sqeuclidean"))
    usual = float(np.median(apart[np.triu_indices(len(apart), 1)]))
    kernel = np.exp(-apart / (2 * max(usual, _SAME)))
    found = (dealt.weights * (kernel @ dealt.weights)).sum(axis=0)
    return Tested(float(found[0] - found[1:].mean()), _share(found))


def compare_by_classifier(features: Floats, dealt: Dealt, rng: np.random.Generator) -> Tested:
    """Compare features, (n, d), by how well a linear regression tells the sides apart.

    The statistic is its AUROC over 5 folds within strata (a classifier two-sample test: Lopez-Paz & Oquab
    2017, ICLR). The regression is of the side on features, with a ridge penalty and an intercept for each
    stratum; as it is linear, it is fitted to all permutations at once.
    """
    rows = within(narrowed(standardised(features)), dealt)
    folds = np.empty(len(rows), dtype=np.intp)
    for each in dealt.strata:
        folds[each] = rng.permutation(len(each)) % FOLDS  # whatever the side, which permutations change
    given = np.empty_like(dealt.weights)
    for fold in range(FOLDS):
        some, held = rows[folds != fold], folds == fold
        bend = some.T @ some + RIDGE * np.eye(rows.shape[1])
        given[held] = rows[held] @ np.linalg.solve(bend, some.T @ dealt.weights[folds != fold])
    areas = _areas(given, dealt)
    return Tested(float(areas[0]), _share(areas))


def _areas(given: Reals, dealt: Dealt) -> Reals:
    """Return the AUROC of each column within strata, these weighed by their share of what both sides make."""
    from scipy.stats import rankdata

    total = np.zeros(given.shape[1])
    for rows in dealt.strata:
        ones = int(dealt.new[rows, 0].sum())
        pairs = ones * (len(rows) - ones)
        ranks = (rankdata(given[rows], axis=0) * dealt.new[rows]).sum(axis=0)
        total += (ranks - ones * (ones + 1) / 2) / pairs * (pairs / len(rows) / dealt.size)
    return total


def domain_classifier_auroc(features: Floats, sides: Numbers, patients: Numbers) -> float:
    """Return how well a logistic regression of features tells two sides apart, as a cross-validated AUROC.

    0.5 is not at all, 1 always; NaN where a side has one patient. Images of a patient are in one fold.

    Parameters
    ----------
    features
        (n, d), of both sides.
    sides
        (n,), 0 or 1.
    patients
        (n,), whose image each is; a number stands for one patient of one side.
    """
    folds = _folds(sides, patients)
    if not folds.any():
        return math.nan
    return _area(sides, _out_of_fold(narrowed(standardised(features)), sides, folds))


def likeness_to_new(
    features: Floats, sides: Numbers, patients: Numbers, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the log odds that each image is new, by a regression that saw no image of its patient.

    Parameters
    ----------
    features, sides, patients
        As for `told_apart`.
    rows
        Those to learn from.
    """
    return _out_of_fold(narrowed(standardised(features)), sides, _folds(sides, patients), rows)


def standardised(features: Floats) -> Floats:
    """Return features (n, d) with mean 0 and spread 1.

    One that hardly spreads next to the others stays small: its digits may differ from machine to machine.
    """
    spread = features.std(axis=0)
    scaled: Floats = (features - features.mean(axis=0)) / (spread + _STILL * features.std() + _SAME)
    return scaled


def narrowed(features: Floats) -> Floats:
    """Return no more than 256 columns: where there are more, their principal components."""
    from sklearn.decomposition import PCA

    if features.shape[1] <= WIDE:
        return features
    components = min(WIDE, len(features))
    narrow: Floats = PCA(components, svd_solver="randomized", random_state=0).fit_transform(features)
    return narrow


def _folds(sides: Numbers, patients: Numbers) -> NDArray[np.intp]:
    """Deal the patients of each side to the folds in turn; give the fold of each image."""
    folds = np.zeros(len(sides), dtype=np.intp)  # as they stay where a side has one patient
    numbers = [np.unique(patients[sides == side], return_inverse=True)[1] for side in (0, 1)]
    count = min(FOLDS, *(len(np.unique(each)) for each in numbers))
    for side, each in enumerate(numbers):
        folds[sides == side] = each % count
    return folds


def _out_of_fold(
    features: Floats, sides: Numbers, folds: NDArray[np.intp], rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Return log odds of side 1 by a regression on the other folds, or on those of `rows` among them."""
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
    """Return the AUROC, by ranks: a tenth of the time that scikit-learn's takes to check what it is given."""
    from scipy.stats import rankdata

    ones = int(sides.sum())
    above = rankdata(scores)[sides == 1].sum() - ones * (ones + 1) / 2
    return float(above / (ones * (len(sides) - ones)))
