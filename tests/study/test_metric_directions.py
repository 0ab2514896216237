"""Every metric, in both directions: what is better is called so, wherever a study speaks of it."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from samples import CLASSES

from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.scores import Outcome
from radapt.files import read_json, write_json
from radapt.metrics.table import METRICS, score
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.report import figure_data
from radapt.report.folder import read_study
from radapt.report.json_summary import read_numbers
from radapt.report.render import render
from radapt.stats.inference import estimate
from radapt.study.comparison import differences
from radapt.study.decision import decide, recommend
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.study.protocol import Protocol
from radapt.study.results import study_results, verdict_of

ALL = (*METRICS, "ppv@0.05", "npv@0.05")
IMAGES = 240
CLAIM = Protocol(
    created="2026-02-28",
    source="a",
    source_fingerprint="f" * 64,
    model="compact",
    strategies=("none", "head"),
    strategy="head",
    budget="all",
    metric="auroc",
    shift="original",
    superiority_margin=0.0,
    noninferiority_margin=0.02,
)


def said(apart: float, *, seed: int, domain: str) -> Predictions:
    """Predictions whose classes lie so far apart, on the same images for every seed."""
    labels = np.arange(IMAGES) % 2
    seen = np.random.default_rng(seed).normal((2 * labels - 1) * apart, 1.0)
    positive = 1 / (1 + np.exp(-2 * seen))
    names = np.array([f"{domain}{row}" for row in range(IMAGES)])
    return Predictions(np.stack([1 - positive, positive], axis=1), labels, names, names, CLASSES)


def outcome(strategy: str, budget: int, apart: float, seed: int, runs: int = 1) -> Outcome:
    return Outcome(
        strategy,
        budget,
        {
            domain: [said(apart, seed=seed + 50 * run, domain=domain) for run in range(runs)]
            for domain in ("target", "source")
        },
    )


WEAK, STRONG = 0.2, 2.0


@pytest.mark.parametrize("metric", ALL)
def test_a_better_model_is_recommended_and_accepted_and_a_worse_one_is_not(metric):
    for base, made in ((WEAK, STRONG), (STRONG, WEAK)):
        better = made > base
        outcomes = [outcome("none", 0, base, 1), outcome("head", 64, made, 2)]
        rows = [row for row in differences(outcomes, metric) if row.metric == metric]
        assert [row.domain for row in rows] == ["target", "source"]
        for row in rows:
            assert (row.estimate.gain > 0) == better
            assert (row.estimate.gain_ends[0] > 0) == better
            assert row.as_dict()["verdict"] == ("better" if better else "worse")
        (decision,) = decide(rows, metric)
        assert decision.claim == ("scored higher" if better else "not shown")
        assert (decision.best.gain_at_least > 0) == better
        assert decision.worse == (() if better else ("head",))
        text = recommend(rows, metric)
        assert ("head scored " in text) == better
        lower = find_metric(metric).lower_is_better
        assert ("scored better" in text and "lower is better" in text) == (better and lower)
        assert ("keeps within the margin" in text) == better
        assert ("Worse than no adaptation: head." in text) != better
        assert (find_metric(metric).words in text) == better
        claim = replace(CLAIM, metric=metric)
        assert verdict_of(claim, outcomes, 64).word == ("Accept" if better else "Reject")


@pytest.mark.parametrize("metric", ALL)
def test_the_best_of_what_trains_nothing_is_the_better_one(metric):
    outcomes = [
        outcome("none", 0, 0.5, 1),
        outcome("tta", 0, WEAK, 2),
        outcome("norm-refresh", 0, STRONG, 3),
        outcome("head", 64, 1.0, 4),
    ]
    cheap = [row.against for row in differences(outcomes, metric) if row.against not in ("none", "scratch")]
    assert cheap == ["norm-refresh"]


@pytest.mark.parametrize("metric", ALL)
def test_several_seeds_and_budgets_near_the_end_of_the_scale_are_told(metric):
    outcomes = [outcome("none", 0, WEAK, 1, runs=2)]
    outcomes += [outcome("full", budget, STRONG, budget, runs=2) for budget in (8, 16, 32)]
    results = study_results(outcomes, metric=metric, margin=0.02, paired=False)
    least, most = find_metric(metric).range
    shown = [row for row in results["estimates"] if row["metric"] == metric]
    assert len(shown) == 8
    assert all(least <= row["low"] <= row["value"] <= row["high"] <= most for row in shown)
    for curve in results["curves"]:
        assert all(0 <= point["low"] <= point["high"] <= 1 for point in curve["band"])


@pytest.mark.parametrize("metric", ALL)
def test_performance_reports_every_metric_within_its_range(metric):
    row = find_metric(metric)
    predictions = said(0.5, seed=3, domain="t")
    estimated = estimate(metric, [predictions], draws=200)
    bottom, top = row.range
    assert bottom <= estimated.low < estimated.value < estimated.high <= top
    assert estimated.value == pytest.approx(score(metric, predictions), abs=1e-12)
    assert estimated.lower_is_better == row.lower_is_better
    assert row.gain(estimated.value) == (-estimated.value if row.lower_is_better else estimated.value)
    (about,) = evaluate_performance(predictions, PerformanceOptions(prevalence=0.05))
    assert metric in [one["metric"] for one in about["estimates"]]


STUDY = Plan(budgets=("8", "16"), seeds=2, epochs=1, steps=1, strategies=("none", "norm-refresh", "head"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, dataset, hardware):
    """A study of two budgets and two seeds."""
    out = tmp_path_factory.mktemp("directions") / "trained"
    run_study(STUDY, dataset, None, out, hardware=hardware)
    return out


@pytest.mark.parametrize("metric", ALL)
def test_a_study_by_any_metric_has_a_page(metric, trained, dataset, hardware, tmp_path):
    out = tmp_path / "study"
    shutil.copytree(trained, out, ignore=shutil.ignore_patterns("study.json", "report.html"))
    plan = replace(STUDY, metric=metric)
    kept = read_json(out / "plan.json")
    kept["plan"]["metric"] = metric
    write_json(out / "plan.json", kept)
    run_study(plan, dataset, None, out, hardware=hardware)
    page = render(out)
    assert "Recommendation" in page
    assert find_metric(metric).heading in page
    study = read_study(out)
    values = {
        (row.strategy, row.budget): row.estimate
        for row in study.scores
        if row.metric == metric and row.domain == "target"
    }
    assert set(values) == {("none", 0), ("norm-refresh", 0), ("head", 8), ("head", 16)}
    assert read_json(out / "study.json")["plan"]["metric"] == metric
    numbers = [row for row in read_numbers(out)["estimates"] if row["metric"] == metric]
    assert len(numbers) == 2 * len(values)
    assert set(figure_data.drawn_by_images(study)) <= {"none", "norm-refresh", "head"}


def test_scores_of_the_made_models_are_as_they_are_meant():
    assert score("auroc", said(STRONG, seed=1, domain="t")) > score("auroc", said(WEAK, seed=1, domain="t"))
