"""Outputs of the frozen first blocks of a network, computed once for each image and view.

A strategy that freezes the first blocks need not run them in every epoch: their outputs are cached, and only
the blocks after them are run. In full precision that gives the same logits and gradients.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.images.pixel_buffers import on_disk
from radapt.labels import Labels
from radapt.models.classifier import Classifier
from radapt.models.inference import all_logits, device_of, logits_of
from radapt.progress import SILENT, Watch
from radapt.shift.augment import parse_augmentation
from radapt.shift.counter_rng import derived_seed, image_keys

Floats = NDArray[np.float32]

MAX_BYTES = 2**29  # kept in memory; the rest is in temporary files
MAX_TOTAL_BYTES = 2**33  # in memory and files; the least recently used are dropped first
_CHUNK = 128  # images run through a prefix at a time
_TOLERANCE = 1e-4  # absolute and relative, of logits from cached features against the whole network's


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The views of each image: unaugmented, and augmented copies."""

    augment: str = "none"  # see `radapt.shift.augment`
    count: int = 1
    plain: bool = True  # whether the first view is unaugmented
    seed: int = 0  # seed of the augmentations

    def names(self) -> list[str]:
        """Return an augmentation and seed for each view; "" for the unaugmented one."""
        if self.augment == "none":
            return [""]
        first = int(self.plain)
        return [""] * first + [
            f"{self.augment}/{derived_seed(self.seed, number)}" for number in range(first, self.count)
        ]


@dataclass(slots=True, eq=False)
class _Part:
    """Outputs of one prefix for one view: a row per image, in the order of computation."""

    index: dict[bytes, int] = field(default_factory=dict)
    data: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))


class FeatureCache:
    """Outputs of frozen prefixes, by digest of weights, split point, preprocessing, view and image.

    Beyond `in_memory` bytes they lie in temporary files, deleted with the cache; beyond `total` bytes the
    least recently used are dropped.
    """

    def __init__(self, in_memory: int = MAX_BYTES, total: int = MAX_TOTAL_BYTES) -> None:
        self._in_memory, self._total = in_memory, total
        self._parts: dict[str, _Part] = {}  # the last used comes last

    def get(
        self,
        prefix: "FrozenPrefix",
        images: ImageSet,
        views: Views,
        hardware: Hardware,
        watch: Watch = SILENT,
        task: str = "features",
    ) -> "CachedFeatures":
        """Return the outputs of a prefix for images, computing those that are not cached yet."""
        names, prefix_digest, digests = views.names(), prefix.digest(), _image_digests(images)
        watch.begin(task, len(names) * len(images), "image")
        parts = []
        for view, name in enumerate(names):
            part = self._part(f"{prefix_digest}/{name}")
            for done in self._fill(part, prefix, images, digests, name, hardware):
                watch.advance(view * len(images) + done)
            rows = np.array([part.index[image] for image in digests], dtype=np.intp)
            parts.append((part.data, rows))
            watch.advance((view + 1) * len(images))
        watch.end()
        return CachedFeatures(tuple(parts), images.labels, images.classes, hardware.device)

    def _part(self, key: str) -> _Part:
        self._parts[key] = self._parts.pop(key, _Part())
        return self._parts[key]

    def _fill(
        self,
        part: _Part,
        prefix: "FrozenPrefix",
        images: ImageSet,
        digests: Sequence[bytes],
        view: str,
        hardware: Hardware,
    ) -> Iterator[int]:
        """Compute the outputs that a part lacks; yield how many of the images it has after each chunk."""
        missing = [row for row, image in enumerate(digests) if image not in part.index]
        for start in range(0, len(missing), _CHUNK):
            rows = np.array(missing[start : start + _CHUNK])
            pixels = torch.from_numpy(images.pixels[rows]).to(hardware.device)
            if view:
                augment, _, seed = view.rpartition("/")
                pixels = parse_augmentation(augment)(pixels, image_keys(images.ids[rows]), int(seed))
            outputs = prefix.outputs(pixels, hardware).numpy()
            filled = len(part.index)
            if len(part.data) < filled + len(outputs):
                data = self._allocate(max(2 * filled, filled + len(missing) - start), outputs.shape[1:])
                if filled:
                    data[:filled] = part.data[:filled]
                part.data = data
            part.data[filled : filled + len(outputs)] = outputs
            part.index.update({digests[row]: filled + at for at, row in enumerate(rows)})
            yield len(images) - len(missing) + start + len(rows)

    def _allocate(self, rows: int, shape: Sequence[int]) -> Floats:
        """Allocate so many rows, in memory or in a file; the least recently used parts are dropped."""
        size = rows * int(np.prod(shape)) * 4
        while len(self._parts) > 1 and self._size() + size > self._total:
            self._parts.pop(next(iter(self._parts)))
        in_use = sum(p.data.nbytes for p in self._parts.values() if not isinstance(p.data, np.memmap))
        if in_use + size <= self._in_memory:
            return np.empty((rows, *shape), np.float32)
        return on_disk((rows, *shape), np.float32, "features of images")

    def _size(self) -> int:
        return sum(part.data.nbytes for part in self._parts.values())


