"""Whether new images look like a model's reference, image by image and as a whole, and what that costs.

That the mixture of classes differs and that images of a class differ are two findings, each with its own
test. An alarm says that images differ. It does not say that the model is wrong on them: only labels do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.drift.features import DriftFeatures
from radapt.drift.mixture import (
    LABELS,
    SCORES,
    Alike,
    Mixture,
    informative_scores,
    mixture_by_labels,
    mixture_by_scores,
    one_stratum,
    thinned,
    within_classes,
)
from radapt.drift.outliers import distances
from radapt.drift.performance_change import performance_change
from radapt.drift.pixels import GREYS, Differs, compare_greys
from radapt.drift.two_samples import (
    Tested,
    compare_by_classifier,
    compare_features,
    compare_scores,
    deal,
    likeness_to_new,
    one_image_each,
)
from radapt.errors import AskedWrongly

ALPHA = 0.05
MIN_IMAGES = 10  # patients of either side, without whom images are not compared
MAX_LISTED = 10  # images that are named, and grey statistics
SAID = 3  # grey statistics that are put in words
FAR = 95.0  # percentile of the reference beyond which an image counts as far from it
TESTS = {
    "bbsd": "the model's scores, class by class (Kolmogorov-Smirnov)",
    "mmd": "the trunk's features (maximum mean discrepancy)",
    "classifier": "a classifier that tells old from new (AUROC)",
    "pixels": "grey statistics of the pixels (ranks)",
}
IMAGES, MIXTURE, BOTH, NOTHING = "images", "mixture", "both", "nothing"  # what was found to differ


@dataclass(frozen=True, slots=True)
class DriftTests:
    """What the tests of one comparison found."""

    tests: dict[str, Tested]  # those of `TESTS`; without "pixels" where a side has no grey statistics
    classes: dict[str, Tested]  # the scores of each class, uncorrected
    patients: tuple[int, int]  # of the reference and of the new images, one image each
    alpha: float
    greys: tuple[Differs, ...] = ()  # statistics that differ at 5 %, all of them considered, clearest first

    def adjusted(self, name: str) -> float:
        """Return a test's p-value, corrected for there being several (Bonferroni)."""
        return min(1.0, len(self.tests) * self.tests[name].p)

    @property
    def alarm(self) -> bool:
        """Whether any test says that inputs differ."""
        return any(self.adjusted(name) <= self.alpha for name in self.tests)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
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
            "greys": [each.as_dict() for each in self.greys[:MAX_LISTED]],
            "patients": {"reference": self.patients[0], "new": self.patients[1]},
        }


@dataclass(frozen=True, slots=True)
class DriftResult:
    """Whether the mixture of classes differs, and whether images differ beyond that."""

    mixture: Mixture
    images: DriftTests
    allowing_for: str | None  # "labels" or "scores", by which the mixture was kept out of the images' tests
    left_out: int  # new patients of classes that the reference lacks, who went into no test of images

    @property
    def mixture_differs(self) -> bool | None:
        """Whether classes are mixed otherwise; None where that is not known.

        Scores tell only if images of a class look alike, and not where these were found to differ.
        """
        if self.mixture.p is None or (self.mixture.by == SCORES and self.images.alarm):
            return None
        return self.mixture.p <= self.images.alpha

    @property
    def images_differ(self) -> bool | None:
        """Whether images differ; None where it may be the mixture alone that the tests have found."""
        return None if self.images.alarm and self.allowing_for is None else self.images.alarm

    @property
    def verdict(self) -> str:
        """Return what differs in one word."""
        if self.images.alarm:
            return BOTH if self.mixture_differs else IMAGES
        return MIXTURE if self.mixture_differs else NOTHING

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            "verdict": self.verdict,
            **self.images.as_dict(),
            "appearance": {"differ": self.images_differ, "allowing_for": self.allowing_for},
            "mixture": {
                "differs": self.mixture_differs,
                "by": self.mixture.by,
                "p": self.mixture.p,
                "classes": [share.as_dict() for share in self.mixture.shares],
            },
        }


