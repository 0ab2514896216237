"""Vision encoders from a local Hugging Face folder (`config.json`, `model.safetensors`), by transformers.

`hf:DIR` reads nothing outside DIR, runs no code of it, and takes weights from safetensors alone. The text
tower of a two-tower model is left out. A saved run carries the encoder's configuration and opens without DIR.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from radapt.artefacts import WEIGHTS
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_object, sha256
from radapt.models.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture, one_if_equal
from radapt.models.blocks import check_patches, holds_matrix, in_order
from radapt.models.classifier import Classifier, Spec
from radapt.models.pretrained import Weights
from radapt.models.weights_file import read_tensors
from radapt.text import listed

if TYPE_CHECKING:
    from radapt.progress import Watch

PREFIX = "hf:"
CONFIG, FILE, PREPROCESSOR = "config.json", WEIGHTS, "preprocessor_config.json"
HALF = (0.5, 0.5, 0.5)
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
OTHER_TOWER = ("text_model.", "text_projection.", "visual_projection.", "logit_scale", "logit_bias")
# Of a configuration, what would load code or kernels, or change the kind of numbers.
IGNORED = (
    "attn_implementation",
    "experts_implementation",
    "quantization_config",
    "auto_map",
    "dtype",
    "torch_dtype",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of encoder: its class in transformers, and how it is used."""

    network: str
    resized: bool = False  # whether it resamples position embeddings only when told to
    pooled: bool = True  # whether its own pooling gives the features; False: the first token
    mean: tuple[float, ...] = IMAGENET_MEAN  # without a preprocessor_config.json
    std: tuple[float, ...] = IMAGENET_STD
    options: tuple[tuple[str, Any], ...] = ()


SIGLIP = Kind("SiglipVisionModel", resized=True, mean=HALF, std=HALF)
CLIP = Kind("CLIPVisionModel", resized=True, mean=OPENAI_MEAN, std=OPENAI_STD)
KINDS = {  # by `model_type`
    "dinov2": Kind("Dinov2Model"),
    "dinov2_with_registers": Kind("Dinov2WithRegistersModel"),
    "dinov3_vit": Kind("DINOv3ViTModel"),
    "vit": Kind(
        "ViTModel", resized=True, pooled=False, mean=HALF, std=HALF, options=(("add_pooling_layer", False),)
    ),
    "siglip": SIGLIP,
    "siglip_vision_model": SIGLIP,
    "clip": CLIP,
    "clip_vision_model": CLIP,
}


class Trunk(nn.Module):
    """An encoder that gives one vector an image."""

    def __init__(self, network: Any, kind: Kind) -> None:
        super().__init__()
        self.network = network
        self._kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to features (n, d): what the encoder pools, or its first token."""
        options = {"interpolate_pos_encoding": True} if self._kind.resized else {}
        out = self.network(pixel_values=x, **options)
        features: Tensor = out.pooler_output if self._kind.pooled else out.last_hidden_state[:, 0]
        return features


def architecture(model: str) -> Architecture:
    """Say which images the encoder of a folder is made for.

    Raises
    ------
    AskedWrongly
        If the folder holds no encoder of a known kind.
    BadArtefact
        If a file in it is damaged.
    """
    folder = Path(model.removeprefix(PREFIX))
    if not (folder / CONFIG).is_file():
        raise AskedWrongly(
            f"{folder} is no Hugging Face folder of an encoder: it holds no {CONFIG}. "
            f"Give one with {CONFIG} and {FILE}."
        )
    config = read_object(folder / CONFIG)
    kind, config = _kind_of(folder, config)
    size, mean, std = _preparation(folder, kind, config)
    return Architecture(
        "an encoder from a folder",
        build,
        size=size,
        channels=config["num_channels"],
        mean=one_if_equal(mean),
        std=one_if_equal(std),
        encoder=json.dumps(config, sort_keys=True),
        pretrained=True,
        find_weights=find_weights,
        put_weights=put_weights,
    )


def _kind_of(folder: Path, config: dict[str, Any]) -> tuple[Kind, dict[str, Any]]:
    """Return the kind of an encoder and the configuration of its image tower, with all defaults filled in."""
    tower = config.get("vision_config")
    config = {"model_type": config.get("model_type"), **tower} if isinstance(tower, dict) else config
    name = config["model_type"] if isinstance(config.get("model_type"), str) else ""
    if name not in KINDS:
        raise AskedWrongly(
            f"{folder} holds a model of the type {name!r}. "
            f"radapt takes encoders of the types {listed(KINDS, len(KINDS))}."
        )
    filled = _configuration(str(folder), config).to_dict()
    return KINDS[name], {**_kept(filled), "model_type": name}


def _kept(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in IGNORED and name[:1] != "_"}


def _configuration(what: str, config: dict[str, Any]) -> Any:
    """Return transformers' configuration of an encoder, from what is safe in a `config.json`."""
    network = getattr(_transformers(), KINDS[config["model_type"]].network)
    kept = {name: value for name, value in _kept(config).items() if name != "model_type"}
    try:
        made = network.config_class(**kept)
        fits = (
            made.patch_size > 0
            and made.image_size > 0
            and made.num_channels in (1, 3)
            and made.num_hidden_layers > 0
        )
    except Exception as error:  # its checks raise errors of their own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadArtefact(f"The {CONFIG} of {what} describes no encoder: {reason}.") from None
    if not fits:
        raise BadArtefact(f"The {CONFIG} of {what} describes no encoder of images with 1 or 3 channels.")
    made._attn_implementation = "sdpa"  # never one from a hub
    return made


