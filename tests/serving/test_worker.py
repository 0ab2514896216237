"""The queue is bounded, batches are as large as they may be, and one fault ends no other job."""

import threading
from dataclasses import replace

import pytest

from radapt.serving.limits import Limits, Refused
from radapt.serving.worker import Job, Worker

LIMITS = replace(Limits(), waiting=4, batch=3, batch_wait=0.0)


@pytest.fixture
def held():
    """A worker that is at its first batch until the event is set; it keeps the sizes of its batches."""
    go_on, begun, sizes = threading.Event(), threading.Event(), []

    def score(jobs):
        sizes.append(len(jobs))
        begun.set()
        go_on.wait(20)
        if any(job.data == b"bad" for job in jobs):
            raise ValueError("bad")
        return [job.data for job in jobs]

    worker = Worker(score, LIMITS)
    worker.start()
    first = Job(b"first")
    worker.submit([first])
    begun.wait(20)
    yield worker, go_on, sizes, first
    go_on.set()
    worker.stop()


def test_a_full_queue_refuses_all_of_a_request_and_says_when_to_come_again(held):
    worker, go_on, _, first = held
    waiting = [Job(bytes([number])) for number in range(3)]
    worker.submit(waiting)
    with pytest.raises(Refused) as refused:
        worker.submit([Job(b"a"), Job(b"b")])
    assert refused.value.status == 503
    assert int(refused.value.headers["Retry-After"]) >= 1
    assert worker.waiting == 3
    go_on.set()
    assert [job.future.result(20) for job in (first, *waiting)] == [b"first", b"\0", b"\1", b"\2"]


def test_jobs_that_wait_are_scored_together_and_other_work_alone(held):
    worker, go_on, sizes, _ = held
    jobs = [Job(b"a"), Job(b"b"), Job(work=lambda: "work"), Job(b"c")]
    worker.submit(jobs)
    go_on.set()
    assert [job.future.result(20) for job in jobs] == [b"a", b"b", "work", b"c"]
    assert sizes == [1, 2, 1]


def test_a_cancelled_job_is_left_out_and_a_fault_is_that_of_its_own_job_alone(held):
    worker, go_on, sizes, _ = held
    cancelled, bad, good, after = Job(b"a"), Job(b"bad"), Job(b"b"), Job(work=lambda: 1)
    worker.submit([cancelled, bad, good, after])
    assert cancelled.future.cancel()
    go_on.set()
    assert after.future.result(20) == 1
    assert isinstance(bad.future.exception(), ValueError)
    assert good.future.result(20) == b"b"
    assert sizes == [1, 2, 1, 1]


def test_a_worker_that_ends_cancels_what_waits_and_takes_no_more(held):
    worker, go_on, _, first = held
    waiting = Job(b"a")
    worker.submit([waiting])
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    while worker.waiting:
        pass
    go_on.set()
    stopping.join(20)
    assert first.future.result(20) == b"first"
    assert waiting.future.cancelled()
    with pytest.raises(Refused):
        worker.submit([Job(b"b")])
