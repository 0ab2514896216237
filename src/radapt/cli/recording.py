"""The command line as runs record it: as it was typed, but without the folders of its paths."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAME_OR_FILE = frozenset({"shift", "augment", "protocol", "preset"})  # options that take a name or a .toml
MODELS = frozenset({"model", "models"})  # options that take names of models, of which some are paths
_OWN_MODEL = re.compile(r"^(\s*(?:hf|onnx):)(.+)$", re.DOTALL)


def recorded(parser: Any, words: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return a command line as runs record it.

    Parameters
    ----------
    parser
        The command that Typer has built, which knows the options of each subcommand.
    words
        The arguments after `radapt`.
    values
        The parsed values, by the names of the subcommand's parameters. Paths among them are shortened to
        their last part, and nothing else is changed.
    """
    rest, line = list(words), ["radapt"]
    while rest and rest[0] in getattr(parser, "commands", {}):
        parser = parser.commands[rest[0]]
        line.append(rest.pop(0))
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
        if word == "--":  # only arguments follow it
            options = {}
            line.append(word)
        elif name not in options:
            line.append(shown(word, arguments[0], values))
            arguments = arguments[1:] or arguments
        elif mark:
            line.append(f"{name}={shown(value, options[name].name, values)}")
        else:
            line.append(name)
            if not options[name].is_flag:
                line.append(shown(rest.pop(0), options[name].name, values))
    return shlex.join(line)


def shown(text: str, name: str, values: Mapping[str, Any]) -> str:
    """Return the text of a parameter; of a path only its last part, also of a Windows path."""
    value = values.get(name)
    first = value[0] if isinstance(value, list | tuple) and value else value
    if isinstance(first, Path) or (name in NAME_OR_FILE and text.lower().endswith(".toml")):
        return _last_part(text)
    if name not in MODELS:
        return text
    parts = text.split(",") if name == "models" else [text]
    return ",".join(_OWN_MODEL.sub(lambda match: match[1] + _last_part(match[2]), part) for part in parts)


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or path[:1]
