"""What holds of the options of every corruption."""

import pytest
import torch
from samples import random_pixels

from radapt.errors import AskedWrongly
from radapt.shift.counter_rng import image_keys
from radapt.shift.expression import parse_shift

KEYS = image_keys([f"image-{number}" for number in range(64)])


def check_neutral(text: str, size: tuple[int, int]) -> None:
    """Check that a shift changes no bit of an image of this size."""
    shift, pixels = parse_shift(text), random_pixels(8, *size)
    assert torch.equal(shift.apply(pixels, shift.draw(KEYS[:8], 0)), pixels)


def check_refused(text: str) -> None:
    """Check that an option out of its range is refused, in a sentence that names the range."""
    with pytest.raises(AskedWrongly, match=f"^{text.partition('(')[0]}: The option '.*' is .* to "):
        parse_shift(text)
