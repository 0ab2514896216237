import json

import numpy as np
import pytest
from samples import CLASSES
from scipy.optimize import least_squares

from radapt.errors import AskedWrongly
from radapt.evaluation.scores import Outcome
from radapt.predictions import Predictions
from radapt.stats.inference import bootstrap_scores, estimate
from radapt.study.learning_curve import Curve, curve_of, describe_gain, fit_curve

BUDGETS = (16, 32, 64, 128, 256)


def law(images, a, b, c):
    return a - b * np.asarray(images, dtype=np.float64) ** -c


def drawn(budgets, a, b, c, *, spread=0.01, luck=0.0, draws=400, rng=None):
    """Draws about the curve; with `luck` the whole set of them lies off it, as one test set does."""
    rng = np.random.default_rng(0) if rng is None else rng
    centre = law(budgets, a, b, c) + luck * rng.normal(size=len(budgets))
    return centre[:, None] + spread * rng.normal(size=(len(budgets), draws))


def fitted(*args, **more) -> Curve:
    curve = fit_curve(args[0], drawn(*args, **more))
    assert curve is not None
    return curve


@pytest.mark.parametrize(("a", "b", "c"), [(0.9, 0.8, 0.5), (0.98, 1.5, 1.0), (0.95, 1.0, 0.3)])
def test_a_known_curve_is_found_again(a, b, c):
    curve = fitted(BUDGETS, a, b, c, spread=1e-4)
    assert (curve.a, curve.b, curve.c) == pytest.approx((a, b, c), rel=0.05)
    for images in (*BUDGETS, 512):
        found = curve.at(images)
        assert found.value == pytest.approx(law(images, a, b, c), abs=1e-3)
        assert found.low <= found.value <= found.high


@pytest.mark.parametrize("seed", range(8))
def test_no_fit_of_scipys_leaves_less(seed):
    rng = np.random.default_rng(seed)
    draws = drawn((10, 40, 90, 300), 0.95, 1.0, 0.6, luck=0.04, rng=rng).clip(0, 1)
    curve = fit_curve((10, 40, 90, 300), draws)
    assert curve is not None
    weights, means = 1 / draws.var(axis=1, ddof=1), draws.mean(axis=1)

    def off(parts):
        return np.sqrt(weights) * (law((10, 40, 90, 300), *parts) - means)

    bounds = ([-np.inf, 0, 0.05], [1 + 1e-9, np.inf, 2])
    theirs = min(
        least_squares(off, (min(1, means[-1]), 0.5, c), bounds=bounds, x_scale=(0.1, 1, 0.5)).cost
        for c in (0.1, 0.5, 1.5)
    )
    ours = (off((curve.a, curve.b, curve.c)) ** 2).sum() / 2
    assert ours <= theirs * 1.01 + 1e-3


def test_the_band_holds_the_true_curve_as_often_as_it_says():
    """200 test sets; 95 % of 200 is 190, and chance alone gives 184 to 195."""
    rng = np.random.default_rng(1)
    held = np.zeros(4)
    for _ in range(200):
        curve = fitted(BUDGETS, 0.9, 0.8, 0.5, luck=0.01, draws=200, rng=rng)
        for place, images in enumerate((16, 64, 256, 512)):
            held[place] += curve.at(images).low <= law(images, 0.9, 0.8, 0.5) <= curve.at(images).high
    assert (held >= 178).all()
    assert (held <= 198).all()


def test_further_images_are_worth_what_the_curve_says():
    curve = fitted(BUDGETS, 0.9, 0.8, 0.5)
    gain = curve.gain(256, 100)
    true = law(356, 0.9, 0.8, 0.5) - law(256, 0.9, 0.8, 0.5)
    assert 0 < gain.low < gain.value < gain.high
    assert gain.low < true < gain.high
    assert curve.gain(16).value > curve.gain(64).value > curve.gain(256).value > 0
    assert describe_gain(curve, 256).startswith("At 256 images, 100 more are worth +0.")
    assert describe_gain(curve, 256).endswith("of accuracy.")


def test_flat_scores_show_no_gain():
    curve = fitted(BUDGETS, 0.8, 0.0, 0.5)
    assert curve.gain(256, 100).low == 0
    assert describe_gain(curve, 256).startswith("At 256 images, no gain from 100 more can be shown: +0.")
    assert curve.at(64).value == pytest.approx(0.8, abs=0.005)


def test_a_gain_is_rarely_claimed_where_there_is_none():
    rng = np.random.default_rng(2)
    flat = [fitted((16, 64, 256), 0.8, 0.0, 0.5, luck=0.01, draws=200, rng=rng) for _ in range(200)]
    assert sum("are worth" in describe_gain(curve, 16, 240) for curve in flat) <= 20  # 10 are to be expected


def test_scores_that_fall_give_a_level_curve():
    curve = fitted(BUDGETS, 0.7, -0.6, 0.5)
    assert curve.b == 0
    assert curve.gain(16, 240).value == 0
    assert "no gain" in describe_gain(curve, 16)
    assert curve.needed(0.99) is None


def test_perfect_scores_give_a_curve_that_stays_there():
    curve = fit_curve(BUDGETS, np.ones((5, 50)))
    assert curve is not None
    assert curve.at(1000).value == 1
    assert "no gain" in describe_gain(curve, 256)


