from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import CLASSES, make_images, trained_on
from torch.nn.modules.batchnorm import _BatchNorm

from radapt.adaptation.cross_validation import adapt_with_cv, out_of_fold
from radapt.adaptation.full import MANY
from radapt.adaptation.last_layer import last_layer
from radapt.adaptation.strategy import AdaptContext, check_source
from radapt.adaptation.table import STRATEGIES, get_strategy
from radapt.adaptation.wise_ft import between
from radapt.errors import AskedWrongly, UnknownName
from radapt.images.imageset import ImageSet
from radapt.metrics.table import score
from radapt.models.inference import embed, predict
from radapt.models.parameter_info import parameter_info
from radapt.models.summary import layers
from radapt.models.table import build, new_spec
from radapt.training.recipe import Recipe

MODELS = {
    "batch norm": ("compact", 16),
    "group norm": ("timm:test_efficientnet_gn", 32),
    "transformer": ("timm:test_vit", 32),
}
FITTED = [name for name, strategy in STRATEGIES.items() if hasattr(strategy, "recipe")]


@pytest.fixture(scope="module", params=MODELS)
def base(request, hardware):
    name, size = MODELS[request.param]
    classifier = build(new_spec(name, CLASSES, size=size), seed=0)
    recipe = Recipe(epochs=2, batch_size=16)
    images = make_images(32, size=size)
    return trained_on(classifier, images, recipe, AdaptContext(hardware))


def target(base, count=32) -> ImageSet:
    """Other images, inverted: a second hospital that shows bones black."""
    images = make_images(count, size=base.spec.size, seed=9, name="target")
    return images.with_pixels(255 - images.pixels)


def suits(name, base) -> bool:
    return name != "lora" or base.spec.model == "timm:test_vit"


def conditions(base, hardware, **more):
    return AdaptContext(hardware, epochs=2, source=make_images(32, size=base.spec.size), **more)


def quick(name, base, hardware, **more):
    if not suits(name, base):
        pytest.skip("lora is for transformers")
    valid = None if STRATEGIES[name].needs == "unlabelled" else target(base, 12)
    return STRATEGIES[name].adapt(base, target(base), valid, conditions(base, hardware, **more))


@pytest.fixture(scope="module")
def once(base, hardware):
    """Adapt by a strategy as `quick` does, once for all tests; also give whether the base stayed the same."""
    done = {}

    def adapt(name):
        if name not in done:
            before = weights(base)
            adapted = quick(name, base, hardware).classifier
            done[name] = adapted, same(before, weights(base)) and not base.training
        return done[name]

    return adapt


def weights(classifier):
    return {name: tensor.clone() for name, tensor in classifier.state_dict().items()}


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def frozen(base, strategy):
    """Name the weights, and the statistics, that a strategy must leave alone."""
    where = parameter_info(base)
    held = {name for name in where if not strategy.trains(where[name])}
    if strategy.updates_statistics:
        return held
    for name, module in base.named_modules():
        if not any(f"{name}.{own}" in where.keys() - held for own, _ in module.named_parameters()):
            held |= {f"{name}.{own}" for own, _ in module.named_buffers(recurse=False)}
    return held


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_base_is_never_changed(name, once):
    _, unchanged = once(name)
    assert unchanged


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_frozen_stays_to_the_bit_and_what_trains_moves(name, base, once):
    adapted, _ = once(name)
    before, after = weights(base), weights(adapted)
    frozen_names = frozen(base, STRATEGIES[name])
    if STRATEGIES[name].replaces_head:
        assert (
            before.keys() - after.keys()
            == {"head.weight", "head.bias"}
            == parameter_info(base).keys() - frozen_names
        )
        assert all(torch.equal(before[key], after[key]) for key in frozen_names)
        return
    assert before.keys() == after.keys()
    if name != "scratch":
        assert [
            key for key in frozen_names if key in before and not torch.equal(before[key], after[key])
        ] == []
    moving = parameter_info(base).keys() - frozen_names
    unsure = name in ("self-train", "tent", "wise-ft")  # which may give the base back
    assert unsure or not moving or any(not torch.equal(before[key], after[key]) for key in moving)


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_adapted_model_can_be_trained_again(name, base, hardware, once):
    adapted, _ = once(name)
    assert all(weight.requires_grad for weight in adapted.parameters())
    assert not adapted.training
    again = STRATEGIES["full"].adapt(adapted, target(base), None, AdaptContext(hardware, epochs=1)).classifier
    before, after = weights(adapted), weights(again)
    last = last_layer(adapted, name)
    moved = [
        key for key, weight in adapted.named_parameters() if weight is last.weight or weight is last.bias
    ]
    assert len(moved) == 2
    assert all(not torch.equal(before[key], after[key]) for key in moved)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_decided_by_its_seed(name, base, hardware, once):
    first, _ = once(name)
    assert same(weights(first), weights(quick(name, base, hardware).classifier))


