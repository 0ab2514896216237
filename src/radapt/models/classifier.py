"""A classifier: a trunk of named blocks, a head, and the `Spec` of its input and output."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import check_kinds
from radapt.images.preprocessing import Preprocessing

# Views for test-time augmentation: degrees anticlockwise, shares of the side right and down, zoom.
VIEWS: tuple[tuple[float, float, float, float], ...] = (
    (0.0, 0.0, 0.0, 1.0),
    (6.0, 0.0, 0.0, 1.0),
    (-6.0, 0.0, 0.0, 1.0),
    (0.0, 0.03, 0.0, 1.05),
    (0.0, -0.03, 0.0, 1.05),
    (0.0, 0.0, 0.03, 0.95),
    (0.0, 0.0, -0.03, 0.95),
)
WITH_ENCODER = ("hf:", "onnx:", "imported:")  # models whose trunk is the user's own
MAX_CHANNELS = 16
MAX_MEMBERS = 16
OUTPUTS = ("softmax", "sigmoid", "findings")
GIVES = ("logits", "probabilities")  # what an imported file gives


@dataclass(frozen=True, slots=True)
class Spec:
    """All that is needed to rebuild a classifier and to prepare its input; saved beside its weights."""

    model: str  # a name that `radapt.models.table.build` knows
    classes: tuple[str, ...]
    size: int  # pixels; images are size x size
    channels: int = 1  # 1, or 3 equal ones for a model that was made for colour
    resize: str = "squash"  # how images are read, see `radapt.images.preprocessing.Preprocessing`
    intensity: str = "window"
    trim: bool = False
    mean: float | tuple[float, ...] = 0.5  # of grey values in 0..1, subtracted first; or one a channel
    std: float | tuple[float, ...] = 0.25  # then divided by
    outputs: str = "softmax"  # or "sigmoid": one per class, trained with binary cross-entropy;
    # or "findings": the same for multi-label images
    views: int = 1  # test-time views of each image, the first of `VIEWS`; their logits are averaged
    members: int = 1  # networks whose mean probability it gives, see `radapt.models.ensemble`
    neighbours: int = 0  # how many nearest references its head asks, see `radapt.models.neighbours`; 0: none
    encoder: str = ""  # of `hf:DIR` its config.json, of `onnx:FILE` and an imported file its sha256
    gives: str = ""  # what an imported file gives: "logits" or "probabilities"
    file_outputs: tuple[str, ...] = ()  # the names of its outputs: that of the scores, then of any features

    @property
    def reading(self) -> Preprocessing:
        """The preprocessing of its images."""
        return Preprocessing(self.size, self.resize, self.intensity, self.trim)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON; that there is one member is left out."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("members", 1)}

    @classmethod
    def from_dict(cls, value: Any) -> "Spec":
        """Read the result of `as_dict`.

        Raises
        ------
        BadArtefact
            If a field is missing or unknown.
        """
        try:
            lists = {name: tuple(each) for name, each in value.items() if isinstance(each, list)}
            spec = cls(**{**value, **lists, "classes": tuple(value["classes"])})
            check_kinds(spec)
            _ = spec.reading  # refuses invalid values
            usable = _scales(spec)
            fits = 0 < spec.channels <= MAX_CHANNELS and 0 < spec.views <= len(VIEWS) and spec.neighbours >= 0
            fits = fits and 0 < spec.members <= MAX_MEMBERS
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError, AskedWrongly) as error:
            raise BadArtefact(f"This is not the description of a classifier: {error}.") from None
        if not usable:
            raise BadArtefact(f"images cannot be scaled by a mean of {spec.mean} and a std of {spec.std}.")
        if bool(spec.encoder) != spec.model.startswith(WITH_ENCODER):
            raise BadArtefact(f"the model {spec.model!r} and its encoder {spec.encoder[:80]!r} do not fit.")
        if not (fits and spec.classes and spec.outputs in OUTPUTS and spec.gives in ("", *GIVES)):
            raise BadArtefact(
                f"no model of {spec.members} members takes images of {spec.channels} channels and "
                f"{spec.views} views and gives {spec.outputs!r} for {len(spec.classes)} classes."
            )
        return spec


class Classifier(nn.Module):
    """Maps grey images to one logit a class.

    `blocks` names the submodules of the trunk that hold weights, from the input side on.
    """

    def __init__(self, spec: Spec, trunk: nn.Module, head: nn.Module, blocks: tuple[str, ...]) -> None:
        super().__init__()
        self.spec = spec
        self.trunk = trunk
        self.head = head
        self.blocks = blocks

    def prepare(self, pixels: Tensor) -> Tensor:
        """Turn grey levels (n, h, w), uint8 or float in 0..255, into what the trunk takes (n, c, h, w)."""
        if pixels.shape[-2:] != (self.spec.size, self.spec.size):
            raise AskedWrongly(
                f"This model takes images of {self.spec.size} x {self.spec.size} pixels. "
                f"Got {pixels.shape[-2]} x {pixels.shape[-1]}: load them with size={self.spec.size}."
            )
        grey = pixels.unsqueeze(1).float() / 255
        grey = (grey - _by_channel(self.spec.mean, grey)) / _by_channel(self.spec.std, grey)
        return grey.expand(-1, self.spec.channels, -1, -1).contiguous(memory_format=torch.channels_last)

    def embed(self, pixels: Tensor) -> Tensor:
        """Return the trunk's features (n, d) of grey images (n, h, w) in 0..255."""
        features: Tensor = self.trunk(self.prepare(pixels))
        return features

    def forward(self, pixels: Tensor) -> Tensor:
        """Return one logit a class, (n, k), for grey images (n, h, w) in 0..255.

        In evaluation mode they are means over `spec.views` views.
        """
        if self.training or self.spec.views == 1:
            logits: Tensor = self.head(self.embed(pixels))
            return logits
        by_view = [self.head(self.embed(_moved(pixels, *view))) for view in VIEWS[: self.spec.views]]
        return torch.stack(by_view).mean(dim=0)


