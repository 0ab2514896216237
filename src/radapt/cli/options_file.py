"""A file of a command's options: read for --config, and written into the folder that a command made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.artefacts import OPTIONS_FILE
from radapt.cli.printing import note
from radapt.cli.recording import shown
from radapt.errors import AskedWrongly, RadaptError, UnknownName

NOT_IN_FILES = ("quiet", "verbose", "log", "config")  # options of every command
LEAVING = ("train", "import", "adapt", "study", "demo", "stress")  # commands that leave such a file
_FIRST = "# The options of radapt"
_PATHS = (
    "# Paths are names only, without their folders: where they are not found from the working folder, edit\n"
    "# them here or give them on the command line, which comes first. --config reads this file."
)


def read_options(path: Path, parameters: Sequence[Any]) -> dict[str, Any]:
    """Read the options of a command from a file, as its parser takes defaults.

    Parameters
    ----------
    parameters
        The parameters of the command as its parser has them.

    Raises
    ------
    AskedWrongly
        If the file cannot be read, names an option that the command has not, or gives one what it does not
        take.
    """
    from radapt.files import read_toml

    known = {name_in_file(each.name, each.opts): each for each in parameters if each.name not in NOT_IN_FILES}
    values = {}
    for name, value in read_toml(path).items():
        if name in NOT_IN_FILES:
            raise AskedWrongly(
                f"{path} gives {name!r}, but quiet, verbose, log and config do not belong in a file: give "
                "them on the command line."
            )
        if name not in known:
            raise UnknownName(f"option in {path}", name, tuple(known))
        values[known[name].name] = _as_typed(value, known[name], f"{name!r} in {path}")
    return values


def _as_typed(value: Any, parameter: Any, where: str) -> Any:
    """Return a value as it is typed: a text, texts where several are taken, or whether a flag is set."""
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise AskedWrongly(f"{where} is true or false. Got {value!r}.")
        return value
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, bool | dict | list) for part in parts):
        raise AskedWrongly(f"{where} is a text, a number or a list of these. Got {value!r}.")
    texts = [str(part) for part in parts]
    several = getattr(parameter, "multiple", False) or parameter.nargs != 1
    if not all(map(str.strip, texts)) or not (texts or several):
        raise AskedWrongly(f"{where} is empty: give a value, or leave it out.")
    return texts if several else ",".join(texts)


def name_in_file(name: str, options: Sequence[str]) -> str:
    """Return the name of the long option without its dashes, or that of an argument."""
    long = [each.partition("/")[0].removeprefix("--") for each in options if each.startswith("--")]
    return long[0] if long else name.replace("_", "-")


def write_options(command: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Write all options of a finished command into its folder, if it is one that leaves them.

    Paths are cut to their last part. Options without a value stand there as comments, and so do those that
    TOML cannot hold. A file of the user's own is kept, and nothing that goes wrong here is an error.

    Parameters
    ----------
    command
        Its name on the command line.
    names
        The name of each option in the file, by its parameter.
    values
        What the command ran with, by parameter.
    """
    from radapt.files import write_text

    out = values.get("out")
    if command not in LEAVING or out is None:
        return
    lines = [f"{_FIRST} {command}.", _PATHS, *(_line(names[name], name, values) for name in names)]
    path = out / OPTIONS_FILE
    try:
        if out.is_dir() and (not path.exists() or path.read_text(encoding="utf-8").startswith(_FIRST)):
            write_text(path, "\n".join(lines) + "\n")
    except (RadaptError, OSError, UnicodeError) as error:
        note(f"The options of this command could not be written to {path}: {error}")


def _line(in_file: str, name: str, values: Mapping[str, Any]) -> str:
    value = values[name]
    if value is None:
        return f"# {in_file} ="
    written = _toml(value, name, values)
    return f"{in_file} = {written}" if _is_utf8(written) else f"# {in_file} = (not UTF-8)"


def check_out(out: Any) -> None:
    """Refuse, before any work is done, a path that libraries could not write files below.

    Raises
    ------
    AskedWrongly
        If it is a path, and its bytes are not UTF-8.
    """
    if isinstance(out, Path) and not _is_utf8(str(out.absolute())):
        raise AskedWrongly(f"The path of --out, {str(out)!r}, is not UTF-8: give one that is.")


def _is_utf8(text: str) -> bool:
    """Return whether a text has no bytes that Python could not decode."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _toml(value: Any, name: str, values: Mapping[str, Any]) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each, name, values) for each in value)}]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    from radapt.files import toml_text

    return toml_text(shown(str(value), name, values))
