"""Registration of a protocol in a study folder, and later amendments."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from protocols import PROTOCOL, REAL

from radapt.artefacts import REGISTERED
from radapt.errors import BadArtefact
from radapt.images.notice import Notice
from radapt.study.protocol import digest
from radapt.study.registration import read_registered, register

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_a_protocol_is_registered_when_a_study_is_first_given_it(tmp_path):
    first = register(PROTOCOL, tmp_path, NOW)
    assert first.notices == ()
    held = json.loads((tmp_path / REGISTERED).read_text())
    assert held["digest"] == digest(PROTOCOL)
    assert held["registered_at"] == "2026-03-01T12:30:00+00:00"
    before = (tmp_path / REGISTERED).read_bytes()
    again = register(replace(PROTOCOL, created="2026-03-02"), tmp_path, NOW.replace(day=2))
    assert again == first == read_registered(tmp_path)
    assert (tmp_path / REGISTERED).read_bytes() == before


def test_a_protocol_changed_afterwards_is_noted_for_good(tmp_path):
    register(PROTOCOL, tmp_path, NOW)
    loose = replace(PROTOCOL, superiority_margin=0.02, created="2026-03-05")
    registered = register(loose, tmp_path, NOW.replace(day=5))
    assert [notice.text for notice in registered.notices] == [
        "The protocol was changed after its registration on 2026-03-01: superiority_margin (0.02, was 0.05).",
    ]
    assert registered.protocol == PROTOCOL
    assert registered.changes[0].changed_at.startswith("2026-03-05")
    assert register(loose, tmp_path, NOW.replace(day=6)) == registered
    assert register(PROTOCOL, tmp_path, NOW.replace(day=7)).notices == registered.notices
    other = register(
        replace(REAL, strategies=("none", "head"), source_fingerprint="0" * 64), tmp_path, NOW.replace(day=8)
    )
    assert len(other.notices) == 2
    for said in (
        "strategies (none head, was none head full)",
        "source_fingerprint (000000000000, was ffffffffffff)",
        "target (b, was not given)",
        "shift (not given, was noise@2 + rotation(10))",
    ):
        assert said in other.notices[1].text
    assert read_registered(tmp_path) == other


@pytest.mark.parametrize("there", ["cells/none-s0/predictions/target-test.parquet", "study.json"])
def test_a_protocol_that_comes_after_the_scores_is_noted(there, tmp_path):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("{}")
    text = "The protocol was registered on 2026-03-01, after this study had scored test images."
    expected = (Notice("protocol", "invalid", text),)
    assert register(PROTOCOL, tmp_path, NOW).notices == expected
    assert read_registered(tmp_path).notices == expected


def test_a_study_begun_and_not_yet_scored_is_in_time(tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "cells" / "none-s0").mkdir(parents=True)
    (tmp_path / "cells" / "none-s0" / "training.pt").write_bytes(b"")
    assert register(PROTOCOL, tmp_path, NOW).notices == ()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text.replace("0.05,", "0.01,", 1), "was changed by hand"),
        (
            lambda text: text.replace('"registered_at"', '"frozen"'),
            "could not be read as a registered protocol",
        ),
        (
            lambda text: text.replace('"changes": []', '"changes": [3]'),
            "could not be read as a registered protocol",
        ),
        (lambda text: text[:50], "could not be read as JSON"),
        (lambda _: "[]", "is not a JSON object"),
    ],
)
def test_a_registered_protocol_that_was_tampered_with_is_refused(damage, says, tmp_path):
    register(PROTOCOL, tmp_path, NOW)
    path = tmp_path / REGISTERED
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadArtefact, match=says):
        register(PROTOCOL, tmp_path, NOW)
