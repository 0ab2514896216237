"""Every method maps every kind of network, and leaves it as it was."""

import numpy as np
import pytest
import torch
from bright import bright_classifier, bright_images, share_in_square
from samples import CLASSES, smooth_pixels

from radapt.errors import AskedWrongly, UnknownName
from radapt.explaining.maps import METHODS, explain, targets_of
from radapt.models.inference import scores_of
from radapt.models.table import build, new_spec

NETWORKS = ["compact", "original-cnn", "lite0", "timm:densenet121", "timm:vit_tiny_patch16_224"]


@pytest.mark.parametrize("method", METHODS)
def test_the_reason_is_found(method):
    maps = explain(bright_classifier(), bright_images(), method=method, target="PNEUMONIA")
    assert maps.dtype == np.float32
    assert maps.shape == (2, 32, 32)
    assert share_in_square(maps).min() > 0.9


@pytest.mark.parametrize("outputs", ["sigmoid", "findings"])
def test_the_reason_is_found_whatever_the_outputs_are(outputs):
    maps = explain(bright_classifier(outputs), bright_images(), target="PNEUMONIA")
    assert share_in_square(maps).min() > 0.9


@pytest.mark.parametrize("name", NETWORKS)
def test_a_frozen_network_is_mapped_and_stays_as_it_is(name, hardware):
    classifier = build(new_spec(name, CLASSES, size=64), seed=0).requires_grad_(False).train()
    images = smooth_pixels(2).numpy()
    before = {key: tensor.clone() for key, tensor in classifier.state_dict().items()}
    modes = [module.training for module in classifier.modules()]
    maps = explain(classifier, images, target=[0, 1])
    assert maps.max() > 0
    assert np.isfinite(maps).all()
    assert modes == [module.training for module in classifier.modules()]
    assert not any(each.requires_grad or each.grad is not None for each in classifier.parameters())
    assert not any(module._forward_hooks for module in classifier.modules())
    assert all(torch.equal(before[key], tensor) for key, tensor in classifier.state_dict().items())
    assert np.isfinite(scores_of(classifier, images, hardware)).all()  # without gradients, as before


def test_a_trainable_network_gives_the_map_of_a_frozen_one_and_gets_no_gradient():
    classifier, images = build(new_spec("compact", CLASSES, size=64), seed=0), smooth_pixels(2).numpy()
    maps = explain(classifier, images)
    assert all(each.grad is None and each.requires_grad for each in classifier.parameters())
    np.testing.assert_array_equal(maps, explain(classifier.requires_grad_(False), images))


def test_the_predicted_class_is_explained_unless_another_is_named():
    classifier, images = bright_classifier(), torch.from_numpy(bright_images(1))
    assert targets_of(classifier, images, None).tolist() == [1]
    assert targets_of(classifier, images, "NORMAL").tolist() == [0]
    with pytest.raises(UnknownName, match="no class of this model called 'PNEUMONA'"):
        targets_of(classifier, images, "PNEUMONA")
    with pytest.raises(AskedWrongly, match="one class for each image, from 0 to 1"):
        targets_of(classifier, images, [2])


def test_an_unknown_method_and_a_layer_for_another_method_are_refused():
    with pytest.raises(UnknownName, match="method of explaining called 'gradcam'"):
        explain(bright_classifier(), bright_images(), method="gradcam")
    with pytest.raises(AskedWrongly, match="A layer is for grad-cam"):
        explain(bright_classifier(), bright_images(), method="occlusion", layer="patches")
    assert explain(bright_classifier(), bright_images(0)).shape == (0, 32, 32)
