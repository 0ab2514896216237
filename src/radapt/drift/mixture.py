"""How the classes are mixed on both sides, and sides between which their mixture plays no part.

With labels images are compared within classes. Without, the scores say how common each class is among the new
images, if images of a class look alike on both sides, and the reference is thinned until it is mixed like
that.
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

Strata = Mapping[int, float]  # how common each stratum of labels is

LABELS, SCORES = "labels", "scores"  # by what the mixture is known


@dataclass(frozen=True, slots=True)
class Share:
    """How common one class, or one finding, is on both sides."""

    name: str
    reference: float
    new: float
    low: float | None = None  # 95 % interval of `new`, where that is estimated from scores and has one
    high: float | None = None
    p: float | None = None  # how often chance alone makes the sides differ as much; None without labels

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        given = asdict(self)
        return {"class": given.pop("name"), **given}

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.0%}, {self.high:.0%}]"
        return f"{self.name} {self.new:.0%}{interval} against {self.reference:.0%}"


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the classes are mixed on both sides, by labels or by scores; by neither where nothing is known."""

    by: str | None
    shares: tuple[Share, ...]
    p: float | None  # corrected for there being several classes; None where nothing is known
    likely: tuple[
        Strata, ...
    ] = ()  # what new images are mixed of, by scores: as estimated, then at the ends of
    # the interval, if there is one


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Images of two sides that may be compared stratum by stratum."""

    reference: DriftFeatures
    new: DriftFeatures
    strata: Numbers  # of the reference's images, then of the new ones


def mixture_by_labels(reference: DriftFeatures, new: DriftFeatures) -> Mixture:
    """Compare how common each class is, one image of each patient (Fisher's exact test, Bonferroni)."""
    from scipy.stats import fisher_exact

    shares = []
    for column in _told(reference):
        here, there = (_has(side, column) for side in (reference, new))
        if not len(here) or not len(there):
            continue  # a finding that one side is not labelled for
        table = [[int(side.sum()), int((~side).sum())] for side in (here, there)]
        p = float(fisher_exact(table).pvalue)
        shares.append(Share(reference.classes[column], float(here.mean()), float(there.mean()), p=p))
    least = min((share.p for share in shares if share.p is not None), default=None)
    return Mixture(LABELS, tuple(shares), None if least is None else min(1.0, len(shares) * least))


def mixture_by_scores(reference: DriftFeatures, new: DriftFeatures, *, seed: int = 0) -> Mixture:
    """Estimate from scores how common each class is among new images, and test whether scores differ at all.

    The test is Kolmogorov and Smirnov's of the scores as they are, class by class (Bonferroni).
    """
    from scipy.stats import ks_2samp

    columns = informative_scores(reference)
    p = min(float(ks_2samp(reference.scores[:, c], new.scores[:, c]).pvalue) for c in columns)
    likely = _likely(reference, new, seed)
    shares = []
    for column in _told(reference):
        own = _has(reference, column)
        if len(own):
            share, *interval = (_expected(reference, column, strata) for strata in likely)
            shares.append(Share(reference.classes[column], float(own.mean()), share, *sorted(interval)))
    return Mixture(SCORES, tuple(shares), min(1.0, len(columns) * p), likely)


def within_classes(reference: DriftFeatures, new: DriftFeatures) -> Alike:
    """Return the images of the classes that both sides have, in strata by class."""
    old, others = kinds_of(reference, new)
    one, other = np.isin(old, others), np.isin(others, old)
    return Alike(reference.take(one), new.take(other), np.concatenate([old[one], others[other]]))


def thinned(reference: DriftFeatures, new: DriftFeatures, strata: Strata, rng: np.random.Generator) -> Alike:
    """Return as many images of the reference as can be mixed like this, in one stratum with the new ones."""
    (old,) = kinds_of(reference)
    wanted = {kind: share for kind, share in strata.items() if share > NEVER}
    times = min(int((old == kind).sum()) / share for kind, share in wanted.items())
    rows = [
        rng.permutation(np.flatnonzero(old == kind))[: round(times * share)] for kind, share in wanted.items()
    ]
    return one_stratum(reference.take(np.sort(np.concatenate(rows))), new)


def kinds_of(*sides: DriftFeatures) -> list[Numbers]:
    """Return each image its stratum: its class, or the combination of its labels."""
    labels = [side.labels for side in sides]
    if are_exclusive(labels[0]) or labels[0].shape[1] == 1:
        return [stratify(each) for each in labels]
    said = np.nan_to_num(np.concatenate(labels), nan=-1.0)
    kinds = np.unique(said, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.split(kinds, np.cumsum([len(each) for each in labels])[:-1])


def one_stratum(reference: DriftFeatures, new: DriftFeatures) -> Alike:
    """Return all images, as they are."""
    return Alike(reference, new, np.zeros(len(reference) + len(new), dtype=np.int64))


def informative_scores(looks: DriftFeatures) -> list[int]:
    """Return the columns of scores that say anything of their own: of two classes one is the other's rest."""
    if len(looks.classes) == 2 and np.allclose(looks.scores.sum(axis=1), 1, atol=1e-3):
        return [positive_class(looks.classes)]
    return list(range(len(looks.classes)))


def _told(reference: DriftFeatures) -> list[int]:
    """Return the classes whose shares are told: of two that exclude one another the finding alone."""
    if are_exclusive(reference.labels) and len(reference.classes) == 2:
        return [positive_class(reference.classes)]
    return list(range(len(reference.classes)))


def _has(looks: DriftFeatures, column: int) -> NDArray[np.bool_]:
    """Say of each image that is labelled for a class, or a finding, whether it has it."""
    if are_exclusive(looks.labels):
        return np.asarray(looks.labels == column)
    known = looks.labels[:, column]
    return np.asarray(known[~np.isnan(known)] == 1)


def _expected(reference: DriftFeatures, column: int, strata: Strata) -> float:
    """Return how common a class is where strata are so common."""
    if are_exclusive(reference.labels):
        return strata.get(column, 0.0)
    (old,), has = kinds_of(reference), reference.labels[:, column] == 1
    return float(sum(share * has[old == kind].mean() for kind, share in strata.items()))


def _likely(reference: DriftFeatures, new: DriftFeatures, seed: int) -> tuple[Strata, ...]:
    """Return what new images are mixed of, by scores: of one finding also at the ends of its interval."""
    source = reference.predictions()
    shares = estimate_shares(source.scores, kinds_of(reference)[0], new.scores.astype(np.float64))
    if source.binary or (not source.exclusive and len(source.classes) == 1):
        try:
            found = estimate_label_shift(source, _unlabelled(new, source), seed=seed).prevalence
        except AskedWrongly:  # scores that part the classes without error
            return (shares,)
        finding = source.positive if source.exclusive else 1
        return tuple(
            {finding: share, 1 - finding: 1 - share} for share in (found.value, found.low, found.high)
        )
    return (shares,)


def _unlabelled(new: DriftFeatures, source: Predictions) -> Predictions:
    """Return scores of new images as predictions of the source's kind; their labels are not looked at."""
    labels = np.zeros((len(new), *source.labels.shape[1:]), dtype=source.labels.dtype)
    return DriftFeatures(new.features, new.scores, labels, new.patients, new.classes).predictions()
