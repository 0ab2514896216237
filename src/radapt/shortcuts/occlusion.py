"""Occlusion: a model's scores with parts of every image hidden, to see whether it needs the lungs.

Hidden pixels are filled with the image's own median grey. Without the corners, where letters and side markers
lie, a model should lose little; one that classifies by the border alone needs no lungs. Filled images are
unlike the training images, so a loss alone proves nothing; and a finding that shows in the lungs too can
make up for a hidden shortcut. So the corners are also permuted between images, see
`radapt.shortcuts.corner_permutation`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.device import Hardware
from radapt.images.imageset import ImageSet
from radapt.images.notice import Notice, as_rows
from radapt.images.subsample import even_rows
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.progress import SILENT, Steps, Watch
from radapt.shortcuts.corner_permutation import CORNER, CORNERS, CornerPermutation, corner_of, permute_corners
from radapt.stats.estimate import Estimate, verdict
from radapt.stats.inference import difference, estimate

METRICS = ("auroc", "accuracy")
MAX_IMAGES = 2000  # more would take longer and change no digit that is shown
BORDER = 12 / 128  # of an image's side, as in `radapt.shortcuts.baselines`
MAX_LOSS = 0.05  # of AUROC with the corners hidden; a larger loss is warned of
MAX_BORDER_AUROC = 0.75  # of the border alone; an interval wholly above it is warned of
MAX_CORNER_SHARE = 0.1  # of the effect of the whole image; an interval wholly above it is warned of

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

    mask: str  # one of MASKS
    metric: str
    estimate: Estimate
    change: Estimate  # masked less unmasked, paired by image
    about: str  # what is hidden, in words; in pixels where the images are square

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        return {
            "mask": self.mask,
            "about": self.about,
            "metric": self.metric,
            **self.estimate.as_dict(),
            "change": self.change.as_dict(),
            "verdict": verdict(self.change),
        }


def mask_of(mask: str, height: int, width: int) -> NDArray[np.bool_]:
    """Return the boolean mask of hidden pixels, (height, width), for one of `MASKS`."""
    share = CORNER if mask == NO_CORNERS else BORDER
    down, across = (_outer(side, share) for side in (height, width))
    border = down[:, None] | across
    return {CENTRE_ONLY: border, BORDER_ONLY: ~border, NO_CORNERS: down[:, None] & across}[mask]


def _outer(side: int, share: float) -> NDArray[np.bool_]:
    outer = np.zeros(side, dtype=np.bool_)
    reach = _reach(side, share)
    outer[:reach] = outer[-reach:] = True
    return outer


def _reach(side: int, share: float) -> int:
    return max(1, round(share * side))


def describe(mask: str, height: int, width: int) -> str:
    """Describe what a mask hides, in pixels if the image is square."""
    if height != width:
        return ABOUT[mask]
    pixels = f"{_reach(width, CORNER if mask == NO_CORNERS else BORDER)} of {width} pixels"
    return {
        CENTRE_ONLY: f"the outer {pixels} hidden",
        BORDER_ONLY: f"all but the outer {pixels} hidden",
        NO_CORNERS: f"the four corners hidden, {pixels} each",
    }[mask]


def fill_mask(pixels: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return images (n, h, w) whose masked pixels (h, w) are filled with the image's own median grey."""
    grey = np.median(pixels.reshape(len(pixels), -1), axis=1).astype(np.uint8)
    return np.where(where, grey[:, None, None], pixels)


def occlude(
    classifier: Classifier,
    images: ImageSet,
    whole: Predictions,
    hardware: Hardware,
    done: Callable[[], None] = lambda: None,
) -> list[MaskedScore]:
    """Score a model under each of `MASKS`, and compare with the same images unmasked.

    Parameters
    ----------
    images
        Images of the model's classes; more than `MAX_IMAGES` are subsampled evenly.
    whole
        The model's predictions of them, unmasked and in their order.
    done
        Called after each mask.
    """
    rows_of = even_rows(len(images), MAX_IMAGES)
    images, whole = images.take(rows_of), whole.take(rows_of)
    rows = []
    sides = images.pixels.shape[1:]
    for mask in MASKS:
        masked = _predicted(classifier, images, mask_of(mask, *sides), whole, hardware)
        rows += [
            MaskedScore(
                mask,
                metric,
                estimate(metric, [masked]),
                difference(metric, [masked], [whole]),
                describe(mask, *sides),
            )
            for metric in METRICS
        ]
        done()
    return rows