def test_a_score_is_reached_with_as_many_images_as_the_law_says():
    curve = fitted(BUDGETS, 0.9, 0.8, 0.5, spread=1e-3)
    found = curve.needed(0.85)
    assert found is not None
    assert found.images == pytest.approx(256, rel=0.05)
    assert found.low <= found.images <= found.high
    assert not found.extrapolated
    assert curve.at(found.images).value >= 0.85 - 1e-6
    assert curve.at(found.images - 1).value < 0.85


def test_a_score_beyond_the_end_of_the_curve_is_never_reached():
    curve = fitted(BUDGETS, 0.9, 0.8, 0.5)
    assert curve.needed(0.97) is None
    near = curve.needed(curve.a - 0.002)
    assert near is not None
    assert near.extrapolated
    assert near.high is None
    assert curve.needed(0.0).images == 1


def test_a_number_far_from_the_budgets_is_said_to_be_extrapolated():
    curve = fitted(BUDGETS, 0.9, 0.8, 0.5)
    assert [curve.at(images).extrapolated for images in (7, 8, 512, 513)] == [True, False, False, True]
    assert "extrapolation" not in describe_gain(curve, 256, 256)
    assert describe_gain(curve, 256, 257).endswith("This is an extrapolation: 16 to 256 images were tried.")


def test_few_budgets_give_no_curve():
    assert fit_curve((16, 64), drawn((16, 64), 0.9, 0.8, 0.5)) is None


def test_budgets_may_come_in_any_order():
    draws = drawn(BUDGETS, 0.9, 0.8, 0.5)
    one, other = fit_curve(BUDGETS, draws), fit_curve(BUDGETS[::-1], draws[::-1])
    assert one is not None
    assert other is not None
    assert other.as_dict() == one.as_dict()


def test_a_curve_is_written_as_strict_json():
    curve = fitted(BUDGETS, 0.9, 0.8, 0.5)
    again = json.loads(json.dumps(curve.as_dict(), allow_nan=False))
    assert again == curve.as_dict()
    assert (again["band"][0]["images"], again["band"][-1]["images"]) == (16, 512)
    assert not any(place["extrapolated"] for place in again["band"])


@pytest.mark.parametrize(
    ("budgets", "draws", "says"),
    [
        ((16, 64, 256), np.full((2, 50), 0.5), "a row of draws for each budget"),
        ((16, 16, 256), np.full((3, 50), 0.5), "different numbers of images"),
        ((0, 16, 256), np.full((3, 50), 0.5), "different numbers of images"),
        ((16, 64, 256), np.full((3, 3), 0.5), "40 draws or more. Got 3"),
        ((16, 64, 256), np.full((3, 50), 93.0), "between 0 and 1"),
    ],
)
def test_draws_that_make_no_curve_are_refused(budgets, draws, says):
    with pytest.raises(AskedWrongly, match=says):
        fit_curve(budgets, draws)


# --- from the predictions of a study


def outcomes(shares: dict[int, float], *, seeds: int = 1, images: int = 300) -> list[Outcome]:
    """A strategy that is right on such a share of the same images at each budget."""
    labels = np.arange(images) % 2
    names = np.array([f"image {row}" for row in range(images)])
    made = []
    for budget, share in shares.items():
        runs = []
        for seed in range(seeds):
            hard = np.random.default_rng(seed).permutation(images)
            positive = np.where((hard < share * images) == (labels == 1), 0.8, 0.2)
            runs.append(
                Predictions(np.stack([1 - positive, positive], axis=1), labels, names, names, CLASSES)
            )
        made.append(Outcome("head", budget, {"target": runs, "source": runs}))
    return made


SHARES = {0: 0.5, 16: 0.7, 64: 0.8, 256: 0.85, 1024: 0.875}


def test_the_curve_of_a_study_goes_through_its_scores():
    given = outcomes(SHARES, seeds=2)
    curve = curve_of(given, "head", draws=400)
    assert curve is not None
    assert curve.budgets == (16, 64, 256, 1024)
    for outcome in given[1:]:
        whole = estimate("accuracy", outcome.predictions["target"], draws=400)
        assert curve.at(outcome.budget).value == pytest.approx(whole.value, abs=0.01)
    assert "At 256 images, " in describe_gain(curve, 256)
    assert curve_of(given, "full") is None


def test_all_budgets_are_scored_on_the_same_samples():
    """One model that is right where another is, and on more: never worse on any sample."""
    given = [outcome.predictions["target"] for outcome in outcomes(SHARES, seeds=3)]
    scores = bootstrap_scores("accuracy", given, draws=200)
    assert scores.shape == (5, 200)
    assert (np.diff(scores, axis=0) >= -1e-12).all()
    with pytest.raises(AskedWrongly, match="at least one training run"):
        bootstrap_scores("accuracy", [])


def test_a_metric_that_is_not_defined_gives_no_curve():
    given = [
        Outcome(each.strategy, each.budget, {"target": [run.take(np.arange(0, 300, 2)) for run in runs]})
        for each in outcomes(SHARES)
        for runs in [each.predictions["target"]]
    ]
    assert curve_of(given, "head", metric="auroc") is None
