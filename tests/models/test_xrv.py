import hashlib
import json
import os
import pickle
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from threading import Barrier

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from samples import CLASSES, make_dataset, make_images, write_images
from torch import nn
from torch.nn.functional import relu
from web_server import serve

from radapt.adaptation.strategy import AdaptContext
from radapt.adaptation.table import get_strategy
from radapt.errors import AskedWrongly, BadArtefact, RadaptError, UnknownName
from radapt.models import xrv
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import parameter_info
from radapt.models.pretrained import Weights
from radapt.models.table import build, default_size, find_weights, new_spec
from radapt.models.weights_file import read_tensors
from radapt.progress import SILENT

# Writes a network as torchxrayvision publishes its own: whole, under its classes' names, in PyTorch's old
# form and its new one.
WRITE = """
import sys, types, warnings
import numpy, torch, torchvision
from safetensors.torch import save_file
from torchvision.models import densenet

warnings.simplefilter("ignore")
names = types.ModuleType("torchxrayvision.models")
sys.modules["torchxrayvision"], sys.modules[names.__name__] = types.ModuleType("torchxrayvision"), names
for kind in (densenet.DenseNet, densenet._DenseBlock, densenet._DenseLayer, densenet._Transition):
    kind.__module__ = names.__name__
    setattr(names, kind.__name__, kind)
torch.manual_seed(0)
network = densenet.densenet121(num_classes=18)
network.features.conv0 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
for module in network.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.running_mean.normal_(std=0.1)
        module.running_var.uniform_(0.5, 1.5)
network.pathologies = numpy.array(["Atelectasis", "Mass"])
network.register_buffer("op_threshs", torch.tensor([0.1, float("nan")]))
torch.save(network, "whole-old.pt", _use_new_zipfile_serialization=False)
torch.save(network, "whole.pt")
torch.save(network.state_dict(), "state.pt")
save_file(network.state_dict(), "densenet.safetensors")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run(
        [sys.executable, "-c", WRITE], cwd=folder, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return folder


@pytest.fixture(scope="module")
def densenet(files):
    """One whose weights are in, for images of 64 x 64; no test may train it."""
    spec = new_spec("xrv:densenet121", CLASSES, size=64)
    return build(spec, pretrained=files / "densenet.safetensors").eval()


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """Grey levels as torchxrayvision has them."""
    return (pixels[:, None].float() / 255 * 2 - 1) * 1024


def exact_features(classifier: Classifier, pixels: torch.Tensor) -> torch.Tensor:
    """What the trunk gives in double precision; levels of 1,024 are coarse in single."""
    return deepcopy(classifier.trunk).double()(classifier.prepare(pixels).double())


def test_the_densenet_gives_the_features_of_torchvisions(files, densenet):
    other = torchvision.models.densenet121(num_classes=18)
    other.features.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    state = load_file(files / "densenet.safetensors")
    state.pop("op_threshs")
    other.load_state_dict(state)
    images = torch.from_numpy(make_images(2, size=64).pixels)
    with torch.no_grad():
        expected = relu(other.double().eval().features(scaled(images).double())).mean(dim=(2, 3))
        torch.testing.assert_close(exact_features(densenet, images), expected)
    assert densenet.head.weight.shape == (2, 1024)
    assert default_size("xrv:densenet121") == 224


def test_the_resnet_gives_the_features_of_torchvisions(tmp_path):
    torch.manual_seed(0)
    other = torchvision.models.resnet50(num_classes=18)
    other.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    other.bn1.running_mean.normal_()
    within = {f"model.{name}": tensor for name, tensor in other.state_dict().items()}
    save_file({**within, "op_threshs": torch.full((18,), torch.nan)}, tmp_path / "w.safetensors")
    spec = new_spec("xrv:resnet50", CLASSES, size=64)
    classifier = build(spec, pretrained=tmp_path / "w.safetensors").eval()
    other.fc = nn.Identity()
    images = torch.from_numpy(make_images(2, size=64).pixels)
    with torch.no_grad():
        expected = other.double().eval()(scaled(images).double())
        torch.testing.assert_close(exact_features(classifier, images), expected)
    assert default_size("xrv:resnet50") == 512
    assert classifier.blocks == tuple(
        f"network.{name}" for name in ("conv1", *(f"layer{n}" for n in range(1, 5)))
    )


@pytest.mark.parametrize("name", ["whole-old.pt", "whole.pt", "state.pt"])
def test_every_form_of_a_file_gives_the_same_tensors(files, name):
    found, expected = read_tensors(files / name), load_file(files / "densenet.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found if key != "op_threshs")


class Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path, zipped, inside):
    harm = Harm(tmp_path / "harm")
    if inside:
        network = nn.Sequential(nn.ReLU())
        network.pathologies = harm
        harm = network
    torch.save(harm, tmp_path / "bad.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        BadArtefact, match=r"bad.pt is refused: it names \w+.system, .* tensors alone"
    ) as told:
        read_tensors(tmp_path / "bad.pt")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_network_of_other_parts_is_refused_by_their_name(tmp_path, zipped):
    torch.save(nn.Sequential(nn.Conv1d(1, 1, 1)), tmp_path / "bad.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadArtefact, match=r"it names torch.nn.modules.conv.Conv1d"):
        read_tensors(tmp_path / "bad.pt")


def test_what_is_no_weights_file_is_refused(files, tmp_path):
    whole = (files / "whole-old.pt").read_bytes()
    for name, inside in (("words.pt", "words.txt"), ("script.pt", "script/constants.pkl")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "nothing of the kind")
    for name, content, what in (
        ("text.pt", b"nothing of the kind", "not what torch.save writes: it has another beginning"),
        ("empty.pt", b"", "not what torch.save writes: it is empty"),
        ("pickle.pt", pickle.dumps({"a": 1}), "not what torch.save writes: it has another beginning"),
        ("words.pt", (tmp_path / "words.pt").read_bytes(), "torch.save writes: it is a zip archive of other"),
        ("script.pt", (tmp_path / "script.pt").read_bytes(), "it is a network compiled by TorchScript"),
        ("begun.pt", whole[:300], "begins as torch.save begins, and is damaged"),
        ("cut.pt", whole[:-1000], "begins as torch.save begins, and is damaged"),
        ("zip.pt", (files / "whole.pt").read_bytes()[:-1000], "it is a zip archive whose end is missing"),
        ("text.safetensors", b"nothing of the kind", "is no whole safetensors file"),
        ("empty.safetensors", b"", "is empty"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadArtefact, match=rf"^{name} .*{what}.*Give weights as \.safetensors, or as"):
            find_weights("xrv:densenet121", tmp_path / name)
    for value in ([1, 2], {"a": 1}):
        torch.save(value, tmp_path / "list.pt")
        with pytest.raises(BadArtefact, match="neither a state dict"):
            read_tensors(tmp_path / "list.pt")
    looped = nn.Sequential(nn.ReLU())
    looped._modules["1"] = looped
    torch.save(looped, tmp_path / "looped.pt")
    with pytest.raises(BadArtefact, match="holds 1 twice"):
        read_tensors(tmp_path / "looped.pt")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda state: state.pop("features.conv0.weight"),
            "it lacks 1 of 725 tensors, such as 'features.conv0.weight'",
        ),
        (lambda state: state.update(gate=torch.ones(1)), "it has 1 tensor too many, such as 'gate'"),
        (
            lambda state: state.update({"features.conv0.weight": torch.ones(64, 3, 7, 7)}),
            "'features.conv0.weight' holds 64 x 3 x 7 x 7 numbers, and 64 x 1 x 7 x 7 belong there",
        ),
        (
            lambda state: state["features.norm0.bias"].fill_(torch.nan),
            "'features.norm0.bias' holds numbers that are",
        ),
    ],
)
def test_weights_that_do_not_fit_are_told_by_their_name_and_leave_the_network_alone(
    files, densenet, tmp_path, change, reason
):
    state, before = load_file(files / "densenet.safetensors"), densenet.trunk.state_dict()
    before = {name: tensor.clone() for name, tensor in before.items()}
    change(state)
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(
        BadArtefact, match="other.safetensors does not hold weights of xrv:densenet121"
    ) as told:
        xrv.put_weights(densenet, tmp_path / "other.safetensors", SILENT)
    assert reason in str(told.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in densenet.trunk.state_dict().items())


def test_published_weights_are_fetched_once_by_their_name(files, densenet, tmp_path, monkeypatch):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path))
    file = xrv.PUBLISHED["densenet121"]["densenet121-res224-nih"].file
    with serve({file: (files / "whole-old.pt").read_bytes()}) as site:
        monkeypatch.setattr(xrv, "SITE", site.url(""))
        for _ in range(2):
            xrv.put_weights(densenet, Path("densenet121-res224-nih"), SILENT)
        assert site.asked == [(file, "")]
        with pytest.raises(RadaptError, match=r"is no longer at its address \(HTTP 404"):
            xrv.put_weights(densenet, True, SILENT)
    record = json.loads((tmp_path / "weights" / "radapt-fetch.json").read_text())
    assert record["torchxrayvision weights"]["files"][file]["checksum"].startswith("sha256:")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_weights_wanted_twice_at_once_are_fetched_once_and_recorded_by_name_and_content(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path / "new" / "cache"))
    asked, content, both = "densenet121-res224-nih", b"numbers" * 100_000, Barrier(2)
    file = xrv.PUBLISHED["densenet121"][asked].file

    def find(_: int) -> Weights | None:
        both.wait(60)
        return find_weights("xrv:densenet121", Path(asked))

    with serve({file: content}) as site, ThreadPoolExecutor(2) as threads:
        monkeypatch.setattr(xrv, "SITE", site.url(""))
        first, second = threads.map(find, range(2))
        assert site.asked == [(file, "")]
    assert first == second
    assert first.name == f"{asked} sha256:{hashlib.sha256(content).hexdigest()}"
    assert first.start.read_bytes() == content
    assert [path.name for path in (tmp_path / "new" / "cache").iterdir()] == ["weights"]


def test_names_that_there_are_none_of_are_told_with_those_that_there_are(densenet):
    with pytest.raises(AskedWrongly, match="no weights file resnet50-res512-all .* densenet121-res224-all, "):
        xrv.put_weights(densenet, Path("resnet50-res512-all"), SILENT)
    with pytest.raises(UnknownName, match="Did you mean 'xrv:densenet121'"):
        new_spec("xrv:densenet", CLASSES)


def test_images_too_small_to_be_halved_five_times_are_refused():
    with pytest.raises(AskedWrongly, match="at least 32 x 32 pixels. Got 31 x 31"):
        build(new_spec("xrv:densenet121", CLASSES, size=31))
    smallest = build(new_spec("xrv:densenet121", CLASSES, size=32)).eval()
    with torch.no_grad():
        assert smallest(torch.zeros(1, 32, 32)).shape == (1, 2)


@pytest.mark.parametrize("name", ["head", "last-k(k=1)", "first-k(k=1)", "norm-refresh"])
def test_it_is_adapted_as_other_networks_are(densenet, hardware, name):
    images = make_images(8, size=64)
    strategy = get_strategy(name)
    adapted = strategy.adapt(densenet, images, images, AdaptContext(hardware, epochs=1)).classifier
    before, after, where = densenet.state_dict(), adapted.state_dict(), parameter_info(densenet)
    for weight, place in where.items():
        assert torch.equal(before[weight], after[weight]) != strategy.trains(place), weight
    moved = {key for key in before if "running" in key and not torch.equal(before[key], after[key])}
    blocks = {"head": (), "last-k(k=1)": densenet.blocks[-1:], "first-k(k=1)": densenet.blocks[:1]}
    if name == "norm-refresh":
        assert len(moved) == 2 * 121
    else:
        assert bool(moved) == bool(blocks[name])


def test_a_run_is_trained_from_a_file_and_laid_out(files, tmp_path, radapt):
    data = write_images(tmp_path / "images", make_dataset(train=24, val=0, test=8, size=64))
    weights, run = files / "whole.pt", tmp_path / "run"
    options = ("--size", 64, "--epochs", 1, "--steps", 1, "--batch-size", 8, "--tune", "all", "--out", run)
    code, out, err = radapt("train", data, "--model", "xrv:densenet121", "--weights", weights, *options)
    assert (code, "Trained xrv:densenet121" in out) == (0, True), err
    recorded = json.loads((run / "run.json").read_text())["pretrained"]
    assert recorded == hashlib.sha256(weights.read_bytes()).hexdigest()
    described = json.loads(radapt("models", run, "--json")[1])
    blocks = (
        "conv0",
        "denseblock1",
        "transition1",
        "denseblock2",
        "transition2",
        "denseblock3",
        "transition3",
    )
    assert described["blocks"] == [f"network.features.{name}" for name in (*blocks, "denseblock4")]
    assert (described["spec"]["mean"], described["spec"]["std"]) == (0.5, 1 / 2048)
    code, out, _ = radapt("models")
    assert all(name in out for name in ("xrv:densenet121", "xrv:resnet50"))
