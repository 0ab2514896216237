import pytest

from radapt.errors import (
    AskedWrongly,
    BadArtefact,
    BadImage,
    RadaptError,
    Stopped,
    UnknownName,
    WrongFolder,
    check_installed,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RadaptError("a"), 1),
        (AskedWrongly("a"), 2),
        (WrongFolder("a"), 2),
        (UnknownName("model", "a", ["b"]), 2),
        (BadImage("a"), 1),
        (BadArtefact("a"), 1),
        (Stopped(), 130),
        (Stopped(code=143), 143),
    ],
)
def test_each_error_has_its_exit_code(error, code):
    assert isinstance(error, RadaptError)
    assert error.exit_code == code


def test_a_name_that_is_nearly_right_is_suggested_whatever_its_case():
    assert str(UnknownName("strategy", "FUL", ["full", "head"])).endswith("Did you mean 'full'?")
    assert str(UnknownName("strategy", "zzz", ["head", "full"])).endswith("There are: full, head.")


def test_a_long_word_is_cut_in_the_middle():
    text = str(RadaptError("x" * 5000 + " is not a number."))
    assert len(text) < 250
    assert "..." in text
    assert text.endswith("is not a number.")


def test_who_stops_a_command_is_told_whether_its_work_is_kept():
    assert "goes on from there" in str(Stopped())
    assert "starts from the beginning" in str(Stopped(kept=False))


def test_packages_that_are_missing_are_said_in_the_sentence_of_what_needs_them():
    check_installed(("json", "csv"), "Never shown.")
    with pytest.raises(AskedWrongly, match=r"^It needs a package\.$"):
        check_installed(("json", "no_such_package"), "It needs a package.")