def find_drift(
    reference: DriftFeatures,
    new: DriftFeatures,
    names: Sequence[str],
    *,
    alpha: float = ALPHA,
    seed: int = 0,
) -> dict[str, Any]:
    """Hold new images against a model's reference.

    Parameters
    ----------
    reference, new
        What the model sees in both; see `radapt.drift.features.extract_features`.
    names
        What the new images go by.
    alpha
        How often all tests of the images together may cry wolf, and how often that of the mixture.
    seed
        Draws an image of each patient, and permutations.

    Returns
    -------
    dict
        "verdict", "appearance" and "mixture" as in `Found.as_dict`; "alarm", "tests", "scores", "greys" and
        "patients" of the images, as in `Compared.as_dict`; "alpha"; "unusual": the share of new images beyond
        the 95th percentile of the reference, and the farthest; "least_alike": those that a classifier calls
        new most surely; "harm", where there are labels, as in
        `radapt.drift.performance_change.performance_change`; "words", sentences that say it; and how many
        "images" both have.

    Raises
    ------
    AskedWrongly
        If either side has images of fewer than 10 patients.
    """
    _check_people(reference, new)
    rng = np.random.default_rng([seed, 0])
    sides = [side.take(one_image_each(side.patients, rng)) for side in (reference, new)]
    found = describe_drift(*sides, alpha=alpha, rng=rng, seed=seed)
    far = distances(reference, new)
    result = {
        **found.as_dict(),
        "alpha": alpha,
        "unusual": {
            "share": float((far.percentile > FAR).mean()),
            "expected": 1 - FAR / 100,
            "images": [
                {
                    "id": names[row],
                    "distance": float(far.distance[row]),
                    "percentile": float(far.percentile[row]),
                }
                for row in np.argsort(-far.distance, kind="stable")[:MAX_LISTED].tolist()
            ],
        },
        "least_alike": _least_alike(reference, new, names, rng),
        "harm": performance_change(reference, new) if reference.labelled and new.labelled else None,
        "images": {"reference": len(reference), "new": len(new)},
    }
    return {**result, "words": [*_words(found), *_not_compared(reference, new)]}


def describe_drift(
    reference: DriftFeatures, new: DriftFeatures, *, alpha: float, rng: np.random.Generator, seed: int = 0
) -> DriftResult:
    """Tell a difference in the mixture of classes from one in the images, on one image of each patient.

    With labels of all images they are compared within classes. Where the reference alone has them, it is
    thinned until its classes are mixed as the new images' scores have it, and at the ends of that estimate's
    interval too; each test has its largest p-value, in the manner of Berger & Boos (1994, JASA 89:1012) but
    without their allowance for the interval. Where any of these leaves fewer than 10 patients, all are
    compared as they are, and the mixture counts as a difference.
    """
    if reference.complete and new.complete:
        mixture = mixture_by_labels(reference, new)
        pairs = [within_classes(reference, new)]
    elif reference.complete:
        mixture = mixture_by_scores(reference, new, seed=seed)
        pairs = [thinned(reference, new, strata, rng) for strata in mixture.likely]
    else:
        mixture, pairs = Mixture(None, (), None), []
    enough = pairs if all(min(len(pair.reference), len(pair.new)) >= MIN_IMAGES for pair in pairs) else []
    by = mixture.by if enough else None
    tried = [compare(pair, alpha=alpha, rng=rng) for pair in enough or [one_stratum(reference, new)]]
    left_out = len(new) - len(enough[0].new) if enough else 0
    return DriftResult(mixture, _least_clear(tried), by, left_out)


def _least_clear(tried: Sequence[DriftTests]) -> DriftTests:
    """Return of several comparisons each test where it is least clear."""
    most = {}
    for name in tried[0].tests:
        largest = int(np.argmax([each.tests[name].p for each in tried]))
        most[name] = tried[largest]
    return replace(
        tried[0],
        tests={name: each.tests[name] for name, each in most.items()},
        classes=most["bbsd"].classes,
        greys=most["pixels"].greys if "pixels" in most else (),
    )


def compare(alike: Alike, *, alpha: float, rng: np.random.Generator) -> DriftTests:
    """Run the tests of `TESTS` within strata; grey statistics where both sides have them."""
    old, new = alike.reference, alike.new
    dealt = deal(np.repeat([False, True], [len(old), len(new)]), alike.strata, rng)
    columns = informative_scores(old)
    scores, each = compare_scores(np.concatenate([old.scores, new.scores])[:, columns], dealt)
    features = np.concatenate([old.features, new.features])
    tests = {
        "bbsd": scores,
        "mmd": compare_features(features, dealt),
        "classifier": compare_by_classifier(features, dealt, rng),
    }
    differ: list[Differs] = []
    if old.greys is not None and new.greys is not None:
        tests["pixels"], differ = compare_greys(np.concatenate([old.greys, new.greys]), dealt)
    return DriftTests(
        tests,
        dict(zip([old.classes[column] for column in columns], each, strict=True)),
        (len(old), len(new)),
        alpha,
        tuple(one for one in differ if one.p <= ALPHA),
    )


