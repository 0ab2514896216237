"""Explain image files: a map of each, drawn over the whole image, and what the map is worth."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.display.grid import picture_address
from radapt.display.table import Row, Table, html_table, html_text
from radapt.errors import AskedWrongly, BadImage
from radapt.explaining.deletion import Area, deletion_and_insertion
from radapt.explaining.feature_maps import feature_maps
from radapt.explaining.grad_cam import grad_cam
from radapt.explaining.maps import METHOD, METHODS, explain, targets_of
from radapt.explaining.overlay import RESEARCH_USE, small_picture
from radapt.explaining.placement import Placed, placed
from radapt.explaining.random_weights import similarity_to_random
from radapt.images.identify import printable
from radapt.images.notice import Notice
from radapt.images.pixels import Extent, read_bytes
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import checked, device_of, evaluating, logits_of
from radapt.models.predict_files import find_files
from radapt.progress import SILENT, Steps, Watch
from radapt.text import counted

ALIKE = 0.5  # rank correlation with maps of random weights from which on maps are cautioned of
BEATEN = 0.75  # share of the random orders that maps have to beat, or they are cautioned of
SIDE = 240  # pixels of a picture in a notebook
KEPT_SIDE = 420  # pixels of the pictures that are kept of an image, of whatever size it is
HELD = 4  # images at once at their own size
MOST = 100  # images at once: maps are looked at one by one


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """How maps are made."""

    method: str = METHOD  # one of `radapt.explaining.maps.METHODS`
    target: str | None = None  # the class that is explained; None: the likeliest of each image
    layer: str | None = None  # of Grad-CAM; None: see `radapt.explaining.feature_maps`


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """One image with its map and the checks of that; of the image itself only what a page shows is kept."""

    path: str
    stem: str  # of the names of its files in a folder: its number, and its own name as far as that is plain
    width: int  # pixels of the whole image
    height: int
    box: Extent  # which part of it the model read: left, top, right, bottom
    pixels: NDArray[np.uint8]  # what the model read, (size, size)
    plain: NDArray[np.uint8]  # the whole image, its longer side at most `KEPT_SIDE`
    overlay: NDArray[np.uint8]  # the same with its map, (h, w, 3)
    scores: Mapping[str, float]  # the probability of each class
    target: str  # the class that is explained
    drawn: NDArray[np.float32]  # the map (size, size), in log odds of that class
    deletion: Area
    insertion: Area
    alike: float | None  # to maps of random weights, see `radapt.explaining.random_weights`

    @property
    def is_empty(self) -> bool:
        """Whether nothing in the map speaks for the class."""
        return not float(self.drawn.max()) > 0

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            "path": self.path,
            "width": self.width,
            "height": self.height,
            "box": list(self.box),
            "scores": dict(self.scores),
            "class": self.target,
            "largest": float(self.drawn.max()),
            "deletion": self.deletion.as_dict(),
            "insertion": self.insertion.as_dict(),
            "alike_with_random_weights": self.alike,
            "overlay": f"{self.stem}.png",
            "map": f"{self.stem}.npy",
        }


Keep = Callable[[Explained, NDArray[np.uint8]], None]


class Explanations(Table):
    """Maps of images by one model and one method; in a notebook it shows the images."""

    __slots__ = ("about", "failed", "images", "passed")

    def __init__(
        self,
        images: Sequence[Explained],
        about: Mapping[str, Any],
        failed: Sequence[Mapping[str, str]],
        passed: Mapping[str, int],
    ) -> None:
        self.images = tuple(images)
        self.about = dict(about)  # "model", "method" and "layer", the block whose map Grad-CAM takes
        self.failed = tuple(failed)  # "path" and "error" of the files that could not be read
        self.passed = dict(passed)  # how many files were passed over, by extension

    def rows(self) -> list[Row]:
        """Return a row for each image: what is explained, its score, and the checks of its map."""
        return [
            {
                "path": each.path,
                "class": each.target,
                "score": each.scores[each.target],
                "deletion": each.deletion.value,
                "deletion, random": fmean(each.deletion.random),
                "insertion": each.insertion.value,
                "insertion, random": fmean(each.insertion.random),
                "alike with random weights": each.alike,
            }
            for each in self.images
        ]

    @property
    def notices(self) -> list[Notice]:
        """What limits these maps as evidence."""
        return [*_alike(self.images), *_no_better(self.images), *_empty(self.images)]

    def __repr__(self) -> str:
        return f"Explanations({self.about['method']} of {counted(len(self.images), 'image')})"

    def _repr_html_(self) -> str:
        pictures = "".join(
            f'<img src="{picture_address(small_picture(each.overlay, SIDE))}" alt="Map of an image">'
            for each in self.images
        )
        notices = "".join(html_text(f"{each.severity.upper()}: {each.text}") for each in self.notices)
        rows = [{name: value for name, value in row.items() if name != "path"} for row in self.rows()]
        return pictures + html_table(rows) + notices + html_text(RESEARCH_USE)


def explain_files(
    classifier: Classifier,
    paths: Sequence[Path],
    options: ExplainOptions,
    hardware: Hardware,
    watch: Watch = SILENT,
    keep: Keep | None = None,
) -> Explanations:
    """Explain the scores of image files, DICOM too; files that cannot be read are named.

    At most `HELD` images are held at their own size.

    Parameters
    ----------
    paths
        Files, and folders whose files (in sub-folders too) are all taken.
    watch
        Told of each image.
    keep
        Given each image as soon as it is explained, with its map over it at its own size, (height, width, 3).

    Raises
    ------
    WrongFolder
        If none of the paths exists, or a folder holds no file.
    AskedWrongly
        If there are more than `MOST` files.
    UnknownName, AskedWrongly
        As for `radapt.explaining.maps.explain`.
    """
    listing = find_files(paths)
    if len(listing.files) > MOST:
        raise AskedWrongly(
            f"Maps are made of single images, {MOST} at a time. Got {len(listing.files):,}: give fewer files."
        )
    classifier.to(hardware.device)
    steps, found = Steps(watch, "explaining images", len(listing.files), "image"), list[Explained]()
    digits = len(str(len(listing.files)))
    for start in range(0, len(listing.files), HELD):
        read: list[tuple[Path, Placed]] = []
        for path in listing.files[start : start + HELD]:
            try:
                read.append((path, placed(read_bytes(path), classifier.spec.reading)))
            except BadImage as error:
                listing.failed.append({"path": printable(str(path)), "error": str(error)})
                steps()
        if read:
            options = _with_layer(classifier, options, read[0][1])
            for each, whole in _explained(classifier, read, options, hardware):
                stem = f"{len(found) + 1:0{digits}}-{each.stem}"
                found.append(replace(each, stem=stem))
                if keep is not None:
                    keep(found[-1], whole)
                steps()
    steps.end()
    about = {"model": classifier.spec.model, "method": options.method, "layer": options.layer}
    return Explanations(found, about, listing.failed, dict(sorted(listing.passed.items())))


def _with_layer(classifier: Classifier, options: ExplainOptions, first: Placed) -> ExplainOptions:
    """Return the options with the block that Grad-CAM takes, found by the first image."""
    if METHODS.get(options.method) is not grad_cam or options.layer is not None:
        return options
    image = torch.from_numpy(first.pixels[None]).to(device_of(classifier))
    with evaluating(classifier):
        target = int(targets_of(classifier, image, options.target)[0])
        (block, *_) = (each.block for each in feature_maps(classifier, image, target, None))
    return ExplainOptions(options.method, options.target, block)


def _explained(
    classifier: Classifier,
    read: Sequence[tuple[Path, Placed]],
    options: ExplainOptions,
    hardware: Hardware,
) -> Iterator[tuple[Explained, NDArray[np.uint8]]]:
    """Explain a few images at once; yield each, and its overlay at its own size."""
    spec, pixels = classifier.spec, np.stack([image.pixels for _, image in read])
    logits = checked(logits_of(classifier, torch.from_numpy(pixels), hardware))
    scores = probabilities(logits, spec.outputs)
    targets = targets_of(classifier, scores, options.target or scores.argmax(dim=1).tolist()).tolist()
    how: dict[str, Any] = {"method": options.method, "layer": options.layer}
    maps = explain(classifier, pixels, target=targets, **how)
    alike = similarity_to_random(classifier, pixels, maps, targets, **how)
    for row, (path, image) in enumerate(read):
        deletion, insertion = deletion_and_insertion(classifier, pixels[row], maps[row], targets[row])
        whole, (height, width) = image.overlay(maps[row]), image.original.shape
        explained = Explained(
            path=printable(str(path)),
            stem=_plain_name(path),
            width=width,
            height=height,
            box=image.box,
            pixels=image.pixels,
            plain=np.asarray(small_picture(image.original, KEPT_SIDE)),
            overlay=np.asarray(small_picture(whole, KEPT_SIDE)),
            scores=dict(zip(spec.classes, scores[row].tolist(), strict=True)),
            target=spec.classes[targets[row]],
            drawn=maps[row],
            deletion=deletion,
            insertion=insertion,
            alike=alike[row],
        )
        yield explained, whole


def _plain_name(path: Path) -> str:
    return re.sub(r"[^\w.-]+", "_", Path(printable(str(path))).stem, flags=re.ASCII)[:60]


def _alike(images: Sequence[Explained]) -> list[Notice]:
    known = [each.alike for each in images if each.alike is not None]
    mean = fmean(known) if known else math.nan
    if not mean >= ALIKE:
        return []
    return [
        Notice(
            "map",
            "caution",
            f"With random weights the maps stay much the same (rank correlation {mean:.2f} on average): they "
            "show the images or the shape of the network, and not what this model has learned.",
        )
    ]


def _no_better(images: Sequence[Explained]) -> list[Notice]:
    deletion = [each.deletion.beaten for each in images if each.deletion.beaten is not None]
    insertion = [each.insertion.beaten for each in images if each.insertion.beaten is not None]
    if not deletion or not insertion or (fmean(deletion) + fmean(insertion)) / 2 >= BEATEN:
        return []
    return [
        Notice(
            "map",
            "caution",
            "The score follows these maps little more than it follows chance: they are better than "
            f"{100 * fmean(deletion):.0f} % of random orders at taking it away, and than "
            f"{100 * fmean(insertion):.0f} % at bringing it about.",
        )
    ]


def _empty(images: Sequence[Explained]) -> list[Notice]:
    empty = sum(each.is_empty for each in images)
    if not empty:
        return []
    what = f"{counted(empty, 'map')} of {len(images)} {'is' if empty == 1 else 'are'} empty"
    return [Notice("map", "note", f"{what}: there nothing speaks for the class that is explained.")]
