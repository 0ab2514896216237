"""An ensemble is one classifier, and gives the mean of its members' probabilities."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from samples import CLASSES, make_dataset, make_images, write_images

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.classifier import Spec
from radapt.models.ensemble import member_seeds, members_of
from radapt.models.inference import embed, scores_of
from radapt.models.table import build, new_spec
from radapt.runs.folder import read_epochs, read_record
from radapt.runs.train import TrainOptions, train_model
from radapt.training.recipe import Recipe

QUICK = Recipe(epochs=2, batch_size=16)


@pytest.mark.parametrize("findings", [False, True])
@pytest.mark.parametrize("name", ["compact", "timm:test_resnet"])
def test_its_probabilities_are_the_mean_of_its_members_from_seeds_of_their_own(
    name, findings, hardware, tmp_path
):
    spec, images = new_spec(name, CLASSES, size=32, findings=findings), make_images(6, size=32)
    ensemble = build(replace(spec, members=3), seed=4).eval()
    alone = [build(spec, seed=seed).eval() for seed in (12, 13, 14)]
    means = np.mean([scores_of(one, images.pixels, hardware) for one in alone], axis=0)
    np.testing.assert_allclose(scores_of(ensemble, images.pixels, hardware), means, atol=1e-6)
    features = torch.cat([embed(one, images.pixels, hardware) for one in alone], dim=1)
    torch.testing.assert_close(embed(ensemble, images.pixels, hardware), features)
    save_classifier(ensemble, tmp_path)
    again = load_classifier(tmp_path)
    assert again.spec == ensemble.spec
    np.testing.assert_array_equal(
        scores_of(again, images.pixels, hardware), scores_of(ensemble, images.pixels, hardware)
    )


def test_members_are_the_weights_of_the_ensemble_and_a_single_network_is_its_own():
    spec = new_spec("compact", CLASSES, size=32)
    ensemble = build(replace(spec, members=2, views=3))
    first, second = members_of(ensemble)
    assert first.spec == second.spec == spec
    assert first.blocks == build(spec).blocks
    names = dict(first.trunk.named_modules())
    assert all(block in names for block in first.blocks)
    with torch.no_grad():
        next(second.head.parameters()).fill_(7)
    assert (next(ensemble.head.get_submodule("members.1").parameters()) == 7).all()
    assert members_of(first) == [first]


def test_a_description_of_too_many_members_is_damaged_and_one_member_is_not_written_down():
    spec = new_spec("compact", CLASSES, size=32)
    assert "members" not in spec.as_dict()
    assert Spec.from_dict(spec.as_dict()) == spec
    for members in (0, 1000):
        with pytest.raises(BadArtefact, match=f"{members} members"):
            Spec.from_dict({**spec.as_dict(), "members": members})


def test_each_member_is_trained_as_alone_on_the_same_images(hardware, tmp_path, dataset):
    options = TrainOptions(recipe=QUICK, members=2)
    record = train_model(dataset, tmp_path / "both", options, hardware=hardware)
    train_model(dataset, tmp_path / "one", replace(options, members=1), hardware=hardware)
    first, second = members_of(load_classifier(tmp_path / "both"))
    single = load_classifier(tmp_path / "one").state_dict()
    assert all((tensor == single[name]).all() for name, tensor in first.state_dict().items())
    assert any((tensor != single[name]).any() for name, tensor in second.state_dict().items())
    assert [(each["seed"], each["epochs"]) for each in record["notes"]["members"]] == [(0, 2), (1, 2)]
    assert [epoch.number for epoch in read_epochs(tmp_path / "both" / "history.csv")] == [1, 2, 3, 4]
    assert not list((tmp_path / "both").glob("*member*"))


def test_ensembles_of_neighbouring_seeds_share_no_member(hardware, tmp_path, dataset):
    seeds = [seed for first in range(5) for seed in member_seeds(first, 3)]
    assert seeds == list(range(15))
    assert [list(member_seeds(seed, 1)) for seed in (0, 7)] == [[0], [7]]
    spec = new_spec("compact", CLASSES, size=32)
    weights = [
        next(member.trunk.parameters()).detach()
        for seed in (0, 1)
        for member in members_of(build(replace(spec, members=3), seed=seed))
    ]
    assert not any(torch.equal(one, other) for one, other in combinations(weights, 2))
    record = train_model(
        dataset, tmp_path / "next", TrainOptions(recipe=QUICK, seed=1, members=2), hardware=hardware
    )
    assert [each["seed"] for each in record["notes"]["members"]] == [2, 3]


def test_members_that_would_be_alike_are_refused(hardware, tmp_path, dataset):
    with pytest.raises(AskedWrongly, match="the same from every seed: leave --ensemble out"):
        train_model(dataset, tmp_path / "run", TrainOptions(members=2, tune="head"), hardware=hardware)
    assert not (tmp_path / "run").exists()


def test_on_the_command_line_an_ensemble_is_evaluated_and_adapting_it_is_refused(tmp_path, radapt):
    data, run = write_images(tmp_path / "data", make_dataset()), tmp_path / "run"
    words = ["--size", 16, "--epochs", 1, "--steps", 1, "--ensemble", 2, "--out", run]
    code, printed, error = radapt("train", data, *words)
    assert code == 0, error
    assert "2 networks in 2 epochs" in printed
    assert read_record(run)["spec"]["members"] == 2
    assert radapt("report", run)[0] == 0
    assert "The model is an ensemble of 2 networks compact" in (run / "report.html").read_text()
    assert radapt("evaluate", run, data)[0] == 0
    assert radapt("predict", run, data)[0] == 0
    code, _, said = radapt("adapt", run, data, "--strategy", "linear-probe", "--out", tmp_path / "adapted")
    assert code == 2
    assert "The model is an ensemble of 2 networks, and linear-probe adapts one" in said
    assert "These work on it: none, tta." in said
