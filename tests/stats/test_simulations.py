"""A small part of `benchmarks/simulations.py`; what all of it found is in `docs/statistics.md`."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from radapt.evaluation.calibration import calibration
from radapt.evaluation.label_shift import estimate_label_shift
from radapt.metrics.table import METRICS, score
from radapt.predictions import Predictions
from radapt.stats.bootstrap import bootstrap
from radapt.stats.delong import delong
from radapt.stats.estimate import minimum_detectable_difference, verdict
from radapt.stats.inference import difference, estimate
from radapt.stats.intervals import percentiles, spread_factors

SCRIPT = runpy.run_path(
    str(Path(__file__).parents[2] / "benchmarks" / "simulations.py"), run_name="simulations"
)
Setting = SCRIPT["Setting"]


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("prevalence", [0.5, 0.05])
@pytest.mark.parametrize("auroc", [0.7, 0.95])
def test_the_interval_of_an_auroc_holds_it_as_often_as_it_says(clustered, prevalence, auroc):
    setting = Setting(600, prevalence, auroc, clustered)
    estimates = [
        estimate("auroc", given, draws=150, seed=seed) for seed, given in SCRIPT["simulated"](setting, 200)
    ]
    assert 0.9 <= np.mean([each.low <= auroc <= each.high for each in estimates]) <= 1
    below = np.mean([each.low > auroc for each in estimates])
    assert below <= 0.07
    assert (
        0.5
        < np.mean([(each.high - each.low) / 4 for each in estimates])
        / np.std([each.value for each in estimates])
        < 2
    )


@pytest.mark.parametrize("name", ["balanced-accuracy", "brier", "log-loss"])
def test_the_interval_of_what_is_put_together_from_classes_holds_it_where_few_patients_are_ill(name):
    setting = Setting(900, 0.05, 0.95, True)  # 15 of 300 patients
    at, truth = SCRIPT["truths"](setting)
    found = [
        estimate(name, given, draws=150, seed=seed, threshold=at)
        for seed, given in SCRIPT["simulated"](setting, 300)
    ]
    assert 0.93 <= np.mean([each.low <= truth[name] <= each.high for each in found]) <= 0.98
    widths = np.array([each.high - each.low for each in found])
    assert widths.mean() < 6 * np.std([each.value for each in found])


def held(found, truth: float) -> float:
    return float(np.mean([each.low <= truth <= each.high for each in found]))


def test_with_five_patients_an_interval_of_an_auroc_is_on_the_cautious_side():
    given = SCRIPT["simulated"](Setting(300, 0.05, 0.95, True), 200)
    assert held([estimate("auroc", each, draws=100, seed=seed) for seed, each in given], 0.95) >= 0.97


def test_where_patients_differ_more_than_a_few_of_them_show_an_interval_is_short():
    given = SCRIPT["simulated"](Setting(600, 0.05, 0.95, True, finding_spread=2.0), 300)
    found = [estimate("auroc", each, draws=100, seed=seed) for seed, each in given]
    assert 0.84 <= held(found, 0.95) <= 0.96


def test_percentiles_hold_an_auroc_near_1_of_a_rare_finding_less_often():
    ours, theirs = [], []
    for seed, given in SCRIPT["simulated"](Setting(300, 0.05, 0.95, False), 300):
        ours.append(estimate("auroc", given, draws=100, seed=seed))
        samples = bootstrap(METRICS["auroc"], given, draws=100, seed=seed)[0]
        low, high = percentiles(samples, 15)
        theirs.append(low <= 0.95 <= high)
    assert held(ours, 0.95) >= 0.93
    assert np.mean(theirs) <= held(ours, 0.95) - 0.04


@pytest.mark.parametrize("clustered", [False, True])
def test_calibration_of_a_model_that_means_what_it_says_is_held_as_often_as_it_says(clustered):
    setting, rng, found = Setting(450, 0.5, 0.95, clustered), np.random.default_rng(0), []
    for seed in range(150):
        mixed = SCRIPT["left_to_chance"](setting, rng)
        drawn = mixed.draw(rng)[0]
        chance = SCRIPT["at_home"](drawn, setting, mixed)
        said = SCRIPT["as_predictions"](chance, drawn.labels, drawn.patients.astype(np.int64))
        found.append(calibration([said], draws=100, seed=seed))
    assert 0.89 <= held([each.intercept for each in found], 0) < 1
    assert 0.89 <= held([each.slope for each in found], 1) < 1


def test_the_prevalence_in_unlabelled_images_is_held_as_often_as_it_says():
    source, target = Setting(600, 0.5, 0.9, True), Setting(450, 0.2, 0.9, True)
    rng, found = np.random.default_rng(0), []
    for seed in range(100):
        mixed = SCRIPT["left_to_chance"](target, rng)
        there = mixed.draw(rng)[0]
        chance = SCRIPT["at_home"](there, source, mixed)
        seen = SCRIPT["as_predictions"](chance, there.labels, there.patients.astype(np.int64))
        home = source.draw(rng)[0]
        found.append(estimate_label_shift(home, seen, draws=100, seed=seed).prevalence)
    assert 0.88 <= held(found, 0.2) < 1
    assert held(found, 0.5) == 0


def test_a_difference_as_large_as_could_be_shown_is_found_about_four_times_in_five():
    setting = Setting(500, 0.5, 0.7, False)
    alike = SCRIPT["simulated"](setting, 30, models=2)
    could = float(
        np.mean(
            [minimum_detectable_difference(difference("auroc", [a], [b], draws=100)) for _, (a, b) in alike]
        )
    )
    better, found = Setting(500, 0.5, 0.7 + could, False), []
    for seed, (one, other) in SCRIPT["simulated"](setting, 150, models=2):
        moved = SCRIPT["moved_apart"](one, setting, better)
        found.append(verdict(difference("auroc", [moved], [other], draws=150, seed=seed)))
    assert 0.68 <= found.count("better") / len(found) <= 0.92
    assert "worse" not in found


def right_and_wrong(rng, runs: int) -> list[Predictions]:
    """Two images of 150 patients each, half of them easy, called by models that differ in skill."""
    patients = np.repeat(np.arange(150), 2)
    labels = rng.permutation(150)[patients] % 2
    ease = np.repeat(rng.choice([-0.15, 0.15], 150), 2)
    made = []
    for skill in rng.choice([-0.05, 0.05], runs):
        right = rng.random(300) < 0.75 + ease + skill
        made.append(SCRIPT["as_predictions"](np.where(right == (labels == 1), 0.9, 0.1), labels, patients))
    return made


@pytest.mark.parametrize("runs", [3, 5])
def test_warning_is_parted_into_images_and_runs_as_variances_that_are_known_say(runs):
    """Of an accuracy: 0.15^2 among patients, 0.05^2 among runs, and what is left among images of a run."""
    left = 0.75 * 0.25 - 0.15**2 - 0.05**2
    images = 0.15**2 / 150 + left / 300 / runs
    of_runs = (0.05**2 + left / 300) / runs
    truly = images + of_runs - left / 300 / runs
    estimates = [
        estimate("accuracy", right_and_wrong(np.random.default_rng([runs, seed]), runs), draws=60)
        for seed in range(400)
    ]
    assert np.mean([each.se_test_set**2 for each in estimates]) == pytest.approx(images, rel=0.05)
    assert np.mean([each.se_seeds**2 for each in estimates]) == pytest.approx(of_runs, rel=0.15)
    assert np.var([each.value for each in estimates]) == pytest.approx(truly, rel=0.2)
    whole = np.mean([each.se**2 for each in estimates])
    assert images + of_runs < 1.02 * whole < 1.1 * (images + of_runs + left / 300 / runs)


@pytest.mark.parametrize("spread", [0.02, 0.6])
def test_the_parts_of_the_warning_of_an_auroc_are_what_other_images_and_other_runs_change(spread):
    setting, found = Setting(240, 0.5, 0.8, True), []
    for seed in range(150):
        one, other = np.random.default_rng([seed, 0]).normal(0, spread, (2, 4))
        given, images, again = (
            setting.draw(np.random.default_rng([seed, which]), 4, 1.0, skill)
            for which, skill in ((1, one), (2, one), (1, other))
        )
        said = estimate("auroc", given, draws=60, seed=seed)
        off = [said.value - SCRIPT["mean_auroc"](others) for others in (images, again)]
        found.append([off[0] ** 2 / 2, said.se_test_set**2, off[1] ** 2 / 2, said.se_seeds**2])
    by_images, images_said, by_runs, runs_said = np.sqrt(np.mean(found, axis=0))
    assert images_said == pytest.approx(by_images, rel=0.2)
    assert runs_said == pytest.approx(by_runs, rel=0.2)
    assert (images_said > runs_said) == (spread < 0.1)


def test_one_run_has_no_parts_of_warning_and_runs_that_are_the_same_have_none_from_runs():
    given = Setting(200, 0.5, 0.8, False).draw(np.random.default_rng(0))[0]
    alone = estimate("auroc", [given], draws=60)
    assert np.isnan([alone.se_test_set, alone.se_seeds]).all()
    thrice = estimate("auroc", [given] * 3, draws=60)
    assert (thrice.se_test_set, thrice.se_seeds) == pytest.approx((alone.se, 0), abs=1e-12)


def test_the_parts_of_a_difference_are_those_of_its_pairs_and_of_each_side_where_there_are_none():
    made = Setting(300, 0.5, 0.8, False).draw(np.random.default_rng(0), 7)
    one, other = made[:3], made[3:]
    a, b = ([score("auroc", run) for run in side] for side in (one, other))
    draws = 60
    gap = difference("auroc", one, other[:3], draws=draws)
    assert gap.se_seeds == pytest.approx(np.std(np.subtract(a, b[:3]), ddof=1) / 3**0.5)
    gap = difference("auroc", one, other, draws=draws)
    assert gap.se_seeds == pytest.approx((np.var(a, ddof=1) / 3 + np.var(b, ddof=1) / 4) ** 0.5)
    assert np.isnan(difference("auroc", one[:1], other, draws=draws).se_seeds)


def test_how_well_a_spread_is_known_is_what_many_spreads_of_so_few_numbers_show():
    for count in (3, 5):
        low, high = spread_factors(count)
        seen = np.random.default_rng(count).normal(size=(20_000, count)).std(axis=1, ddof=1)
        assert np.mean((low * seen <= 1) & (high * seen >= 1)) == pytest.approx(0.95, abs=0.005)


def test_simulated_images_are_as_good_and_as_many_as_is_said():
    for setting in (Setting(30000, 0.1, 0.95, True), Setting(30000, 0.3, 0.7, False, finding_spread=2.0)):
        given = setting.draw(np.random.default_rng(0))[0]
        assert delong(given).value == pytest.approx(setting.auroc, abs=0.01)
        assert given.labels.mean() == pytest.approx(setting.prevalence)
    calm = Setting(30000, 0.2, 0.85, False).draw(np.random.default_rng(0))[0]
    assert np.mean(calm.scores[:, 1]) == pytest.approx(0.2, abs=0.01)


def test_what_metrics_are_over_all_scores_they_are_on_many_images():
    setting = Setting(20000, 0.2, 0.85, False)
    at, truth = SCRIPT["truths"](setting)
    given = setting.draw(np.random.default_rng(0))[0]
    for name, value in truth.items():
        assert METRICS[name](given, np.ones((1, len(given))), at)[0] == pytest.approx(value, abs=0.01)


def test_two_models_of_equal_worth_are_told_apart_one_time_in_twenty():
    setting = Setting(300, 0.3, 0.85, True)
    found = [
        difference("auroc", [one], [other], draws=150, seed=seed)
        for seed, (one, other) in SCRIPT["simulated"](setting, 300, models=2)
    ]
    assert 0.01 <= np.mean([each.p < 0.05 for each in found]) <= 0.09
    assert [each.p < 0.05 for each in found] == [verdict(each) != "inconclusive" for each in found]


@pytest.mark.parametrize("part", [name for name in SCRIPT["PARTS"] if name != "speed"])
def test_every_part_of_the_script_prints_a_table(part, capsys):
    SCRIPT["PARTS"][part][0](1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 6
    assert len({line.count("|") for line in lines}) == 1
