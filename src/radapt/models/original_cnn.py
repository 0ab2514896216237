"""The CNN of the original demonstration, layer for layer.

Conv2D 3x3 (64, 128, 256, 256), each followed by ReLU, 2x2 max pooling and batch normalisation, then
dense layers of 128, 64 and one sigmoid a class, with dropout of 0.2 between them. Pooling goes before ReLU
here, which gives the same numbers with a quarter of the work. Batch normalisation has
Keras's epsilon (1e-3) and momentum (0.99, which PyTorch counts as 0.01), and weights start as Keras starts
them (Glorot and Bengio 2010, uniform; biases zero).
"""

from torch import nn

from radapt.errors import AskedWrongly
from radapt.models.classifier import Classifier, Spec

WIDTHS = (64, 128, 256, 256)


def build(spec: Spec) -> Classifier:
    """Build the CNN: 2,577,858 parameters and statistics on 3 channels at 150 x 150, two classes.

    Raises
    ------
    AskedWrongly
        If the images are too small for four unpadded convolutions with pooling (below 46 pixels).
    """
    blocks: dict[str, nn.Module] = {}
    channels, side = spec.channels, spec.size
    for number, width in enumerate(WIDTHS, start=1):
        blocks[f"conv{number}"] = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.BatchNorm2d(width, eps=1e-3, momentum=0.01),
        )
        channels, side = width, (side - 2) // 2
    if side < 1:
        raise AskedWrongly(
            f"The original CNN needs images of at least 46 x 46 pixels. Got {spec.size} x {spec.size}."
        )
    trunk = nn.Sequential()
    for name, block in blocks.items():
        trunk.add_module(name, block)
    trunk.add_module("flatten", nn.Flatten())
    head = nn.Sequential(
        nn.Linear(channels * side * side, 128),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(64, len(spec.classes)),
    )
    for module in (*trunk.modules(), *head.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return Classifier(spec, trunk, head, tuple(blocks))
