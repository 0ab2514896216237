"""The options of every command: how much it prints, where it logs, and a file of options."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from radapt.artefacts import OPTIONS_FILE
from radapt.cli.options_file import LEAVING, check_out, name_in_file, read_options, write_options
from radapt.cli.sections import OTHER
from radapt.text import joined


def _read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options of a file as defaults: those on the command line come before them."""
    if path is not None:
        context.default_map = {**(context.default_map or {}), **read_options(path, context.command.params)}
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
        help="Append what is printed to this file, each line with its time: results, warnings, progress and "
        "the sentence that ends a command which fails or is stopped, but no JSON. Without it to none.",
        rich_help_panel=OTHER,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Read options from this .toml file, by the names that they have here; arguments and options on "
        f"the command line come first. In the folder of --out, {joined(LEAVING)} leave theirs as "
        f"{OPTIONS_FILE}, with paths cut to their last part: give those again. Without it: no file is read.",
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


def with_common_options(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command to the command of this name, which need not know of them.

    When it has finished, its options are written into its folder.
    """
    signature = inspect.signature(command)
    added = [
        inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for each, (kind, default) in OPTIONS.items()
    ]
    names = {key: _name_of(each) for key, each in signature.parameters.items()}
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        own_values = {key: value for key, value in values.items() if key not in OPTIONS}
        check_out(own_values.get("out"))
        with _naming_the_file(values["config"]):
            command(**own_values)
        write_options(name, names, own_values)

    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
    return run


@contextmanager
def _naming_the_file(config: Path | None) -> Iterator[None]:
    """Say of a path that was not found that a file of options gave it, which knows no folders.

    Raises
    ------
    AskedWrongly
        If a path is not there that the command took from the file, and the command failed for it.
    """
    from radapt.errors import AskedWrongly, WrongFolder

    try:
        yield
    except (AskedWrongly, WrongFolder) as error:
        for path in () if config is None else _paths_in(config):
            if str(error).startswith("There is no ") and f" {path}." in str(error):
                raise AskedWrongly(
                    f"{error} {config} gives {path}, and may name it without its folder: give the path on "
                    "the command line, or edit it there."
                ) from None
        raise


def _paths_in(config: Path) -> Iterator[Path]:
    """Yield the texts in a file of options as the paths that some of them are."""
    from radapt.files import read_toml

    for value in read_toml(config).values():
        several = value if isinstance(value, list) else [value]
        yield from (Path(each) for each in several if isinstance(each, str) and each)


def _name_of(parameter: inspect.Parameter) -> str:
    """Return the name that a parameter of a command has in a file."""
    declared = getattr(parameter.annotation, "__metadata__", ())
    return name_in_file(parameter.name, [option for each in declared for option in each.param_decls or ()])
