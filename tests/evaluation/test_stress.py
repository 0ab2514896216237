"""A stress test scores the same images under every shift, and goes on where it was stopped."""

import numpy as np
import pytest

from radapt.artefacts import STRESS, STRESS_IMAGES
from radapt.errors import AskedWrongly, UnknownName
from radapt.evaluation.stress import StressOptions, shifts_of, stress_model
from radapt.files import read_document, write_document
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.report.render import render
from radapt.runs.train import TrainOptions, train_model
from radapt.shift.expression import at
from radapt.shift.shifted import shift_images
from radapt.stats.inference import difference
from radapt.training.recipe import Recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory, dataset, hardware):
    out = tmp_path_factory.mktemp("stress") / "run"
    train_model(dataset, out, TrainOptions(recipe=Recipe(epochs=8, batch_size=16)), hardware=hardware)
    return out


@pytest.fixture(scope="module")
def result(run, dataset, hardware):
    return stress_model(
        load_classifier(run),
        dataset["test"],
        run / "stress-mine",
        StressOptions("noise,rotation,original", draws=100),
        hardware=hardware,
    )


def test_every_shift_is_scored_at_every_severity_against_the_images_as_they_are(
    run, result, dataset, hardware
):
    rows = {(row["shift"], row["severity"], row["metric"]): row for row in result["cells"]}
    expected = {(name, level) for name in ("noise", "rotation") for level in range(1, 6)} | {("original", 0)}
    assert {key[:2] for key in rows} == expected
    assert {key[2] for key in rows} == {"accuracy", "auroc"}
    classifier, images = load_classifier(run), dataset["test"]
    shifted, _ = shift_images(images, at("noise", 5), seed=0)
    by_hand = difference(
        "accuracy",
        [predict(classifier, shifted, hardware)],
        [predict(classifier, images, hardware)],
        draws=100,
    )
    assert rows["noise", 5, "accuracy"]["drop"] == by_hand.as_dict()
    assert rows["noise", 5, "accuracy"]["requested"] == str(at("noise", 5))


def test_shifts_are_ranked_by_what_they_cost(result):
    drops = [row["mean_drop"] for row in result["ranking"]]
    assert drops == sorted(drops)
    for row in result["ranking"]:
        worse = [
            cell["severity"]
            for cell in result["cells"]
            if (cell["shift"], cell["metric"], cell["verdict"]) == (row["shift"], "accuracy", "worse")
        ]
        assert row["lowest_harmful_severity"] == min(worse, default=None)
        assert (row["shift"] in result["harmless"]) == (not worse)


def test_it_goes_on_where_it_was_stopped(run, result, dataset, hardware, tmp_path):
    whole = run / "stress-mine"
    out = tmp_path / "half"
    out.mkdir()
    (out / "asked.json").write_bytes((whole / "asked.json").read_bytes())
    half = read_document(whole / "cells.json")["cells"][:6]
    for row in half:
        row["value"] = 0.5  # what is there is not scored again
    write_document(out / "cells.json", {"cells": half})
    again = stress_model(
        load_classifier(run),
        dataset["test"],
        out,
        StressOptions("noise,rotation,original", draws=100),
        hardware=hardware,
    )
    assert again["cells"][:6] == half
    assert again["cells"][6:] == result["cells"][6:]
    with pytest.raises(AskedWrongly, match="holds other work: it differs in shifts, suite"):
        stress_model(
            load_classifier(run), dataset["test"], out, StressOptions("noise", draws=100), hardware=hardware
        )


def test_the_images_shown_are_those_that_lost_most(run, result, dataset):
    images = result["shown"]["images"]
    lost = [image["before"] - image["after"] for image in images]
    assert lost == sorted(lost, reverse=True)
    with np.load(run / "stress-mine" / STRESS_IMAGES) as stored:
        ids = dataset["test"].ids.tolist()
        rows = [ids.index(image["id"]) for image in images]
        assert np.array_equal(stored["clean"], dataset["test"].pixels[rows])


def test_the_report_of_the_run_shows_the_heat_map(run, result):
    page = render(run)
    assert "Stress test: noise,rotation,original" in page
    assert page.count('class="n heat-') >= 2 * 11
    assert f"Images with the largest drop under {result['shown']['shift']}" in page
    (run / "stress-mine" / STRESS).rename(run / "stress-mine" / "kept.json")
    assert "Under simulated damage" not in render(run)
    (run / "stress-mine" / "kept.json").rename(run / "stress-mine" / STRESS)


def test_what_cannot_be_tested_is_told():
    with pytest.raises(UnknownName, match="Did you mean 'noise'"):
        shifts_of("nose")
    with pytest.raises(AskedWrongly, match="A suite is one of all"):
        shifts_of(" , ")
    with pytest.raises(AskedWrongly, match="takes images away"):
        shifts_of("prevalence")
    assert len(shifts_of("noise,noise")) == 5
    assert [severity for _, severity, _ in shifts_of("noise", (2, 4))] == [2, 4]
