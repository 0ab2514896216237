"""Where the even borders of an image end: collimation, a scanner's frame, black or white bars."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.images.depth import values_of

Box = tuple[int, int, int, int]  # left, top, right, bottom, as Pillow has it

DETAIL = 256  # pixels of the shorter side at which borders are looked for
_EVEN = 0.13  # of the range of grey levels in its middle, which noise and a fading edge stay within
_NEARLY_ALL = 0.95  # of a line; the rest may be a mark, or the end of a border that is not quite straight
_MOST = 0.75  # of a line that crosses letters
_LETTERS = 0.08  # of a side: how high they may be
_EDGE = 0.03  # of a side, within which a bright border gives way
_CONTRAST = 0.4  # of that range, by which it does


def inside_borders(picture: Image.Image) -> Box | None:
    """Find what is left of a picture without its even borders; None if it has none.

    From each side, rows and columns are taken off while nearly all of their pixels are nearly of one level.
    Letters in a border go with it where it goes on behind them. A bright border has to end in an edge, since
    soft tissue too may be evenly white. No more than half of the height and half of the width is taken off,
    and nothing of a picture whose middle is nearly all of one level.

    Parameters
    ----------
    picture
        Of mode "L" or "F".
    """
    scale = max(1, min(picture.size) // DETAIL)
    levels = values_of(picture.reduce(scale) if scale > 1 else picture)
    height, width = levels.shape
    middle = levels[height // 4 : -(-3 * height // 4) : 2, width // 4 : -(-3 * width // 4) : 2]
    dark, bright = (float(level) for level in np.percentile(middle, (1, 99)))
    if dark == bright:
        return None
    half = (picture.height // 2 // scale, picture.width // 2 // scale)
    off = [0, 0, 0, 0]  # lines taken off at the top, the bottom, the left and the right
    before: list[int] = []
    while before != off:  # a row may only be even without the bar beside it
        before = off.copy()
        for side in range(4):
            rest = levels[off[0] : height - off[1], off[2] : width - off[3]]
            lines = rest if side < 2 else rest.T
            room = half[side // 2] - sum(off[:2] if side < 2 else off[2:])
            off[side] += _depth(lines[::-1] if side % 2 else lines, room, dark, bright)
    if not any(off):
        return None
    top, bottom, left, right = (scale * each for each in (off[0], height - off[1], off[2], width - off[3]))
    return left, top, min(right, picture.width), min(bottom, picture.height)


def _depth(lines: NDArray[Any], room: int, dark: float, bright: float) -> int:
    """Count the lines, from the first on, that are a border; no more than there is room for."""
    even = _EVEN * (bright - dark)
    depth = sure = 0
    level = dark
    while depth < room:
        here = _level(lines[depth], _NEARLY_ALL, even)
        if here is None:
            behind = _behind_letters(lines, depth, min(room, depth + round(_LETTERS * len(lines))), even)
            here = None if depth == 0 or behind == depth else _level(lines[behind], _NEARLY_ALL, even)
            if here is None or abs(here - level) > even:
                break
            depth = behind
        depth, level = depth + 1, here
        if level <= (dark + bright) / 2:
            sure = depth
    if sure == depth:
        return depth
    past = lines[min(len(lines) - 1, depth + max(2, round(_EDGE * len(lines))))].astype(np.float32)
    ends = np.mean(np.abs(past - level) > _CONTRAST * (bright - dark)) > 1 - _NEARLY_ALL
    return depth if ends else sure


def _behind_letters(lines: NDArray[Any], first: int, end: int, even: float) -> int:
    """Give the first even line after those that letters may cross; `first` if there is none before `end`."""
    for number in range(first, end):
        if _level(lines[number], _NEARLY_ALL, even) is not None:
            return number
        if _level(lines[number], _MOST, even) is None:
            break
    return first


def _level(line: NDArray[Any], share: float, even: float) -> float | None:
    """Give the level that such a share of a line's pixels is near to; None if there is none."""
    ordered = np.sort(line)
    more = int(np.ceil(share * len(line))) - 1
    spans = ordered[more:] - ordered[: len(line) - more]
    start = int(spans.argmin())
    if spans[start] > even:
        return None
    return (float(ordered[start]) + float(ordered[start + more])) / 2
