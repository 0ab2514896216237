"""A model before and after it was adapted."""

import json

import pytest
from samples import make_dataset

from radapt.models.checkpoint import load_classifier
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.train import TrainOptions, train_model
from radapt.training.recipe import Recipe


@pytest.fixture(scope="module")
def base(tmp_path_factory, hardware):
    out = tmp_path_factory.mktemp("base") / "run"
    options = TrainOptions(recipe=Recipe(epochs=1, steps=2))
    train_model(make_dataset(size=32), out, options, hardware=hardware)
    return out


def scores_of(base, strategy, out, hardware):
    options = AdaptOptions(strategy, shift="inversion", epochs=1, steps=2)
    adapt_model(load_classifier(base), make_dataset(size=32), out, options, hardware=hardware)
    return json.loads((out / "scores.json").read_text())


def test_an_adapted_run_holds_the_scores_before_and_the_change_on_the_same_images(base, tmp_path, hardware):
    scores = scores_of(base, "full", tmp_path / "run", hardware)
    before, after = (
        next(
            row["value"]
            for row in scores["estimates"]
            if (row["strategy"], row["metric"]) == (name, "accuracy")
        )
        for name in ("none", "full")
    )
    change = next(row for row in scores["changes"] if row["metric"] == "accuracy")
    assert change["value"] == pytest.approx(after - before)
    assert change["domain"] == "target"
    assert {row["metric"] for row in scores["changes"]} >= {"accuracy", "auroc", "balanced-accuracy"}


def test_no_adaptation_has_no_change(base, tmp_path, hardware):
    scores = scores_of(base, "none", tmp_path / "run", hardware)
    assert "changes" not in scores
    assert {row["strategy"] for row in scores["estimates"]} == {"none"}
