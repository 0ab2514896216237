"""Preprocessing as operations on tensors: raw grey images of any size to the pixels that a model takes.

Pillow resizes 8-bit images in whole numbers: averages of blocks first, where an image is at least four times
as large as is asked, then triangle weights of 22 bits along each axis, rounded after each. The same numbers
come out here, so that a file that carries these operations needs neither Pillow nor radapt. All sizes are
taken from the tensor, so that they stay open where the module is exported. Numbers are divided by tensors
as tensors: PyTorch would multiply by one over the tensor instead, which rounds otherwise.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from radapt.errors import AskedWrongly
from radapt.images.preprocessing import Preprocessing

GAP = 2  # blocks are averaged to no less than this many times the size, as `radapt.images.pixels` asks
LARGEST = 4  # times the size: no averaged image has longer sides
SHARES = 2.0**22  # of which a weight is a whole number
RECIPROCAL = 2.0**24  # the same for one over the number of pixels in a block
BISECTIONS = 8  # which find one of 256 grey levels
CLIPPED = 5  # pixels of a thousand that "percentile" clips at each end


def check_expressible(reading: Preprocessing) -> None:
    """Refuse a preprocessing that cannot be carried by a file.

    Raises
    ------
    AskedWrongly
        If it trims borders, or keeps the size of each image.
    """
    if reading.trim:
        raise AskedWrongly(
            "This model reads images with --trim, a search for their borders that a file of ONNX or "
            "torch.export cannot hold: use it in radapt, or train a model without --trim and export that."
        )
    if reading.size is None:
        raise AskedWrongly("A model is exported for images of one size. Got one that keeps their own.")


class Preparation(nn.Module):
    """Raw grey images of any size to a model's own pixels, as `radapt.images.pixels.fitted` does it.

    Raises
    ------
    AskedWrongly
        As `check_expressible`.
    """

    def __init__(self, reading: Preprocessing) -> None:
        super().__init__()
        check_expressible(reading)
        self.size = reading.size or 0
        self.pads = reading.resize == "pad"
        self.spreads = reading.intensity == "percentile"

    def forward(self, images: Tensor, prepared: Tensor | None = None) -> Tensor:
        """Map grey levels (n, 1, h, w), uint8, to whole grey levels (n, size, size), float32.

        Parameters
        ----------
        prepared
            Whether these are a model's own pixels already, a bool (); needed where percentiles are spread,
            since they would be spread twice. Of a model's own size no resizing changes any.
        """
        levels = images[:, 0]
        if self.spreads:
            spread = spread_percentiles(levels)
            levels = spread if prepared is None else torch.where(prepared, levels, spread)
        height, width = (_number(length) for length in levels.shape[1:])
        fits = (height == self.size) & (width == self.size)
        return _either(fits, self._as_they_are, self._resized, (levels,))

    def _as_they_are(self, levels: Tensor) -> Tensor:
        """Return images of the model's own size; the places say so to whoever traces the sizes."""
        places = torch.arange(self.size)
        rows, columns = (places.clamp(max=length - 1) for length in levels.shape[1:])
        return levels[:, rows][:, :, columns].float()

    def _resized(self, levels: Tensor) -> Tensor:
        """Resize images (n, h, w), centred on black."""
        height, width = (_number(length) for length in levels.shape[1:])
        tall = wide = torch.full_like(width, self.size)
        if self.pads:
            scale = tall / torch.maximum(height, width)
            tall, wide = ((each * scale).round().clamp(min=1) for each in (height, width))
        down, right = (
            (side / new / GAP).floor().clamp(min=1) for side, new in ((height, tall), (width, wide))
        )
        sums, columns = _blocks(levels, width, right, self.size)
        sums, rows = _blocks(sums.transpose(1, 2), height, down, self.size)
        counts = rows[:, None] * columns
        whole = (RECIPROCAL / counts.clamp(min=1)).floor()
        means = ((sums.transpose(1, 2) + (counts / 2).floor()) * whole / RECIPROCAL).floor()
        height, width = ((height / down).float().double(), (width / right).float().double())
        vertical = _weights(height, tall, means.shape[1], self.size)
        horizontal = _weights(width, wide, means.shape[2], self.size).T
        shrinks = height.ceil() - tall
        rows_first = (shrinks > 0) & (shrinks > 2 * (width.ceil() - wide))
        return _either(rows_first, _rows_first, _rows_last, (means, vertical, horizontal)).float()


