"""timm's networks as radapt takes them apart, those of kinds that were once taken apart wrongly."""

import pytest
import timm
import torch
from samples import CLASSES, make_images
from timm.models import register_model
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2

from radapt.adapt.feature_cache import FrozenPrefix
from radapt.adapt.strategy import AdaptContext
from radapt.adapt.table import STRATEGIES
from radapt.errors import AskedWrongly
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.inference import predict
from radapt.models.parameter_info import parameter_info
from radapt.models.table import build, new_spec

SIZE = 32
COMMON = {"embed_dim": 32, "img_size": SIZE, "patch_size": 8}
FLAT = {**COMMON, "depth": 2, "num_heads": 2, "qkv_bias": True}
WINDOWS = {**COMMON, "patch_size": 4, "depths": (1, 2), "num_heads": (2, 2), "window_size": 4}
SMALL = {
    "small_beit": (Beit, {**FLAT, "use_rel_pos_bias": True, "init_values": 0.1}),
    "small_eva": (Eva, {**FLAT, "qkv_fused": False, "swiglu_mlp": True, "use_rot_pos_emb": True}),
    "small_swin": (SwinTransformer, WINDOWS),
    "small_swinv2": (SwinTransformerV2, WINDOWS),
}


def _registered(name):
    kind, options = SMALL[name]

    def make(pretrained=False, **given):  # noqa: ARG001
        wanted = {key: given[key] for key in ("num_classes", "in_chans", "img_size")}
        return kind(**{**options, **wanted})

    make.__name__, make.__module__ = name, __name__
    return make


__all__: list[str] = []  # where timm notes what a module registers
for _name in SMALL:
    if not timm.is_model(_name):
        register_model(_registered(_name))


def small(name, size=SIZE):
    """A network whose every part has a say: timm starts some branches, and some heads, at nothing."""
    classifier = build(new_spec(f"timm:{name}", CLASSES, size=size), seed=0).eval()
    with torch.no_grad():
        for weight in classifier.parameters():
            if not weight.any():
                weight.normal_(std=0.1)
    return classifier


def corrected(base, hardware, **more):
    images = make_images(16, size=SIZE)
    return STRATEGIES["lora"].adapt(base, images, None, AdaptContext(hardware, epochs=2, **more)).classifier


@pytest.mark.parametrize("name", SMALL)
def test_lora_corrects_every_dense_layer_and_leaves_a_plain_network_behind(name, hardware, tmp_path):
    base = small(name)
    adapted = corrected(base, hardware)
    before, after = base.state_dict(), adapted.state_dict()
    moved = {key for key in after if not torch.equal(before[key], after[key])}
    learning = {key for key, place in parameter_info(base).items() if STRATEGIES["lora"].trains(place)}
    assert moved == learning
    assert any(".attn." in key for key in moved)
    assert [type(part) for part in base.modules()] == [type(part) for part in adapted.modules()]
    save_classifier(adapted, tmp_path)
    images = make_images(4, size=SIZE)
    one, other = (predict(each, images, hardware).scores for each in (adapted, load_classifier(tmp_path)))
    assert (one == other).all()


@pytest.mark.parametrize("name", ["small_beit", "small_swinv2"])
def test_lora_that_was_stopped_goes_on_to_the_same_bits(name, hardware, tmp_path):
    base = small(name)

    class Stop:
        def begin(self, task, total, unit): ...
        def end(self): ...
        def advance(self, done, detail=""):  # noqa: ARG002
            if detail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corrected(base, hardware, state=tmp_path / "training.pt", watch=Stop())
    again = corrected(base, hardware, state=tmp_path / "training.pt").state_dict()
    assert all(
        torch.equal(tensor, again[key]) for key, tensor in corrected(base, hardware).state_dict().items()
    )


def test_one_layer_for_queries_keys_and_values_learns_where_the_network_takes_its_matrix(hardware):
    base = small("small_beit")
    assert base.trunk.get_submodule("network.blocks.0.attn").q_bias is not None, "so that BEiT does"
    name = "trunk.network.blocks.0.attn.qkv.weight"
    change = corrected(base, hardware).state_dict()[name] - base.state_dict()[name]
    assert change.abs().max() > 0
    assert torch.linalg.matrix_rank(change, rtol=1e-3) <= STRATEGIES["lora"].rank


