"""The mixture of classes on both sides, and sets of images between which it plays no part.

With labels images are compared within classes. Without labels of the new images, their mixture is estimated
from scores, supposing that images of a class look alike on both sides, and the reference is subsampled to it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.drift.features import DriftFeatures
from radapt.drift.two_samples import Numbers
from radapt.errors import AskedWrongly
from radapt.evaluation.label_shift import NEVER, estimate_label_shift, estimate_shares
from radapt.labels import are_exclusive, positive_class, stratify
from radapt.predictions import Predictions

Strata = Mapping[int, float]  # stratum of labels to its share, 0 to 1

LABELS, SCORES = "labels", "scores"  # what the mixture is known from


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one class, or one label, on both sides."""

    name: str
    reference: float
    new: float
    low: float | None = None  # 95 % interval of `new`, where that is estimated from scores and has one
    high: float | None = None
    p: float | None = None  # of no difference, by Fisher's exact test; None without labels

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        fields = asdict(self)
        return {"class": fields.pop("name"), **fields}

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.0%}, {self.high:.0%}]"
        return f"{self.name} {self.new:.0%}{interval} against {self.reference:.0%}"


@dataclass(frozen=True, slots=True)
class Mixture:
    """The mixture of classes on both sides, known from labels, from scores, or not at all."""

    by: str | None
    shares: tuple[Share, ...]
    p: float | None  # of no difference, corrected for several classes; None where nothing is known
    likely: tuple[
        Strata, ...
    ] = ()  # what new images are mixed of, by scores: as estimated, then at the ends of
    # the interval, if there is one


@dataclass(frozen=True, slots=True, eq=False)
class ComparableSets:
    """Images of two sides that can be compared stratum by stratum."""

    reference: DriftFeatures
    new: DriftFeatures
    strata: Numbers  # of the reference's images, then of the new ones


def mixture_by_labels(reference: DriftFeatures, new: DriftFeatures) -> Mixture:
    """Compare each class's share, on one image of each patient (Fisher's exact test, Bonferroni)."""
    from scipy.stats import fisher_exact

    shares = []
    for column in _reported_columns(reference):
        here, there = (_has(side, column) for side in (reference, new))
        if not len(here) or not len(there):
            continue  # one side has no such labels
        table = [[int(side.sum()), int((~side).sum())] for side in (here, there)]
        p = float(fisher_exact(table).pvalue)
        shares.append(Share(reference.classes[column], float(here.mean()), float(there.mean()), p=p))
    least = min((share.p for share in shares if share.p is not None), default=None)
    return Mixture(LABELS, tuple(shares), None if least is None else min(1.0, len(shares) * least))


def mixture_by_scores(reference: DriftFeatures, new: DriftFeatures, *, seed: int = 0) -> Mixture:
    """Estimate each class's share among new images from scores, and test whether scores differ at all.

    The test is a Kolmogorov-Smirnov test of the scores, class by class (Bonferroni).
    """
    from scipy.stats import ks_2samp

    columns = informative_scores(reference)
    p = min(float(ks_2samp(reference.scores[:, c], new.scores[:, c]).pvalue) for c in columns)
    likely = _likely(reference, new, seed)
    shares = []
    for column in _reported_columns(reference):
        own = _has(reference, column)
        if len(own):
            share, *interval = (_expected(reference, column, strata) for strata in likely)
            shares.append(Share(reference.classes[column], float(own.mean()), share, *sorted(interval)))
    return Mixture(SCORES, tuple(shares), min(1.0, len(columns) * p), likely)


def within_classes(reference: DriftFeatures, new: DriftFeatures) -> ComparableSets:
    """Return the images of classes that both sides have, a stratum for each class."""
    strata, others = strata_of(reference, new)
    one, other = np.isin(strata, others), np.isin(others, strata)
    return ComparableSets(reference.take(one), new.take(other), np.concatenate([strata[one], others[other]]))


