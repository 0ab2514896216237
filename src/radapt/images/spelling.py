"""Names of classes that are nearly the same, as typing errors make them."""

import difflib
from collections.abc import Iterable, Mapping

from radapt.errors import AskedWrongly
from radapt.text import counted

FEW = 0.05  # of the images of the class it resembles: a class of fewer is taken for a typing error
ALIKE = 0.8  # of 1, how much alike two names have to be, by difflib


def check_spelling(names: Iterable[str]) -> None:
    """Refuse classes whose names differ by case or white space alone.

    Raises
    ------
    AskedWrongly
        If two do.
    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(" ".join(name.casefold().split()), name)
        if other != name:
            raise AskedWrongly(
                f"The classes {other!r} and {name!r} differ by case or white space alone. "
                "Write both alike if they are one class."
            )


def typing_errors(counts: Mapping[str, int]) -> list[str]:
    """Name classes of very few images beside a class that is spelled nearly the same, a sentence each."""
    found = []
    for name, count in counts.items():
        larger = [other for other in counts if other != name and count < FEW * counts[other]]
        near = difflib.get_close_matches(name.casefold(), [each.casefold() for each in larger], 1, ALIKE)
        if near:
            other = next(each for each in larger if each.casefold() == near[0])
            found.append(
                f"The class {name!r} has {counted(count, 'image')} and is spelled nearly as {other!r}: "
                "probably a typing error."
            )
    return found
