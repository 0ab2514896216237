"""Every weight is trained on target and source images, so that the source is not forgotten."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radapt.adapt.full import Full
from radapt.adapt.strategy import AdaptContext, AdaptResult
from radapt.images.imageset import ImageSet
from radapt.images.split import choose_budget
from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Replay(Full):
    """As many source as target images in every epoch, the target images repeated where they are few.

    Experience replay against forgetting (Robins 1995, Connection Science 7:123).
    """

    min_images: int = 128  # target images an epoch, by repeating them

    about: ClassVar[str] = "every weight, on target and source images in equal parts"
    source: ClassVar[bool] = True
    many_rate: ClassVar[float] = 1.0  # half of the images that it counts are the source's

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy of the whole model."""
        source_images = conditions.source_images("replay")
        mixed = _mix(target, source_images, max(len(target), self.min_images), conditions.seed)
        return Full.adapt(self, base, mixed, valid, conditions)


def _mix(target: ImageSet, source: ImageSet, count: int, seed: int) -> ImageSet:
    """Return so many target images, repeated as often as needed, and as many source images."""
    repeated = target.take(np.arange(count) % len(target))
    kept = choose_budget(source, min(count, len(source)), seed=seed)
    times = np.arange(count) // len(target)
    ids = [f"{name}#{time}" if time else name for name, time in zip(repeated.ids, times, strict=True)]
    return ImageSet(
        pixels=np.concatenate([repeated.pixels, kept.pixels]),
        labels=np.concatenate([repeated.labels, kept.labels]),
        patients=np.concatenate([np.char.add("new/", repeated.patients), np.char.add("old/", kept.patients)]),
        ids=np.concatenate([np.char.add("new/", ids), np.char.add("old/", kept.ids)]),
        classes=target.classes,
    )
