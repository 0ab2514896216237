"""The commands that the documentation shows: all are understood, and those on how to do things run."""

import re
import shutil

import pytest
from documented import PAGES, quick, shown_on, write_world

import radapt as radapt_in_python
from radapt.cli.app import command_line

# Records of what was measured, public data sets, and pages whose commands tests/cli/test_describe.py and
# tests/cli/test_pacs.py run.
NOT_RUN = ("benchmarks.md", "data.md", "findings.md", "my_hospital.md", "pacs.md", "statistics.md")
# Weights from elsewhere, more images than there are, or minutes; other tests run such commands.
ELSEWHERE = re.compile(
    r"xrv:|--pilot|wise-ft --shift|--fold|--leave-one-site-out|phone-photo --target|--protocol protocol.toml"
)
MAY_FIND = {"audit": (0, 1), "drift": (0, 1, 3)}  # exit codes under --strict
WITH_COMMANDS = [name for name in PAGES if shown_on(name)]


def command_of(words):
    """Return the command that a command line names, and the words that are its own."""
    command, context = command_line(), None
    while hasattr(command, "commands"):
        context = command.make_context("radapt", ["--help"], parent=context, resilient_parsing=True)
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_command_of_a_page_is_understood(page):
    for words in shown_on(page):
        command, own = command_of(words)
        command.make_context(words[0], list(own))


@pytest.mark.parametrize("page", PAGES)
def test_a_command_that_a_sentence_names_has_its_options(page):
    for line in re.findall(r"`radapt ([a-z][^`]*)`", PAGES[page].read_text(encoding="utf-8")):
        words = re.split(r"[\s\[\]]+", line)
        group = command_line().commands
        command = group[words[0]] if words[0] in group else pytest.fail(f"there is no radapt {line}")
        if hasattr(command, "commands"):
            command = command.commands[words[1]] if len(words) > 1 else command
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        assert {word for word in words if word[:2] == "--"} <= known | {"--help"}, line


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("documented") / "world")


RUN = [name for name in WITH_COMMANDS if name not in NOT_RUN]


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run_one_after_the_other(page, made, radapt, tmp_path, monkeypatch):
    world = shutil.copytree(made, tmp_path / "world")
    monkeypatch.chdir(world)
    before = [words for name in RUN[: RUN.index(page)] for words in shown_on(name)]
    for number, words in enumerate(shown_on(page)):
        if words not in before and not ELSEWHERE.search(" ".join(words)):
            code, _, said = radapt(*quick(words, number))
            assert code in MAY_FIND.get(words[0], (0,)), (words, said)


def test_the_programs_of_the_page_on_python_run_one_after_the_other(made, tmp_path, monkeypatch, capsys):
    world = shutil.copytree(made, tmp_path / "world")
    monkeypatch.chdir(world)
    programs = re.findall(r"(?s)```python\n(.*?)```", PAGES["from_python.md"].read_text(encoding="utf-8"))
    assert len(programs) == 3
    assert programs[0] in PAGES["README.md"].read_text(encoding="utf-8")  # which tests/test_package.py runs
    brief, names = "epochs=1, steps=1, ", {"radapt": radapt_in_python}
    for program in programs[1:]:
        program = program.replace("size=128", "size=32").replace("out=", f"{brief}out=")
        exec(program.replace("[1, 3, 5]", "[1]"), names)
    assert re.search(r"0\.\d{3} \[", capsys.readouterr().out)
