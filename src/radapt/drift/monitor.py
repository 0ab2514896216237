"""Whether new films look like a model's reference, film by film and as a whole, and what that costs.

An alarm says that inputs differ. It does not say that the model is wrong on them: only labels do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.drift.harm import harm
from radapt.drift.looks import Looks
from radapt.drift.pixels import GREYS, Differs, compare_greys
from radapt.drift.two_samples import (
    Tested,
    compare_by_classifier,
    compare_features,
    compare_scores,
    likeness_to_new,
    one_film_each,
)
from radapt.drift.unusual import distances
from radapt.errors import AskedWrongly
from radapt.labels import finding_of, strata_of
from radapt.watch import SILENT, Watch

ALPHA = 0.05
FEWEST = 10  # patients of either side, without whom films are not compared
LISTED = 10  # films that are named, and grey statistics
SAID = 3  # grey statistics that are put in words
FAR = 95.0  # percentile of the reference beyond which a film counts as far from it
TESTS = {
    "bbsd": "the model's scores, class by class (Kolmogorov-Smirnov)",
    "mmd": "the trunk's features (maximum mean discrepancy)",
    "classifier": "a classifier that tells old from new (AUROC)",
    "pixels": "grey statistics of the pixels (ranks)",
}

_LEAST_DRAWS = 199


@dataclass(frozen=True, slots=True)
class Compared:
    """What the tests of one comparison found."""

    tests: dict[str, Tested]  # those of `TESTS`; without "pixels" where a side has no grey statistics
    classes: dict[str, Tested]  # the scores of each class, uncorrected
    patients: tuple[int, int]  # of the reference and of the new films, one film each
    alpha: float
    greys: tuple[Differs, ...] = ()  # statistics that differ at 5 %, all of them considered, clearest first

    def adjusted(self, name: str) -> float:
        """Give a test's p-value, corrected for there being several (Bonferroni)."""
        return min(1.0, len(self.tests) * self.tests[name].p)

    @property
    def alarm(self) -> bool:
        """Whether any test says that inputs differ."""
        return any(self.adjusted(name) <= self.alpha for name in self.tests)

    def as_dict(self) -> dict[str, Any]:
        """Give a value for JSON."""
        return {
            "alarm": self.alarm,
            "tests": [
                {
                    "name": name,
                    "statistic": found.statistic,
                    "p": found.p,
                    "adjusted": self.adjusted(name),
                    "differs": self.adjusted(name) <= self.alpha,
                }
                for name, found in self.tests.items()
            ],
            "scores": [
                {"class": name, "statistic": found.statistic, "p": found.p}
                for name, found in self.classes.items()
            ],
            "greys": [each.as_dict() for each in self.greys[:LISTED]],
            "patients": {"reference": self.patients[0], "new": self.patients[1]},
        }


def find_drift(
    reference: Looks,
    new: Looks,
    names: Sequence[str],
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    watch: Watch = SILENT,
) -> dict[str, Any]:
    """Hold new films against a model's reference.

    Parameters
    ----------
    reference, new
        What the model sees in both; see `radapt.drift.looks.look_at`.
    names
        What the new films go by.
    alpha
        How often all tests together may cry wolf.
    seed
        Draws a film of each patient, and permutations.

    Returns
    -------
    dict
        "alarm", "tests", "scores", "greys" and "patients" as in `Compared.as_dict`; "alpha"; "given_classes",
        where an alarm was raised and both sides have labels: the same with classes mixed alike (None if that
        cannot be had); "unusual": the share of new films beyond the 95th percentile of the reference, and the
        farthest; "least_alike": those that a classifier calls new most surely; "harm", where there are
        labels, as in `radapt.drift.harm.harm`; "words", sentences that say it;
        and how many "films" both have.

    Raises
    ------
    AskedWrongly
        If either side has films of fewer than 10 patients.
    """
    _check_people(reference, new)
    rng = np.random.default_rng([seed, 0])
    sides = [side.take(one_film_each(side.patients, rng)) for side in (reference, new)]
    found = compare(*sides, alpha=alpha, rng=rng, watch=watch)
    labelled = reference.labelled and new.labelled
    alike = compare_alike(*sides, alpha=alpha, rng=rng, watch=watch) if labelled and found.alarm else None
    far = distances(reference, new)
    cost = harm(reference, new) if labelled else None
    result = {
        **found.as_dict(),
        "alpha": alpha,
        "given_classes": alike and alike.as_dict(),
        "unusual": {
            "share": float((far.percentile > FAR).mean()),
            "expected": 1 - FAR / 100,
            "films": [
                {
                    "id": names[row],
                    "distance": float(far.distance[row]),
                    "percentile": float(far.percentile[row]),
                }
                for row in np.lexsort((-far.distance, -far.percentile))[:LISTED].tolist()
            ],
        },
        "least_alike": _least_alike(reference, new, names, rng),
        "harm": cost,
        "films": {"reference": len(reference), "new": len(new)},
    }
    return {**result, "words": [*_words(found, alike, labelled=labelled), *_not_compared(reference, new)]}


