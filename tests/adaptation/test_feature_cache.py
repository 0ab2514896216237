from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import CLASSES, make_images
from torch import nn

from radapt.adaptation.feature_cache import FeatureCache, FrozenPrefix, Views, logits_with
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import get_strategy
from radapt.errors import RadaptError
from radapt.images.pixel_buffers import on_disk
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.models.table import build, new_spec

NETWORKS = {
    "compact": ("compact", 32),
    "original-cnn": ("original-cnn", 46),
    "resnet": ("timm:test_resnet", 32),
    "transformer": ("timm:test_vit", 32),
    "group norm": ("timm:test_efficientnet_gn", 32),
    "convnext": ("timm:test_convnext", 32),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    name, size = NETWORKS[request.param]
    return build(new_spec(name, CLASSES, size=size), seed=1).eval()


def test_the_rest_of_a_network_gives_from_the_bank_what_the_whole_gives_from_images(network, hardware):
    images = make_images(6, size=network.spec.size)
    with torch.no_grad():
        direct = network(torch.from_numpy(images.pixels))
    for cut in range(1, len(network.blocks) + 1):
        prefix = FrozenPrefix(network, cut)
        cached = FeatureCache().get(prefix, images, Views(), hardware)
        assert prefix.fits(images, hardware)
        with torch.no_grad():
            from_cache = prefix.rest()(cached.batch(np.arange(6), 0))
        torch.testing.assert_close(from_cache, direct, atol=1e-6, rtol=1e-5)


def test_gradients_by_way_of_the_bank_are_those_of_the_whole_network(network, hardware):
    images, cut = make_images(6, size=network.spec.size), max(1, len(network.blocks) - 1)
    prefix = FrozenPrefix(network, cut)
    cached = FeatureCache().get(prefix, images, Views(), hardware)
    labels = torch.from_numpy(images.labels)

    def gradients(logits):
        network.zero_grad()
        nn.functional.cross_entropy(logits, labels).backward()
        return {
            name: weight.grad.clone()
            for name, weight in network.named_parameters()
            if weight.grad is not None and (name.startswith(("head.", f"trunk.{network.blocks[-1]}.")))
        }

    from_cache = gradients(prefix.rest()(cached.batch(np.arange(6), 0)))
    direct = gradients(network(torch.from_numpy(images.pixels)))
    assert from_cache.keys() == direct.keys()
    for name, gradient in direct.items():
        torch.testing.assert_close(from_cache[name], gradient, atol=1e-6, rtol=1e-4)


def test_a_image_is_computed_once_whatever_set_it_comes_in(network, hardware, monkeypatch):
    cache, prefix = FeatureCache(), FrozenPrefix(network, 1)
    images = make_images(20, size=network.spec.size)
    seen = []
    outputs = FrozenPrefix.outputs
    monkeypatch.setattr(
        FrozenPrefix, "outputs", lambda self, p, h: seen.append(len(p)) or outputs(self, p, h)
    )
    some = cache.get(prefix, images.take(range(8)), Views("mild", 3), hardware)
    every = cache.get(prefix, images, Views("mild", 3), hardware)
    again = cache.get(prefix, images.take([19, 2]), Views("mild", 3), hardware)
    assert seen == [8, 8, 8, 12, 12, 12]
    rows = np.arange(8)
    for view in range(3):
        which = np.full(8, view)
        assert torch.equal(some.view(which, rows), every.view(which, rows))
    assert torch.equal(again.view(np.array([1]), np.array([0])), every.view(np.array([1]), np.array([19])))


def test_what_a_image_gives_does_not_hang_on_which_were_on_the_shelf_before_it(network, hardware):
    images, cut = make_images(37, size=network.spec.size), len(network.blocks)
    fresh, begun = FeatureCache(), FeatureCache()
    begun.get(FrozenPrefix(network, cut), images.take(np.arange(0, 37, 3)), Views(), hardware)
    given = [
        cache.get(FrozenPrefix(network, cut), images, Views(), hardware).features()
        for cache in (fresh, begun)
    ]
    assert torch.equal(*given)
    one = FeatureCache().get(FrozenPrefix(network, cut), images.take([5]), Views(), hardware).features()
    assert torch.equal(one[0], given[0][5])


def test_models_that_share_a_trunk_are_scored_from_features_computed_once(network, hardware):
    cache, images, shared, runs = (
        FeatureCache(),
        make_images(20, size=network.spec.size),
        deepcopy(network),
        [],
    )
    with torch.no_grad():
        for parameter in shared.head.parameters():
            parameter.mul_(2)
    for one in (network, shared):
        direct = predict(one, images, hardware)
        handle = one.trunk.register_forward_hook(lambda *_: runs.append(1))
        logits = logits_with(cache, one, images, hardware)
        handle.remove()
        cached = predict(one, images, hardware, logits=logits)
        np.testing.assert_allclose(cached.scores, direct.scores, atol=1e-6)
        assert runs
        if one is network:
            computed = len(runs)
    assert len(runs) == computed


def test_of_a_model_with_further_views_no_features_are_kept(hardware):
    classifier = build(replace(new_spec("compact", CLASSES, size=32), views=3), seed=1).eval()
    cache, images = FeatureCache(), make_images(4, size=32)
    logits = logits_with(cache, classifier, images, hardware)
    np.testing.assert_array_equal(
        predict(classifier, images, hardware, logits=logits).scores,
        predict(classifier, images, hardware).scores,
    )
    assert cache._size() == 0


def test_views_differ_from_the_image_and_from_each_other(network, hardware):
    images = make_images(8, size=network.spec.size)
    cached = FeatureCache().get(FrozenPrefix(network, 1), images, Views("mild", 3), hardware)
    rows = np.arange(8)
    plain, one, other = (cached.view(np.full(8, view), rows) for view in range(3))
    alone = FeatureCache().get(FrozenPrefix(network, 1), images, Views(), hardware)
    assert torch.equal(plain, alone.view(np.zeros(8), rows))
    assert not torch.allclose(plain, one)
    assert not torch.allclose(one, other)


def test_other_weights_or_another_cut_share_nothing():
    spec = new_spec("compact", CLASSES, size=32)
    one, other = (build(spec, seed=seed).eval() for seed in (0, 1))
    digests = {FrozenPrefix(model, cut).digest() for model in (one, other) for cut in (1, 2)}
    assert len(digests) == 4
    again = build(spec, seed=0).eval()
    assert FrozenPrefix(one, 1).digest() == FrozenPrefix(again, 1).digest()
    for changed in ({"mean": 0.4}, {"gives": "logits"}, {"file_outputs": ("scores", "features")}):
        again.spec = replace(spec, **changed)
        assert FrozenPrefix(one, 1).digest() != FrozenPrefix(again, 1).digest(), changed


def test_beyond_its_limit_a_shelf_writes_to_a_file_and_gives_the_same(hardware, network):
    images = make_images(30, size=network.spec.size)
    prefix = FrozenPrefix(network, 1)
    small, large = (
        FeatureCache(limit).get(prefix, images, Views("mild", 2), hardware) for limit in (1, 2**29)
    )
    assert all(isinstance(data, np.memmap) for data, _ in small.parts)
    assert not any(isinstance(data, np.memmap) for data, _ in large.parts)
    rows = np.arange(30)
    for seed in range(3):
        assert torch.equal(small.batch(rows, seed), large.batch(rows, seed))


def test_what_was_not_asked_for_longest_goes_first(hardware):
    network = build(new_spec("compact", CLASSES, size=32), seed=0).eval()
    images = make_images(16, size=32)
    size = FeatureCache().get(FrozenPrefix(network, 1), images, Views(), hardware).parts[0][0].nbytes
    cache = FeatureCache(total=2 * size)
    for seed in range(4):
        cache.get(FrozenPrefix(network, 1), images, Views("mild", 2, plain=False, seed=seed), hardware)
        assert cache._size() <= 2 * size


class Leaping(nn.Module):
    """Two blocks, and a connection that leaps over the first."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        return (self.two(self.one(x)) + x).flatten(1)


def test_a_connection_over_the_cut_is_found_and_trained_without_a_bank(hardware):
    spec = new_spec("compact", CLASSES, size=16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Classifier(spec, Leaping(), nn.Linear(256, 2), ("one", "two")).eval()
    images = make_images(16)
    assert not FrozenPrefix(network, 1).fits(images, hardware)
    adapted = get_strategy("last-k").adapt(network, images, None, AdaptContext(hardware, epochs=1)).classifier
    assert torch.equal(adapted.trunk.one.weight, network.trunk.one.weight)
    assert not torch.equal(adapted.trunk.two.weight, network.trunk.two.weight)


def test_a_temporary_folder_without_room_is_said_and_ends_nothing_deadly():
    with pytest.raises(RadaptError, match="Set TMPDIR to a folder with enough space"):
        on_disk((2**46,), np.float32, "features of images")