def _preparation(folder: Path, kind: Kind, config: dict[str, Any]) -> tuple[int, list[float], list[float]]:
    """Return the side of an encoder's images, and mean and std of grey values in 0..1, one a channel."""
    path, channels = folder / PREPROCESSOR, config["num_channels"]
    settings = read_object(path) if path.is_file() else {}
    sides: Any = settings.get("crop_size") if settings.get("do_center_crop") else None
    sides = sides or settings.get("size") or config["image_size"]
    if isinstance(sides, dict):
        sides = sides.get("height") or sides.get("shortest_edge")
    scale = 255 * settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 255.0
    mean, std = (
        settings.get("image_mean") or kind.mean[:channels],
        settings.get("image_std") or kind.std[:channels],
    )
    if not settings.get("do_normalize", True):
        mean, std = [0.0] * channels, [1.0] * channels
    try:
        means, stds = ([float(value) / scale for value in values] for values in (mean, std))
        size = int(sides)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        means, stds, size = [], [], 0
    if size < 1 or not len(means) == len(stds) == channels or min(stds) <= 0:
        raise BadArtefact(f"{path} gives no size, image_mean and image_std for {channels} channels.")
    return size, means, stds


def build(spec: Spec) -> Classifier:
    """Build an encoder with random weights, from the configuration that the spec carries.

    Raises
    ------
    AskedWrongly
        If transformers is not installed, or the encoder takes no images of this size or channel count.
    BadArtefact
        If the configuration is damaged.
    """
    try:
        config = json.loads(spec.encoder)
        kind = KINDS[config["model_type"]]
    except (ValueError, TypeError, KeyError):
        raise BadArtefact(f"{spec.model} has no configuration of an encoder beside its weights.") from None
    made, what = _configuration(spec.model, config), f"The encoder {spec.model}"
    if spec.channels != made.num_channels:
        raise AskedWrongly(f"{what} takes images of {made.num_channels} channels. Got {spec.channels}.")
    check_patches(what, spec.size, made.patch_size)
    try:
        network = getattr(_transformers(), kind.network)(made, **dict(kind.options))
    except Exception as error:  # transformers raises whatever its networks do
        raise BadArtefact(f"{what} could not be built: {str(error).splitlines()[0].rstrip('.')}.") from None
    trunk, head = Trunk(network, kind), nn.Linear(made.hidden_size, len(spec.classes))
    blocks = tuple(f"network.{name}" for name in _blocks(network))
    return Classifier(spec, trunk, head, in_order(what, spec, trunk, head, blocks))