def _check_people(reference: DriftFeatures, new: DriftFeatures) -> None:
    if min(reference.people, new.people) < MIN_IMAGES:
        raise AskedWrongly(
            f"To compare images takes those of {MIN_IMAGES} patients at least on both sides. "
            f"Got {new.people} new patients, and {reference.people} of the reference."
        )


def _least_alike(
    reference: DriftFeatures, new: DriftFeatures, names: Sequence[str], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Name the new images that a classifier calls new most surely, not having seen that patient."""
    sides = np.repeat([0, 1], [len(reference), len(new)])
    patients = np.concatenate([reference.patients, reference.patients.max() + 1 + new.patients])
    features = np.concatenate([reference.features, new.features])
    surely = likeness_to_new(features, sides, patients, one_image_each(patients, rng))[len(reference) :]
    order: NDArray[np.intp] = np.argsort(-surely, kind="stable")
    return [
        {"id": names[row], "probability": float(1 / (1 + np.exp(-surely[row])))}
        for row in order[:MAX_LISTED].tolist()
    ]


def _words(found: DriftResult) -> list[str]:
    """Say what was found, and what it does not say."""
    images, mixture = found.images, _of_mixture(found)
    none = f"was found, on {images.patients[1]} patients. It may be a small one."
    if images.alarm:
        by = ", ".join(TESTS[name] for name in images.tests if images.adjusted(name) <= images.alpha)
        what = "Inputs" if found.images_differ is None else "Images"
        words = [f"{what} differ, by {by}.", *_in_grey(images), *mixture]
    elif found.mixture_differs:
        words = [*mixture, f"No difference in the images beyond that {none}"]
    else:
        words = [f"No difference in the images {none}", *mixture]
    words += _allowed_for(found)
    if images.alarm and found.mixture.by != LABELS:
        words.append("Whether the model does worse on them, only labels can say.")
    return words


def _of_mixture(found: DriftResult) -> list[str]:
    """Say how classes are mixed, by labels or by scores."""
    mixture = found.mixture
    if mixture.p is None:
        return []
    if found.mixture_differs is None:
        return ["How their classes are mixed cannot be told from the scores of images that differ."]
    how = "by labels" if mixture.by == LABELS else "by the model's scores"
    word = "differs" if found.mixture_differs else "was not found to differ"
    shares = ", ".join(map(str, mixture.shares))
    return [f"The mixture of classes {word}, {how}: {shares} of patients (p {mixture.p:.2g})."]


def _allowed_for(found: DriftResult) -> list[str]:
    """Say how the mixture of classes was kept out of the comparison of images, and what that supposes."""
    if found.allowing_for == LABELS:
        missing = f" {found.left_out} new patients of classes that the reference lacks were left out."
        return ["Images were compared within classes." + (missing if found.left_out else "")]
    if found.allowing_for == SCORES:
        return [
            "The new images lack labels: the reference was thinned until its classes were mixed as scores "
            "have it. That supposes that images of a class look alike in both, which only labels can check: "
            "a change that moves scores as another mixture would passes for one."
        ]
    if found.images.alarm:
        return ["The mixture of classes counts as a difference here: it may be that alone that differs."]
    return []


def _in_grey(found: DriftTests) -> list[str]:
    """Say how the pixels differ, if they do: of the whole image rather than of one place."""
    if "pixels" not in found.tests or found.adjusted("pixels") > found.alpha:
        return []
    said = sorted(found.greys, key=lambda each: each.name not in GREYS)[:SAID]
    return [f"On the pixels: {'; '.join(map(str, said))}."] if said else []


def _not_compared(reference: DriftFeatures, new: DriftFeatures) -> list[str]:
    """Say so where a reference has no grey statistics."""
    if reference.greys is not None or new.greys is None:
        return []
    return [
        "Pixels were not compared: an older radapt wrote this reference, without grey statistics. "
        "--reference DATA compares them too."
    ]
