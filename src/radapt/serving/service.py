"""The service without its network: models, queue, readiness and numbers."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from radapt.images.golden import golden_pixels, same_scores
from radapt.labels import SEPARATOR
from radapt.serving.limits import Limits, Memory
from radapt.serving.metrics import Metrics
from radapt.serving.predictor import Predictor
from radapt.serving.recent import Recent
from radapt.serving.scoring import Outcome, Scoring, named_scores
from radapt.serving.worker import Job, Worker

DEFAULTS = Limits()
GOLDEN_SIZE = 256  # pixels, for a model that takes images of any size


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the golden image scored as it has to, and if not why."""

    ready: bool
    reason: str | None = None


class Service:
    """Scores images in a thread of its own.

    Parameters
    ----------
    model
        What answers.
    base
        A model whose answers stand beside, where they are asked for.
    limits
        How much is taken of anybody.
    """

    def __init__(self, model: Predictor, base: Predictor | None = None, limits: Limits = DEFAULTS) -> None:
        self.limits = limits
        self.scoring = Scoring(model, base, limits, Recent(limits.recent))
        self.metrics = Metrics()
        self.memory = Memory(limits.held_bytes)
        self.worker = Worker(self._score, limits)
        self.readiness = Readiness(False, "The golden image has not been scored yet.")

    @property
    def model(self) -> Predictor:
        """What answers."""
        return self.scoring.model

    def start(self) -> None:
        """Start the thread, and score the golden image in it."""
        self.worker.start()
        golden = Job(pixels=golden_pixels(self.model.reading.size or GOLDEN_SIZE)[0], recorded=False)
        golden.future.add_done_callback(self._judge)
        self.worker.submit([golden])

    def stop(self) -> None:
        """End the thread."""
        self.worker.stop()

    def submit(self, jobs: Sequence[Job]) -> "list[Future[Outcome]]":
        """Put images into the queue, all or none; see `Worker.submit`."""
        self.worker.submit(jobs)
        return [job.future for job in jobs]

    def call(self, work: Callable[[], Any]) -> "Future[Any]":
        """Do other work in the same thread, when it is its turn."""
        job = Job(work=work)
        self.worker.submit([job])
        return job.future

    def _score(self, jobs: Sequence[Job]) -> list[Outcome]:
        begun = time.monotonic()
        outcomes = self.scoring.score(jobs)
        self.metrics.scoring.observe(time.monotonic() - begun)
        self.metrics.batch.observe(len(jobs))
        for job, outcome in zip(jobs, outcomes, strict=True):
            if outcome.answer is not None and job.recorded:
                label = outcome.answer["label"]  # each combination of findings would be a series of its own
                for name in [label] if self.model.exclusive else label.split(SEPARATOR):
                    self.metrics.images.labels(name).inc()
                if (outcome.answer["ood"] or {}).get("unlike_reference"):
                    self.metrics.unlike.inc()
        return outcomes

    def _judge(self, golden: "Future[Outcome]") -> None:
        """Compare the score of the golden image with that when the model was made."""
        self.readiness = _judged(self.model, golden)
        self.metrics.ready.set(self.readiness.ready)


def _judged(model: Predictor, golden: "Future[Outcome]") -> Readiness:
    if golden.cancelled() or golden.exception() is not None:
        return Readiness(False, "The golden image could not be scored.")
    outcome: Outcome = golden.result()
    if outcome.answer is None:
        return Readiness(False, f"The golden image could not be scored. {outcome.error}")
    if model.golden is not None and not same_scores(named_scores(outcome), model.golden):
        return Readiness(False, "The golden image scores otherwise than when the model was made.")
    return Readiness(True)
