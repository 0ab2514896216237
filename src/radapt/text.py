"""Format counts for sentences, and shorten and escape untrusted names for messages."""

import re
from collections.abc import Iterable, Mapping, Sequence


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 image`, `2 images`, `1,200 images`; give `plural` for nouns that do not just add an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def whole_number(text: str) -> int | None:
    """Parse a whole number of at most 18 digits; None if the text is not one."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def passed_over(endings: Mapping[str, int]) -> str:
    """Return the number of files per ending, as `3 .txt, 1 .mp4`."""
    return ", ".join(
        f"{count:,} {'without an ending' if ending == 'no ending' else ending}"
        for ending, count in endings.items()
    )


def reasons(left_out: Mapping[str, int]) -> str:
    """Return the number of images per reason for leaving them out, as `no such file (3), no label (1)`."""
    return ", ".join(f"{reason} ({count:,})" for reason, count in left_out.items())


MAX_NAMED, LONGEST_NAME = 8, 40  # names listed in an error message, and characters of each

MAX_KNOWN = 80  # valid names listed in an error message

LONGEST, LONGEST_REFUSAL = 200, 2000  # characters of one word or quotation, and of a whole message

_LONG = re.compile(
    rf"(?<!\w)'(?:[^'\\]|\\.){{{LONGEST},}}'(?!\w)|(?<!\w)\"(?:[^\"\\]|\\.){{{LONGEST},}}\"(?!\w)"
    rf"|\S{{{LONGEST + 1},}}"
)


def visible(text: str) -> str:
    r"""Escape unprintable characters (control codes, line ends, direction overrides), as in `\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(names: Iterable[str], limit: int = MAX_NAMED) -> str:
    """Return names joined for an error message: at most `limit` of them, each at most 40 characters."""
    names = list(names)
    some = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..." for name in names[:limit]]
    more = len(names) - len(some)
    return ", ".join(some) + (f" and {more:,} more" if more else "")


def joined(names: Iterable[str], last: str = "and") -> str:
    """Return names joined for a page: `a`, `a and b`, `a, b and c`."""
    *rest, end = names
    return f"{', '.join(rest)} {last} {end}" if rest else end


def shortened(text: str) -> str:
    """Return a message cut to 200 characters per word or quotation, and to 2,000 in all."""
    return cut_middle(_LONG.sub(lambda match: cut_middle(match[0], LONGEST), text), LONGEST_REFUSAL)


def cut_middle(text: str, limit: int) -> str:
    """Cut a text to `limit` characters by leaving out its middle, since both ends of a path matter."""
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3]}...{text[-end:]}"


def told_apart(names: Sequence[str], limit: int, instead: Sequence[str]) -> list[str]:
    """Return names cut to `limit` characters; those of `instead` where two of them would be the same."""
    cut = [cut_middle(name, limit) for name in names]
    return cut if len(set(cut)) == len(cut) else list(instead)
