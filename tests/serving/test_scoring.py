"""One image that cannot be read has a sentence, and the others of its batch their scores."""

from dataclasses import dataclass

import numpy as np

from radapt.errors import RadaptError
from radapt.serving.scoring import PREVIEW, Scoring, preview_of
from radapt.serving.worker import Job


def test_a_batch_is_answered_image_by_image_as_each_alone(service, image, deep):
    scoring = Scoring(service.model, service.scoring.base, service.limits)
    jobs = [Job(image, base=True), Job(image[:40]), Job(deep), Job(b"words")]
    together, alone = scoring.score(jobs), [scoring.score([job])[0] for job in jobs]
    assert [each.answer for each in together] == [each.answer for each in alone]
    assert [each.status for each in together] == [200, 422, 200, 422]
    assert [bool(each.answer) for each in together] == [True, False, True, False]
    assert together[1].error.startswith("The image is ")
    assert len(scoring.recent) == 4


def test_an_image_that_shows_nothing_has_a_warning(service):
    scoring = Scoring(service.model, None, service.limits)
    outcome = scoring.score([Job(pixels=np.full((32, 32), 7, dtype=np.uint8), recorded=False)])[0]
    assert outcome.answer["warning"].startswith("Shows nothing")
    assert len(scoring.recent) == 0


@dataclass(frozen=True)
class Choosy:
    """A model that scores no black image, as one whose numbers overflow."""

    model: object

    def __getattr__(self, name):
        return getattr(self.model, name)

    def predict(self, images):
        if not all(each.any() for each in images):
            raise RadaptError("The model gives no number.")
        return self.model.predict(images)


def test_an_image_that_gets_no_score_costs_no_other_its_own(service, image):
    scoring = Scoring(Choosy(service.model), None, service.limits)
    black = Job(pixels=np.zeros((32, 32), dtype=np.uint8))
    first, bad, last = scoring.score([Job(image), black, Job(image)])
    assert (bad.status, bad.error) == (500, "The model gives no number.")
    assert first.answer == last.answer
    assert first.answer["label"]
    assert len(scoring.recent) == 2


def test_an_image_whose_base_gives_no_score_is_not_counted(service, image):
    scoring = Scoring(service.model, Choosy(service.model), service.limits)
    black = Job(pixels=np.zeros((32, 32), dtype=np.uint8), base=True)
    outcomes = scoring.score([Job(image), black])
    assert [each.status for each in outcomes] == [200, 500]
    assert len(scoring.recent) == 1


def test_a_preview_is_small():
    assert len(preview_of(np.zeros((4000, 3000), dtype=np.uint8))) < 10 * PREVIEW