def compare(
    reference: Looks, new: Looks, *, alpha: float, rng: np.random.Generator, watch: Watch = SILENT
) -> Compared:
    """Run the tests of `TESTS` on one film of each patient; grey statistics where both sides have them."""
    columns = _columns(reference)
    each = compare_scores(reference.scores[:, columns], new.scores[:, columns])
    most = max(each, key=lambda test: (-test.p, test.statistic))
    features = reference.features, new.features
    draws = max(_LEAST_DRAWS, round(2 * len(TESTS) / alpha))
    tests = {
        "bbsd": Tested(most.statistic, min(1.0, len(each) * most.p)),
        "mmd": compare_features(*features, rng),
        "classifier": compare_by_classifier(*features, rng, draws=draws, watch=watch),
    }
    differ: list[Differs] = []
    if reference.greys is not None and new.greys is not None:
        tests["pixels"], differ = compare_greys(reference.greys, new.greys, rng)
    names = [reference.classes[column] for column in columns]
    return Compared(
        tests,
        dict(zip(names, each, strict=True)),
        (len(reference), len(new)),
        alpha,
        tuple(one for one in differ if one.p <= ALPHA),
    )


def compare_alike(
    reference: Looks, new: Looks, *, alpha: float, rng: np.random.Generator, watch: Watch = SILENT
) -> Compared | None:
    """Run the tests on as many films of the reference as make its classes mixed as the new films' are.

    None where that leaves too few patients, as where the reference lacks a class.
    """
    strata = strata_of(np.concatenate([reference.labels, new.labels]))
    old, others = np.split(strata, [len(reference)])
    kinds, wanted = np.unique(others, return_counts=True)
    rows = [rng.permutation(np.flatnonzero(old == kind)) for kind in kinds]
    times = min(len(each) / count for each, count in zip(rows, wanted, strict=True))
    chosen = np.concatenate([each[: int(times * count)] for each, count in zip(rows, wanted, strict=True)])
    if min(len(chosen), len(new)) < FEWEST:
        return None
    return compare(reference.take(np.sort(chosen)), new, alpha=alpha, rng=rng, watch=watch)


def _columns(looks: Looks) -> list[int]:
    """Give the columns of scores that say anything of their own: of two classes one is the other's rest."""
    if len(looks.classes) == 2 and np.allclose(looks.scores.sum(axis=1), 1, atol=1e-3):
        return [finding_of(looks.classes)]
    return list(range(len(looks.classes)))


def _check_people(reference: Looks, new: Looks) -> None:
    if min(reference.people, new.people) < FEWEST:
        raise AskedWrongly(
            f"To compare films takes those of {FEWEST} patients at least on both sides. "
            f"Got {new.people} new patients, and {reference.people} of the reference."
        )


def _least_alike(
    reference: Looks, new: Looks, names: Sequence[str], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Name the new films that a classifier calls new most surely, not having seen that patient."""
    sides = np.repeat([0, 1], [len(reference), len(new)])
    patients = np.concatenate([reference.patients, reference.patients.max() + 1 + new.patients])
    features = np.concatenate([reference.features, new.features])
    surely = likeness_to_new(features, sides, patients, one_film_each(patients, rng))[len(reference) :]
    order: NDArray[np.intp] = np.argsort(-surely, kind="stable")
    return [
        {"id": names[row], "probability": float(1 / (1 + np.exp(-surely[row])))}
        for row in order[:LISTED].tolist()
    ]


def _words(found: Compared, alike: Compared | None, *, labelled: bool) -> list[str]:
    """Say what was found, and what it does not say."""
    if not found.alarm:
        return [
            f"No difference in the inputs was found, on {found.patients[1]} patients. It may be a small one."
        ]
    by = ", ".join(TESTS[name] for name in found.tests if found.adjusted(name) <= found.alpha)
    words = [f"Inputs differ, by {by}.", *_in_grey(found)]
    if alike is not None:
        words.append(
            "They differ also where classes are mixed alike."
            if alike.alarm
            else "With classes mixed alike no difference was found: it may be the mixture alone that differs."
        )
    if not labelled:
        words.append(
            "The mixture of classes counts as input: without labels, it may be that alone that differs."
        )
        words.append("Whether the model does worse on them, only labels can say.")
    return words


def _in_grey(found: Compared) -> list[str]:
    """Say how the pixels differ, if they do: of the whole film rather than of one place."""
    if "pixels" not in found.tests or found.adjusted("pixels") > found.alpha:
        return []
    said = sorted(found.greys, key=lambda each: each.name not in GREYS)[:SAID]
    return [f"On the pixels: {'; '.join(map(str, said))}."] if said else []


def _not_compared(reference: Looks, new: Looks) -> list[str]:
    """Say so where a reference has no grey statistics."""
    if reference.greys is not None or new.greys is None:
        return []
    return [
        "Pixels were not compared: an older radapt wrote this reference, without grey statistics. "
        "--reference DATA compares them too."
    ]
