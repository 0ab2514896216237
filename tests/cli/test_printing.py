"""What commands print: strict JSON."""

import json
import math
import re
from pathlib import Path

import pytest

import radapt.cli
from radapt.artefacts import SCHEMA
from radapt.cli.printing import say_json

CLI = Path(radapt.cli.__file__).parent


def no_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_a_number_that_is_not_defined_is_null(capsys):
    say_json({"a": [math.nan, (1.5, math.inf)], "b": {"c": -math.inf, "d": 2}, "e": "NaN"})
    document = json.loads(capsys.readouterr().out, parse_constant=no_number)
    assert document == {"schema": SCHEMA, "a": [None, [1.5, None]], "b": {"c": None, "d": 2}, "e": "NaN"}


def test_numbers_of_a_folder_that_are_none_are_null(tmp_path, radapt):
    (tmp_path / "scores.json").write_text(
        f'{{"schema": {SCHEMA}, "estimates": [{{"value": NaN, "low": -Infinity}}]}}'
    )
    code, out, err = radapt("report", tmp_path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out, parse_constant=no_number)["estimates"] == [{"value": None, "low": None}]


def test_no_command_prints_json_otherwise():
    for path in CLI.glob("*.py"):
        if path.name != "printing.py":
            assert not re.search(r"\bimport json\b|\bdumps\b", path.read_text()), path


@pytest.mark.parametrize(
    "words", [["strategies"], ["models"], ["shifts"], ["shifts", "noise"], ["data", "list"]], ids=" ".join
)
def test_lists_are_strict_json(words, radapt):
    code, out, _ = radapt(*words, "--json")
    assert code == 0
    assert json.loads(out, parse_constant=no_number)
