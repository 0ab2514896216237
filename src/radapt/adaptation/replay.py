"""Fine-tune all weights on target and source images, against forgetting."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radapt.adaptation.full import Full
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.images.imageset import ImageSet
from radapt.images.split import choose_budget
from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Replay(Full):
    """Experience replay: equally many source and target images per epoch (Robins 1995, Conn. Sci. 7:123).

    If there are few target images, they are repeated.
    """

    min_images: int = 128  # minimum target images per epoch, by repetition

    about: ClassVar[str] = "all weights fine-tuned on target and source images in equal parts"
    source: ClassVar[bool] = True
    many_rate: ClassVar[float] = 1.0  # half of the training images are source images

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Fine-tune a copy of the whole model on the mixed images."""
        source_images = conditions.source_images("replay")
        mixed = _mix(target, source_images, max(len(target), self.min_images), conditions.seed)
        return Full.adapt(self, base, mixed, valid, conditions)


def _mix(target: ImageSet, source: ImageSet, count: int, seed: int) -> ImageSet:
    """Return `count` target images, repeated as often as needed, and as many source images."""
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
