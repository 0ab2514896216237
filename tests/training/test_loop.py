import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from samples import CLASSES, make_images

from radapt.errors import AskedWrongly, RadaptError
from radapt.models.table import build, new_spec
from radapt.shift.augment import parse_augmentation
from radapt.training.batches import ImageBatches
from radapt.training.loop import FitOptions, fit, steps_per_epoch
from radapt.training.recipe import Recipe, recipe_for

SHORT = Recipe(epochs=4, batch_size=16, learning_rate=3e-3)


def run(hardware, recipe=SHORT, *, seed=0, state=None, valid=True, images=48, contrary=False):
    """Train on squares; `contrary` validation images are labelled the other way round."""
    classifier = build(new_spec("compact", CLASSES, size=16), seed=seed)
    train = ImageBatches(make_images(images), hardware.device, parse_augmentation(recipe.augment))
    judged = make_images(20, seed=1)
    judged = replace(judged, labels=1 - judged.labels) if contrary else judged
    check = ImageBatches(judged, hardware.device) if valid else None
    outputs = classifier.spec.outputs
    return classifier, fit(
        classifier,
        train,
        check,
        recipe,
        outputs=outputs,
        hardware=hardware,
        seed=seed,
        options=FitOptions(state),
    )


def weights(classifier):
    return {name: tensor.clone() for name, tensor in classifier.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_model_learns_to_find_the_square(hardware):
    classifier, epochs = run(hardware, replace(SHORT, epochs=12, label_smoothing=0.0), images=96)
    history = list(epochs)
    assert history[-1].loss < 0.6 * history[0].loss
    assert max(epoch.valid_auroc for epoch in history) > 0.9
    assert [epoch.number for epoch in history] == list(range(1, 13))
    assert all(epoch.images_per_second > 0 for epoch in history)
    assert not classifier.training


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(hardware):
    first, epochs = run(hardware)
    list(epochs)
    second, epochs = run(hardware)
    list(epochs)
    third, epochs = run(hardware, seed=1)
    list(epochs)
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(third))


def test_training_leaves_global_randomness_alone(hardware):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    list(run(hardware)[1])
    assert torch.equal(torch.rand(3), expected)


def test_a_killed_training_goes_on_to_the_same_bits(hardware, tmp_path):
    whole, epochs = run(hardware)
    uninterrupted = list(epochs)
    state = tmp_path / "training.pt"
    stopped = list(islice(run(hardware, state=state)[1], 2))
    resumed, epochs = run(hardware, state=state)
    history = list(epochs)
    assert history[:2] == stopped, "with their seconds: they were not trained again"
    assert same(weights(whole), weights(resumed))
    assert [(e.loss, e.valid_auroc, e.best) for e in history] == [
        (e.loss, e.valid_auroc, e.best) for e in uninterrupted
    ]


def test_a_killed_training_on_a_plateau_goes_on_to_the_same_bits(hardware, tmp_path):
    recipe = replace(
        SHORT, schedule="plateau", patience=1, early_stopping_patience=3, epochs=8, learning_rate=0.02
    )
    whole, epochs = run(hardware, recipe)
    uninterrupted = [(e.loss, e.learning_rate) for e in epochs]
    state = tmp_path / "training.pt"
    stopped = list(islice(run(hardware, recipe, state=state)[1], 3))
    resumed, epochs = run(hardware, recipe, state=state)
    history = list(epochs)
    assert history[:3] == stopped
    assert [(e.loss, e.learning_rate) for e in history] == uninterrupted
    assert same(weights(whole), weights(resumed))
    assert len({rate for _, rate in uninterrupted}) > 1


def test_a_state_of_another_model_is_refused_in_one_sentence(hardware, tmp_path):
    state = tmp_path / "training.pt"
    state.write_bytes(b"not a state")
    with pytest.raises(RadaptError, match="Delete it to start over"):
        list(run(hardware, state=state)[1])


def test_the_best_weights_by_the_monitor_are_restored(hardware):
    recipe = replace(SHORT, epochs=6, monitor="loss", schedule="constant")
    classifier, epochs = run(hardware, recipe, contrary=True)
    history, kept = [], {}
    for epoch in epochs:
        history.append(epoch)
        kept[epoch.number] = weights(classifier)
    lowest = min(history, key=lambda epoch: epoch.valid_loss)
    assert lowest.number != len(history), "the case is void if the last epoch is the best"
    assert same(weights(classifier), kept[lowest.number])
    assert [epoch.best for epoch in history][lowest.number - 1]


