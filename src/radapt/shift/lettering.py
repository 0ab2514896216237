"""Lettering: lines of small print as machines burn them into images, pasted as pixels.

The print is that of Pillow's own font, drawn once for each height and set in cells of one width.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from radapt.shift.noise_fields import uniforms
from radapt.shift.painting import put

CHARACTERS = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ./:-"
BOLD = 1.5  # small print is thinner than a pixel, and would be grey
LONGEST = 16  # characters of a line
# what lines look like: # is any digit, + one that is not 0, ? is 0 to 2, all else stands for itself
LINES = (
    "?+.0+.20?#",
    "1#:4#:3#",
    "20?#-0+-?+",
    "ID +######",
    "ACC +####-##",
    "KV 1## MAS +",
    "SN +##-#### A",
    "IM +/# SE 1",
    "DAP +.## EI ###",
    "PA ERECT +##",
)


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """Blocks of print, one for each image."""

    characters: Tensor  # (n, lines, LONGEST) int64, places in `CHARACTERS`; a line is filled up with blanks
    height: int  # pixels of a line

    @property
    def width(self) -> int:
        """The pixels of a character."""
        return max(1, round(0.6 * self.height))


def random_lines(grain: NDArray[np.float64], lines: int) -> NDArray[np.int64]:
    """Make up lines of print from each image's grain, (n, lines, LONGEST) places in `CHARACTERS`.

    They look like dates, times, numbers and settings, and name nobody.
    """
    chance = uniforms(grain, lines, LONGEST + 1, torch.device("cpu")).numpy()
    patterns = np.array([list(line.ljust(LONGEST)) for line in LINES])
    chosen = patterns[(chance[:, :, 0] * len(LINES)).astype(np.int64)]
    printed = np.array([CHARACTERS.find(character) for character in chosen.ravel()]).reshape(chosen.shape)
    zero = CHARACTERS.index("0")
    for sign, least, kinds in (("#", 0, 10), ("+", 1, 9), ("?", 0, 3)):
        drawn = zero + least + (kinds * chance[:, :, 1:]).astype(np.int64)
        printed = np.where(chosen == sign, drawn, printed)
    return printed


def paste(masks: tuple[Tensor, Tensor], block: Print, left: Tensor, top: Tensor) -> None:
    """Paste print on two masks, in place: on one the letters, on the other the boxes behind the lines.

    Parameters
    ----------
    masks
        Of the letters and of the boxes, (n, height, width) each.
    block
        What is printed.
    left, top
        The whole pixel where each image's block begins, (n,).
    """
    letters, boxes = masks
    count, lines, _ = block.characters.shape
    cells = _cells(block.height, block.width).to(letters.device)[block.characters]
    rows = top[:, None, None] + torch.arange(lines * block.height, device=letters.device)[:, None]
    columns = left[:, None, None] + torch.arange(LONGEST * block.width, device=letters.device)
    shape = (count, lines * block.height, LONGEST * block.width)
    put(letters, columns, rows, cells.permute(0, 1, 3, 2, 4).reshape(shape))
    # up to the last letter of a line
    last = (block.characters > 0).byte().flip(2).cummax(2).values.flip(2)
    box = last.repeat_interleave(block.width, 2).repeat_interleave(block.height, 1)
    put(boxes, columns, rows, box.to(letters.dtype))


@lru_cache(maxsize=64)
def _cells(height: int, width: int) -> Tensor:
    """Draw every character in a cell of its own, (characters, height, width), 0 to 1."""
    font = ImageFont.load_default(size=max(1.0, 0.8 * height))
    cells = []
    for character in CHARACTERS:
        cell = Image.new("L", (width, height))
        place = (width / 2, math.floor(0.82 * height))
        ImageDraw.Draw(cell).text(place, character, fill=255, font=font, anchor="ms")
        cells.append(np.minimum(1, np.asarray(cell, dtype=np.float32) * (BOLD / 255)))
    return torch.from_numpy(np.stack(cells))
