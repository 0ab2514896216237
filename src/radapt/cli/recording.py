"""A command line as runs record it: as it was typed, but for the folders that its paths lie in."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAME_OR_FILE = frozenset({"shift", "augment", "protocol", "preset"})  # options that take a name or a .toml


def recorded(parser: Any, words: Sequence[str], values: Mapping[str, Any]) -> str:
    """Write a command line down.

    Parameters
    ----------
    parser
        The command that Typer has built, which knows the options of each subcommand.
    words
        What was typed behind `radapt`.
    values
        What the parser made of it, by the names of the subcommand's parameters: what is a path there is
        shortened, and nothing else.
    """
    rest, told = list(words), ["radapt"]
    while rest and rest[0] in getattr(parser, "commands", {}):
        parser = parser.commands[rest[0]]
        told.append(rest.pop(0))
    arguments = [each.name for each in parser.params if each.param_type_name == "argument"]
    options = {
        name: each
        for each in parser.params
        if each.param_type_name == "option"
        for name in (*each.opts, *each.secondary_opts)
    }
    while rest:
        word = rest.pop(0)
        name, mark, value = word.partition("=")
        if word == "--":  # arguments alone come behind it
            options = {}
            told.append(word)
        elif name not in options:
            told.append(_shown(word, arguments[0], values))
            arguments = arguments[1:] or arguments
        elif mark:
            told.append(f"{name}={_shown(value, options[name].name, values)}")
        else:
            told.append(name)
            if not options[name].is_flag:
                told.append(_shown(rest.pop(0), options[name].name, values))
    return shlex.join(told)


def _shown(text: str, name: str, values: Mapping[str, Any]) -> str:
    """Give what was typed for a parameter; of a path the last part, as Windows writes paths too."""
    value = values.get(name)
    one = value[0] if isinstance(value, list | tuple) and value else value
    if not isinstance(one, Path) and not (name in NAME_OR_FILE and text.lower().endswith(".toml")):
        return text
    return re.split(r"[/\\]", text.rstrip("/\\"))[-1] or text[:1]
