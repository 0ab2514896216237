"""One image that cannot be read has a sentence, and the others of its batch their scores."""

import numpy as np

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


def test_a_preview_is_small():
    assert len(preview_of(np.zeros((4000, 3000), dtype=np.uint8))) < 10 * PREVIEW
