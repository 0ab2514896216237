"""A fault of radapt ends in a sentence, and is counted."""

import asyncio

import pytest
from starlette.testclient import TestClient

from radapt.serving.counting import Counting
from radapt.serving.metrics import Metrics


async def faulty(scope, receive, send):  # noqa: ARG001
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("a secret")


def test_a_fault_is_a_sentence_without_its_reason():
    metrics = Metrics()
    client = TestClient(Counting(faulty, metrics))
    answer = client.get("/early")
    assert (answer.status_code, answer.json()) == (
        500,
        {"error": "This should not have happened. Please report it."},
    )
    assert b'radapt_requests_total{path="other",status="500"} 1.0' in metrics.text()


def test_a_fault_in_the_middle_of_an_answer_is_passed_on():
    sent = []

    async def send(message):
        sent.append(message)

    with pytest.raises(ValueError, match="secret"):
        asyncio.run(Counting(faulty, Metrics())({"type": "http", "path": "/late"}, None, send))
    assert len(sent) == 1
