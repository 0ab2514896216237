"""Lines of small print, as workstations burn them into images.

Characters are rendered with Pillow's default font, once per height, in cells of equal width.
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
BOLD = 1.5  # gain of the rendered characters: strokes thinner than a pixel would be grey
LONGEST = 16  # characters of a line
# patterns of lines: # is any digit, + is 1 to 9, ? is 0 to 2, any other character stands for itself
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

    characters: Tensor  # (n, lines, LONGEST) int64, indices into `CHARACTERS`; lines are padded with blanks
    height: int  # of a line, in pixels

    @property
    def width(self) -> int:
        """The width of a character in pixels."""
        return max(1, round(0.6 * self.height))


def random_lines(grain: NDArray[np.float64], lines: int) -> NDArray[np.int64]:
    """Return random lines of print, (n, lines, LONGEST), as indices into `CHARACTERS`.

    They look like dates, times, numbers and settings, and contain no names.
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
    """Draw print on two masks, in place: one of the letters, one of the boxes behind the lines.

    Parameters
    ----------
    masks
        The mask of the letters and that of the boxes, (n, height, width) each.
    block
        The text of each image.
    left, top
        Integer column and row of the upper left corner of each image's block, (n,).
    """
    letters, boxes = masks
    count, lines, _ = block.characters.shape
    cells = _cells(block.height, block.width).to(letters.device)[block.characters]
    rows = top[:, None, None] + torch.arange(lines * block.height, device=letters.device)[:, None]
    columns = left[:, None, None] + torch.arange(LONGEST * block.width, device=letters.device)
    shape = (count, lines * block.height, LONGEST * block.width)
    put(letters, columns, rows, cells.permute(0, 1, 3, 2, 4).reshape(shape))
    # the box ends at the last letter of a line
    last = (block.characters > 0).byte().flip(2).cummax(2).values.flip(2)
    box = last.repeat_interleave(block.width, 2).repeat_interleave(block.height, 1)
    put(boxes, columns, rows, box.to(letters.dtype))


@lru_cache(maxsize=64)
def _cells(height: int, width: int) -> Tensor:
    """Render each character, (characters, height, width), 0 to 1."""
    font = ImageFont.load_default(size=max(1.0, 0.8 * height))
    cells = []
    for character in CHARACTERS:
        cell = Image.new("L", (width, height))
        place = (width / 2, math.floor(0.82 * height))
        ImageDraw.Draw(cell).text(place, character, fill=255, font=font, anchor="ms")
        cells.append(np.minimum(1, np.asarray(cell, dtype=np.float32) * (BOLD / 255)))
    return torch.from_numpy(np.stack(cells))