@pytest.mark.parametrize("name", FITTED)
def test_a_strategy_that_was_stopped_goes_on_to_the_same_bits(name, base, hardware, once, tmp_path):
    whole, _ = once(name)

    class Stop:
        def begin(self, task, total, unit): ...
        def end(self): ...
        def advance(self, done, detail=""):  # noqa: ARG002
            if detail:  # an epoch is over, and saved
                raise KeyboardInterrupt

    state = tmp_path / "training.pt"
    try:
        quick(name, base, hardware, state=state, watch=Stop())
    except KeyboardInterrupt:
        assert list(tmp_path.iterdir())
    else:
        assert name == "self-train", "only what trained nothing has no epoch to be stopped after"
    assert same(weights(whole), weights(quick(name, base, hardware, state=state).classifier))


@pytest.mark.parametrize("name", [name for name, s in STRATEGIES.items() if s.needs != "labelled"])
def test_a_strategy_that_needs_no_labels_never_sees_them(name, base, hardware):
    images = target(base)
    garbage = replace(images, labels=np.zeros_like(images.labels))
    given = conditions(base, hardware)
    one, other = (STRATEGIES[name].adapt(base, each, None, given).classifier for each in (images, garbage))
    assert same(weights(one), weights(other))


@pytest.mark.parametrize("name", [name for name, s in STRATEGIES.items() if s.source])
def test_a_strategy_that_goes_back_to_source_images_says_so_where_there_are_none(name, base, hardware):
    with pytest.raises(
        AskedWrongly, match=f"'{name}' uses the images that the base model was trained on.* --source"
    ):
        STRATEGIES[name].adapt(base, target(base), None, AdaptContext(hardware, epochs=1))


@pytest.mark.parametrize("name", [name for name, s in STRATEGIES.items() if s.source])
def test_a_strategy_without_its_source_images_is_refused_before_any_work(name):
    with pytest.raises(AskedWrongly, match=f"'{name}' uses .* --source"):
        check_source(f"{name}(k=2)", STRATEGIES[name], has_source=False)
    check_source(name, STRATEGIES[name], has_source=True)
    check_source("full", STRATEGIES["full"], has_source=False)


@pytest.mark.parametrize("name", ["head", "last-k", "full"])
def test_few_images_choose_their_rate_and_epochs_by_folds_of_themselves(name, base, hardware):
    images = target(base, 16)
    adapted = adapt_with_cv(STRATEGIES[name], base, images, None, AdaptContext(hardware, epochs=3))
    chosen = adapted.notes["chosen_by_cross_validation"]
    assert chosen["rate"] in STRATEGIES[name].few_rates
    assert len(adapted.history) == chosen["epochs"] <= 3
    assert chosen["folds"] == 8, "two rounds of four folds of eight patients"
    assert adapted.recipe.epochs == 3, "the schedule stays as long as it was when it was chosen"


class Told:
    """Hears of work, and keeps it: each task with its units, and how far it came."""

    def __init__(self):
        self.tasks, self.ended = [], 0

    def begin(self, task, total, unit):
        self.tasks.append((task, total, unit, []))

    def advance(self, done, detail=""):  # noqa: ARG002
        self.tasks[-1][-1].append(done)

    def end(self):
        self.ended += 1


