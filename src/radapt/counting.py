"""Numbers with their nouns, and numbers that somebody has written."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write `1 film`, `2 films`, `1,200 films`; `plural` is for nouns that take no plain s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def whole_number(text: str) -> int | None:
    """Read a whole number of 18 digits at most; None where there is none, or digits without end."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= 18 else None
