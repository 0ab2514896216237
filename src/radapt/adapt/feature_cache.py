"""What a frozen prefix of a network gives, computed once for each image and view, and trained from.

A strategy that freezes the first blocks need not run them again in every epoch: their outputs are put on a
cache, and only what comes after them is run. In full precision that gives the same logits and gradients.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from radapt.models.inference import logits_of
from radapt.progress import SILENT, Watch
from radapt.shift.augment import parse_augmentation
from radapt.shift.counter_rng import derived_seed, image_keys

Floats = NDArray[np.float32]

MAX_BYTES = 2**29  # bytes kept in memory; what is beyond lies in a file
MAX_VIEWS = 2**33  # bytes kept at all; what was not asked for longest goes first
_IMAGES = 512  # that are run through a prefix at a time
_ALIKE = 1e-4  # how near the logits by way of the bank must come to be taken


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Which views of each image there are: as it is, and augmented copies."""

    augment: str = "none"  # see `radapt.shift.augment`
    count: int = 1
    plain: bool = True  # whether the image as it is counts among them
    seed: int = 0  # draws the augmented ones

    def names(self) -> list[str]:
        """Name what makes each view, "" for the image as it is."""
        if self.augment == "none":
            return [""]
        first = int(self.plain)
        return [""] * first + [
            f"{self.augment}/{derived_seed(self.seed, number)}" for number in range(first, self.count)
        ]


@dataclass(slots=True, eq=False)
class _Part:
    """What one prefix gave for one view: a row an image, in the order in which images came."""

    index: dict[bytes, int] = field(default_factory=dict)
    data: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))


class FeatureCache:
    """Keeps what frozen prefixes gave, by digest of weights, split point, preprocessing, view and image.

    Beyond `limit` bytes it writes to temporary files, which go when the cache does.
    """

    def __init__(self, limit: int = MAX_BYTES, most: int = MAX_VIEWS) -> None:
        self._limit, self._most = limit, most
        self._parts: dict[str, _Part] = {}  # the one that was asked for last comes last

    def get(
        self,
        prefix: "FrozenPrefix",
        images: ImageSet,
        views: Views,
        hardware: Hardware,
        watch: Watch = SILENT,
        task: str = "features",
    ) -> "CachedFeatures":
        """Give the outputs of a prefix for images, computing those that are not there yet."""
        names, digest, radiographs = views.names(), prefix.digest(), _images(images)
        watch.begin(task, len(names), "view")
        parts = []
        for done, name in enumerate(names, start=1):
            part = self._part(f"{digest}/{name}")
            self._fill(part, prefix, images, radiographs, name, hardware)
            rows = np.array([part.index[image] for image in radiographs], dtype=np.intp)
            parts.append((part.data, rows))
            watch.advance(done)
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
        radiographs: Sequence[bytes],
        view: str,
        hardware: Hardware,
    ) -> None:
        missing = [row for row, image in enumerate(radiographs) if image not in part.index]
        for start in range(0, len(missing), _IMAGES):
            rows = np.array(missing[start : start + _IMAGES])
            pixels = torch.from_numpy(images.pixels[rows]).to(hardware.device)
            if view:
                augment, _, seed = view.rpartition("/")
                pixels = parse_augmentation(augment)(pixels, image_keys(images.ids[rows]), int(seed))
            given = prefix.outputs(pixels, hardware).numpy()
            held = len(part.index)
            if len(part.data) < held + len(given):
                room = self._room(max(2 * held, held + len(missing) - start), given.shape[1:])
                if held:
                    room[:held] = part.data[:held]
                part.data = room
            part.data[held : held + len(given)] = given
            part.index.update({radiographs[row]: held + at for at, row in enumerate(rows)})

    def _room(self, rows: int, shape: Sequence[int]) -> Floats:
        """Make room for so many rows, in memory or in a file; the oldest parts make way."""
        wanted = rows * int(np.prod(shape)) * 4
        while len(self._parts) > 1 and self._held() + wanted > self._most:
            self._parts.pop(next(iter(self._parts)))
        in_memory = sum(p.data.nbytes for p in self._parts.values() if not isinstance(p.data, np.memmap))
        if in_memory + wanted <= self._limit:
            return np.empty((rows, *shape), np.float32)
        return on_disk((rows, *shape), np.float32, "features of images")

    def _held(self) -> int:
        return sum(part.data.nbytes for part in self._parts.values())


@dataclass(frozen=True, slots=True, eq=False)
class CachedFeatures:
    """Outputs of a frozen prefix as training rows: for each batch one view of each image."""

    parts: tuple[tuple[Floats, NDArray[np.intp]], ...]  # of each view the outputs, and the row of each image
    labels: Labels
    classes: tuple[str, ...]
    device: torch.device
    scale: tuple[Tensor, Tensor] | None = None  # mean and spread that are taken off, (d,) both

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: NDArray[np.intp], seed: int) -> Tensor:
        """Give one view, drawn from `seed`, of each of these rows: (n, ...) on the device."""
        drawn = np.random.default_rng(seed).integers(len(self.parts), size=len(rows))
        return self._scaled(self.view(drawn, rows))

    def view(self, which: NDArray[np.intp], rows: NDArray[np.intp]) -> Tensor:
        """Give the view `which` of each of these rows, as the prefix gave it."""
        given = np.empty((len(rows), *self.parts[0][0].shape[1:]), np.float32)
        for number, (data, index) in enumerate(self.parts):
            mine = which == number
            given[mine] = data[index[rows[mine]]]
        return torch.from_numpy(given).to(self.device)

    def features(self) -> Tensor:
        """Give what the prefix gave for every view of every image, (views * n, ...)."""
        rows = np.arange(len(self))
        return torch.cat([self.view(np.full(len(rows), which), rows) for which in range(len(self.parts))])

    def scaled(self, mean: Tensor, spread: Tensor) -> "CachedFeatures":
        """Give the same with a mean and a spread taken off, (d,) both, when rows are asked for."""
        return replace(self, scale=(mean, spread))

    def along(self, basis: Tensor) -> "CachedFeatures":
        """Give what the prefix gave by its coordinates in a basis (d, r)."""
        each = np.split((self.features() @ basis).cpu().numpy(), len(self.parts))
        rows = np.arange(len(self))
        return replace(self, parts=tuple((part, rows) for part in each))

    def _scaled(self, given: Tensor) -> Tensor:
        return given if self.scale is None else (given - self.scale[0]) / self.scale[1]