def _blocks(module: nn.Module) -> Iterator[str]:
    """Yield the names of an encoder's blocks: its embeddings, its layers, and its pooling if that learns."""
    for name, part in module.named_children():
        if isinstance(part, nn.ModuleList):
            yield from (f"{name}.{inner}" for inner, _ in part.named_children())
        elif any(isinstance(inner, nn.ModuleList) for inner in part.modules()):
            yield from (f"{name}.{inner}" for inner in _blocks(part))
        elif holds_matrix(part):
            yield name


def find_weights(model: str, weights: bool | Path, _watch: "Watch") -> Weights:
    """Say which weights are asked for: those of the folder, or another file of the same encoder.

    Their name is the sha256 of the file; where the folder says how images are prepared
    (`preprocessor_config.json`), of that digest followed by that of this file.

    Raises
    ------
    AskedWrongly
        If there is no such file.
    BadArtefact
        If the file is damaged.
    """
    path = _at(model, weights)
    read_tensors(path)  # what is no file of weights is refused before images are read
    digest, beside = sha256(path), Path(model.removeprefix(PREFIX)) / PREPROCESSOR
    if beside.is_file():
        digest = hashlib.sha256(f"{digest}{sha256(beside)}".encode()).hexdigest()
    return Weights(digest, path)


def _at(model: str, weights: bool | Path) -> Path:
    path = weights if isinstance(weights, Path) else Path(model.removeprefix(PREFIX)) / FILE
    if not path.is_file() or path.suffix != ".safetensors":
        raise AskedWrongly(
            f"There are no weights {path} of {model}. radapt reads a whole encoder from one {FILE}, and no "
            "pickled or split files: save it again with save_pretrained."
        )
    return path


def put_weights(classifier: Classifier, weights: bool | Path, _watch: "Watch") -> None:
    """Put the weights of a file into the trunk of an encoder that `build` made; the head stays as it is.

    Raises
    ------
    AskedWrongly
        As for `find_weights`.
    BadArtefact
        If the file does not hold this encoder, as its configuration describes it.
    """
    path = _at(classifier.spec.model, weights)
    state = {name: each for name, each in read_tensors(path).items() if not name.startswith(OTHER_TOWER)}
    own: Any = classifier.trunk.get_submodule("network")
    kind = KINDS[own.config.model_type]
    try:
        with _quiet():
            loaded, about = type(own).from_pretrained(
                None,  # no folder and no hub: the names of older versions are translated, and nothing is read
                config=own.config,
                state_dict=state,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                dtype=torch.float32,
                **dict(kind.options),
            )
    except Exception as error:  # transformers raises whatever its networks do
        raise BadArtefact(
            f"{path} does not hold this encoder: {str(error).splitlines()[0].rstrip('.')}."
        ) from None
    tensors = loaded.state_dict()
    _check_loaded(path, about, tensors)
    own.load_state_dict(tensors)


def _check_loaded(path: Path, about: Any, tensors: dict[str, Tensor]) -> None:
    """Refuse a file that lacks weights of an encoder, has them in other shapes, or no numbers in them."""
    if mismatched := sorted(about["mismatched_keys"]):
        name, has, needs = mismatched[0]
        has, needs = (" x ".join(map(str, shape)) for shape in (has, needs))
        raise BadArtefact(
            f"{path} is not of the encoder in {CONFIG}: {name!r} holds {has} numbers, "
            f"and {needs} belong there. Give the {CONFIG} that these weights were saved with."
        )
    if lacking := sorted(about["missing_keys"]):
        raise BadArtefact(
            f"{path} lacks {len(lacking)} of the {len(tensors)} tensors of the encoder in {CONFIG}, such as "
            f"{lacking[0]!r}. Give the two files of one encoder."
        )
    broken = next((name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()), None)
    if broken is not None:
        raise BadArtefact(f"{path} holds numbers that are not finite, first in {broken!r}.")


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise AskedWrongly(
            "Models of the kind hf:DIR are built by transformers: install it with pip install 'radapt[hf]', "
            "or give another model, such as --model compact."
        ) from None
    return transformers


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from printing its progress and reports."""
    logging = _transformers().utils.logging
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()
