"""Find class names that are almost the same, probably typing errors."""

import difflib
from collections.abc import Mapping

from radapt.errors import AskedWrongly
from radapt.text import counted

MAX_SHARE = 0.05  # a class with a smaller share of the similar class's images is a probable typing error
MIN_SIMILARITY = 0.8  # of two names, by difflib, 0 to 1


def refuse_lone_image(counts: Mapping[str, int]) -> None:
    """Refuse a third class of one single image, which is probably a typing error.

    Raises
    ------
    AskedWrongly
        If there is one beside two or more classes of several images.
    """
    lone = [name for name, count in counts.items() if count == 1]
    if lone and sum(count > 1 for count in counts.values()) >= 2:
        near = difflib.get_close_matches(lone[0], [name for name in counts if name not in lone], 1, 0.0)
        raise AskedWrongly(
            f"The class {lone[0]!r} has one image, so it is probably a typing error. "
            f"Leave it out with drop (--drop {lone[0]!r}), or name the class that it is of with classes "
            f"(--classes '{lone[0]}={near[0]}')."
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
