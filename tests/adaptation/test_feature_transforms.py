from copy import deepcopy

import numpy as np
import pytest
import torch
from samples import CLASSES, make_images
from torch import nn
from torch.nn import functional

from radapt.adaptation.feature_cache import CachedFeatures, FeatureCache, FrozenPrefix, Views
from radapt.adaptation.feature_transforms import WIDER, RowSpace, Standardised
from radapt.adaptation.head import FEW, Head, first_layer
from radapt.adaptation.strategy import AdaptContext
from radapt.models.table import build, new_spec
from radapt.progress import Silent

SIZE, FEATURES = 94, 4096  # of the original CNN


@pytest.fixture(scope="module")
def network():
    return build(new_spec("original-cnn", CLASSES, size=SIZE), seed=1).eval()


@pytest.fixture(scope="module")
def images():
    return make_images(6, size=SIZE)


@pytest.fixture(scope="module")
def cached(network, images, hardware):
    return FeatureCache().get(FrozenPrefix(network, len(network.blocks)), images, Views(), hardware)


@pytest.mark.parametrize("kind", [RowSpace, Standardised])
def test_a_head_gives_the_same_by_other_coordinates_and_again_by_the_features(network, cached, kind):
    coordinates, everything = kind.of(cached), np.arange(len(cached))
    head, first = head_of(network)
    before = first.weight.detach().clone()
    with torch.no_grad():
        direct = head(cached.batch(everything, 0))
        with coordinates.folded_into(first):
            transformed = head(coordinates.transform(cached).batch(everything, 0))
    torch.testing.assert_close(transformed, direct, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(first.weight.detach(), before, atol=1e-6, rtol=1e-5)


def test_the_directions_of_a_plane_are_no_more_than_the_images_at_right_angles_and_equally_long(cached):
    basis = RowSpace.of(cached).basis
    length = basis[:, 0].square().sum()
    assert basis.shape == (FEATURES, len(cached))
    torch.testing.assert_close(basis.T @ basis / length, torch.eye(len(cached)), atol=1e-5, rtol=0)


def test_the_gradient_in_a_plane_is_what_one_sees_there_of_the_gradient_among_the_features(network, cached):
    plane, labels = RowSpace.of(cached), torch.from_numpy(cached.labels)
    head, first = head_of(network)
    functional.cross_entropy(head(cached.features()), labels).backward()
    among_features = first.weight.grad.clone()
    with plane.folded_into(first):
        functional.cross_entropy(head(plane.transform(cached).features()), labels).backward()
        torch.testing.assert_close(first.weight.grad, among_features @ plane.basis, atol=1e-6, rtol=1e-4)


def test_a_head_moves_within_the_plane_of_its_few_images_alone(network, images, hardware):
    conditions = AdaptContext(hardware, few=True, epochs=5)
    adapted = Head(plane=True).adapt(network, images, None, conditions).classifier
    moved = (first_layer(adapted).weight - first_layer(network).weight).detach()
    views = Views(FEW.augment, Head().views, seed=conditions.seed)
    shown = FeatureCache().get(FrozenPrefix(network, len(network.blocks)), images, views, hardware)
    basis = RowSpace.of(shown).basis
    inside = moved @ basis @ basis.T / basis[:, 0].square().sum()
    assert moved.abs().max() > 1e-4
    torch.testing.assert_close(inside, moved, atol=1e-6, rtol=1e-3)


def test_a_head_that_was_stopped_goes_on_within_the_same_plane(network, images, hardware, tmp_path):
    class Stop(Silent):
        def advance(self, done, detail=""):
            if detail and done >= 2:  # two epochs are over, and saved
                raise KeyboardInterrupt

    def adapted(**given):
        conditions = AdaptContext(hardware, few=True, epochs=4, **given)
        return Head().adapt(network, images, None, conditions).classifier.state_dict()

    state = tmp_path / "state.pt"
    with pytest.raises(KeyboardInterrupt):
        adapted(state=state, watch=Stop())
    assert state.exists()
    whole, resumed = adapted(), adapted(state=state)
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_more_rows_than_a_sixteenth_of_the_features_have_no_plane_worth_its_making(cached):
    rows = np.arange(FEATURES // WIDER + 1) % len(cached)
    assert RowSpace.of(repeated(cached, rows[:-1])) is not None
    assert RowSpace.of(repeated(cached, rows)) is None


def test_images_that_give_nothing_but_zeros_have_no_plane(cached):
    nothing = CachedFeatures(
        ((np.zeros((6, FEATURES), np.float32), np.arange(6)),), cached.labels, CLASSES, cached.device
    )
    assert RowSpace.of(nothing) is None


def head_of(network) -> tuple[nn.Module, nn.Linear]:
    copy = deepcopy(network)
    return copy.head.eval(), first_layer(copy)


def repeated(cached, rows) -> CachedFeatures:
    ((data, _),) = cached.parts
    return CachedFeatures(((data, rows),), cached.labels[rows], cached.classes, cached.device)
