"""A small part of `benchmarks/simulations.py`; what all of it found is in `docs/statistics.md`."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from radapt.delong import delong
from radapt.metrics import METRICS
from radapt.uncertainty import difference, estimate, verdict

SCRIPT = runpy.run_path(
    str(Path(__file__).parents[1] / "benchmarks" / "simulations.py"), run_name="simulations"
)
Setting = SCRIPT["Setting"]


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("prevalence", [0.5, 0.05])
@pytest.mark.parametrize("auroc", [0.7, 0.95])
def test_the_interval_of_an_auroc_holds_it_as_often_as_it_says(clustered, prevalence, auroc):
    setting = Setting(600, prevalence, auroc, clustered)
    found = [
        estimate("auroc", given, draws=150, seed=seed) for seed, given in SCRIPT["simulated"](setting, 200)
    ]
    assert 0.9 <= np.mean([each.low <= auroc <= each.high for each in found]) <= 1
    below = np.mean([each.low > auroc for each in found])
    assert below <= 0.07
    assert (
        0.5
        < np.mean([(each.high - each.low) / 4 for each in found]) / np.std([each.value for each in found])
        < 2
    )


@pytest.mark.parametrize("name", ["balanced-accuracy", "brier"])
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


def test_simulated_films_are_as_good_and_as_many_as_is_said():
    for setting in (Setting(30000, 0.1, 0.95, True), Setting(30000, 0.3, 0.7, False, finding_spread=2.0)):
        given = setting.draw(np.random.default_rng(0))[0]
        assert delong(given).value == pytest.approx(setting.auroc, abs=0.01)
        assert given.labels.mean() == pytest.approx(setting.prevalence)
    calm = Setting(30000, 0.2, 0.85, False).draw(np.random.default_rng(0))[0]
    assert np.mean(calm.scores[:, 1]) == pytest.approx(0.2, abs=0.01)


def test_what_metrics_are_over_all_scores_they_are_on_many_films():
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
