"""A map of features is found in networks of every kind, and gradients begin there."""

import pytest
import torch
from bright import bright_classifier, bright_images
from encoders import write_hf
from samples import CLASSES, smooth_pixels
from torch import nn

from radapt.errors import UnknownName
from radapt.explaining.feature_maps import caught, feature_maps
from radapt.models.classifier import Classifier, Spec
from radapt.models.table import build, new_spec

WHERE = {  # model, size: the block, rows, tokens before those of places
    ("compact", 64): ("stage2", 8, 0),
    ("original-cnn", 64): ("conv3", 6, 0),
    ("timm:vit_tiny_patch16_224", 64): ("network.blocks.10", 4, 1),  # the last sees the class token alone
    ("timm:deit_tiny_distilled_patch16_224", 64): ("network.blocks.10", 4, 2),
    ("timm:convnext_atto", 64): ("network.stages.1", 8, 0),
    ("timm:test_resnet", 32): ("network.layer1", 8, 0),
}


@pytest.mark.parametrize("name", WHERE, ids=lambda name: name[0])
def test_the_last_block_with_places_that_count_is_found(name):
    model, size = name
    classifier = build(new_spec(model, CLASSES, size=size), seed=0).eval()
    (found,) = feature_maps(classifier, smooth_pixels(1, size, size), 1, None)
    assert (found.block, found.layout.rows, found.layout.prefix) == WHERE[name]


def test_tokens_of_a_hugging_face_encoder_are_laid_out(tmp_path):
    spec = new_spec(f"hf:{write_hf(tmp_path)}", CLASSES, size=70)
    (found,) = feature_maps(build(spec, seed=0).eval(), smooth_pixels(1, 70, 70), 0, None)
    assert (found.layout.rows, found.layout.columns, found.layout.prefix) == (5, 5, 1)
    assert found.block == "network.encoder.layer.0"


def test_a_block_can_be_named_and_an_unknown_one_is_refused():
    classifier = build(new_spec("compact", CLASSES, size=64), seed=0).eval()
    (found,) = feature_maps(classifier, smooth_pixels(1, 64, 64), 0, "stage1")
    assert (found.block, found.layout.rows) == ("stage1", 16)
    with pytest.raises(UnknownName, match=r"no block of this model called 'stage9'.*stage4"):
        feature_maps(classifier, smooth_pixels(1, 64, 64), 0, "stage9")


def test_what_is_caught_is_not_changed_by_an_operation_in_place():
    classifier = bright_classifier()
    convolution, images = classifier.trunk.get_submodule("patches.0"), torch.from_numpy(bright_images())
    (found,) = feature_maps(classifier, images[:1], 1, None)
    with caught([type(found)("patches.0", convolution, found.layout)]) as outputs:
        score = classifier(images)[:, 1].sum()
        ((features, gradients),) = outputs.maps_and_gradients(score)
    assert (
        features.min() < -0.4
    )  # as the convolution gave them, before the ReLU that follows writes over them
    assert bool((gradients[features < 0] == 0).all())
    assert bool((gradients[features > 0] > 0).all())


def test_a_block_that_the_answer_is_not_computed_from_is_passed_over():
    class Aside(nn.Sequential):
        def forward(self, given):
            used = self.used(given)
            self.aside(given)
            return self.pool(used).flatten(1)

    trunk = Aside()
    trunk.add_module("used", nn.Conv2d(1, 2, 4, stride=4))
    trunk.add_module("aside", nn.Conv2d(1, 2, 4, stride=4))
    trunk.add_module("pool", nn.AdaptiveAvgPool2d(1))
    spec = Spec("compact", CLASSES, size=32)
    classifier = Classifier(spec, trunk, nn.Linear(2, 2), ("used", "aside")).eval()
    (found,) = feature_maps(classifier, torch.zeros(1, 32, 32), 0, None)
    assert found.block == "used"
