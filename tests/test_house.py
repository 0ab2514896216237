"""The source keeps to its own rules: sizes, names, where things lie, and the words of the field."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import radapt
from radapt.cli.app import COMMANDS, DATA_COMMANDS, PACS_COMMANDS, PROTOCOL_COMMANDS, command_line

SOURCE = Path(radapt.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(SOURCE.rglob("*.py"))
COMMAND_NAMES = {
    (command.__module__, command.__name__)
    for group in (DATA_COMMANDS, PACS_COMMANDS, PROTOCOL_COMMANDS)
    for command in (*COMMANDS, *group.values())
}
WINGS = (
    "api",
    "display",
    "metrics",
    "stats",
    "training",
    "shortcuts",
    "evaluation",
    "runs",
    "study",
    "exporting",
    "pacs",
)
# Words of this project's own that say less than those of the field.
RETIRED = re.compile(
    r"(?<![a-z])(film|films|doubt|doubts|doubtful|floors?|stamps?|stamped|honest)(?![a-z])", re.I
)
ALLOWED = re.compile(r"np\.floor|\.floor_?\(|math\.floor")


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield node


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)


def lines_of(function: ast.FunctionDef, *, docstring: bool) -> int:
    first, length = function.body[0], (function.end_lineno or 0) - function.lineno + 1
    if docstring or ast.get_docstring(function) is None:
        return length
    return length - ((first.end_lineno or 0) - first.lineno + 1)


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_files_and_functions_are_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for function in functions(path):
        assert lines_of(function, docstring=False) <= 60, function.name
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        count = len([each for each in given if each.arg not in ("self", "cls")])
        assert count <= 8 or (module_of(path), function.name) in COMMAND_NAMES, function.name


def test_nine_functions_in_ten_have_25_lines_at_most():
    lengths = sorted(lines_of(each, docstring=True) for path in MODULES for each in functions(path))
    assert lengths[int(0.9 * len(lengths))] <= 25


def test_few_modules_stand_at_the_top():
    top = [path for path in SOURCE.glob("*.py") if path.stem not in ("__init__", "__main__")]
    assert len(top) <= 14


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in MODULES
        if path.stem[:2] != "__" and (path.parent == SOURCE or path.parent.name in WINGS)
    ],
    ids=module_of,
)
def test_every_module_of_the_top_and_the_new_wings_has_tests_of_its_name(path):
    assert (ROOT / "tests" / path.relative_to(SOURCE).with_name(f"test_{path.name}")).is_file()


def retired(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if RETIRED.search(ALLOWED.sub("", line))]


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_the_source_uses_the_words_of_the_field(path):
    assert not retired(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((SOURCE / "report" / "templates").iterdir()),
    ],
    ids=lambda path: path.name,
)
def test_pages_and_docs_use_the_words_of_the_field(path):
    assert not retired(path.read_text(encoding="utf-8"))


def test_the_help_uses_the_words_of_the_field():
    command = command_line()
    texts = [command.get_help(command.make_context("radapt", ["--help"], resilient_parsing=True))]
    for name, each in command.commands.items():
        texts.append(each.get_help(each.make_context(name, ["--help"], resilient_parsing=True)))
    assert len(texts) > 15
    assert not retired("\n".join(texts))
