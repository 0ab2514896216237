from dataclasses import replace

import numpy as np
import pytest
import torch

from conftest import CLASSES, make_images
from radapt.adapt.head import Head, plain_bank
from radapt.adapt.strategy import Conditions
from radapt.adapt.table import STRATEGIES, get_strategy
from radapt.adapt.whole import train_all
from radapt.errors import UnknownName
from radapt.images.imageset import ImageSet
from radapt.metrics import score
from radapt.models.inference import predict
from radapt.models.layers import layers
from radapt.models.table import build, new_spec
from radapt.recipe import Recipe

MODELS = {"compact": 16, "timm:test_vit": 160}


@pytest.fixture(scope="module", params=MODELS)
def base(request, hardware):
    size = MODELS[request.param]
    films = make_images(32, size=size)
    classifier = build(new_spec(request.param, CLASSES, size=size), seed=0)
    return train_all(
        classifier, films, None, Recipe(epochs=2, batch_size=16), Conditions(hardware)
    ).classifier


def target(base, films=32) -> ImageSet:
    """Other films, inverted: a second hospital that shows bones black."""
    images = make_images(films, size=base.spec.size, seed=9, name="target")
    return images.with_pixels(255 - images.pixels)


def quick(name, base, hardware, **more):
    conditions = Conditions(hardware, epochs=2, **more)
    return STRATEGIES[name].adapt(base, target(base), target(base, 12), conditions)


def weights(classifier):
    return {name: tensor.clone() for name, tensor in classifier.state_dict().items()}


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_base_is_never_changed(name, base, hardware):
    before = weights(base)
    quick(name, base, hardware)
    after = weights(base)
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not base.training


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_frozen_stays_to_the_bit_and_what_trains_moves(name, base, hardware):
    adapted = quick(name, base, hardware).classifier
    trains = STRATEGIES[name].trains
    before, after = weights(base), weights(adapted)
    parameters = {key for key, _ in base.named_parameters()}
    frozen = {key for key in parameters if not trains(key)}
    whole = frozen == parameters
    held = [
        key for key in before if key in frozen or (key.startswith("trunk.") and not any_trains(base, trains))
    ]
    assert all(torch.equal(before[key], after[key]) for key in held)
    assert whole or any(not torch.equal(before[key], after[key]) for key in parameters - frozen)


def any_trains(base, trains):
    return any(trains(name) for name, _ in base.named_parameters() if name.startswith("trunk."))


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_adapted_model_can_be_trained_again(name, base, hardware):
    adapted = quick(name, base, hardware).classifier
    again = STRATEGIES["full"].adapt(adapted, target(base), None, Conditions(hardware, epochs=1)).classifier
    assert not torch.equal(weights(adapted)["head.weight"], weights(again)["head.weight"])


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_decided_by_its_seed(name, base, hardware):
    first, second = (quick(name, base, hardware, seed=4).classifier for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(weights(first).values(), weights(second).values(), strict=True)
    )


@pytest.mark.parametrize("name", ["scratch", "head", "full"])
def test_a_strategy_that_was_stopped_goes_on_to_the_same_bits(name, base, hardware, tmp_path):
    whole = quick(name, base, hardware).classifier

    class Stop:
        def begin(self, task, total, unit): ...
        def end(self): ...
        def advance(self, done, detail=""):  # noqa: ARG002
            if detail:  # an epoch is over, and saved
                raise KeyboardInterrupt

    state = tmp_path / "training.pt"
    with pytest.raises(KeyboardInterrupt):
        quick(name, base, hardware, state=state, watch=Stop())
    assert state.exists()
    resumed = quick(name, base, hardware, state=state).classifier
    assert all(
        torch.equal(a, b) for a, b in zip(weights(whole).values(), weights(resumed).values(), strict=True)
    )


@pytest.mark.parametrize("name", [name for name, s in STRATEGIES.items() if s.needs == "nothing"])
def test_a_strategy_that_needs_no_labels_never_sees_them(name, base, hardware):
    films = target(base)
    garbage = replace(films, labels=1 - films.labels)
    conditions = Conditions(hardware, epochs=2)
    one, other = (STRATEGIES[name].adapt(base, f, None, conditions).classifier for f in (films, garbage))
    assert all(torch.equal(a, b) for a, b in zip(weights(one).values(), weights(other).values(), strict=True))


def test_the_head_learns_from_banked_features_what_it_would_learn_from_films(base, hardware):
    films = target(base)
    bank = plain_bank(base, films, hardware)
    with torch.no_grad():
        direct = base(torch.from_numpy(films.pixels))
        banked = base.head(bank.batch(np.arange(len(films)), 0))
    torch.testing.assert_close(banked, direct, atol=1e-5, rtol=1e-5)


def test_a_head_trained_on_standardised_features_gives_what_it_gave_in_training(base, hardware):
    films = target(base, 80)
    adapted = STRATEGIES["head"].adapt(base, films, target(base, 20), Conditions(hardware, epochs=3))
    predictions = predict(adapted.classifier, target(base, 20), hardware)
    best = max(adapted.history, key=lambda epoch: epoch.valid_auroc)
    assert score("auroc", predictions) == pytest.approx(best.valid_auroc, abs=1e-9)


def test_views_differ_from_the_film_and_from_each_other(base, hardware):
    recipe = Recipe(augment="mild", epochs=1)
    bank = Head(recipe, views=3)._bank(base, target(base), recipe, Conditions(hardware))
    assert bank.features.shape[:2] == (32, 3)
    plain = plain_bank(base, target(base), hardware).features
    torch.testing.assert_close(bank.features[:, :1], plain)
    assert not torch.allclose(bank.features[:, 1], bank.features[:, 2])


def test_training_everything_wins_an_inverted_hospital_back(hardware):
    films = make_images(120)
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    recipe = Recipe(epochs=15, batch_size=16, label_smoothing=0.0)
    base = train_all(classifier, films, None, recipe, Conditions(hardware)).classifier
    new = target(base, 120)
    test = make_images(60, seed=5, name="test")
    test = test.with_pixels(255 - test.pixels)
    right = {}
    for name in ("none", "full"):
        adapted = STRATEGIES[name].adapt(base, new, None, Conditions(hardware, epochs=15)).classifier
        predictions = predict(adapted, test, hardware)
        right[name] = float((predictions.scores.argmax(axis=1) == test.labels).mean())
    assert right["full"] > right["none"] + 0.2


def test_layers_say_what_trains(base):
    found = layers(base, STRATEGIES["head"].trains)
    assert {layer.name.split(".")[0] for layer in found if layer.trains} == {"head"}
    assert not any(layer.trains for layer in layers(base, STRATEGIES["none"].trains))


def test_an_unknown_strategy_is_refused_with_a_suggestion():
    with pytest.raises(UnknownName, match="Did you mean 'head'"):
        get_strategy("haed")