def logits_with(cache: FeatureCache, classifier: Classifier, images: ImageSet, hardware: Hardware) -> Tensor:
    """Return logits (n, k), and keep the trunk's features of the images for models that share the trunk.

    Features are of images as they are, so that none are kept of a model with further test-time views.
    """
    if classifier.spec.views > 1:
        return all_logits(classifier, images.pixels, hardware)
    prefix = FrozenPrefix(classifier, len(classifier.blocks))
    return logits_of(classifier.head, cache.get(prefix, images, Views(), hardware).features(), hardware)


@dataclass(frozen=True, slots=True, eq=False)
class CachedFeatures:
    """Outputs of a frozen prefix as training rows: each batch has one view, drawn anew, of each image."""

    parts: tuple[tuple[Floats, NDArray[np.intp]], ...]  # for each view: outputs, and each image's row in them
    labels: Labels
    classes: tuple[str, ...]
    device: torch.device
    scale: tuple[Tensor, Tensor] | None = None  # mean to subtract, spread to divide by; both (d,)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: NDArray[np.intp], seed: int) -> Tensor:
        """Return one view, drawn from `seed`, of each of these rows: (n, ...) on the device."""
        drawn = np.random.default_rng(seed).integers(len(self.parts), size=len(rows))
        return self._scaled(self.view(drawn, rows))

    def view(self, which: NDArray[np.intp], rows: NDArray[np.intp]) -> Tensor:
        """Return view `which[i]` of row `rows[i]`, unscaled: (n, ...) on the device."""
        outputs = np.empty((len(rows), *self.parts[0][0].shape[1:]), np.float32)
        for number, (data, index) in enumerate(self.parts):
            mine = which == number
            outputs[mine] = data[index[rows[mine]]]
        return torch.from_numpy(outputs).to(self.device)

    def features(self) -> Tensor:
        """Return every view of every image, unscaled: (views * n, ...)."""
        rows = np.arange(len(self))
        return torch.cat([self.view(np.full(len(rows), which), rows) for which in range(len(self.parts))])

    def scaled(self, mean: Tensor, spread: Tensor) -> "CachedFeatures":
        """Return the same rows, standardised batch by batch with a mean and a spread, both (d,)."""
        return replace(self, scale=(mean, spread))

    def project(self, basis: Tensor) -> "CachedFeatures":
        """Return the same rows projected on a basis (d, r): rows (r,)."""
        views = np.split((self.features() @ basis).cpu().numpy(), len(self.parts))
        rows = np.arange(len(self))
        return replace(self, parts=tuple((part, rows) for part in views))

    def _scaled(self, features: Tensor) -> Tensor:
        return features if self.scale is None else (features - self.scale[0]) / self.scale[1]


@dataclass(frozen=True, slots=True, eq=False)
class FrozenPrefix:
    """The first blocks of a classifier, or (with all of them) its whole trunk."""

    classifier: Classifier
    cut: int  # number of blocks, 1 or more

    @property
    def whole(self) -> bool:
        """Whether it is the whole trunk, so that its outputs are the input of the head."""
        return self.cut == len(self.classifier.blocks)

    def digest(self) -> str:
        """Return a SHA-256 of all that its outputs depend on, except the images."""
        spec = self.classifier.spec
        read = (spec.reading, spec.channels, spec.mean, spec.std)
        file = (spec.encoder, spec.gives, spec.file_outputs)
        total = hashlib.sha256(repr((spec.model, *read, *file, self.cut)).encode())
        for name, tensor in sorted(self.classifier.trunk.state_dict().items()):
            total.update(name.encode())
            total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()

    def outputs(self, pixels: Tensor, hardware: Hardware) -> Tensor:
        """Return the outputs of the last block for images (n, h, w): (n, ...) float32 on the CPU.

        Outputs do not depend on the other images of the batch, so that a resumed study, whose cache holds
        less, gets the same numbers as an uninterrupted one.
        """
        return logits_of(_UpTo(self), pixels, hardware, full=True)

    def rest(self) -> nn.Module:
        """Return the rest of the network as a module from its outputs to logits; weights are shared."""
        return self.classifier.head if self.whole else Suffix(self)

    def weight(self, name: str) -> str:
        """Return the name in the classifier of a weight of `rest`."""
        return f"head.{name}" if self.whole else name.removeprefix("classifier.")

    def fits(self, images: ImageSet, hardware: Hardware) -> bool:
        """Return whether the rest of the network depends on the last block's output alone.

        It does not where connections skip over the cut, or blocks return more than one tensor.
        """
        pixels = torch.from_numpy(np.array(images.pixels[:2]))
        try:
            direct = logits_of(self.classifier, pixels, hardware)
            by_cache = logits_of(self.rest(), logits_of(_UpTo(self), pixels, hardware), hardware)
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError):
            return False
        return bool(torch.allclose(direct, by_cache, atol=_TOLERANCE, rtol=_TOLERANCE))


