"""What strangers have written is repeated short, and no terminal obeys it."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from samples import make_dataset, write_images

import radapt
from radapt.cli.printing import print_table, say
from radapt.cli.progress import Bar, Lines
from radapt.errors import RadaptError, Stopped, UnknownName
from radapt.images.store.pack import NothingReadable
from radapt.serving.limits import Refused
from radapt.study.time_limit import OutOfTime
from radapt.text import LONGEST, LONGEST_REFUSAL, counted, joined, listed, shortened, visible, whole_number

SOURCE = Path(radapt.__file__).parent
OBEYED = "\x1b[31m\r\b\x9b2J\u202e\u2066\x00\x7f\u2028"  # what a terminal or an editor acts upon
LONG = "x" * 5000


def is_safe(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("character", [*OBEYED.replace("[31m", "").replace("2J", ""), "\n", "\t", "\udcff"])
def test_what_a_terminal_obeys_is_written_out(character):
    assert visible(f"a{character}b") == f"a{character.encode('unicode_escape').decode()}b"


def test_letters_of_any_script_are_left_as_they_are():
    assert visible("Lungenentzündung 肺炎 \\x1b “§”") == "Lungenentzündung 肺炎 \\x1b “§”"


def test_lines_and_cells_are_printed_safely(capsys):
    say(f"class {OBEYED}")
    say(f"class {OBEYED}", error=True)
    print_table([OBEYED, "b"], [["x\ny", "1"], ["z", OBEYED]])
    for text in capsys.readouterr():
        assert is_safe(text)
        assert r"\x1b[31m\r\x08\x9b2J\u202e" in text


@pytest.mark.parametrize("watch", [Lines, Bar])
def test_a_task_is_shown_safely_and_no_markup_is_followed(watch, capsys):
    shown = watch()
    shown.begin(f"[red]a :bug: {OBEYED[:1]}", 1, "image")
    shown.advance(1, "[bold]b\x1b")
    shown.end()
    printed = capsys.readouterr().err
    assert "[red]a :bug: \\x1b" in printed.replace("\n", " ")
    assert "[bold]" in printed
    assert "\x1b" not in printed


def classes_of(kind: type[RadaptError]) -> list[type[RadaptError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in classes_of(below))]


def every_error() -> list[type[RadaptError]]:
    for module in pkgutil.walk_packages(radapt.__path__, "radapt."):
        if module.name != "radapt.__main__":
            importlib.import_module(module.name)
    return classes_of(RadaptError)


def test_no_error_repeats_more_than_a_little_of_what_it_was_given():
    for kind in every_error():
        if kind in (Stopped, OutOfTime):  # which repeat nothing
            continue
        for given in (LONG, "a b " * 2000, f"{LONG[:300]} " * 20, "'" * 5000):
            made = {
                UnknownName: lambda given=given: UnknownName(given, given, [given, *map(str, range(99))]),
                NothingReadable: lambda given=given: NothingReadable([(given, given)] * 50),
                Refused: lambda given=given: Refused(400, f"There is {given!r}, {given}."),
            }
            text = str(made.get(kind, lambda kind=kind, given=given: kind(f"There is {given!r}, {given}."))())
            assert len(text) <= LONGEST_REFUSAL, kind
            assert "x" * (LONGEST + 1) not in text, kind


def test_short_texts_are_repeated_whole():
    whole = "The patient's image 'a b' of /data/x.png is 'c'; the hospitals' images are not."
    assert shortened(whole) == whole
    assert shortened(f"'{'y' * LONGEST}' is") == f"'{'y' * 130}...{'y' * 65}' is"
    assert listed(["a", "b"]) == "a, b"
    assert listed("abcdefghij") == "a, b, c, d, e, f, g, h and 2 more"


def test_names_are_joined_as_in_a_sentence():
    assert joined(["a"]) == "a"
    assert joined(["a", "b"], "or") == "a or b"
    assert joined(["a", "b", "c"]) == "a, b and c"


def test_no_refusal_lists_names_without_end():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise):
                names = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
                assert "join" not in names, f"{path.name}, line {node.lineno}"


@pytest.mark.parametrize(
    "words",
    [
        ["train", "IMAGES", "--model", LONG],
        ["train", "IMAGES", "--fold", LONG],
        ["train", "IMAGES", "--augment", LONG],
        ["train", "IMAGES", "--resize", LONG],
        ["train", "IMAGES", "--patient-regex", "(" + LONG],
        ["train", LONG],
        ["train", "IMAGES", "--device", LONG],
        ["study", "IMAGES", "--shift", LONG],
        ["study", "IMAGES", "--shift", "original", "--strategies", LONG],
        ["study", "IMAGES", "--shift", "original", "--strategies", ",".join(map(str, range(5000)))],
        ["study", "IMAGES", "--shift", "original", "--budget", LONG],
        ["study", "IMAGES", "--shift", "original", "--metric", LONG],
        ["study", "IMAGES", "--shift", "original", "--seeds", LONG],
        ["study", "IMAGES", "--shift", "original", "--seeds", "9" * 5000],
        ["study", "IMAGES", "--shift", "original", "--seed", "9" * 400],
        ["study", "IMAGES", "--shift", "noise@" + "9" * 5000],
        ["train", "IMAGES", "--fold", f"1/{'9' * 5000}"],
        ["preview", "IMAGES", "--shift", "noise", "--severities", "9" * 5000],
        ["shifts", LONG],
        ["preview", "IMAGES", "--image", LONG],
        ["data", "fetch", LONG],
        ["evaluate", LONG, "IMAGES"],
        ["demo", "--hospital", LONG],
        ["train", "IMAGES", "--seed", LONG],
        ["train", "IMAGES", f"--{LONG}"],
        [LONG],
        ["audit", "IMAGES", *(f"file {number} {LONG[:50]}" for number in range(500))],
        ["report", "a", "\x1b[2J\u202e"],
        ["data"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_no_refusal_of_a_command_is_long(words, tmp_path, radapt):
    images = write_images(tmp_path / "images", make_dataset(train=8, val=4, test=4))
    code, out, err = radapt(*(str(images) if word == "IMAGES" else word for word in words))
    assert code in (1, 2), err
    assert out == ""
    assert "should not have happened" not in err
    assert "x" * (LONGEST + 1) not in err
    assert len(err) < LONGEST_REFUSAL + 200
    assert is_safe(err)


@pytest.mark.skipif(os.name == "nt", reason="such names are none there")
def test_names_of_folders_files_columns_and_cells_reach_no_terminal_raw(tmp_path, radapt):
    images = write_images(tmp_path / "images", make_dataset(train=40, val=4, test=8))
    for split in images.iterdir():
        (split / "NORMAL").rename(split / f"N{OBEYED.replace(chr(0), '')}")
    bad = next((images / "train").iterdir()) / "bad\x1b]0;title\x07\n.png"
    bad.write_bytes(b"no picture")
    commands = [["audit", images], ["preview", images, "--out", tmp_path / "p.png"]]
    commands += [["pack", images, "--out", tmp_path / "store", "--size", 16]]
    table = tmp_path / "t.csv"
    names = sorted(images.rglob("*.png"))
    rows = [f'"{path}",{path.parent.name[0]}\x1b[2J,"p\u202e{n}"' for n, path in enumerate(names)]
    table.write_text("\n".join(['file,"kind\x1b[1m",patient', *rows]).replace("\r", ""))
    as_table = [table, "--images", "file", "--patient", "patient"]
    commands += [["audit", *as_table, "--label", "kind\x1b[1m"], ["audit", *as_table, "--label", "k\x1b"]]
    commands += [["preview", images, "--image", "\x1b[2J"], ["predict", tmp_path / "no\x1b", images]]
    for words in commands:
        _, out, err = radapt(*words)
        assert is_safe(out), words
        assert is_safe(err), words
        assert "\\x1b" in out + err, words
        assert "should not have happened" not in err, err


def test_what_the_encoding_of_the_output_lacks_is_written_out(tmp_path):
    images = write_images(tmp_path / "肺", make_dataset(train=40, val=4, test=8))
    words = [sys.executable, "-m", "radapt", "preview", images, "--out", tmp_path / "p.png"]
    process = subprocess.run(
        list(map(str, words)), capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert (process.returncode, process.stderr.count(b"Traceback")) == (0, 0), process.stderr
    assert b"\\u80ba" in process.stdout


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1200, "1,200 images")]
)
def test_a_number_has_its_noun_in_one_form_or_the_other(number, said):
    assert counted(number, "image") == said


def test_a_noun_may_have_a_plural_of_its_own():
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), (" 007 ", 7), ("", None), ("-1", None), ("1.0", None), ("1e3", None), ("9" * 5000, None)],
)
def test_a_whole_number_is_read_where_there_is_one(text, number):
    assert whole_number(text) == number