def match_mixture(
    reference: DriftFeatures, new: DriftFeatures, strata: Strata, rng: np.random.Generator
) -> ComparableSets:
    """Return the largest subsample of the reference with this mixture, in one stratum with the new images."""
    (kinds,) = strata_of(reference)
    wanted = {kind: share for kind, share in strata.items() if share > NEVER}
    times = min(int((kinds == kind).sum()) / share for kind, share in wanted.items())
    rows = [
        rng.permutation(np.flatnonzero(kinds == kind))[: round(times * share)]
        for kind, share in wanted.items()
    ]
    return one_stratum(reference.take(np.sort(np.concatenate(rows))), new)


def strata_of(*sides: DriftFeatures) -> list[Numbers]:
    """Return the stratum of each image, (n,): its class, or the combination of its labels."""
    labels = [side.labels for side in sides]
    if are_exclusive(labels[0]) or labels[0].shape[1] == 1:
        return [stratify(each) for each in labels]
    known = np.nan_to_num(np.concatenate(labels), nan=-1.0)
    kinds = np.unique(known, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.split(kinds, np.cumsum([len(each) for each in labels])[:-1])


def one_stratum(reference: DriftFeatures, new: DriftFeatures) -> ComparableSets:
    """Return all images, in one stratum."""
    return ComparableSets(reference, new, np.zeros(len(reference) + len(new), dtype=np.int64))


def informative_scores(features: DriftFeatures) -> list[int]:
    """Return the columns of scores that are not redundant: one of two whose scores add up to one."""
    if len(features.classes) == 2 and np.allclose(features.scores.sum(axis=1), 1, atol=1e-3):
        return [positive_class(features.classes)]
    return list(range(len(features.classes)))


def _reported_columns(reference: DriftFeatures) -> list[int]:
    """Return the columns whose shares are reported: of two exclusive classes the positive one alone."""
    if are_exclusive(reference.labels) and len(reference.classes) == 2:
        return [positive_class(reference.classes)]
    return list(range(len(reference.classes)))


def _has(features: DriftFeatures, column: int) -> NDArray[np.bool_]:
    """Return, for each image labelled for this class, whether it has it."""
    if are_exclusive(features.labels):
        return np.asarray(features.labels == column)
    known = features.labels[:, column]
    return np.asarray(known[~np.isnan(known)] == 1)


def _expected(reference: DriftFeatures, column: int, strata: Strata) -> float:
    """Return the share of a class, given the shares of strata."""
    if are_exclusive(reference.labels):
        return strata.get(column, 0.0)
    (kinds,), has = strata_of(reference), reference.labels[:, column] == 1
    return float(sum(share * has[kinds == kind].mean() for kind, share in strata.items()))


def _likely(reference: DriftFeatures, new: DriftFeatures, seed: int) -> tuple[Strata, ...]:
    """Return the new images' mixture by scores; for one finding also those at the ends of its interval."""
    source = reference.predictions()
    shares = estimate_shares(source.scores, strata_of(reference)[0], new.scores.astype(np.float64))
    if source.binary or (not source.exclusive and len(source.classes) == 1):
        try:
            prevalence = estimate_label_shift(source, _unlabelled(new, source), seed=seed).prevalence
        except AskedWrongly:  # scores separate the classes without error
            return (shares,)
        finding = source.positive if source.exclusive else 1
        return tuple(
            {finding: share, 1 - finding: 1 - share}
            for share in (prevalence.value, prevalence.low, prevalence.high)
        )
    return (shares,)


def _unlabelled(new: DriftFeatures, source: Predictions) -> Predictions:
    """Return the new images' scores as predictions like the source's, with zeros for labels."""
    labels = np.zeros((len(new), *source.labels.shape[1:]), dtype=source.labels.dtype)
    return DriftFeatures(new.features, new.scores, labels, new.patients, new.classes).predictions()
