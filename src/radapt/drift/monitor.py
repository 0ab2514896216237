"""Drift: whether new images look like a model's reference, image by image and as a whole.

A difference in the mixture of classes and a difference between images of a class are two findings, each with
its own test. An alarm says that images differ. Whether the model does worse on them only labels can show.
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
    ComparableSets,
    Mixture,
    informative_scores,
    match_mixture,
    mixture_by_labels,
    mixture_by_scores,
    one_stratum,
    within_classes,
)
from radapt.drift.outliers import FAR, distances
from radapt.drift.performance_change import performance_change
from radapt.drift.pixels import GREYS, GreyDifference, compare_greys
from radapt.drift.two_samples import (
    TestResult,
    compare_by_classifier,
    compare_features,
    compare_scores,
    log_odds_of_new,
    one_image_each,
    permute_sides,
)
from radapt.errors import AskedWrongly

ALPHA = 0.05
MIN_PATIENTS = 10  # on either side
MAX_LISTED = 10  # images and grey statistics in the lists of the result
MAX_IN_WORDS = 3  # grey statistics in sentences
TESTS = {
    "bbsd": "the model's scores, class by class (Kolmogorov-Smirnov)",
    "mmd": "the trunk's features (maximum mean discrepancy)",
    "classifier": "a classifier of reference and new images (AUROC)",
    "pixels": "grey statistics of the pixels (ranks)",
}
IMAGES, MIXTURE, BOTH, NOTHING = "images", "mixture", "both", "nothing"  # what differs


@dataclass(frozen=True, slots=True)
class DriftTests:
    """The results of the tests of one comparison."""

    tests: dict[str, TestResult]  # by name in `TESTS`; no "pixels" where a side has no grey statistics
    classes: dict[str, TestResult]  # of the scores of each class, p uncorrected
    patients: tuple[int, int]  # reference and new, one image each
    alpha: float
    greys: tuple[GreyDifference, ...] = ()  # that differ at 5 %, corrected for all of them, clearest first

    def adjusted(self, name: str) -> float:
        """Return a test's p-value with Bonferroni's correction for the number of tests."""
        return min(1.0, len(self.tests) * self.tests[name].p)

    @property
    def alarm(self) -> bool:
        """Whether any test finds a difference."""
        return any(self.adjusted(name) <= self.alpha for name in self.tests)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            "alarm": self.alarm,
            "tests": [
                {
                    "name": name,
                    "statistic": result.statistic,
                    "p": result.p,
                    "adjusted": self.adjusted(name),
                    "differs": self.adjusted(name) <= self.alpha,
                }
                for name, result in self.tests.items()
            ],
            "scores": [
                {"class": name, "statistic": result.statistic, "p": result.p}
                for name, result in self.classes.items()
            ],
            "greys": [each.as_dict() for each in self.greys[:MAX_LISTED]],
            "patients": {"reference": self.patients[0], "new": self.patients[1]},
        }


@dataclass(frozen=True, slots=True)
class DriftResult:
    """Whether the mixture of classes differs, and whether images differ beyond that."""

    mixture: Mixture
    images: DriftTests
    allowing_for: str | None  # "labels" or "scores", by which the images' tests allow for the mixture
    left_out: int  # new patients of classes that the reference lacks, who are in no test of images

    @property
    def mixture_differs(self) -> bool | None:
        """Whether the mixture of classes differs; None where that is not known.

        Scores show it only if images of a class look alike, so not where images were found to differ.
        """
        if self.mixture.p is None or (self.mixture.by == SCORES and self.images.alarm):
            return None
        return self.mixture.p <= self.images.alpha

    @property
    def images_differ(self) -> bool | None:
        """Whether images differ; None where the tests may have found the mixture alone."""
        return None if self.images.alarm and self.allowing_for is None else self.images.alarm

    @property
    def verdict(self) -> str:
        """What differs, in one word."""
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
    """Compare new images with a model's reference.

    Parameters
    ----------
    reference, new
        Of both sides, from `radapt.drift.features.extract_features`.
    names
        The names of the new images.
    alpha
        The rate of false alarms of all tests of the images together, and that of the test of the mixture.
    seed
        Of the draw of an image of each patient, and of permutations.

    Returns
    -------
    dict
        "verdict", "appearance" and "mixture" as in `DriftResult.as_dict`; "alarm", "tests", "scores", "greys"
        and "patients" of the images, as in `DriftTests.as_dict`; "alpha"; "outliers": the share of new images
        beyond the 95th percentile of the reference, and the farthest images; "least_similar": the images to
        which a classifier gives the highest probability of being new; "performance_change", where there are
        labels, as in `radapt.drift.performance_change.performance_change`; "words", the result in sentences;
        and the number of "images" of both.

    Raises
    ------
    AskedWrongly
        If either side has images of fewer than 10 patients.
    """
    _check_people(reference, new)
    rng = np.random.default_rng([seed, 0])
    sides = [side.take(one_image_each(side.patients, rng)) for side in (reference, new)]
    result = describe_drift(*sides, alpha=alpha, rng=rng, seed=seed)
    far = distances(reference, new.features)
    record = {
        **result.as_dict(),
        "alpha": alpha,
        "outliers": {
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
        "least_similar": _least_similar(reference, new, names, rng),
        "performance_change": performance_change(reference, new)
        if reference.labelled and new.labelled
        else None,
        "images": {"reference": len(reference), "new": len(new)},
    }
    return {**record, "words": _words(result)}


def describe_drift(
    reference: DriftFeatures, new: DriftFeatures, *, alpha: float, rng: np.random.Generator, seed: int = 0
) -> DriftResult:
    """Distinguish a difference in the mixture of classes from one in the images, on one image a patient.

    If all images are labelled, they are compared within classes. If only the reference is, it is subsampled
    to the mixture that the new images' scores suggest, and to both ends of that estimate's interval; each
    test takes its largest p-value, in the manner of Berger & Boos (1994, JASA 89:1012) but without their
    allowance for the interval. If any of these leaves fewer than 10 patients, all images are compared as they
    are, and a difference in the mixture counts as one in the images.
    """
    if reference.complete and new.complete:
        mixture = mixture_by_labels(reference, new)
        pairs = [within_classes(reference, new)]
    elif reference.complete:
        mixture = mixture_by_scores(reference, new, seed=seed)
        pairs = [match_mixture(reference, new, strata, rng) for strata in mixture.likely]
    else:
        mixture, pairs = Mixture(None, (), None), []
    enough = pairs if all(min(len(pair.reference), len(pair.new)) >= MIN_PATIENTS for pair in pairs) else []
    by = mixture.by if enough else None
    tried = [compare(pair, alpha=alpha, rng=rng) for pair in enough or [one_stratum(reference, new)]]
    left_out = len(new) - len(enough[0].new) if enough else 0
    return DriftResult(mixture, _least_clear(tried), by, left_out)


def _least_clear(tried: Sequence[DriftTests]) -> DriftTests:
    """Combine comparisons: of each test the result with the largest p-value."""
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


def compare(alike: ComparableSets, *, alpha: float, rng: np.random.Generator) -> DriftTests:
    """Run the tests of `TESTS` within strata; "pixels" where both sides have grey statistics."""
    reference, new = alike.reference, alike.new
    permuted = permute_sides(np.repeat([False, True], [len(reference), len(new)]), alike.strata, rng)
    columns = informative_scores(reference)
    scores, each = compare_scores(np.concatenate([reference.scores, new.scores])[:, columns], permuted)
    features = np.concatenate([reference.features, new.features])
    tests = {
        "bbsd": scores,
        "mmd": compare_features(features, permuted),
        "classifier": compare_by_classifier(features, permuted, rng),
    }
    differ: list[GreyDifference] = []
    if reference.greys is not None and new.greys is not None:
        tests["pixels"], differ = compare_greys(np.concatenate([reference.greys, new.greys]), permuted)
    return DriftTests(
        tests,
        dict(zip([reference.classes[column] for column in columns], each, strict=True)),
        (len(reference), len(new)),
        alpha,
        tuple(one for one in differ if one.p <= ALPHA),
    )


def _check_people(reference: DriftFeatures, new: DriftFeatures) -> None:
    if min(reference.people, new.people) < MIN_PATIENTS:
        raise AskedWrongly(
            f"Drift is tested with images of at least {MIN_PATIENTS} patients on each side. Got "
            f"{new.people} patients of the target and {reference.people} of the reference."
        )


def _least_similar(
    reference: DriftFeatures, new: DriftFeatures, names: Sequence[str], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return the new images that a classifier, fitted without their patients, most confidently calls new."""
    sides = np.repeat([0, 1], [len(reference), len(new)])
    patients = np.concatenate([reference.patients, reference.patients.max() + 1 + new.patients])
    features = np.concatenate([reference.features, new.features])
    log_odds = log_odds_of_new(features, sides, patients, one_image_each(patients, rng))[len(reference) :]
    order: NDArray[np.intp] = np.argsort(-log_odds, kind="stable")
    return [
        {"id": names[row], "probability": float(1 / (1 + np.exp(-log_odds[row])))}
        for row in order[:MAX_LISTED].tolist()
    ]


