"""Whole networks are put into classifiers from state dicts, and what does not fit is refused."""

import pytest
import timm
import torch
from samples import CLASSES, random_pixels

from radapt.errors import BadArtefact
from radapt.models.state_dict import put_state_dict
from radapt.models.table import build, new_spec

SPEC = new_spec("timm:resnet10t", CLASSES, size=32, channels=1)


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(1)
    return timm.create_model("resnet10t", num_classes=2, in_chans=1).eval()


@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod.model."])
def test_a_network_of_timm_gives_its_own_logits(prefix, network):
    classifier = build(SPEC).eval()
    put_state_dict(classifier, {f"{prefix}{name}": each for name, each in network.state_dict().items()}, "f")
    pixels = random_pixels(2, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            classifier(pixels), network(classifier.prepare(pixels)), atol=1e-5, rtol=1e-5
        )


def test_radapt_s_own_weights_go_back_without_their_counters():
    trained, fresh = build(new_spec("compact", CLASSES), seed=1), build(new_spec("compact", CLASSES), seed=2)
    own = {name: each for name, each in trained.state_dict().items() if not name.endswith("tracked")}
    put_state_dict(fresh, own, "own.safetensors")
    assert torch.equal(fresh.head.weight, trained.head.weight)


def without(state, name):
    return {key: each for key, each in state.items() if key != name}


REFUSED = {
    "a tensor is missing": (lambda state: without(state, "bn1.weight"), "it lacks 1 of"),
    "a tensor more": (
        lambda state: {**state, "extra.thing": torch.ones(1)},
        "1 tensor too many, such as 'extra",
    ),
    "another shape": (lambda state: {**state, "fc.bias": torch.ones(5)}, "holds 5 numbers, and 2 belong"),
    "no numbers": (lambda state: {**state, "fc.bias": torch.full((2,), torch.nan)}, "not finite"),
    "two heads": (
        lambda state: {**state, "aux.weight": state["fc.weight"] * 2},
        "both 'fc.weight' and 'aux.weight' could be of its head",
    ),
    "nothing": (lambda _: {}, "Give --model the network"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(case, network):
    change, words = REFUSED[case]
    with pytest.raises(BadArtefact, match=words):
        put_state_dict(build(SPEC), change(network.state_dict()), "mine.pt")
