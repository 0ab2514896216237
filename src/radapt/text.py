"""Numbers with their nouns, and names that others have written, cut to what a terminal can bear."""

import re
from collections.abc import Iterable, Mapping


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write `1 image`, `2 images`, `1,200 images`; `plural` is for nouns that take no plain s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def whole_number(text: str) -> int | None:
    """Read a whole number of 18 digits at most; None where there is none, or digits without end."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def passed_over(endings: Mapping[str, int]) -> str:
    """Write how many files of which ending there are, as `3 .txt, 1 .mp4`."""
    return ", ".join(
        f"{count:,} {'without an ending' if ending == 'no ending' else ending}"
        for ending, count in endings.items()
    )


def reasons(left_out: Mapping[str, int]) -> str:
    """Write how many images were left out for which reason, as `no such file (3), no label (1)`."""
    return ", ".join(f"{reason} ({count:,})" for reason, count in left_out.items())


MOST_NAMED, LONGEST_NAME = 8, 40  # names that a refusal repeats, and letters of each

MOST_KNOWN = 80  # of names that would have worked

LONGEST, LONGEST_REFUSAL = 200, 2000  # characters of one given text, and of all that is said

_LONG = re.compile(
    rf"(?<!\w)'(?:[^'\\]|\\.){{{LONGEST},}}'(?!\w)|(?<!\w)\"(?:[^\"\\]|\\.){{{LONGEST},}}\"(?!\w)"
    rf"|\S{{{LONGEST + 1},}}"
)


def visible(text: str) -> str:
    r"""Write what is no printable character (escape codes, line ends, overrides of direction) as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(names: Iterable[str], most: int = MOST_NAMED) -> str:
    """Give names as a refusal repeats them: `most` of them, none of them long."""
    names = list(names)
    some = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..." for name in names[:most]]
    more = len(names) - len(some)
    return ", ".join(some) + (f" and {more:,} more" if more else "")


def shortened(text: str) -> str:
    """Give a sentence with no word or quotation of more than 200 characters, nor more than 2,000 in all."""
    return _cut(_LONG.sub(lambda found: _cut(found[0], LONGEST), text), LONGEST_REFUSAL)


def _cut(text: str, most: int) -> str:
    """Leave the middle out of a text that is too long: a path is told by both its ends."""
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - 3]}...{text[-end:]}"