@pytest.mark.parametrize(
    ("name", "size", "blocks"),
    [
        ("test_resnet", 32, ["conv1", "layer1", "layer2", "layer3", "layer4"]),
        ("pit_ti_224", 64, ["patch_embed", "transformers.0", "transformers.1", "transformers.2"]),
        ("vit_srelpos_small_patch16_224", 32, ["patch_embed", *(f"blocks.{row}" for row in range(12))]),
    ],
)
def test_blocks_are_what_a_image_passes_from_the_input_side_on(name, size, blocks):
    found = build(new_spec(f"timm:{name}", CLASSES, size=size)).blocks
    assert [block.removeprefix("network.") for block in found] == blocks


def test_blocks_stand_in_the_order_in_which_a_image_passes_them():
    found = build(new_spec("timm:twins_pcpvt_small", CLASSES, size=32)).blocks
    named = [block.removeprefix("network.") for block in found]
    assert named[:2] == ["patch_embeds.0", "blocks.0.0"]
    assert named.index("patch_embeds.1") == named.index("blocks.0.2") + 1


@pytest.mark.parametrize(
    "name",
    [
        "small_eva",
        "resnetv2_18",
        "levit_128s",
        "vit_srelpos_small_patch16_224",
        pytest.param("sequencer2d_s", marks=pytest.mark.slow),
    ],
)
def test_what_a_frozen_prefix_gave_leads_to_the_same_logits(name, hardware):
    base = build(new_spec(f"timm:{name}", CLASSES, size=64 if name == "levit_128s" else SIZE)).eval()
    images = make_images(2, size=base.spec.size)
    assert [FrozenPrefix(base, cut).fits(images, hardware) for cut in (1, len(base.blocks))] == [True, True]


def test_where_blocks_hand_on_more_than_one_tensor_training_goes_without_a_bank(hardware):
    base = build(new_spec("timm:pit_ti_224", CLASSES, size=64)).eval()
    images = make_images(4, size=64)
    assert not FrozenPrefix(base, 3).fits(images, hardware)
    adapted = (
        STRATEGIES["last-k"].adapt(base, images, None, AdaptContext(hardware, epochs=1, steps=1)).classifier
    )
    where, before, after = parameter_info(base), base.state_dict(), adapted.state_dict()
    moved = {key for key in where if not torch.equal(before[key], after[key])}
    assert {where[key].block for key in moved} <= {3, 4}


def test_a_head_of_one_by_one_filters_is_the_same_as_a_dense_one():
    classifier = build(new_spec("timm:resnetv2_18", CLASSES, size=SIZE), seed=3)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        network = timm.create_model("resnetv2_18", num_classes=2, in_chans=1).eval()
    images = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(classifier.eval().head(classifier.trunk(images)), network(images))


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [
        ("crossvit_tiny_240", 240, "several heads"),
        ("inception_v4", 32, "does not take images of 32 x 32 with 1 channel: "),
    ],
)
def test_a_network_that_does_not_suit_is_refused_before_anything_is_trained(name, size, why):
    with pytest.raises(AskedWrongly, match=why):
        build(new_spec(f"timm:{name}", CLASSES, size=size))


def test_a_network_without_normalisation_has_none_to_train(hardware):
    base = build(new_spec("timm:nf_regnet_b0", CLASSES, size=SIZE)).eval()
    with pytest.raises(AskedWrongly, match="'norm-affine' trains normalisation layers: .* has none"):
        STRATEGIES["norm-affine"].adapt(
            base, make_images(4, size=SIZE), None, AdaptContext(hardware, epochs=1)
        )


def test_normalisation_that_is_no_layer_of_pytorch_is_known_by_its_name():
    base = build(new_spec("timm:convnextv2_atto", CLASSES, size=SIZE))
    assert sum(place.norm for name, place in parameter_info(base).items() if ".grn." in name) == 24
