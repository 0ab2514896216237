"""Grey statistics say what was done to pixels."""

from dataclasses import replace

import numpy as np
import pytest
from drift_samples import both, found_between, one_each, patients, permuted

from radapt.drift.pixels import NAMES as GREYS
from radapt.drift.pixels import compare_greys, grey_statistics


def ramps(count, rng, *, lean=0.0):
    """Images of 24 x 24 pixels that are brighter to one side, each by another amount, and noisy."""
    slope = rng.normal(size=(count, 1, 1)) * 10 + lean
    levels = 120 + slope * np.linspace(-1, 1, 24) + 12 * rng.normal(size=(count, 24, 24))
    return np.clip(levels, 0, 255).astype(np.uint8)


def greys_of(count, rng, **options):
    return grey_statistics(ramps(count, rng, **options))


def test_grey_statistics_drawn_alike_differ_no_more_than_one_time_in_twenty():
    rng = np.random.default_rng(0)
    images = greys_of(1500, rng)
    rejected = 0
    for _ in range(100):
        rows = rng.permutation(len(images))[:50]
        sides = permuted(rows[:30], rows[30:], rng)
        rejected += compare_greys(images[rows], sides)[0].p <= 0.05
    assert rejected <= 10


def test_grey_statistics_are_compared_within_strata():
    rng = np.random.default_rng(0)
    dark, bright = greys_of(60, rng), grey_statistics(np.clip(ramps(60, rng), 0, 215) + 40)
    images = np.concatenate([dark[:10], bright[:40], dark[10:50], bright[40:50]])  # the mixture differs alone
    kinds = np.repeat([0, 1, 0, 1], [10, 40, 40, 10])
    assert compare_greys(images, permuted(images[:50], images[50:], rng))[0].p == 0.001
    test, differ = compare_greys(images, permuted(images[:50], images[50:], rng, kinds))
    assert test.p > 0.05
    mean = next(each for each in differ if each.name == "mean")
    assert mean.new == pytest.approx(mean.reference, abs=0.02)


def test_a_grey_statistic_is_what_its_name_says():
    image = np.zeros((1, 32, 32), np.uint8)
    image[:, 16:, 16:] = 255
    said = dict(zip(GREYS, grey_statistics(image)[0].tolist(), strict=True))
    assert said["mean"] == said["white"] == 0.25
    assert said["black"] == 0.75
    assert said["levels"] == 2
    assert said["side"] == said["foot"] == said["corners"] * 2 == 0.5
    assert said["across"] == said["coarse"] == 0
    assert said["cell-6-6"] > 0 > said["cell-1-1"] == said["cell-1-6"]


def test_images_that_lean_and_their_mirror_images_lean_oppositely():
    image = np.triu(np.full((40, 40), 200, np.uint8))[None]
    both = grey_statistics(np.concatenate([image, image[:, :, ::-1]]))
    slant = both[:, GREYS.index("slant")]
    assert slant[0] == pytest.approx(-slant[1], abs=1e-3)
    assert slant[0] < -0.9


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda images: images // 2, "mean", "darker: mean grey 0.23"),
        (
            lambda images: images[:, :, ::-1],
            "side",
            "right half darker: mean grey of the right half minus the left -0.1",
        ),
        (lambda images: np.clip(images, 110, 130), "spread", "less contrast: standard deviation of grey 0.0"),
    ],
    ids=["darker", "mirrored", "clipped"],
)
def test_what_was_done_to_the_pixels_is_said(change, name, words):
    rng = np.random.default_rng(0)
    reference, new = greys_of(60, rng, lean=30), grey_statistics(change(ramps(60, rng, lean=30)))
    test, differ = compare_greys(both(reference, new), permuted(reference, new, rng))
    assert test.p == 0.001
    assert str(next(each for each in differ if each.name == name)).startswith(words)


def test_images_that_vary_more_either_way_are_noticed_though_none_is_usual():
    rng = np.random.default_rng(0)
    lean = np.where(np.arange(80) % 2, 40.0, -40.0)[:, None, None]
    images = both(greys_of(80, rng), greys_of(80, rng, lean=lean))
    test, differ = compare_greys(images, permuted(images[:80], images[80:], rng))
    side = next(each for each in differ if each.name == "side")
    assert test.p == 0.001
    assert str(side).startswith("more variation between images: mean grey of the right half")


def test_a_grey_statistic_that_never_changes_tells_nothing():
    rng = np.random.default_rng(0)
    images = greys_of(40, rng)
    images[:, :50] = 1
    assert compare_greys(images, permuted(images[:20], images[20:], rng))[0].p > 0.05


def test_pixels_that_the_features_do_not_see_raise_the_alarm():
    rng = np.random.default_rng(1)
    reference, new = one_each(patients(60, rng), rng), one_each(patients(50, rng), rng)
    reference = replace(reference, greys=greys_of(60, rng))
    drift = found_between(reference, replace(new, greys=grey_statistics(ramps(50, rng) // 2)))
    assert [test["name"] for test in drift["tests"] if test["differs"]] == ["pixels"]
    assert drift["words"][0] == "Images differ, by these tests: grey statistics of the pixels (ranks)."
    assert "darker: median grey 0.23" in drift["words"][1]
    assert drift["greys"][0]["p"] == 0.001
    assert len(drift["tests"]) == 4
    assert all(test["adjusted"] == min(1, 4 * test["p"]) for test in drift["tests"])
