"""What a model still tells when parts of an image are hidden: whether it looks where lungs are.

What is hidden is painted with the image's own median grey. A model that has to do without the corners, where
letters and side markers lie, should lose little; one that tells images apart by their border alone needs no
lungs. Painting itself makes images unlike those that a model learned from, so a loss alone proves nothing,
and a finding that shows in the lungs too makes up for what is hidden. So the corners are also exchanged
between images, see `radapt.shortcuts.corner_permutation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.images.subsample import subsample_evenly
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.shortcuts.corner_permutation import CORNER, CornerPermutation, corner_of, permute_corners
from radapt.stats.estimate import Estimate, verdict
from radapt.stats.inference import difference, estimate

METRICS = ("auroc", "accuracy")
MAX_IMAGES = 2000  # images; more would cost time and move no digit that is shown
BORDER = 12 / 128  # of an image's side, as in `radapt.shortcuts.baselines`
MAX_LOSS = 0.05  # of AUROC, with the corners hidden, from where on it is a suspicion
MAX_BORDER_AUROC = 0.75  # AUROC of the border alone that the interval has to lie above to be one
MAX_CORNER_SHARE = (
    0.1  # share of the way to another class that the interval of one corner has to lie above to be one
)

CENTRE_ONLY, BORDER_ONLY, NO_CORNERS = "centre only", "border only", "corners hidden"
MASKS = (CENTRE_ONLY, BORDER_ONLY, NO_CORNERS)

ABOUT = {  # of images of any size
    CENTRE_ONLY: "the outer 3/32 of each side hidden",
    BORDER_ONLY: "all but the outer 3/32 of each side hidden",
    NO_CORNERS: "the four corners hidden, 6/32 of each side",
}

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class MaskedScore:
    """A model's score with a part of every image hidden."""

    way: str  # one of WAYS
    metric: str
    estimate: Estimate
    change: Estimate  # against the whole images, paired
    about: str  # what is hidden, in pixels where the images are square

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        return {
            "way": self.way,
            "about": self.about,
            "metric": self.metric,
            **self.estimate.as_dict(),
            "change": self.change.as_dict(),
            "verdict": verdict(self.change),
        }


def mask_of(way: str, height: int, width: int) -> NDArray[np.bool_]:
    """Return which pixels of an image are hidden, (height, width); see `WAYS`."""
    share = CORNER if way == NO_CORNERS else BORDER
    down, across = (_outer(side, share) for side in (height, width))
    border = down[:, None] | across
    return {CENTRE_ONLY: border, BORDER_ONLY: ~border, NO_CORNERS: down[:, None] & across}[way]


def _outer(side: int, share: float) -> NDArray[np.bool_]:
    outer = np.zeros(side, dtype=np.bool_)
    reach = _reach(side, share)
    outer[:reach] = outer[-reach:] = True
    return outer


def _reach(side: int, share: float) -> int:
    return max(1, round(share * side))


def describe(way: str, height: int, width: int) -> str:
    """Say which pixels of an image `hidden` hides, in pixels where the image is square."""
    if height != width:
        return ABOUT[way]
    pixels = f"{_reach(width, CORNER if way == NO_CORNERS else BORDER)} of {width} pixels"
    return {
        CENTRE_ONLY: f"the outer {pixels} hidden",
        BORDER_ONLY: f"all but the outer {pixels} hidden",
        NO_CORNERS: f"the four corners hidden, {pixels} each",
    }[way]