def _predicted(
    classifier: Classifier,
    images: ImageSet,
    where: NDArray[np.bool_],
    whole: Predictions,
    hardware: Hardware,
) -> Predictions:
    """Score images with pixels masked, a bounded number of them in memory."""
    scores = []
    for start in range(0, len(images), _CHUNK):
        part = images.take(np.arange(start, min(start + _CHUNK, len(images))))
        scores.append(predict(classifier, part.with_pixels(fill_mask(part.pixels, where)), hardware).scores)
    return replace(whole, scores=np.concatenate(scores))


def shortcut_warnings(scores: Sequence[MaskedScore]) -> list[Notice]:
    """Return a notice of each suspected shortcut: the corners, the border."""
    by_auroc = {row.mask: row for row in scores if row.metric == "auroc"}
    sentences = []
    corners, border = by_auroc[NO_CORNERS], by_auroc[BORDER_ONLY]
    if corners.change.high < 0 and corners.change.value <= -MAX_LOSS:
        sentences.append(
            "Shortcut suspected in the corners, where letters and markers lie: with them hidden the AUROC "
            f"changes by {corners.change} to {corners.estimate}."
        )
    if border.estimate.low > MAX_BORDER_AUROC:
        sentences.append(
            "Shortcut suspected in the border: with nothing but the outer tenth of each image to see, the "
            f"model still reaches an AUROC of {border.estimate}."
        )
    return _noticed(sentences)


def corner_warnings(
    classifier: Classifier,
    images: ImageSet,
    whole: Predictions,
    permutations: Sequence[CornerPermutation],
    hardware: Hardware,
) -> list[Notice]:
    """Return a notice of each corner that a model relies on, with what masking it costs."""
    suspected = [row for row in permutations if row.share.low > MAX_CORNER_SHARE]
    if not suspected:
        return []
    rows_of = even_rows(len(images), MAX_IMAGES)
    images, whole = images.take(rows_of), whole.take(rows_of)
    sentences = []
    for row in suspected:
        where = corner_of(row.corner, *images.pixels.shape[1:])
        without = [_predicted(classifier, images, where, whole, hardware)]
        auroc, accuracy = (difference(metric, without, [whole]) for metric in ("auroc", "accuracy"))
        sentences.append(
            f"Shortcut suspected in the {row.corner} corner: replacing that corner alone by that of an image "
            f"of another class has {_percent(row.share)} of the effect of replacing the whole image. With "
            f"the corner hidden the AUROC changes by {auroc}, the accuracy by {accuracy}."
        )
    return _noticed(sentences)


def _noticed(sentences: Sequence[str]) -> list[Notice]:
    return [Notice("shortcut", "caution", text) for text in sentences]


def _percent(share: Estimate) -> str:
    low, middle, high = (f"{100 * value:z.1f}" for value in (share.low, share.value, share.high))
    return f"{middle} % [{low}, {high}]"


def occlusion_record(
    classifier: Classifier,
    images: ImageSet,
    whole: Predictions,
    hardware: Hardware,
    watch: Watch = SILENT,
    task: str = "hiding parts of the test images",
) -> dict[str, Any]:
    """Return the results of occlusion and corner permutation, ready for JSON.

    `whole` are the model's predictions of the images as they are, in their order. Progress is reported to
    `watch` under the name `task`, a unit for each mask and corner.

    Returns
    -------
    dict
        "occlusion", a row for each mask and metric; "corner_permutation", a row a corner;
        "occlusion_warnings", notices.
    """
    steps = Steps(watch, task, len(MASKS) + len(CORNERS), "part")
    masked = occlude(classifier, images, whole, hardware, steps)
    permutations = permute_corners(classifier, images, whole, hardware, steps)
    steps.end()
    return {
        "occlusion": [row.as_dict() for row in masked],
        "corner_permutation": [row.as_dict() for row in permutations],
        "occlusion_warnings": as_rows(
            [*corner_warnings(classifier, images, whole, permutations, hardware), *shortcut_warnings(masked)]
        ),
    }
