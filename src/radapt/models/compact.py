"""The default: a small residual CNN on one grey channel that trains from scratch on two processor cores.

A stem that quarters the sides, then four residual stages of 32 to 256 channels (He et al. 2016, with the
average-pooled shortcut of He et al. 2019), global average pooling and one linear layer: 1.2 million
parameters. It holds no in-place operation, so that a saliency method can hook any of its maps.
"""

from torch import Tensor, nn
from torch.nn import functional

from radapt.models.classifier import Classifier, Spec

WIDTHS = (32, 64, 128, 256)


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut; a stride above 1 shrinks the sides."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outside)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inside != outside:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(inside, outside, 1, bias=False),
                nn.BatchNorm2d(outside),
            )
        nn.init.zeros_(self.norm2.weight)  # each block starts as its shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inside, h, w) to (n, outside, h / stride, w / stride)."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def build(spec: Spec) -> Classifier:
    """Build the default model; 128 x 128 images are what it was tuned on."""
    blocks: dict[str, nn.Module] = {
        "stem": nn.Sequential(
            nn.Conv2d(spec.channels, WIDTHS[0], 8, stride=4, padding=2, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(),
        )
    }
    inside = WIDTHS[0]
    for number, width in enumerate(WIDTHS, start=1):
        blocks[f"stage{number}"] = Residual(inside, width, stride=1 if number == 1 else 2)
        inside = width
    trunk = nn.Sequential()
    for name, block in blocks.items():
        trunk.add_module(name, block)
    trunk.add_module("pool", nn.AdaptiveAvgPool2d(1))
    trunk.add_module("flatten", nn.Flatten())
    return Classifier(spec, trunk, nn.Linear(inside, len(spec.classes)), tuple(blocks))
