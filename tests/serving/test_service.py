"""A service is ready when its golden image scores as it has to, and not before."""

from dataclasses import replace

import pytest

from radapt.serving.scoring import Outcome, Scoring
from radapt.serving.service import Service
from radapt.serving.worker import Job


@pytest.fixture
def started(service):
    """Start a service of another model; give its readiness when the golden image has been scored."""
    made = []

    def start(model):
        made.append(Service(model, None, service.limits))
        assert not made[-1].readiness.ready
        made[-1].start()
        made[-1].call(lambda: None).result(20)
        return made[-1]

    yield start
    for each in made:
        each.stop()


def test_a_run_scores_the_golden_image_as_when_it_was_made(started, service):
    assert service.model.golden is not None
    assert started(service.model).readiness.ready


def test_a_run_that_scores_it_otherwise_is_not_ready(started, service):
    other = {name: score + 0.01 for name, score in service.model.golden.items()}
    readiness = started(replace(service.model, golden=other)).readiness
    assert (readiness.ready, readiness.reason) == (
        False,
        "The golden image scores otherwise than when the model was made.",
    )


def test_a_run_without_such_a_score_is_ready_once_it_scores(started, service):
    assert started(replace(service.model, golden=None)).readiness.ready


def test_the_golden_image_is_not_among_the_latest_answers(started, service, image):
    made = started(service.model)
    assert len(made.scoring.recent) == 0
    outcome = made.submit([Job(image)])[0].result(20)
    assert outcome.answer["label"]
    assert len(made.scoring.recent) == 1


def test_findings_are_counted_one_by_one(service, monkeypatch):
    findings = Service(replace(service.model, thresholds={}), None, service.limits)
    monkeypatch.setattr(type(service.model), "exclusive", False)
    answers = [Outcome({"label": label, "ood": None}) for label in ("A|B", "B", "none")]
    monkeypatch.setattr(Scoring, "score", lambda *_: answers)
    findings._score([Job(), Job(), Job()])
    text = findings.metrics.text().decode()
    for name, count in {"A": 1, "B": 2, "none": 1}.items():
        assert f'radapt_images_total{{label="{name}"}} {count}.0' in text
    assert "A|B" not in text
