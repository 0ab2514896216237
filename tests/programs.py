"""Small networks as a TorchScript, a torch.export and an ONNX file, and the default one as a state dict."""

import warnings
from pathlib import Path

import torch
from samples import CLASSES
from torch import nn

from radapt.models.table import build, new_spec

SIZE = 16
WIDTH = 8  # features of `Small`
BATCH = torch.export.Dim("batch")


class Whole(nn.Module):
    """The default model with its head: scores, and the features that they are made of."""

    def __init__(self, seed: int = 0, channels: int = 1) -> None:
        super().__init__()
        built = build(new_spec("compact", CLASSES, size=SIZE, channels=channels), seed=seed)
        self.trunk, self.head = built.trunk, built.head
        self.to(memory_format=torch.contiguous_format)  # torch.export.save warns of any other

    def forward(self, x):
        features = self.trunk(x)
        return self.head(features), features


class Small(nn.Module):
    """A convolution and a dense layer, which is exported in no time: scores, and what they are made of."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.trunk = nn.Sequential(nn.Conv2d(1, WIDTH, 3, stride=2), nn.BatchNorm2d(WIDTH), nn.ReLU())
        self.head = nn.Linear(WIDTH, len(CLASSES))

    def forward(self, x):
        features = self.trunk(x).mean(dim=(2, 3))
        return self.head(features), features


class Tiny(nn.Module):
    """The mean grey level in one number, which is its only output."""

    def forward(self, x):
        return x.mean(dim=(1, 2, 3)).unsqueeze(1)


def save_script(network: nn.Module, path: Path, channels: int = 1) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(network.eval(), torch.rand(2, channels, SIZE, SIZE)).save(path)
    return path


def save_exported(network: nn.Module, path: Path, *, batch: int | None = None) -> Path:
    given = (torch.rand(batch or 2, 1, SIZE, SIZE),)
    shapes = None if batch else ({0: BATCH},)
    torch.export.save(torch.export.export(network, given, dynamic_shapes=shapes), path)
    return path


def save_onnx(network: nn.Module, path: Path, channels: int = 1) -> Path:
    names = {"input_names": ["images"], "output_names": ["scores", "features"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.rand(2, channels, SIZE, SIZE),),
            path,
            dynamo=False,
            **names,
            dynamic_axes={"images": {0: "n"}},
        )
    return path


def save_all(folder: Path) -> dict[str, Path]:
    """Write the three programs of one network, and the state dict of another; give them by kind."""
    network = Small().eval()
    torch.save(Whole().state_dict(), folder / "state.pt")
    return {
        "torchscript": save_script(network, folder / "network.pt"),
        "torch.export": save_exported(network, folder / "network.pt2"),
        "onnx": save_onnx(network, folder / "network.onnx"),
        "state dict": folder / "state.pt",
    }