def _words(result: DriftResult) -> list[str]:
    """Return the result in sentences, and what it does not show."""
    images, mixture = result.images, _of_mixture(result)
    none = f"was found on {images.patients[1]} patients. A small difference may have been missed."
    if images.alarm:
        by = ", ".join(TESTS[name] for name in images.tests if images.adjusted(name) <= images.alpha)
        what = "Images, or their mixture of classes," if result.images_differ is None else "Images"
        words = [f"{what} differ, by these tests: {by}.", *_in_grey(images), *mixture]
    elif result.mixture_differs:
        words = [*mixture, f"No difference in the images beyond that {none}"]
    else:
        words = [f"No difference in the images {none}", *mixture]
    words += _allowed_for(result)
    if images.alarm and result.mixture.by != LABELS:
        words.append("Only labels can show whether the model does worse on these images.")
    return words


def _of_mixture(result: DriftResult) -> list[str]:
    """Return a sentence on the mixture of classes, by labels or by scores."""
    mixture = result.mixture
    if mixture.p is None:
        return []
    if result.mixture_differs is None:
        return ["Since the images differ, their scores do not show how their classes are mixed."]
    how = "by labels" if mixture.by == LABELS else "by the model's scores"
    word = "differs" if result.mixture_differs else "was not found to differ"
    shares = ", ".join(map(str, mixture.shares))
    return [f"The mixture of classes {word}, {how}: {shares} of patients (p {mixture.p:.2g})."]


def _allowed_for(result: DriftResult) -> list[str]:
    """Return a sentence on how the tests of images allow for the mixture, and what that supposes."""
    if result.allowing_for == LABELS:
        missing = f" New patients of classes that the reference lacks were left out: {result.left_out}."
        return ["Images were compared within classes." + (missing if result.left_out else "")]
    if result.allowing_for == SCORES:
        return [
            "The new images have no labels, so the reference was subsampled to the mixture of classes that "
            "their scores suggest. This assumes that images of a class look alike on both sides, which "
            "only labels can check. A change of the images that moves the scores as another mixture would "
            "is taken for another mixture."
        ]
    if result.images.alarm:
        return [
            "These tests do not allow for the mixture of classes: it may be only the mixture that differs."
        ]
    return []


def _in_grey(result: DriftTests) -> list[str]:
    """Return a sentence on how pixels differ, if they do, statistics of the whole image first."""
    if "pixels" not in result.tests or result.adjusted("pixels") > result.alpha:
        return []
    clearest = sorted(result.greys, key=lambda each: each.name not in GREYS)[:MAX_IN_WORDS]
    return [f"In the pixels: {'; '.join(map(str, clearest))}."] if clearest else []
