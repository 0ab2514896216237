"""Find class names that are almost the same, probably typing errors."""

import difflib
from collections.abc import Iterable, Mapping

from radapt.errors import AskedWrongly
from radapt.text import counted

MAX_SHARE = 0.05  # a class with a smaller share of the similar class's images is a probable typing error
MIN_SIMILARITY = 0.8  # of two names, by difflib, 0 to 1


def check_spelling(names: Iterable[str]) -> None:
    """Refuse classes whose names differ by case or white space alone.

    Raises
    ------
    AskedWrongly
        If two names do.
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
    """Return a sentence for each class of very few images whose name is similar to a larger class's."""
    sentences = []
    for name, count in counts.items():
        larger = [other for other in counts if other != name and count < MAX_SHARE * counts[other]]
        near = difflib.get_close_matches(
            name.casefold(), [each.casefold() for each in larger], 1, MIN_SIMILARITY
        )
        if near:
            other = next(each for each in larger if each.casefold() == near[0])
            sentences.append(
                f"The class {name!r} has {counted(count, 'image')} and is spelled nearly as {other!r}: "
                "probably a typing error."
            )
    return sentences
