"""Every weight is trained on target images and old ones, so that the old are not forgotten."""

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
    """As many source images as new ones in every epoch, the new ones repeated where they are few.

    Experience replay against forgetting (Robins 1995, Connection Science 7:123).
    """

    least: int = 128  # target images an epoch, by repeating them

    about: ClassVar[str] = "every weight, on target images and old ones in equal parts"
    source: ClassVar[bool] = True
    many_rate: ClassVar[float] = 1.0  # half of the images it counts are old ones

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train a copy of the whole model."""
        old = conditions.source_images("replay")
        mixed = _mixed(target, old, max(len(target), self.least), conditions.seed)
        return Full.adapt(self, base, mixed, valid, conditions)


def _mixed(new: ImageSet, old: ImageSet, count: int, seed: int) -> ImageSet:
    """Give so many target images, repeated as often as needed, and as many old ones."""
    repeated = new.take(np.arange(count) % len(new))
    kept = choose_budget(old, min(count, len(old)), seed=seed)
    times = np.arange(count) // len(new)
    ids = [f"{name}#{time}" if time else name for name, time in zip(repeated.ids, times, strict=True)]
    return ImageSet(
        pixels=np.concatenate([repeated.pixels, kept.pixels]),
        labels=np.concatenate([repeated.labels, kept.labels]),
        patients=np.concatenate([np.char.add("new/", repeated.patients), np.char.add("old/", kept.patients)]),
        ids=np.concatenate([np.char.add("new/", ids), np.char.add("old/", kept.ids)]),
        classes=new.classes,
    )
