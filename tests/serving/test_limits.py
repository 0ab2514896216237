"""What requests hold in memory is counted, and given back."""

import pytest

from radapt.serving.limits import Memory, Refused


def test_requests_together_hold_no_more_than_they_may():
    memory = Memory(10)
    with memory.share() as one, memory.share() as other:
        one.add(6)
        other.add(4)
        with pytest.raises(Refused, match="busy") as refused:
            other.add(1)
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")
        assert memory.held == 10
    assert memory.held == 0


def test_a_refusal_closes_the_connection():
    assert Refused(413, "Too large.").headers == {"Connection": "close"}
