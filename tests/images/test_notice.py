"""Notices: kinds with titles, severities in order, and their way to JSON and back."""

import pytest

from radapt.cli.printing import say_notices
from radapt.images.notice import KINDS, Notice, as_rows, from_rows, in_order

NOTE = Notice("one-seed", "note", "Trained once.")
CAUTION = Notice("threshold", "caution", "At 0.5 it is questionable.")
LEAK = Notice("leak", "invalid", "4 of the 44 test images are among the images.")


def test_the_most_harmful_notice_comes_first_and_each_once():
    other = Notice("site", "caution", "The site can be predicted.")
    assert in_order([NOTE, CAUTION, LEAK, other, CAUTION]) == [LEAK, CAUTION, other, NOTE]
    assert [notice.invalidates for notice in (LEAK, CAUTION, NOTE)] == [True, False, False]


def test_a_title_comes_from_the_kind_whatever_the_text_says():
    assert Notice("leak", "invalid", "These images were split image by image").title == KINDS["leak"]
    assert len(set(KINDS.values())) == len(KINDS)
    assert all(title.endswith(".") for title in KINDS.values())


def test_notices_go_to_json_and_back():
    rows = as_rows([NOTE, LEAK])
    assert rows[0] == {"kind": "leak", "severity": "invalid", "text": LEAK.text}
    assert from_rows(rows) == (LEAK, NOTE)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"kind": "lek", "severity": "invalid", "text": "x"}, ValueError),
        ({"kind": "leak", "severity": "grave", "text": "x"}, ValueError),
        ({"kind": "leak", "severity": "note"}, KeyError),
        ("A sentence of another version.", TypeError),
    ],
)
def test_what_is_no_notice_is_refused(row, error):
    with pytest.raises(error):
        from_rows([row])


def test_they_are_printed_in_order_with_severity_and_title(capsys):
    say_notices([NOTE, LEAK])
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == (
        "",
        [
            "INVALID: Test images among the training images. 4 of the 44 test images are among the images.",
            "NOTE: Every model was trained once. Trained once.",
        ],
    )
