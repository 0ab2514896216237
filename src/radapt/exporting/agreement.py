"""Hold an exported file against the model that it was made of, on real images."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.device import Hardware
from radapt.errors import BadImage, RadaptError
from radapt.exporting.formats import Runner
from radapt.images.folder_walk import Walk
from radapt.images.imageset import ImageSet
from radapt.images.pixels import fitted, read_image
from radapt.images.preprocessing import Preprocessing
from radapt.images.subsample import even_rows, subsample_evenly
from radapt.models.classifier import Classifier
from radapt.models.inference import scorer_of
from radapt.phantom.drawing import HOSPITALS, draw_pixels, roster
from radapt.text import counted

MOST = 32  # images that a file is held against its model on
ALLOWED = 1e-4  # of a probability
DRAWN, SIDE = 16, 300  # images, and pixels a side, where none are given

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Images to hold a file against its model on."""

    prepared: Pixels  # (n, size, size), as radapt reads them
    raw: Sequence[Pixels]  # the same in their own size, each (h, w); none of a store or a table
    what: str  # in words


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the probabilities of a file are from its model's."""

    images: int
    raw: int  # of them in their own size too, which the file prepares itself
    largest: float  # difference of a probability
    flipped: int  # decisions that differ
    what: str  # which images, in words
    read: float | None = None  # of images in their own size: difference from their files read by radapt

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        own = f", {self.raw} of them in their own size too" if self.raw else ""
        flips = f"{counted(self.flipped, 'decision')} differ" if self.flipped else "no decision differs"
        held = f"{self.what}{own}, probabilities differ by at most {self.largest:.1e}, and {flips}"
        if self.read is None or self.read <= ALLOWED:
            return held
        return f"{held}; read at their own size, they differ from `radapt predict` by up to {self.read:.1e}"


def sample_of_files(paths: Sequence[Path], reading: Preprocessing, *, most: int = MOST) -> Sample | None:
    """Return some of the images among files and in folders, evenly spread; None if none can be read."""
    files = [
        each
        for path in paths
        for each in (
            [path / file.inner for file in Walk(lambda _: None).files(path)] if path.is_dir() else [path]
        )
    ]
    chosen = [files[place] for place in even_rows(len(files), most)]
    own = Preprocessing(size=None)
    prepared, raw = [], []
    for path in chosen:
        try:
            pixels = read_image(path, reading).pixels
            raw.append(read_image(path, own).pixels)
        except BadImage:
            continue
        prepared.append(pixels)
    return Sample(np.stack(prepared), raw, counted(len(raw), "image")) if raw else None


def sample_of_set(images: ImageSet, *, most: int = MOST) -> Sample:
    """Return some of the images of a set, as they were read."""
    chosen = subsample_evenly(images, most)
    return Sample(np.asarray(chosen.pixels), (), counted(len(chosen), "image"))


def drawn_sample(reading: Preprocessing) -> Sample:
    """Return drawn images, where no real ones are given."""
    raw = list(draw_pixels(roster(DRAWN, 0.5, 0, 1), HOSPITALS["digital"], SIDE, 0))
    prepared = np.stack([fitted(Image.fromarray(each), reading) for each in raw])
    return Sample(prepared, raw, f"{DRAWN} drawn images")


def agreement(
    classifier: Classifier,
    run: Runner,
    sample: Sample,
    hardware: Hardware,
    *,
    thresholds: Mapping[str, float] | None = None,
) -> Agreement:
    """Compare the probabilities of a file with its model's, and the decisions that follow.

    Images in their own size are prepared by radapt for the model, and by the file for itself.

    Parameters
    ----------
    run
        Scores images by the file.
    thresholds
        As for `radapt.models.predict_files.score_files`.
    """
    reading, scorer = classifier.spec.reading, scorer_of(classifier, hardware)
    wanted, given = [scorer.score(sample.prepared)], [run(sample.prepared)]
    for each in sample.raw:
        wanted.append(scorer.score(fitted(Image.fromarray(each), reading)[None]))
        given.append(run(each[None], prepared=False))
    own, others = np.concatenate(wanted), np.concatenate(given)
    decide = thresholds or {}
    flipped = sum(
        scorer.label(one, decide) != scorer.label(other, decide)
        for one, other in zip(own.tolist(), others.tolist(), strict=True)
    )
    largest = float(np.abs(own - others).max())
    count = len(sample.prepared)
    read = float(np.abs(own[:count] - others[count:]).max()) if sample.raw else None
    return Agreement(count, len(sample.raw), largest, flipped, sample.what, read)


def check_agreement(found: Agreement) -> None:
    """Refuse a file that is not its model.

    Raises
    ------
    RadaptError
        If a probability differs by more than `ALLOWED`, or a decision does.
    """
    if not found.largest <= ALLOWED or found.flipped:  # NaN is no agreement
        raise RadaptError(
            f"The file was not written, since it is not the same model. On {found}; {ALLOWED:g} is allowed, "
            "and no other decision."
        )
