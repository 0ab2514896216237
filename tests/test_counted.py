"""One image is no images."""

import pytest

from radapt.cli.progress import Lines
from radapt.text import counted, whole_number


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1200, "1,200 images")]
)
def test_a_number_has_its_noun_in_one_form_or_the_other(number, said):
    assert counted(number, "image") == said


def test_a_noun_may_have_a_plural_of_its_own():
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]


def test_a_task_of_one_step_is_told_of_one(capsys):
    watch = Lines()
    for total in (1, 3):
        watch.begin("training", total, "epoch")
        watch.advance(total)
        watch.end()
    one, three = capsys.readouterr().err.splitlines()
    assert one.startswith("training: 1 epoch, ")
    assert three.startswith("training: 3 epochs, ")


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), (" 007 ", 7), ("", None), ("-1", None), ("1.0", None), ("1e3", None), ("9" * 5000, None)],
)
def test_a_whole_number_is_read_where_there_is_one(text, number):
    assert whole_number(text) == number