@pytest.mark.parametrize("name", ["head", "lp-ft"])
def test_choosing_by_folds_is_one_task_that_never_goes_back(name, base, hardware):
    watch, images = Told(), target(base, 16)
    context = AdaptContext(hardware, epochs=3, watch=watch, task="adapting")
    adapted = adapt_with_cv(STRATEGIES[name], base, images, None, context)
    (task, total, unit, steps), *others = watch.tasks
    assert (task, unit) == ("adapting, choosing rate and epochs", "fold")
    assert total == steps[-1] == 8 * len(STRATEGIES[name].few_rates)
    assert steps == sorted(steps)
    assert any(step % 1 for step in steps), "it moves within a fold"
    assert len(others) < 5
    assert watch.ended == len(watch.tasks)
    watch = Told()
    out_of_fold(STRATEGIES[name], base, images, replace(context, watch=watch), adapted.notes)
    ((task, total, unit, steps),) = watch.tasks
    assert (task, total, unit, steps[-1]) == ("adapting, choosing the threshold", 4, "fold", 4)


@pytest.mark.parametrize("name", ["scratch", "head", "recalibrate"])
def test_answers_for_few_images_come_from_models_that_have_not_learned_from_their_patients(
    name, base, hardware, monkeypatch
):
    strategy, images, learned = STRATEGIES[name], target(base, 16), []
    adapt = type(strategy).adapt

    def watched(self, base, images, valid, conditions):
        learned.append((set(images.patients), conditions.stop_at))
        return adapt(self, base, images, valid, conditions)

    monkeypatch.setattr(type(strategy), "adapt", watched)
    notes = {"chosen_by_cross_validation": {"rate": 1.0, "epochs": 1}}
    answers = out_of_fold(strategy, base, images, AdaptContext(hardware, epochs=2), notes)
    assert sorted(answers.ids) == sorted(images.ids)
    assert [epochs for _, epochs in learned] == [1, 1, 1, 1]
    whose = set(images.patients)
    parameter_info = np.cumsum([int(np.isin(images.patients, list(whose - own)).sum()) for own, _ in learned])
    for (own, _), rows in zip(learned, np.split(np.arange(16), parameter_info[:-1]), strict=True):
        assert whose - own == set(answers.patients[rows])
    assert not len(set.intersection(*(own for own, _ in learned))), "each patient is left out once"


def test_one_patient_of_a_class_leaves_nothing_to_choose_by(base, hardware):
    images = target(base, 16).take([0, 1, 2, 3])
    adapted = adapt_with_cv(STRATEGIES["head"], base, images, None, AdaptContext(hardware, epochs=2))
    assert "chosen_by_cross_validation" not in adapted.notes
    assert len(adapted.history) == 2
    assert out_of_fold(STRATEGIES["head"], base, images, AdaptContext(hardware, epochs=2), {}) is None


def test_a_head_trained_on_standardised_features_gives_what_it_gave_in_training(base, hardware):
    images = target(base, 80)
    adapted = STRATEGIES["head"].adapt(base, images, target(base, 20), AdaptContext(hardware, epochs=3))
    predictions = predict(adapted.classifier, target(base, 20), hardware)
    best = max(adapted.history, key=lambda epoch: epoch.valid_auroc)
    assert score("auroc", predictions) == pytest.approx(best.valid_auroc, abs=1e-9)


def test_training_everything_wins_an_inverted_hospital_back(hardware):
    images = make_images(120)
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    recipe = Recipe(epochs=15, batch_size=16, label_smoothing=0.0)
    base = trained_on(classifier, images, recipe, AdaptContext(hardware))
    new = target(base, 120)
    test = make_images(60, seed=5, name="test")
    test = test.with_pixels(255 - test.pixels)
    right = {}
    for name in ("none", "full"):
        adapted = STRATEGIES[name].adapt(base, new, None, AdaptContext(hardware, epochs=15)).classifier
        predictions = predict(adapted, test, hardware)
        right[name] = float((predictions.scores.argmax(axis=1) == test.labels).mean())
    assert right["full"] > right["none"] + 0.2


