"""Checks of a corruption's options: numbers in a range."""

from radapt.errors import AskedWrongly


def check_range(option: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Refuse an option that is out of range or not a number.

    Raises
    ------
    AskedWrongly
        If it is; the message names the range.
    """
    if not low <= value <= high:
        raise AskedWrongly(f"The option {option!r} is {low:g} to {high:g}{unit}. Got {value:g}.")