def test_training_stops_early_and_the_rate_falls_to_its_floor(hardware):
    recipe = replace(
        SHORT,
        epochs=40,
        schedule="plateau",
        patience=2,
        early_stopping_patience=6,
        plateau_factor=0.1,
        min_learning_rate=1e-4,
    )
    history = list(run(hardware, recipe, contrary=True)[1])
    lowest = min(range(len(history)), key=lambda i: history[i].valid_loss)
    assert len(history) == lowest + 1 + 6 < 40
    rates = [epoch.learning_rate for epoch in history]
    assert rates[: lowest + 3] == [3e-3] * (lowest + 3), "two epochs without a lower loss come first"
    assert rates[lowest + 3] == pytest.approx(3e-4)
    assert min(rates) == 1e-4


def test_without_validation_the_last_epoch_is_kept_and_scores_are_not_numbers(hardware):
    history = list(run(hardware, valid=False)[1])
    assert len(history) == 4
    assert all(math.isnan(epoch.valid_auroc) and epoch.best for epoch in history)


def test_steps_bound_an_epoch_and_may_go_round_the_images_more_than_once(hardware):
    assert steps_per_epoch(48, SHORT) == 3
    assert steps_per_epoch(49, SHORT) == 3, "a last batch of one image breaks batch normalisation"
    assert steps_per_epoch(50, SHORT) == 4
    history = list(run(hardware, replace(SHORT, steps=7, epochs=1))[1])
    assert history[0].images_per_second == pytest.approx(7 * 16 / history[0].seconds)


def test_frozen_parts_stay_to_the_bit_with_their_statistics(hardware):
    classifier, _ = run(hardware)
    before = {name: tensor.clone() for name, tensor in classifier.trunk.state_dict().items()}
    head = classifier.head.weight.clone()
    rows = ImageBatches(make_images(48), hardware.device, parse_augmentation("mild"))
    fitted = fit(
        classifier,
        rows,
        None,
        SHORT,
        outputs="softmax",
        hardware=hardware,
        seed=0,
        options=FitOptions(rates=lambda name, _: float(name.startswith("head."))),
    )
    list(fitted)
    assert same(before, dict(classifier.trunk.state_dict()))
    assert not torch.equal(head, classifier.head.weight)


def test_two_sigmoids_are_trained_with_binary_cross_entropy(hardware):
    classifier = build(new_spec("original-cnn", CLASSES, size=46, channels=1), seed=0)
    with torch.no_grad():
        classifier.head[-1].bias.copy_(torch.tensor([2.0, 1.0]))  # a softmax would only see their difference
    rows = ImageBatches(make_images(8, size=46), hardware.device)
    recipe = replace(recipe_for("original-cnn"), epochs=1, steps=1, batch_size=8)
    before = torch.stack([classifier.eval()(rows.batch(np.arange(8), 0))])[0].detach()
    targets = torch.nn.functional.one_hot(torch.from_numpy(rows.labels), 2).float()
    by_hand = torch.nn.functional.binary_cross_entropy(before.sigmoid(), targets)
    valid = ImageBatches(make_images(8, size=46), hardware.device)
    no_step = replace(recipe, learning_rate=1e-12)
    (epoch,) = fit(classifier, rows, valid, no_step, outputs="sigmoid", hardware=hardware, seed=0)
    assert epoch.valid_loss == pytest.approx(float(by_hand), abs=0.05), "only batch statistics moved"


def test_balanced_classes_weigh_as_much_in_the_loss(hardware):
    images = make_images(48).take([*range(0, 48, 4), 2])  # twelve of the one class, one of the other
    rows = ImageBatches(images, hardware.device)
    losses = []
    for balance in (False, True):
        classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
        recipe = replace(SHORT, epochs=25, balance=balance, augment="none", learning_rate=1e-3)
        list(fit(classifier, rows, None, recipe, outputs="softmax", hardware=hardware, seed=0))
        with torch.no_grad():
            losses.append(float(classifier(torch.from_numpy(make_images(40).pixels)).softmax(1)[:, 1].mean()))
    assert losses[1] > losses[0]


def test_a_loss_that_is_no_number_is_said_in_one_sentence(hardware):
    recipe = replace(SHORT, learning_rate=1e30, schedule="constant", optimiser="adam", epochs=6)
    with pytest.raises(RadaptError, match="Try a learning rate below 1e\\+30"):
        list(run(hardware, recipe)[1])


def test_one_image_cannot_be_trained_on(hardware):
    with pytest.raises(AskedWrongly, match="at least 2 images. Got 1"):
        list(run(hardware, images=1)[1])
