"""What can go wrong, each in one sentence that says what was given and what would work.

::

    RadaptError            could not: exit code 1
    ├── AskedWrongly       the request itself is off: exit code 2
    │   ├── UnknownName    a model, shift, strategy or class that there is none of
    │   └── WrongFolder    a folder that is missing, empty, or holds something else
    ├── BadImage           one file that could not be read as a radiograph
    ├── Stopped            from outside: exit code 130 by Ctrl-C, 143 by a request to end (SIGTERM)
    └── BadArtefact        a run, store or checkpoint that is damaged or not ours
"""

import difflib
from collections.abc import Iterable

from radapt.text import LONGEST, MOST_KNOWN, listed, shortened


class RadaptError(Exception):
    """Something that could not be done; its text is shown to the user, with no long word of others in it."""

    exit_code = 1

    def __init__(self, text: str = "") -> None:
        super().__init__(shortened(text))


class AskedWrongly(RadaptError):
    """A request that cannot be carried out as it was put."""

    exit_code = 2


class UnknownName(AskedWrongly):
    """A name that is not in the table it was looked up in."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names, given = sorted(set(known)), given[:LONGEST]
        lower = {name.lower(): name for name in names}
        near = [lower[name] for name in difflib.get_close_matches(given.lower(), lower, n=1)]
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {listed(names, most=MOST_KNOWN)}."
        super().__init__(f"There is no {kind} called {given!r}. {hint}")


class WrongFolder(AskedWrongly):
    """A folder that is missing, empty, or holds something else."""


class Stopped(RadaptError):
    """Someone asked for an end, by Ctrl-C or by SIGTERM.

    Parameters
    ----------
    kept
        Whether the work is one that goes on from where it was.
    code
        The exit code: 128 and the number of the signal.
    """

    exit_code = 130

    def __init__(self, *, kept: bool = True, code: int = 130) -> None:
        self.exit_code = code
        super().__init__(
            "Stopped. What was done is kept: the same command goes on from there."
            if kept
            else "Stopped. This command keeps nothing half done: the same command begins again."
        )


class BadImage(RadaptError):
    """One file that could not be read as a radiograph; the text is the reason alone."""


class BadArtefact(RadaptError):
    """A run, store or checkpoint that is damaged or was not written by radapt."""
