"""From the bytes of image files to answers, in the thread that does the heavy work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.display.grid import picture_address
from radapt.errors import BadImage, RadaptError
from radapt.images.pixels import GreyImage, decode
from radapt.images.unusable import unusable_warnings
from radapt.serving.header_check import check_size
from radapt.serving.limits import Limits, Refused
from radapt.serving.predictor import Predictor, Scored, threshold_in_use
from radapt.serving.recent import Recent
from radapt.serving.worker import Job

PREVIEW = 320  # pixels of the longer side of a preview


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The answer to one image, or why there is none."""

    answer: dict[str, Any] | None = None
    status: int = 200
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """The models of the service, and what it keeps of their latest answers."""

    model: Predictor
    base: Predictor | None
    limits: Limits
    recent: Recent = field(default_factory=lambda: Recent(Limits().recent))

    def score(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Answer jobs in order; an image that cannot be read or scored gets a sentence."""
        outcomes: list[Outcome] = [Outcome()] * len(jobs)
        read: dict[int, GreyImage] = {}
        for number, job in enumerate(jobs):
            try:
                read[number] = self._read(job)
            except Refused as error:
                outcomes[number] = Outcome(status=error.status, error=str(error))
            except BadImage as error:
                outcomes[number] = Outcome(status=422, error=f"The image {error}.")
        latest = []
        for (number, image), one in zip(read.items(), self._predicted(list(read.values())), strict=True):
            try:
                outcomes[number], seen = self._answer(jobs[number], image, one)
            except RadaptError as error:
                outcomes[number] = Outcome(status=500, error=str(error))
                continue
            if jobs[number].recorded:
                latest.append(seen)
        for each in latest:  # after all are answered: a batch that fails is done anew, image by image
            self.recent.add(*each)
        return outcomes

    def _predicted(self, images: Sequence[GreyImage]) -> Sequence[Scored | RadaptError]:
        """Score images together, or one by one if that fails; an image that gets no score has the error."""
        try:
            return self.model.predict([each.pixels for each in images]) if images else []
        except RadaptError as error:
            if len(images) == 1:
                return [error]
            return [self._predicted([each])[0] for each in images]

    def _read(self, job: Job) -> GreyImage:
        """Decode the file of a job, if it is not larger than it may be."""
        if job.pixels is not None:
            height, width = job.pixels.shape
            return GreyImage(job.pixels, width, height, 8)
        check_size(job.data, self.limits.pixels)
        return decode(job.data, self.model.reading)

    def _answer(
        self, job: Job, image: GreyImage, one: Scored | RadaptError
    ) -> tuple[Outcome, tuple[Scored, Mapping[str, Any] | None]]:
        """Return the answer to an image, and what is kept of it."""
        if isinstance(one, RadaptError):
            raise one
        unlike = None if one.features is None else self.model.unlike(one.features)
        answer = {**opinion(self.model, one), "ood": None if unlike is None else dict(unlike)}
        _, warning = unusable_warnings(image.pixels[None], [image.outside])[0]
        if warning:
            answer["warning"] = warning
        if job.base and self.base is not None:
            answer["base"] = opinion(self.base, self._of_base(job, image))
        if job.preview:
            answer["preview"] = preview_of(image.pixels)
        return Outcome(answer), (one, unlike)

    def _of_base(self, job: Job, image: GreyImage) -> Scored:
        """Score an image by the base model, which may read it otherwise."""
        assert self.base is not None
        same = self.base.reading == self.model.reading
        pixels = image.pixels if same else decode(job.data, self.base.reading).pixels
        return self.base.predict([pixels])[0]


def opinion(model: Predictor, one: Scored) -> dict[str, Any]:
    """Return what a model says of an image, for JSON."""
    scores = dict(zip(model.classes, one.scores, strict=True))
    return {"scores": scores, "label": one.label, "threshold": threshold_in_use(model)}


def named_scores(outcome: Outcome) -> Mapping[str, float]:
    """Return the scores of an answer by class; none where there is no answer."""
    return {} if outcome.answer is None else outcome.answer["scores"]


def preview_of(pixels: NDArray[np.uint8]) -> str:
    """Return a picture (h, w) as a data: address of a PNG file, no longer than `PREVIEW` pixels."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW, PREVIEW))
    return picture_address(picture)
