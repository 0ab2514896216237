"""Find the uniform borders of an image: collimation, a scanner's frame, black or white bars."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radapt.images.depth import values_of

Box = tuple[int, int, int, int]  # left, top, right, bottom, as Pillow has it

DETAIL = 256  # borders are searched in a picture reduced to about this shorter side
_EVEN = 0.13  # tolerance within a uniform line, as a share of the grey range in the centre of the picture
_NEARLY_ALL = 0.95  # share of a line that must be uniform; the rest may be a mark or a slanted edge
_MOST = 0.75  # the same for a line that crosses letters
_LETTERS = 0.08  # largest height of letters, as a share of the side
_EDGE = 0.03  # width of the edge at which a bright border must end, as a share of the side
_CONTRAST = 0.4  # contrast of that edge, as a share of the grey range


def inside_borders(picture: Image.Image) -> Box | None:
    """Return the box inside a picture's uniform borders; None if it has none.

    From each side, rows and columns are removed while nearly all of their pixels have nearly one level.
    Letters in a border are removed with it if it goes on behind them. A bright border has to end in an edge,
    since soft tissue may be uniformly white too. At most half of the height and half of the width is removed,
    and nothing if the centre of the picture has only one level.

    Parameters
    ----------
    picture
        A picture of mode "L" or "F".
    """
    scale = max(1, min(picture.size) // DETAIL)
    levels = values_of(picture.reduce(scale) if scale > 1 else picture)
    height, width = levels.shape
    centre = levels[height // 4 : -(-3 * height // 4) : 2, width // 4 : -(-3 * width // 4) : 2]
    dark, bright = (float(level) for level in np.percentile(centre, (1, 99)))
    if dark == bright:
        return None
    half = (picture.height // 2 // scale, picture.width // 2 // scale)
    off = [0, 0, 0, 0]  # lines removed at the top, bottom, left and right
    previous: list[int] = []
    while previous != off:  # a row may only be uniform once the bar beside it is removed
        previous = off.copy()
        for side in range(4):
            rest = levels[off[0] : height - off[1], off[2] : width - off[3]]
            lines = rest if side < 2 else rest.T
            room = half[side // 2] - sum(off[:2] if side < 2 else off[2:])
            off[side] += _depth(lines[::-1] if side % 2 else lines, room, dark, bright)
    if not any(off):
        return None
    top, bottom, left, right = (scale * line for line in (off[0], height - off[1], off[2], width - off[3]))
    return left, top, min(right, picture.width), min(bottom, picture.height)


def _depth(lines: NDArray[Any], room: int, dark: float, bright: float) -> int:
    """Return how many lines from the first on are a border, at most `room`."""
    tolerance = _EVEN * (bright - dark)
    depth = certain = 0
    level = dark
    while depth < room:
        here = _level(lines[depth], _NEARLY_ALL, tolerance)
        if here is None:
            behind = _behind_letters(lines, depth, min(room, depth + round(_LETTERS * len(lines))), tolerance)
            here = None if depth == 0 or behind == depth else _level(lines[behind], _NEARLY_ALL, tolerance)
            if here is None or abs(here - level) > tolerance:
                break
            depth = behind
        depth, level = depth + 1, here
        if level <= (dark + bright) / 2:
            certain = depth
    if certain == depth:
        return depth
    past = lines[min(len(lines) - 1, depth + max(2, round(_EDGE * len(lines))))].astype(np.float32)
    ends = np.mean(np.abs(past - level) > _CONTRAST * (bright - dark)) > 1 - _NEARLY_ALL
    return depth if ends else certain


def _behind_letters(lines: NDArray[Any], first: int, end: int, tolerance: float) -> int:
    """Return the first uniform line after lines that letters may cross; `first` if none before `end`."""
    for number in range(first, end):
        if _level(lines[number], _NEARLY_ALL, tolerance) is not None:
            return number
        if _level(lines[number], _MOST, tolerance) is None:
            break
    return first


def _level(line: NDArray[Any], share: float, tolerance: float) -> float | None:
    """Return the level near which this share of a line's pixels lies; None if there is none."""
    ordered = np.sort(line)
    last = int(np.ceil(share * len(line))) - 1
    spans = ordered[last:] - ordered[: len(line) - last]
    start = int(spans.argmin())
    if spans[start] > tolerance:
        return None
    return (float(ordered[start]) + float(ordered[start + last])) / 2