def fill_mask(pixels: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return images (n, h, w) with some pixels (h, w) in the image's own median grey."""
    grey = np.median(pixels.reshape(len(pixels), -1), axis=1).astype(np.uint8)
    return np.where(where, grey[:, None, None], pixels)


def occlude(classifier: Classifier, images: ImageSet, hardware: Hardware) -> list[MaskedScore]:
    """Score a model on images with parts hidden, against the same images whole.

    Parameters
    ----------
    images
        Images of the model's classes; of more than `MOST` so many, evenly spread.

    Raises
    ------
    AskedWrongly
        If the images' classes are not the model's, or there are none.
    """
    images = subsample_evenly(images, MAX_IMAGES)
    whole = predict(classifier, images, hardware)
    found = []
    sides = images.pixels.shape[1:]
    for way in MASKS:
        said = _predicted(classifier, images, mask_of(way, *sides), whole, hardware)
        found += [
            MaskedScore(
                way,
                metric,
                estimate(metric, [said]),
                difference(metric, [said], [whole]),
                describe(way, *sides),
            )
            for metric in METRICS
        ]
    return found


def _predicted(
    classifier: Classifier,
    images: ImageSet,
    where: NDArray[np.bool_],
    whole: Predictions,
    hardware: Hardware,
) -> Predictions:
    """Score images with pixels hidden, a bounded number of them in memory."""
    scores = []
    for start in range(0, len(images), _CHUNK):
        part = images.take(np.arange(start, min(start + _CHUNK, len(images))))
        scores.append(predict(classifier, part.with_pixels(fill_mask(part.pixels, where)), hardware).scores)
    return replace(whole, scores=np.concatenate(scores))


def shortcut_warnings(found: Sequence[MaskedScore]) -> list[str]:
    """Name what looks like a shortcut, a sentence each."""
    by_auroc = {each.way: each for each in found if each.metric == "auroc"}
    said = []
    corners, border = by_auroc[NO_CORNERS], by_auroc[BORDER_ONLY]
    if corners.change.high < 0 and corners.change.value <= -MAX_LOSS:
        said.append(
            "Shortcut suspected in the corners, where letters and markers lie: with them hidden the AUROC "
            f"changes by {corners.change} to {corners.estimate}."
        )
    if border.estimate.low > MAX_BORDER_AUROC:
        said.append(
            "Shortcut suspected in the border: with nothing but the outer tenth of each image to see, the "
            f"model still reaches an AUROC of {border.estimate}."
        )
    return said


def corner_warnings(
    classifier: Classifier, images: ImageSet, exchanged: Sequence[CornerPermutation], hardware: Hardware
) -> list[str]:
    """Name each corner that a model goes by, and what hiding it costs, a sentence each."""
    named = [each for each in exchanged if each.share.low > MAX_CORNER_SHARE]
    if not named:
        return []
    images = subsample_evenly(images, MAX_IMAGES)
    whole = predict(classifier, images, hardware)
    said = []
    for each in named:
        where = corner_of(each.corner, *images.pixels.shape[1:])
        without = [_predicted(classifier, images, where, whole, hardware)]
        auroc, accuracy = (difference(metric, without, [whole]) for metric in ("auroc", "accuracy"))
        said.append(
            f"Shortcut suspected in the {each.corner} corner: given no more than that corner of an image of "
            f"another class, the model goes {_percent(each.share)} of the way to that class. With the corner "
            f"hidden the AUROC changes by {auroc}, the accuracy by {accuracy}."
        )
    return said


def _percent(given: Estimate) -> str:
    low, value, high = (f"{100 * each:z.1f}" for each in (given.low, given.value, given.high))
    return f"{value} % [{low}, {high}]"


def occlusion_record(classifier: Classifier, images: ImageSet, hardware: Hardware) -> dict[str, Any]:
    """Return what hiding parts of images does to a model's scores, ready for JSON.

    Returns
    -------
    dict
        "occlusion", a row each way and metric; "exchanged", a row a corner; "suspicions", sentences.
    """
    found, exchanged = occlude(classifier, images, hardware), permute_corners(classifier, images, hardware)
    return {
        "occlusion": [each.as_dict() for each in found],
        "exchanged": [each.as_dict() for each in exchanged],
        "suspicions": [*corner_warnings(classifier, images, exchanged, hardware), *shortcut_warnings(found)],
    }
