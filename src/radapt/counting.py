"""Numbers with their nouns."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write `1 film`, `2 films`, `1,200 films`; `plural` is for nouns that take no plain s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
