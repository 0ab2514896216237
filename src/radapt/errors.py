"""Exceptions; the text of each is one sentence: the value given, and what would work instead.

::

    RadaptError            something failed: exit code 1
    ├── AskedWrongly       the request is invalid: exit code 2
    │   ├── UnknownName    the name of a model, shift, strategy or class that does not exist
    │   └── WrongFolder    a folder that is missing, empty, or has other contents
    ├── BadImage           a file that could not be read as a radiograph
    ├── Stopped            interrupted: exit code 130 by Ctrl-C, 143 by SIGTERM
    └── BadArtefact        a run, store or checkpoint that is damaged or not from radapt
"""

import difflib
from collections.abc import Iterable
from importlib import import_module

from radapt.text import LONGEST, MAX_KNOWN, listed, shortened


class RadaptError(Exception):
    """Base of all errors; the text is shown to the user, with long words and quotations cut."""

    exit_code = 1

    def __init__(self, text: str = "") -> None:
        super().__init__(shortened(text))


class AskedWrongly(RadaptError):
    """An invalid request: the user has to change it."""

    exit_code = 2


class UnknownName(AskedWrongly):
    """An unknown name; the text suggests the nearest known one, or lists all."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names, name = sorted(set(known)), name[:LONGEST]
        lower = {other.lower(): other for other in names}
        near = [lower[other] for other in difflib.get_close_matches(name.lower(), lower, n=1)]
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {listed(names, limit=MAX_KNOWN)}."
        super().__init__(f"There is no {kind} called {name!r}. {hint}")


class WrongFolder(AskedWrongly):
    """A folder that is missing, empty, or has other contents than needed."""


class Stopped(RadaptError):
    """The user or the system interrupted the command, by Ctrl-C or SIGTERM.

    Parameters
    ----------
    kept
        Whether the same command resumes from where it was interrupted.
    code
        The exit code: 128 plus the number of the signal.
    """

    exit_code = 130

    def __init__(self, *, kept: bool = True, code: int = 130) -> None:
        self.exit_code = code
        super().__init__(
            "Stopped. What was done is kept: the same command goes on from there."
            if kept
            else "Stopped. This command keeps no unfinished work: given again, it starts from the beginning."
        )


class BadImage(RadaptError):
    """A file that could not be read as a radiograph; the text is the reason, without the path."""


class BadArtefact(RadaptError):
    """A run, store or checkpoint that is damaged or was not written by radapt."""


def check_installed(packages: Iterable[str], needs: str) -> None:
    """Check that optional packages can be imported.

    Parameters
    ----------
    packages
        The names that they are imported by.
    needs
        The sentence for the user: what needs them, and how to install them.

    Raises
    ------
    AskedWrongly
        If one is missing.
    """
    try:
        for package in packages:
            import_module(package)
    except ImportError:
        raise AskedWrongly(needs) from None