def test_the_last_blocks_or_the_first_learn(base):
    where = parameter_info(base)
    depth = len(base.blocks)
    for name, learning in (
        ("last-k(k=1)", {depth - 1, depth}),
        ("first-k(k=2)", {0, 1}),
        ("head", {depth}),
        ("full", set(range(depth + 1))),
    ):
        strategy = get_strategy(name)
        assert {place.block for place in where.values() if strategy.trains(place)} == learning


def test_rates_fall_from_the_head_to_the_image_and_blocks_thaw_one_by_one(base):
    where = sorted(parameter_info(base).values(), key=lambda place: place.block)
    falling = [get_strategy("layer-decay(decay=0.5)").rate(place, 0.0) for place in where]
    assert falling == sorted(falling)
    assert falling[-1] == 1.0
    gradual = get_strategy("gradual")
    learning = [{place.block for place in where if gradual.rate(place, done) > 0} for done in (0, 0.25, 0.5)]
    assert learning[0] == {len(base.blocks)}
    assert learning[0] < learning[1] < learning[2] == set(range(len(base.blocks) + 1))


def test_new_statistics_are_those_of_the_target_images(hardware):
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    images = make_images(64)
    refreshed = get_strategy("norm-refresh(prior=1)").adapt(classifier, images, None, AdaptContext(hardware))
    first = next(module for module in refreshed.classifier.modules() if isinstance(module, _BatchNorm))
    conv = classifier.trunk.get_submodule("stem")[0]
    with torch.no_grad():
        maps = conv(classifier.prepare(torch.from_numpy(images.pixels)))
    expected = (64 * maps.mean(dim=(0, 2, 3)) + 0) / 65  # a new network's running mean is 0
    torch.testing.assert_close(first.running_mean, expected, atol=1e-5, rtol=1e-5)
    assert first.momentum == 0.1


def test_a_network_without_batch_normalisation_has_no_statistics_to_refresh(hardware):
    classifier = build(new_spec("timm:test_vit", CLASSES, size=32), seed=0).eval()
    adapted = STRATEGIES["norm-refresh"].adapt(
        classifier, make_images(8, size=32), None, AdaptContext(hardware)
    )
    assert adapted.notes == {"normalisation_layers": 0}
    assert same(weights(classifier), weights(adapted.classifier))


def test_aligned_features_have_the_old_mean_in_what_the_head_sees(base, hardware):
    old, new = make_images(200, size=base.spec.size), target(base, 200)
    adapted = STRATEGIES["coral"].adapt(base, new, None, AdaptContext(hardware, source=old)).classifier
    with torch.no_grad():
        here = adapted.head(embed(adapted, new.pixels, hardware)).mean(0)
        there = base.head(embed(base, old.pixels, hardware)).mean(0)
    torch.testing.assert_close(here, there, atol=1e-3, rtol=1e-3)


def test_recalibration_keeps_the_order_of_images_and_lowers_the_loss(base, hardware):
    images = target(base, 80)
    before = predict(base, images, hardware)
    after = predict(
        STRATEGIES["recalibrate"].adapt(base, images, None, AdaptContext(hardware)).classifier,
        images,
        hardware,
    )
    assert score("auroc", after) == pytest.approx(score("auroc", before), abs=1e-6)
    losses = [-np.log(given.own_scores().clip(1e-12)).mean() for given in (before, after)]
    assert losses[1] < losses[0]


def test_answers_that_collapse_are_thrown_away(base, hardware):
    careless = get_strategy("tent(learning_rate=5, guard=0.05)")
    adapted = careless.adapt(base, target(base, 96), None, AdaptContext(hardware))
    refreshed = STRATEGIES["norm-refresh"].adapt(base, target(base, 96), None, AdaptContext(hardware))
    assert adapted.notes["collapsed"] == (adapted.notes["moved_shares"] > 0.05)
    if adapted.notes["collapsed"]:
        assert same(weights(adapted.classifier), weights(refreshed.classifier))


