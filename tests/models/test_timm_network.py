"""timm's networks as radapt takes them apart, those of kinds that were once taken apart wrongly."""

import json

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from samples import CLASSES, make_images
from timm.models import register_model
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2

from radapt.adaptation.feature_cache import FrozenPrefix
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import STRATEGIES
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.architecture import IMAGENET_MEAN, IMAGENET_STD
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.classifier import Spec
from radapt.models.inference import embed, predict
from radapt.models.parameter_info import parameter_info
from radapt.models.table import build, default_size, new_spec

SIZE = 32
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
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
    built = build(new_spec(f"timm:{name}", CLASSES, size=size)).blocks
    assert [block.removeprefix("network.") for block in built] == blocks


def test_blocks_stand_in_the_order_in_which_a_image_passes_them():
    built = build(new_spec("timm:twins_pcpvt_small", CLASSES, size=32)).blocks
    named = [block.removeprefix("network.") for block in built]
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
    classifier = build(new_spec("timm:resnetv2_18", CLASSES, size=SIZE, channels=1), seed=3)
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


TOWERS = {  # a size other than its own, at which position embeddings are resampled, and its own mean and std
    "vit_tiny_patch16_224": (64, 0.5, 0.5),
    "vit_small_patch14_dinov2": (56, IMAGENET_MEAN, IMAGENET_STD),
    "vit_small_patch16_dinov3": (64, IMAGENET_MEAN, IMAGENET_STD),
    "vit_base_patch16_siglip_224": (64, 0.5, 0.5),
    "vit_base_patch32_clip_224": (64, OPENAI_MEAN, OPENAI_STD),
    "resnet18": (32, IMAGENET_MEAN, IMAGENET_STD),
}


@pytest.mark.parametrize("name", TOWERS)
def test_features_are_those_of_timms_own_forward_on_images_that_timm_normalised(name, shared, hardware):
    size, mean, std = TOWERS[name]
    files = sorted((shared / "data/chest_xray/test").glob("*/*"))[::200][:3]
    images = np.stack([np.array(Image.open(file).convert("L").resize((size, size))) for file in files])
    base = build(new_spec(f"timm:{name}", CLASSES, size=size), seed=1).eval()
    assert (base.spec.mean, base.spec.std) == (mean, std)
    channels = 1 if isinstance(mean, float) else 3
    network = (
        timm.create_model(name, num_classes=2, img_size=size, in_chans=channels) if "vit" in name else None
    )
    network = network or timm.create_model(name, num_classes=2, in_chans=channels)
    network.reset_classifier(0)
    network.load_state_dict(base.trunk.network.state_dict())
    published = timm.data.resolve_data_config({}, model=network)
    colour = torch.from_numpy(images).unsqueeze(1).float().div(255).expand(-1, 3, -1, -1)
    normalised = (colour - torch.tensor(published["mean"]).view(3, 1, 1)) / torch.tensor(
        published["std"]
    ).view(3, 1, 1)
    with torch.no_grad():
        own = network.eval()(normalised[:, :channels])
    torch.testing.assert_close(embed(base, images, hardware), own, atol=1e-5, rtol=1e-5)
    pictures = make_images(2, size=size)
    assert all(FrozenPrefix(base, cut).fits(pictures, hardware) for cut in (1, len(base.blocks) - 1))


def test_colours_summed_for_one_channel_give_the_features_of_three_equal_ones(tmp_path):
    torch.manual_seed(0)
    colour = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=1).eval()
    save_file(colour.state_dict(), tmp_path / "colour.safetensors")
    grey = timm.create_model(
        "vit_tiny_patch16_224",
        img_size=32,
        depth=1,
        in_chans=1,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(tmp_path / "colour.safetensors")},
    )
    images = torch.rand(2, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        own, same = (
            colour.forward_features(images.expand(-1, 3, -1, -1)),
            grey.eval().forward_features(images),
        )
    torch.testing.assert_close(same, own, atol=1e-5, rtol=1e-5)


def test_networks_take_images_of_their_own_size_in_their_own_channels():
    assert default_size("timm:vit_small_patch14_dinov2") == 518
    assert default_size("timm:vit_small_patch16_dinov3") == 256
    spec = new_spec("timm:resnet18", CLASSES)
    assert (spec.size, spec.channels, spec.mean) == (224, 3, IMAGENET_MEAN)
    assert Spec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
    assert new_spec("timm:resnet18", CLASSES, channels=1).mean == pytest.approx(0.449)
    assert (new_spec("timm:vit_tiny_patch16_224", CLASSES).channels, default_size("timm:small_eva")) == (
        1,
        224,
    )


@pytest.mark.parametrize(
    ("name", "size", "fitting"),
    [
        ("vit_small_patch14_dinov2", 224 + 1, "patch of 14 pixels, such as --size 224 or 238. Got 225"),
        ("vit_small_patch16_dinov3", 40, "patch of 16 pixels, such as --size 32 or 48. Got 40"),
        ("vit_tiny_patch16_224", 8, "patch of 16 pixels, such as --size 16. Got 8"),
    ],
)
def test_a_size_that_patches_do_not_divide_is_refused_with_those_that_fit(name, size, fitting):
    with pytest.raises(AskedWrongly, match=fitting):
        build(new_spec(f"timm:{name}", CLASSES, size=size))


@pytest.mark.parametrize(("mean", "std"), [([0.5, 0.5], 0.2), ([0.5] * 3, [0.2, 0.2, 0.0]), (0.5, [])])
def test_a_mean_or_std_that_is_not_one_a_channel_is_refused(mean, std):
    with pytest.raises(BadArtefact, match="cannot be scaled by a mean"):
        Spec.from_dict(
            {"model": "compact", "classes": CLASSES, "size": 32, "channels": 3, "mean": mean, "std": std}
        )


def test_a_network_without_normalisation_has_none_to_train(hardware):
    base = build(new_spec("timm:nf_regnet_b0", CLASSES, size=SIZE)).eval()
    with pytest.raises(AskedWrongly, match="'norm-affine' trains normalisation layers: .* has none"):
        STRATEGIES["norm-affine"].adapt(
            base, make_images(4, size=SIZE), None, AdaptContext(hardware, epochs=1)
        )


def test_normalisation_that_is_no_layer_of_pytorch_is_known_by_its_name():
    base = build(new_spec("timm:convnextv2_atto", CLASSES, size=SIZE))
    assert sum(place.norm for name, place in parameter_info(base).items() if ".grn." in name) == 24