def _rows_first(means: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    return _rounded(_rounded(vertical @ means) @ horizontal)


def _rows_last(means: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    return _rounded(vertical @ _rounded(means @ horizontal))


def _either(
    condition: Tensor, one: Callable[..., Tensor], other: Callable[..., Tensor], given: tuple[Tensor, ...]
) -> Tensor:
    """Return what one or the other function makes of tensors; an exported program holds both."""
    if torch.compiler.is_exporting():
        chosen: Tensor = torch.cond(condition, one, other, given)
        return chosen
    return one(*given) if bool(condition) else other(*given)


def _number(length: int) -> Tensor:
    return torch.scalar_tensor(length, dtype=torch.float64)


def _blocks(levels: Tensor, length: Tensor, factor: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return sums (n, r, blocks) of blocks of `factor` along the last axis, and how long each block is."""
    blocks = torch.arange(torch.sym_min(levels.shape[2], LARGEST * size), dtype=torch.float64)
    starts, ends = (torch.minimum(each * factor, length) for each in (blocks, blocks + 1))
    until = functional.pad(levels.to(torch.int32).cumsum(2, dtype=torch.int32), (1, 0))
    return until[:, :, ends.long()] - until[:, :, starts.long()], ends - starts


def _weights(length: Tensor, inner: Tensor, columns: int, size: int) -> Tensor:
    """Return the triangle's weights (size, columns) that bring `length` pixels to `inner`, centred.

    Whole numbers of which a row adds up to about `SHARES`; rows outside `inner`, and columns from `length`
    on, are 0.
    """
    scale = length / inner
    rows = torch.arange(size, dtype=torch.float64) - ((size - inner) / 2).floor()
    places = torch.arange(columns, dtype=torch.float64)
    away = places - ((rows + 0.5) * scale).unsqueeze(1) + 0.5
    shares = (1 - (away * (1 / scale.clamp(min=1))).abs()).clamp(min=0)
    used = ((rows >= 0) & (rows < inner)).unsqueeze(1) & (places < length.ceil())
    shares = torch.where(used, shares, 0.0)
    return (shares / shares.sum(1, keepdim=True).clamp(min=1e-9) * SHARES + 0.5).floor()


def _rounded(sums: Tensor) -> Tensor:
    """Return whole grey levels of weighted sums."""
    return ((sums + SHARES / 2) / SHARES).floor().clamp(0, 255)


def spread_percentiles(levels: Tensor) -> Tensor:
    """Spread the grey levels of images (n, h, w), uint8, as `intensity="percentile"` does."""
    flat = levels.flatten(1)
    total = torch.scalar_tensor(flat.shape[1], dtype=torch.int64)
    beyond = total * CLIPPED // 1000
    low, high = _reached(flat, beyond + 1), _reached(flat, total - beyond)
    whole = low == high
    low = torch.where(whole, flat.amin(1), low)
    high = torch.where(whole, flat.amax(1), high)
    span = (high.double() - low.double())[:, None, None]
    factor = torch.where(span > 0, torch.full_like(span, 255) / span.clamp(min=1), 0.0).float()
    return ((levels.float() - low.float()[:, None, None]) * factor).round().clamp(0, 255).to(torch.uint8)


def _reached(flat: Tensor, count: Tensor) -> Tensor:
    """Return for each row (n, pixels) the lowest grey level that as many pixels do not exceed."""
    low, high = (
        torch.zeros_like(flat[:, 0], dtype=torch.int32),
        torch.full_like(flat[:, 0], 255, dtype=torch.int32),
    )
    for _ in range(BISECTIONS):
        middle = (low + high) // 2
        enough = (flat <= middle.unsqueeze(1)).sum(1) >= count
        low, high = torch.where(enough, low, middle + 1), torch.where(enough, middle, high)
    return high