def _scales(spec: Spec) -> bool:
    """Return whether images can be scaled by the mean and std of a spec: numbers, one or one a channel."""
    means, stds = (each if isinstance(each, tuple) else (each,) for each in (spec.mean, spec.std))
    return (
        len(means) in (1, spec.channels)
        and len(stds) in (1, spec.channels)
        and all(map(math.isfinite, (*means, *stds)))
        and min(stds) > 0
    )


def _by_channel(value: float | tuple[float, ...], images: Tensor) -> Tensor | float:
    """Return a number as it is, and one number a channel in a shape (c, 1, 1) that images broadcast with."""
    return images.new_tensor(value).view(-1, 1, 1) if isinstance(value, tuple) else value


def _moved(pixels: Tensor, degrees: float, right: float, down: float, zoom: float) -> Tensor:
    """Return images rotated, moved and zoomed about their centre; beyond the edge its pixels are repeated."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    matrix = torch.tensor([[cosine, -sine, -2 * right], [sine, cosine, -2 * down]], device=pixels.device)
    images = pixels.unsqueeze(1).float()
    grid = functional.affine_grid(
        matrix.expand(images.shape[0], 2, 3), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False).squeeze(1)


def probabilities(logits: Tensor, outputs: str) -> Tensor:
    """Return probabilities (n, k), float64, of logits (n, k); rows sum to one unless multi-label.

    The sigmoids of exclusive classes are divided by their sum, which keeps their order.
    """
    logits = logits.double()
    if outputs == "softmax":
        return logits.softmax(dim=1)
    sigmoids = logits.sigmoid()
    if outputs == "findings":
        return sigmoids
    return sigmoids / sigmoids.sum(dim=1, keepdim=True).clamp_min(1e-300)