class _Reached(Exception):  # carries a block's output out of the forward pass; not an error
    def __init__(self, output: Tensor) -> None:
        self.output = output


class _UpTo(nn.Module):
    """The part of a classifier from images to the output of a block."""

    def __init__(self, prefix: FrozenPrefix) -> None:
        super().__init__()
        self.classifier = prefix.classifier
        self._last = "" if prefix.whole else prefix.classifier.blocks[prefix.cut - 1]

    def forward(self, pixels: Tensor) -> Tensor:
        if not self._last:
            return self.classifier.embed(pixels)

        def stop(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if not isinstance(output, Tensor):
                raise TypeError(f"{self._last} returns more than one tensor")
            raise _Reached(output)

        handle = self.classifier.trunk.get_submodule(self._last).register_forward_hook(stop)
        try:
            return self.classifier.embed(pixels)
        except _Reached as reached:
            return reached.output
        finally:
            handle.remove()


class Suffix(nn.Module):
    """The part of a classifier from the output of a block to logits.

    The whole network is run without the blocks of the prefix: the last of these returns the cached outputs,
    the earlier ones return zeros of the right shape, which take no memory.
    """

    def __init__(self, prefix: FrozenPrefix) -> None:
        super().__init__()
        self.classifier = prefix.classifier
        self._skipped = prefix.classifier.blocks[: prefix.cut]
        self._shapes, self._format = _shapes(prefix.classifier, self._skipped)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (n, k)."""
        spec = self.classifier.spec
        features = features.contiguous(memory_format=self._format)
        images = features.new_zeros(()).expand(len(features), spec.channels, spec.size, spec.size)
        with self._giving(features):
            logits: Tensor = self.classifier.head(self.classifier.trunk(images))
        return logits

    @contextmanager
    def _giving(self, last: Tensor) -> Iterator[None]:
        blocks = [self.classifier.trunk.get_submodule(name) for name in self._skipped]
        outputs = [last.new_zeros(()).expand(len(last), *shape) for shape in self._shapes[:-1]] + [last]
        for block, output in zip(blocks, outputs, strict=True):
            vars(block)["forward"] = lambda *_given, _output=output, **_named: _output
        try:
            yield
        finally:
            for block in blocks:
                del vars(block)["forward"]


def _shapes(
    classifier: Classifier, blocks: Sequence[str]
) -> tuple[list[tuple[int, ...]], torch.memory_format]:
    """Return the output shape of each block for one image, and the memory format of the last."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        outputs[name] = output

    modules = {name: classifier.trunk.get_submodule(name) for name in blocks}
    handles = [module.register_forward_hook(partial(keep, name)) for name, module in modules.items()]
    modes = [(module, module.training) for module in classifier.modules()]
    try:
        with torch.no_grad():
            classifier.eval()(
                torch.zeros(1, classifier.spec.size, classifier.spec.size, device=device_of(classifier))
            )
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    last = outputs[blocks[-1]]
    layout = torch.contiguous_format if last.is_contiguous() else torch.channels_last
    return [tuple(outputs[name].shape[1:]) for name in blocks], layout


def _image_digests(images: ImageSet) -> list[bytes]:
    """Return a digest of each image and its id; views are drawn from the id."""
    return [
        hashlib.blake2b(np.ascontiguousarray(image).tobytes() + str(name).encode(), digest_size=16).digest()
        for image, name in zip(images.pixels, images.ids, strict=True)
    ]
