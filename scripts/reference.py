"""Write the reference pages of the documentation, from the commands, the public names and the JSON schemas.

`python scripts/reference.py` writes docs/reference/, which git ignores.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

import radapt
from radapt.cli.app import app
from radapt.cli.sections import ORDER, OTHER
from radapt.display.table import Table

DOCS = Path(__file__).resolve().parents[1] / "docs"


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def commands(command: Any, context: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every command below a group with its context, in the order of the help."""
    for name, each in command.commands.items():
        inner = each.make_context(name, ["--help"], parent=context, resilient_parsing=True)
        if hasattr(each, "commands"):
            yield from commands(each, inner)
        else:
            yield each, inner


def options(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the arguments and options of a command and what each does, by section of its help."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{name: [] for name in ORDER}}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            panel = getattr(parameter, "rich_help_panel", None) or OTHER
            name = "Arguments" if parameter.param_type_name == "argument" else panel
            sections.setdefault(name, []).append(record)
    return {name: records for name, records in sections.items() if records}


def command_page(command: Any, context: Any) -> str:
    """Describe one command: what it does, its usage, and a table of each section of its options."""
    path = context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", inspect.cleandoc(command.help or ""), "", f"    {usage}", ""]
    for name, records in options(command, context).items():
        lines += [f"| {name} | |", "|---|---|"]
        lines += [f"| `{cell(option)}` | {cell(about)} |" for option, about in records]
        lines.append("")
    return "\n".join(lines)


def command_line() -> str:
    """Return the page of all commands."""
    group = get_command(app)
    context = group.make_context("radapt", ["--help"], resilient_parsing=True)
    pages = [command_page(*each) for each in commands(group, context)]
    about = "Made from the commands themselves; [what they do](../commands.md) is the shorter page."
    return "\n".join(["# Command line", "", about, "", *pages])


def declaration(name: str, thing: Any) -> str:
    """Return a function's arguments or a class's fields as they stand in the source."""
    source = textwrap.dedent(inspect.getsource(thing))
    node = ast.parse(source).body[0]
    if isinstance(node, ast.FunctionDef):
        result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        wanted = [ast.unparse(each) for each in (*node.args.posonlyargs, *node.args.args)]
        return f"{name}(\n" + _arguments(node.args, wanted) + f"){result}"
    assert isinstance(node, ast.ClassDef)
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    if not fields:
        return f"class {name}"
    lines = source.splitlines()[fields[0].lineno - 1 : fields[-1].end_lineno]
    return f"class {name}:\n" + "\n".join(
        re.sub(r"  # noqa: \w+", "", line) for line in lines if line.strip()
    )


def _arguments(arguments: ast.arguments, plain: list[str]) -> str:
    """Return a line for each argument, with its default."""
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = list(zip(plain, defaults, strict=True))
    if arguments.kwonlyargs:
        pairs.append(("*", None))
    names = map(ast.unparse, arguments.kwonlyargs)
    pairs += list(zip(names, arguments.kw_defaults, strict=True))
    written = [f"{name} = {ast.unparse(value)}" if value else name for name, value in pairs]
    written += [f"**{ast.unparse(arguments.kwarg)}"] if arguments.kwarg else []
    return "".join(f"    {each},\n" for each in written)


def prose(text: str) -> str:
    """Turn a docstring of NumPy's form into Markdown."""
    text = re.sub(r"(?m)^(\w[\w ]+)\n-{3,}$", r"**\1**\n", text)
    text = re.sub(r"(?m)^(\w[\w*, :|\[\]]*)\n    ", r"\n- `\1`: ", text)
    return "\n".join(f"  {line.strip()}" if line[:4] == "    " else line for line in text.splitlines())


def name_page(name: str) -> str:
    """Describe one public name: its address, its declaration, its docstring, and the methods of a class."""
    thing = getattr(radapt, name)
    code = f"```python\n{declaration(name, thing)}\n```"
    parts = [f"## {name}", f"From `{radapt.NAMES[name]}`.", code, prose(inspect.getdoc(thing) or "")]
    if members := list(members_of(thing)):
        parts += ["**Members**", "\n".join(members)]
    return "\n\n".join(parts)


def members_of(thing: Any) -> Iterator[str]:
    """Yield a line for each public method and property of a class."""
    bases = inspect.getmro(thing) if inspect.isclass(thing) else ()
    members: dict[str, Any] = {}
    for kind in reversed([base for base in bases if base in (Table, thing)]):
        members |= vars(kind)
    for name, value in members.items():
        about = inspect.getdoc(value if callable(value) else getattr(value, "fget", None))
        if name[0] != "_" and about and not isinstance(value, type):
            yield f"- `.{name}{'()' if callable(value) else ''}`: {about.split(chr(10) * 2)[0]}"


def python() -> str:
    """Return the page of the public names."""
    about = "Made from their docstrings; [from Python](../from_python.md) shows them at work."
    return "\n\n".join(["# Names in Python", about, *map(name_page, radapt.NAMES)])


def schemas() -> str:
    """Return the page that lists the JSON schemas."""
    about = "What each JSON document of radapt holds. Schemas refer to [common.json](../schemas/common.json)."
    rows = ["| document | schema |", "|---|---|"]
    for path in sorted((DOCS / "schemas").glob("*.json")):
        title = json.loads(path.read_text(encoding="utf-8"))["title"]
        rows.append(f"| {cell(title)} | [{path.name}](../schemas/{path.name}) |")
    return "\n".join(["# JSON schemas", "", about, "", *rows])


def write(folder: Path) -> None:
    """Write all pages of the reference into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in (("command_line", command_line), ("python", python), ("schemas", schemas)):
        (folder / f"{name}.md").write_text(page().rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(DOCS / "reference")
