"""The options of every command: how much it prints, where it logs, and a file of options."""

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.cli.sections import OTHER

CONFIG = "config.toml"  # the options of a command, in the folder that it writes


def _read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options of a file as defaults: those on the command line come before them."""
    if path is not None:
        context.default_map = {**(context.default_map or {}), **config_values(path, context.command.params)}
    return path


Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print no progress: only results and warnings.", rich_help_panel=OTHER
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Print a line for every part of the work.", rich_help_panel=OTHER),
]
Log = Annotated[
    Path | None,
    typer.Option(
        "--log",
        help="Append all that is printed to this file, each line with its time; without it to none.",
        rich_help_panel=OTHER,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Read options from this .toml file, by the names that they have here; options that are given on "
        f"the command line come first. A command that writes a folder leaves its own there, {CONFIG}.",
        callback=_read_config,
        is_eager=True,
        rich_help_panel=OTHER,
    ),
]
OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "quiet": (Quiet, False),
    "verbose": (Verbose, False),
    "log": (Log, None),
    "config": (Config, None),
}


def with_common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command to a command, which need not know of them."""
    signature = inspect.signature(command)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in OPTIONS.items()
    ]
    names = {name: _name_in_file(name, each.annotation) for name, each in signature.parameters.items()}
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        from radapt.cli.printing import printing

        own_values = {name: value for name, value in values.items() if name not in OPTIONS}
        with printing(quiet=values["quiet"], verbose=values["verbose"], log=values["log"]):
            command(**own_values)
            write_config({names[name]: value for name, value in own_values.items()})

    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
    return run


def config_values(path: Path, parameters: list[Any]) -> dict[str, Any]:
    """Read the options of a command from a file.

    Parameters
    ----------
    parameters
        The parameters of the command as its parser has them.

    Raises
    ------
    AskedWrongly
        If the file cannot be read, or names an option that the command has not.
    """
    from radapt.errors import UnknownName
    from radapt.files import read_toml

    names = {_of_options(each.name, each.opts): each.name for each in parameters if each.name not in OPTIONS}
    values = {}
    for name, value in read_toml(path).items():
        if name not in names:
            raise UnknownName(f"option in {path}", name, tuple(names))
        values[names[name]] = value
    return values


def _name_in_file(name: str, annotation: Any) -> str:
    """Return the name that a parameter of a command has in a file."""
    declared = getattr(annotation, "__metadata__", ())
    return _of_options(name, [option for each in declared for option in each.param_decls or ()])


def _of_options(name: str, options: Sequence[str]) -> str:
    """Return the name of the long option without its dashes, or that of an argument."""
    long = [each.partition("/")[0].removeprefix("--") for each in options if each.startswith("--")]
    return long[0] if long else name.replace("_", "-")


def write_config(values: Mapping[str, Any]) -> None:
    """Write all options of a command into the folder that it has written, if it has written one.

    Options without a value stand there as comments.
    """
    from radapt.files import write_text

    out = values.get("out")
    if isinstance(out, Path) and out.is_dir():
        lines = [
            f"{name} = {_toml(value)}" if value is not None else f"# {name} ="
            for name, value in values.items()
        ]
        write_text(out / CONFIG, "\n".join(lines) + "\n")


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value), ensure_ascii=False)