@dataclass(frozen=True, slots=True, eq=False)
class FrozenPrefix:
    """The first blocks of a classifier, or (with all of them) its whole trunk."""

    classifier: Classifier
    cut: int  # how many blocks, 1 or more

    @property
    def whole(self) -> bool:
        """Whether it is the whole trunk, whose outputs are what the head takes."""
        return self.cut == len(self.classifier.blocks)

    def digest(self) -> str:
        """Give a digest of all that decides what it gives, but for the images."""
        spec = self.classifier.spec
        total = hashlib.sha256(
            repr((spec.model, spec.reading, spec.channels, spec.mean, spec.std, self.cut)).encode()
        )
        for name, tensor in sorted(self.classifier.trunk.state_dict().items()):
            total.update(name.encode())
            total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()

    def outputs(self, pixels: Tensor, hardware: Hardware) -> Tensor:
        """Give what comes out of the last block for images (n, h, w): (n, ...) float32 on the processor.

        It is the same for an image whichever others are asked for with it: a study that was stopped finds
        less on its cache than one that was not.
        """
        return logits_of(_UpTo(self), pixels, hardware, full=True)

    def rest(self) -> nn.Module:
        """Give what comes after it, as a module that takes what it gives and shares the weights."""
        return self.classifier.head if self.whole else Suffix(self)

    def weight(self, name: str) -> str:
        """Give the name that a weight of `rest` has in the classifier."""
        return f"head.{name}" if self.whole else name.removeprefix("classifier.")

    def fits(self, images: ImageSet, hardware: Hardware) -> bool:
        """Say whether the rest of the network takes nothing but what the last block gives.

        Connections that leap over the cut, or blocks that give more than one tensor, make that untrue.
        """
        pixels = torch.from_numpy(np.array(images.pixels[:2]))
        try:
            direct = logits_of(self.classifier, pixels, hardware)
            banked = logits_of(self.rest(), logits_of(_UpTo(self), pixels, hardware), hardware)
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError):
            return False
        return bool(torch.allclose(direct, banked, atol=_ALIKE, rtol=_ALIKE))


class _Reached(Exception):  # no error: it carries an output out of a network that goes on
    def __init__(self, output: Tensor) -> None:
        self.output = output


class _UpTo(nn.Module):
    """A classifier seen as the map from images to what a block gives."""

    def __init__(self, prefix: FrozenPrefix) -> None:
        super().__init__()
        self.classifier = prefix.classifier
        self._last = "" if prefix.whole else prefix.classifier.blocks[prefix.cut - 1]

    def forward(self, pixels: Tensor) -> Tensor:
        if not self._last:
            return self.classifier.embed(pixels)

        def stop(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if not isinstance(output, Tensor):
                raise TypeError(f"{self._last} gives more than one tensor")
            raise _Reached(output)

        handle = self.classifier.trunk.get_submodule(self._last).register_forward_hook(stop)
        try:
            return self.classifier.embed(pixels)
        except _Reached as reached:
            return reached.output
        finally:
            handle.remove()


class Suffix(nn.Module):
    """A classifier seen as the map from what a block gives to logits.

    The network is run whole, but for the blocks of the prefix: the last of them gives what was banked, those
    before it zeros of the shape that they would give, which take no room.
    """

    def __init__(self, prefix: FrozenPrefix) -> None:
        super().__init__()
        self.classifier = prefix.classifier
        self._skipped = prefix.classifier.blocks[: prefix.cut]
        self._shapes, self._format = _shapes(prefix.classifier, self._skipped)

    def forward(self, given: Tensor) -> Tensor:
        """Give logits (n, k)."""
        spec = self.classifier.spec
        given = given.contiguous(memory_format=self._format)
        images = given.new_zeros(()).expand(len(given), spec.channels, spec.size, spec.size)
        with self._giving(given):
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
    """Give the shape of what each block gives for one image, and how the last one lays it out."""
    found: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            found[name] = output

        return hook

    handles = [classifier.trunk.get_submodule(name).register_forward_hook(note(name)) for name in blocks]
    device = next(classifier.parameters()).device
    modes = [(module, module.training) for module in classifier.modules()]
    try:
        with torch.no_grad():
            classifier.eval()(torch.zeros(1, classifier.spec.size, classifier.spec.size, device=device))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    last = found[blocks[-1]]
    layout = torch.contiguous_format if last.is_contiguous() else torch.channels_last
    return [tuple(found[name].shape[1:]) for name in blocks], layout


def _images(images: ImageSet) -> list[bytes]:
    """Give a digest of each image and its id, from which its views are drawn."""
    return [
        hashlib.blake2b(np.ascontiguousarray(image).tobytes() + str(name).encode(), digest_size=16).digest()
        for image, name in zip(images.pixels, images.ids, strict=True)
    ]
