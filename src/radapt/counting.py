"""Numbers with their nouns, and numbers that somebody has written."""

from collections.abc import Mapping


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write `1 film`, `2 films`, `1,200 films`; `plural` is for nouns that take no plain s."""
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
