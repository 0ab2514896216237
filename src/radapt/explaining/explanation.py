"""Explain image files: a map of each, drawn over the whole image, and what the map is worth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from radapt.explaining.maps import BATCH, explain, targets_of
from radapt.explaining.overlay import RESEARCH_USE, small_picture
from radapt.explaining.placement import Placed, placed
from radapt.explaining.random_weights import similarity_to_random
from radapt.images.identify import printable
from radapt.images.notice import Notice
from radapt.images.pixels import read_bytes
from radapt.models.classifier import Classifier, probabilities
from radapt.models.inference import checked, evaluating, logits_of
from radapt.models.predict_files import find_files
from radapt.progress import SILENT, Steps, Watch
from radapt.text import counted

ALIKE = 0.5  # rank correlation with maps of random weights from which on maps are cautioned of
BEATEN = 0.75  # share of the random orders that maps have to beat, or they are cautioned of
SIDE = 240  # pixels of a picture in a notebook
MOST = 100  # images at once, since all are kept at their own size


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """How maps are made."""

    method: str = "grad-cam"  # one of `radapt.explaining.maps.METHODS`
    target: str | None = None  # the class that is explained; None: the likeliest of each image
    layer: str | None = None  # of Grad-CAM; None: see `radapt.explaining.feature_maps`


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """One image with its map, and the checks of the map."""

    path: str
    image: Placed
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

    @property
    def overlay(self) -> NDArray[np.uint8]:
        """The whole image with its map, (height, width, 3)."""
        return self.image.overlay(self.drawn)

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        height, width = self.image.original.shape
        return {
            "path": self.path,
            "width": width,
            "height": height,
            "box": list(self.image.box),
            "scores": dict(self.scores),
            "class": self.target,
            "largest": float(self.drawn.max()),
            "deletion": self.deletion.as_dict(),
            "insertion": self.insertion.as_dict(),
            "alike_with_random_weights": self.alike,
        }


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
) -> Explanations:
    """Explain the scores of image files, DICOM too; files that cannot be read are named.

    Parameters
    ----------
    paths
        Files, and folders whose files (in sub-folders too) are all taken.
    watch
        Told of each image.

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
    for start in range(0, len(listing.files), BATCH):
        read: list[tuple[Path, Placed]] = []
        for path in listing.files[start : start + BATCH]:
            try:
                read.append((path, placed(read_bytes(path), classifier.spec.reading)))
            except BadImage as error:
                listing.failed.append({"path": printable(str(path)), "error": str(error)})
                steps()
        if read:
            options = _with_layer(classifier, options, read[0][1])
            found += _explained(classifier, read, options, hardware, steps)
    steps.end()
    about = {"model": classifier.spec.model, "method": options.method, "layer": options.layer}
    return Explanations(found, about, listing.failed, dict(sorted(listing.passed.items())))


def _with_layer(classifier: Classifier, options: ExplainOptions, first: Placed) -> ExplainOptions:
    """Return the options with the block that Grad-CAM takes, found by the first image."""
    if options.method != "grad-cam" or options.layer is not None:
        return options
    device = next((each.device for each in classifier.parameters()), torch.device("cpu"))
    image = torch.from_numpy(first.pixels[None]).to(device)
    with evaluating(classifier):
        target = int(targets_of(classifier, image, options.target)[0])
        (block, *_) = (each.block for each in feature_maps(classifier, image, target, None))
    return ExplainOptions(options.method, options.target, block)


def _explained(
    classifier: Classifier,
    read: Sequence[tuple[Path, Placed]],
    options: ExplainOptions,
    hardware: Hardware,
    steps: Steps,
) -> list[Explained]:
    """Explain a few images at once."""
    spec, pixels = classifier.spec, np.stack([image.pixels for _, image in read])
    logits = checked(logits_of(classifier, torch.from_numpy(pixels), hardware))
    scores = probabilities(logits, spec.outputs)
    targets = targets_of(classifier, scores, options.target or scores.argmax(dim=1).tolist()).tolist()
    how: dict[str, Any] = {"method": options.method, "layer": options.layer}
    maps = explain(classifier, pixels, target=targets, **how)
    alike = similarity_to_random(classifier, pixels, maps, targets, **how)
    made = []
    for row, (path, image) in enumerate(read):
        deletion, insertion = deletion_and_insertion(classifier, pixels[row], maps[row], targets[row])
        named = dict(zip(spec.classes, scores[row].tolist(), strict=True))
        target, name = spec.classes[targets[row]], printable(str(path))
        made.append(Explained(name, image, named, target, maps[row], deletion, insertion, alike[row]))
        steps()
    return made


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
    checks = [(each.deletion.beaten, each.insertion.beaten) for each in images]
    if not checks or fmean(fmean(each) for each in checks) >= BEATEN:
        return []
    deletion, insertion = (round(100 * fmean(each)) for each in zip(*checks, strict=True))
    return [
        Notice(
            "map",
            "caution",
            "The score follows these maps little more than it follows chance: they are better than "
            f"{deletion} % of random orders at taking it away, and than {insertion} % at bringing it about.",
        )
    ]


def _empty(images: Sequence[Explained]) -> list[Notice]:
    empty = sum(each.is_empty for each in images)
    if not empty:
        return []
    what = f"{counted(empty, 'map')} of {len(images)} {'is' if empty == 1 else 'are'} empty"
    return [Notice("map", "note", f"{what}: there nothing speaks for the class that is explained.")]
