"""Encoders from Hugging Face folders, made here in miniature, give what transformers gives."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from samples import CLASSES, make_images

from radapt.adaptation.feature_cache import FrozenPrefix
from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import STRATEGIES
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import sha256
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.inference import embed, predict
from radapt.models.parameter_info import parameter_info
from radapt.models.table import build, default_size, find_weights, new_spec

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
VIT = {**SMALL, "intermediate_size": 64, "image_size": 32, "patch_size": 8}
DINO = {**SMALL, "image_size": 42, "patch_size": 14}
NETWORKS = {
    "dinov2": lambda: transformers.Dinov2Model(transformers.Dinov2Config(**DINO)),
    "dinov2 with registers": lambda: transformers.Dinov2WithRegistersModel(
        transformers.Dinov2WithRegistersConfig(**DINO)
    ),
    "dinov3": lambda: transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**VIT)),
    "vit": lambda: transformers.ViTModel(transformers.ViTConfig(**VIT)),
    "siglip": lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**VIT)),
    "clip": lambda: transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**VIT)),
}
RAD_DINO = {"image_mean": [0.5307] * 3, "image_std": [0.2583] * 3, "do_center_crop": True}


def save(network, folder):
    transformers.utils.logging.disable_progress_bar()
    network.eval().save_pretrained(folder)
    return network


def made(kind, folder):
    torch.manual_seed(0)
    return save(NETWORKS[kind](), folder)


def starting(folder, **options):
    name = f"hf:{folder}"
    return build(new_spec(name, CLASSES, **options), pretrained=find_weights(name, False).start).eval()


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("size", [None, 56])
def test_features_are_those_of_transformers_own_forward(kind, size, tmp_path, shared, hardware):
    network = made(kind, tmp_path)
    base = starting(tmp_path, size=size)
    side = base.spec.size
    assert side == (size or network.config.image_size)
    files = sorted((shared / "data/chest_xray/test").glob("*/*"))[::200][:3]
    images = np.stack([np.array(Image.open(file).convert("L").resize((side, side))) for file in files])
    colour = torch.from_numpy(images).unsqueeze(1).float().div(255).expand(-1, 3, -1, -1)
    mean, std = (torch.tensor(each).expand(3).view(3, 1, 1) for each in (base.spec.mean, base.spec.std))
    more = {"interpolate_pos_encoding": True} if kind in ("vit", "siglip", "clip") else {}
    with torch.no_grad():
        out = network(pixel_values=(colour - mean) / std, **more)
    own = out.last_hidden_state[:, 0] if kind == "vit" else out.pooler_output
    torch.testing.assert_close(embed(base, images, hardware), own, atol=1e-5, rtol=1e-5)
    pictures = make_images(2, size=side)
    assert len(base.blocks) == 3 + (kind == "siglip")
    assert all(FrozenPrefix(base, cut).fits(pictures, hardware) for cut in range(1, len(base.blocks) + 1))


def test_the_image_tower_of_a_model_with_two_is_taken(tmp_path, hardware, capsys):
    text = {**SMALL, "intermediate_size": 64, "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2}
    config = transformers.SiglipConfig(text_config=text, vision_config=VIT)
    network = save(transformers.SiglipModel(config), tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 64, "width": 64}}))
    base = starting(tmp_path)
    assert (base.spec.size, base.spec.mean, base.spec.std) == (64, 0.5, 0.5)
    images = make_images(2, size=64)
    with torch.no_grad():
        out = network.vision_model(
            base.prepare(torch.from_numpy(images.pixels)), interpolate_pos_encoding=True
        )
    torch.testing.assert_close(embed(base, images.pixels, hardware), out.pooler_output, atol=1e-5, rtol=1e-5)
    assert capsys.readouterr() == ("", "")


def test_preparation_is_read_from_the_folder(tmp_path):
    made("dinov2", tmp_path)
    path = tmp_path / "preprocessor_config.json"
    path.write_text(
        json.dumps({**RAD_DINO, "size": {"shortest_edge": 84}, "crop_size": {"height": 70, "width": 70}})
    )
    spec = new_spec(f"hf:{tmp_path}", CLASSES)
    assert (spec.size, spec.mean, spec.std) == (70, 0.5307, 0.2583)
    assert default_size(f"hf:{tmp_path}") == 70
    path.write_text(json.dumps({"do_rescale": False, "image_mean": [127.5] * 3, "image_std": [51] * 3}))
    spec = new_spec(f"hf:{tmp_path}", CLASSES)
    assert (spec.size, spec.mean, spec.std) == (42, 0.5, 0.2)
    for wrong in (
        {"image_std": [0, 0, 0]},
        {"size": {"width": 3}},
        {"image_mean": [0.5]},
        {"image_mean": "grey"},
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(BadArtefact, match="gives no size, image_mean and image_std for 3 channels"):
            new_spec(f"hf:{tmp_path}", CLASSES)


def test_how_images_are_prepared_is_part_of_the_name_of_its_weights(tmp_path):
    made("dinov2", tmp_path)
    path, names = tmp_path / "preprocessor_config.json", []
    for given in ({"image_mean": [0.5] * 3}, {"image_mean": [0.4] * 3}, {"image_mean": [0.5] * 3}):
        path.write_text(json.dumps(given))
        names.append(find_weights(f"hf:{tmp_path}", False).name)
    path.unlink()
    assert names[0] == names[2] != names[1]
    assert find_weights(f"hf:{tmp_path}", False).name == sha256(tmp_path / "model.safetensors")


@pytest.mark.parametrize("strategy", ["head", "linear-probe", "last-k", "full", "lora", "scratch"])
def test_it_adapts_and_opens_after_its_folder_is_gone(strategy, tmp_path, hardware):
    made("dinov2", tmp_path / "encoder")
    base, images = starting(tmp_path / "encoder", size=28), make_images(16, size=28)
    shutil.rmtree(tmp_path / "encoder")
    adapted = (
        STRATEGIES[strategy].adapt(base, images, None, AdaptContext(hardware, epochs=1, steps=2)).classifier
    )
    where, before, after = parameter_info(base), base.state_dict(), adapted.state_dict()
    moved = {where[key].block for key in where if not torch.equal(before[key], after[key])}
    own = {"head": {3}, "linear-probe": {3}, "last-k": {2, 3}, "lora": {1, 2, 3}}  # lora: dense layers
    assert moved == own.get(strategy, {0, 1, 2, 3})
    save_classifier(adapted, tmp_path)
    one, other = (predict(each, images, hardware).scores for each in (adapted, load_classifier(tmp_path)))
    assert (one == other).all()


def test_images_that_do_not_fit_are_refused_with_those_that_do(tmp_path):
    made("dinov2", tmp_path)
    with pytest.raises(AskedWrongly, match="patch of 14 pixels, such as --size 28 or 42. Got 32"):
        starting(tmp_path, size=32)
    with pytest.raises(AskedWrongly, match="takes images of 3 channels. Got 1"):
        starting(tmp_path, channels=1)


def test_weights_of_another_encoder_are_refused(tmp_path):
    made("vit", tmp_path)
    wide = {**VIT, "hidden_size": 64}
    save(transformers.ViTModel(transformers.ViTConfig(**wide)), tmp_path / "wide")
    shutil.copy(tmp_path / "wide/model.safetensors", tmp_path)
    with pytest.raises(BadArtefact, match=r"holds .*64.* numbers, and .*32.* belong there"):
        starting(tmp_path)
    tensors = load_file(tmp_path / "wide/model.safetensors")
    save_file(
        {key: each for key, each in tensors.items() if not key.startswith("layernorm.")},
        tmp_path / "model.safetensors",
    )
    (tmp_path / "config.json").write_bytes((tmp_path / "wide/config.json").read_bytes())
    with pytest.raises(BadArtefact, match="lacks 2 of the"):
        starting(tmp_path)
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(AskedWrongly, match="no pickled or split files"):
        starting(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(AskedWrongly, match=r"holds no config\.json"):
        new_spec(f"hf:{tmp_path}", CLASSES)
    for config, why in [
        ({"model_type": "bert"}, "a model of the type 'bert'. radapt takes encoders of the types dinov2, "),
        ({"model_type": "vit", "hidden_size": "wide"}, "describes no encoder"),
        ({"model_type": "vit", "patch_size": 0}, "describes no encoder"),
    ]:
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises((AskedWrongly, BadArtefact), match=why):
            new_spec(f"hf:{tmp_path}", CLASSES)


def test_nothing_in_a_configuration_brings_code_or_kernels(tmp_path):
    made("vit", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    bad = {
        "auto_map": {"AutoModel": "code.Network"},
        "_attn_implementation": "someone/kernels",
        "attn_implementation": "someone/kernels",
        "quantization_config": {"quant_method": "bitsandbytes"},
        "dtype": "float16",
    }
    (tmp_path / "config.json").write_text(json.dumps({**config, **bad}))
    base = starting(tmp_path)
    assert base.trunk.network.config._attn_implementation == "sdpa"
    assert next(base.parameters()).dtype == torch.float32
    assert not bad.keys() & json.loads(base.spec.encoder).keys()
