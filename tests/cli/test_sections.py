"""The help of every command sorts its options into sections."""

import re

import pytest

from radapt.cli.app import COMMANDS, DATA_COMMANDS, PACS_COMMANDS, PROTOCOL_COMMANDS, name_of
from radapt.cli.common_options import OPTIONS
from radapt.cli.sections import ORDER, OTHER

WORDS = [
    *[[name_of(command)] for command in COMMANDS],
    *[["data", name] for name in DATA_COMMANDS],
    *[["protocol", name] for name in PROTOCOL_COMMANDS],
    *[["pacs", name] for name in PACS_COMMANDS],
]
PATIENCE = ("--time-limit", "--quick")
RETIRED = r"\b(films?|told|old|new|hospitals?|doubts?|floors?|stamps?|honest|begun|anew)\b"


def sections_of(text: str) -> dict[str, list[str]]:
    """Return the options of each section, in the order of the help."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if heading := re.fullmatch(r"([A-Z][a-z ]+):", line):
            found[heading[1]] = []
        elif option := re.match(r"  (?:-\w, )?(--[\w-]+)", line):
            list(found.values())[-1].append(option[1])
    return found


def test_a_study_groups_its_options(radapt):
    code, out, _ = radapt("study", "--help")
    sections = sections_of(out)
    assert code == 0
    assert list(sections) == [
        "Arguments",
        "Data",
        "Model",
        "Adaptation",
        "Training",
        "Comparison",
        "Evaluation",
        "Output",
        "Seed and hardware",
        "Other",
    ]
    assert {"--shift", "--target", "--label", "--size"} <= set(sections["Data"])
    assert sections["Model"] == ["--base", "--model", "--models", "--pretrained", "--weights", "--tune"]
    assert sections["Adaptation"] == ["--strategies", "--budget"]
    assert sections["Comparison"] == ["--with", "--seeds", "--protocol", "--metric", "--margin", *PATIENCE]
    assert sections["Evaluation"] == ["--by", "--checks"]
    assert sections["Output"] == ["--out", "--wide"]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_option_stands_in_a_section_and_has_a_help_text(words, radapt):
    code, out, _ = radapt(*words, "--help")
    sections = sections_of(out)
    assert code == 0
    assert sections.pop(OTHER) == [*(f"--{name}" for name in OPTIONS), "--help"]
    assert [name for name in sections if name != "Arguments"] == [name for name in ORDER if name in sections]
    bare = re.findall(r"^  (--[\w-]+ <[^>]+>)$(?!\n {6,}\S)", out, re.MULTILINE)
    assert bare == []


@pytest.mark.parametrize("words", [[], ["data"], ["protocol"]], ids=" ".join)
def test_the_list_of_commands_is_not_cut(words, radapt, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = radapt(*words, "--help")[1].partition("Commands:")[2]
    assert len(text.splitlines()) > 3
    assert "..." not in text


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_speaks_of_images_source_and_target(words, radapt):
    text = radapt(*words, "--help")[1].replace("--hospital", "")
    assert re.findall(RETIRED, text) == []


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_the_help_of_every_option_says_what_happens_without_it_and_is_not_cut(words, radapt):
    text = radapt(*words, "--help")[1]
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    options = re.findall(r"(?ms)^  (?:-\w, )?(--[\w-]+)(.*?)(?=^\S|^$|^  (?:-\w, )?--)", text)
    assert options
    for name, about in options:
        said = " ".join(about.split())
        takes_value = re.match(r"<", said)
        assert not takes_value or re.search(r"(?i)without it|\[default: |\[required", said), (name, said)
