"""A program in a file that maps images to tensors, however it was saved, and how its failures are put."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class SavedProgram:
    """A program from a file, opened."""

    run: Callable[[Tensor], dict[str, Tensor]]  # images (n, c, h, w), float32, to its outputs by name
    shape: tuple[int | None, ...]  # of its input (n, c, h, w); None for what is open or not told


def last_words(error: Exception) -> str:
    """Return the last line of an error's text, where PyTorch gives the reason, without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
