"""With random weights a map of what was learned becomes another, and one of the image alone does not."""

import numpy as np
import pytest
import torch
from bright import bright_classifier, bright_images
from encoders import write_onnx
from samples import CLASSES, smooth_pixels
from torch import nn

from radapt.explaining.maps import explain
from radapt.explaining.random_weights import randomised, rank_correlation, similarity_to_random
from radapt.models.table import build, new_spec


@pytest.mark.parametrize("name", ["compact", "timm:vit_tiny_patch16_224", "timm:densenet121"])
def test_all_weights_are_drawn_anew_and_the_network_still_answers(name):
    classifier, images = build(new_spec(name, CLASSES, size=64), seed=0).eval(), smooth_pixels(2)
    before, state = (
        {key: each.clone() for key, each in classifier.state_dict().items()},
        torch.get_rng_state(),
    )
    made = randomised(classifier, 1)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[key], each) for key, each in classifier.state_dict().items())
    for key, each in made.named_parameters():
        if each.ndim > 1 and before[key].std() > 0:
            assert not torch.equal(before[key], each), key
    with torch.no_grad():
        logits = made.eval()(images)
    assert bool(torch.isfinite(logits).all())
    assert not torch.allclose(logits[0], logits[1])
    again = randomised(classifier, 1).state_dict()
    assert all(torch.equal(each, again[key]) for key, each in made.state_dict().items())


def test_no_layer_draws_from_the_global_generator():
    classifier = bright_classifier()
    for layer in (nn.Embedding(6, 3), nn.Conv1d(2, 3, 4), nn.Bilinear(2, 3, 4), nn.LayerNorm(3)):
        classifier.trunk.append(layer)
    state = torch.get_rng_state()
    made, again = randomised(classifier, 1), randomised(classifier, 1)
    assert torch.equal(state, torch.get_rng_state())
    for (name, each), same in zip(made.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(each, same), name
    assert not torch.equal(made.trunk[3].weight, classifier.trunk[3].weight)  # positions are shuffled
    assert torch.equal(
        made.trunk[3].weight.flatten().sort().values, classifier.trunk[3].weight.flatten().sort().values
    )


def test_maps_of_the_same_random_network_are_alike():
    classifier, pixels = build(new_spec("compact", CLASSES, size=64), seed=0).eval(), smooth_pixels(2).numpy()
    maps = explain(randomised(classifier, 0), pixels, target=[0, 1])
    alike = similarity_to_random(classifier, pixels, maps, [0, 1], method="grad-cam")
    others = [explain(randomised(classifier, seed), pixels, target=[0, 1]) for seed in (1, 2)]
    wanted = [np.mean([1, *(rank_correlation(maps[row], each[row]) for each in others)]) for row in (0, 1)]
    assert alike == pytest.approx(wanted, abs=1e-6)


def test_what_cannot_be_checked_is_none(tmp_path):
    flat = np.zeros((2, 32, 32), dtype=np.float32)
    assert similarity_to_random(bright_classifier(), bright_images(), flat, [0, 1], method="grad-cam") == [
        None,
        None,
    ]
    encoder = build(new_spec(f"onnx:{write_onnx(tmp_path / 'encoder.onnx')}", CLASSES, size=32), seed=0)
    maps = np.random.default_rng(0).random((2, 32, 32), dtype=np.float32)
    assert similarity_to_random(encoder, bright_images(), maps, [0, 1], method="occlusion") == [None, None]


def test_ranks_are_compared_and_not_values():
    one = np.array([[1, 2], [3, 4]], dtype=np.float32)
    assert rank_correlation(one, np.exp(5 * one)) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.ones_like(one)) == 0