def test_self_training_needs_sure_answers_of_every_class(base, hardware):
    timid = replace(STRATEGIES["self-train"], sure=1.0 + 1e-9)
    adapted = timid.adapt(base, target(base), None, AdaptContext(hardware, epochs=1))
    assert adapted.notes == {"images_sure_of": 0}
    assert same(weights(base), weights(adapted.classifier))
    bold = replace(STRATEGIES["self-train"], sure=0.0, min_images=1)
    taught = bold.adapt(base, target(base), None, AdaptContext(hardware, epochs=1))
    called = predict(base, target(base), hardware).scores.argmax(axis=1)
    rarest = int(min(np.bincount(called, minlength=2)))
    assert taught.notes == {"images_sure_of": 2 * rarest}


def test_weights_lie_between_those_of_two_models(base, hardware):
    tuned = STRATEGIES["full"].adapt(base, target(base), None, AdaptContext(hardware, epochs=2)).classifier
    assert same(weights(between(base, tuned, 0.0)), weights(base)) or any(
        not tensor.is_floating_point() for tensor in weights(base).values()
    )
    half, ends = weights(between(base, tuned, 0.5)), (weights(base), weights(tuned))
    torch.testing.assert_close(half["head.weight"], (ends[0]["head.weight"] + ends[1]["head.weight"]) / 2)


def test_a_model_that_looks_several_times_gives_the_same_answer_alone_and_in_a_batch(base, hardware):
    images = target(base, 12)
    looking = STRATEGIES["tta"].adapt(base, images, None, AdaptContext(hardware)).classifier
    whole = predict(looking, images, hardware).scores
    assert not np.allclose(whole, predict(base, images, hardware).scores, atol=1e-6)
    np.testing.assert_allclose(predict(looking, images.take([3]), hardware).scores, whole[3:4], atol=1e-6)


def test_lora_is_refused_for_a_network_without_attention(hardware):
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    with pytest.raises(AskedWrongly, match="'lora' is for transformer"):
        STRATEGIES["lora"].adapt(classifier, make_images(8), None, AdaptContext(hardware, epochs=1))


def test_layers_say_what_trains(base):
    where = parameter_info(base)
    assert where.keys() == {name for name, _ in base.named_parameters()}
    rows = layers(base, lambda name: STRATEGIES["head"].trains(where[name]))
    assert {layer.name.split(".")[0] for layer in rows if layer.trains} == {"head"}
    assert not any(
        layer.trains for layer in layers(base, lambda name: STRATEGIES["none"].trains(where[name]))
    )


def test_an_unknown_strategy_or_option_is_refused_with_a_suggestion():
    with pytest.raises(UnknownName, match="Did you mean 'head'"):
        get_strategy("haed")
    with pytest.raises(AskedWrongly, match="'full' has no option 'k'. It has: none"):
        get_strategy("full(k=2)")
    with pytest.raises(AskedWrongly, match=r"numbers above 0, as in last-k\(k=2\). Got k=two"):
        get_strategy("last-k(k=two)")
    assert get_strategy("last-k(k=3)").k == 3


def test_tiny_images_are_trained_in_full_precision_on_a_processor(hardware):
    def trained(precision):
        classifier = build(new_spec("compact", CLASSES, size=16), seed=5)
        context = AdaptContext(replace(hardware, precision=precision))
        return trained_on(classifier, make_images(32), Recipe(epochs=1), context)

    assert same(weights(trained("bf16")), weights(trained("fp32")))
    assert replace(hardware, precision="bf16").for_images(64).precision == "bf16"


def test_what_trains_everything_takes_larger_steps_where_images_are_many(base, hardware):
    few, many = make_images(8), make_images(MANY)
    for name, faster in (("full", 3.0), ("gradual", 3.0), ("last-k", 1.0), ("norm-affine", 1.0)):
        given = [
            STRATEGIES[name].fine_tuning_recipe(base, images, AdaptContext(hardware)).learning_rate
            for images in (few, many)
        ]
        assert given[1] == pytest.approx(faster * given[0])
