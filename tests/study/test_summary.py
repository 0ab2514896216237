"""The summary of several studies, against direct computation from their predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from samples import make_dataset

from radapt.metrics.table import score
from radapt.predictions import Predictions
from radapt.stats.bootstrap import draw_weights
from radapt.stats.estimate import Estimate
from radapt.stats.intervals import difference_interval
from radapt.study.multi_target import Target, grid, run_several
from radapt.study.plan import Plan
from radapt.study.summary import summarise, worst_of

STRATEGIES = ("none", "norm-refresh", "head")


@pytest.fixture(scope="module")
def out(hardware, tmp_path_factory) -> Path:
    """Two models and two shifts of the same images."""
    folder = tmp_path_factory.mktemp("grid") / "out"
    plans = [
        Plan(model, None, STRATEGIES, ("8",), seed=3, epochs=1, steps=4, metric="brier")
        for model in ("compact", "original-cnn")
    ]
    dataset = make_dataset(size=48)
    targets = [Target("noise@4"), Target("original")]
    data = {plan.model: (dataset, targets) for plan in plans}
    list(run_several(grid(plans, data), folder, hardware=hardware))
    return folder


def predictions(out: Path, model: str, target: str, cell: str, domain: str = "target") -> Predictions:
    return Predictions.load(out / model / target / "cells" / cell / "predictions" / f"{domain}-test.parquet")


def sampled_brier(run: Predictions, weights: np.ndarray) -> np.ndarray:
    wrong = np.square(run.scores[:, 1] - (run.labels == 1))
    return weights @ wrong / weights.sum(axis=1)


def test_rows_hold_each_target_their_mean_and_the_worst_best_first(out):
    summary = json.loads((out / "several.json").read_text())["summary"]
    assert len(summary["rows"]) == 2 * len(STRATEGIES)
    means = [row["mean"]["value"] for row in summary["rows"]]
    assert means == sorted(means), "of a Brier score the lowest is best"
    for row in summary["rows"]:
        cell = f"{row['strategy']}{'-8' if row['budget'] else ''}-s3"
        for domain, shown in (
            ("target", [each["value"] for each in row["targets"]]),
            ("source", [row["source"]["value"]]),
        ):
            runs = [
                predictions(out, row["model"], target, cell, domain) for target in ("noise_4", "original")
            ]
            values = [score("brier", run) for run in runs]
            assert shown == pytest.approx(values if domain == "target" else [np.mean(values)])
            if domain == "target":
                assert row["mean"]["value"] == pytest.approx(np.mean(values))
                assert row["worst"]["target"] == ("noise_4", "original")[int(np.argmax(values))]
                assert row["worst"]["value"] == pytest.approx(max(values))
        assert row["worst"]["low"] <= row["worst"]["value"] <= row["worst"]["high"]
        assert row["mean"]["patients"] == 20


def test_differences_of_models_are_those_of_shared_samples_of_patients(out):
    summary = json.loads((out / "several.json").read_text())["summary"]
    row = next(
        row
        for row in summary["differences"]
        if row["kind"] == "same strategy and budget" and row["strategy"] == "head"
    )
    assert (row["model"], row["against"]["model"]) == ("compact", "original-cnn")
    one, other = (
        [predictions(out, model, target, "head-8-s3") for target in ("noise_4", "original")]
        for model in ("compact", "original-cnn")
    )
    weights = draw_weights(one[0].labels, one[0].patients, 2000, np.random.default_rng([0, 0]))
    samples = (
        sum(sampled_brier(a, weights) - sampled_brier(b, weights) for a, b in zip(one, other, strict=True))
        / 2
    )
    value = np.mean([score("brier", a) - score("brier", b) for a, b in zip(one, other, strict=True)])
    low, high, p = difference_interval(value, samples, 20)
    assert row["value"] == pytest.approx(value)
    assert (row["low"], row["high"], row["p"]) == pytest.approx((low, high, p), abs=1e-9)
    assert row["p_adjusted"] >= row["p"]
    assert row["low_simultaneous"] <= row["low"] + 1e-12 or row["low_simultaneous"] == 0


def test_of_one_target_all_is_as_its_study_has_it(out):
    entries = [{"folder": "compact/original", "model": "compact", "target": "original"}]
    summary = summarise(out, entries).as_dict()
    study = json.loads((out / "compact/original/study.json").read_text())
    for row in summary["rows"]:
        images = row["images"][0]
        for domain, ours in (("target", row["mean"]), ("source", row["source"])):
            theirs = next(
                each
                for each in study["estimates"]
                if (each["strategy"], each["budget"], each["domain"], each["metric"])
                == (row["strategy"], images, domain, "brier")
            )
            ends = [theirs[name] for name in ("value", "low", "high")]
            assert [ours[name] for name in ("value", "low", "high")] == pytest.approx(ends)
    for row in summary["differences"]:
        theirs = next(
            each
            for each in study["differences"]
            if (each["strategy"], each["against"], each["domain"], each["metric"])
            == (row["strategy"], "none", "target", "brier")
        )
        for name in ("value", "low", "high", "p", "p_adjusted", "verdict"):
            assert row[name] == (theirs[name] if name == "verdict" else pytest.approx(theirs[name]))


def test_the_interval_of_the_worst_target_holds_the_truth_as_often_as_it_says():
    rng, kept = np.random.default_rng(0), 0
    for _ in range(400):
        errors = rng.normal(0, 0.02, 4)  # four targets that are equally good
        at = [Estimate(0.8 + e, 0.8 + e - 0.0392, 0.8 + e + 0.0392, 100, 100) for e in errors]
        samples = 0.8 + errors + rng.normal(0, 0.02, (400, 4))
        worst = worst_of(at, samples, "auroc")
        assert worst.value == min(each.value for each in at)
        kept += worst.low <= 0.8 <= worst.high
    assert kept >= 375  # 93.75 %: 380 expected at least, less a standard error
