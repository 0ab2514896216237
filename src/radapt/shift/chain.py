"""Corruptions applied one after the other.

All geometric corruptions of a chain are composed into one matrix, in their order, and applied first, wherever
they stand in the chain. So an image is resampled once, and noise or compression is never blurred by a
movement. Neighbouring intensity corruptions are applied together, by one look-up table. What comes in from
beyond the image's edge is black, as on a display or behind a collimator; only `original` repeats the nearest
edge pixel, as Keras did. A corruption that paints this border itself does so at its place in the chain, moved
by all movements after it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.shift import geometry
from radapt.shift.corruption import (
    BorderCorruption,
    Corruption,
    GeometricCorruption,
    IntensityCorruption,
    PixelCorruption,
    SelectionCorruption,
)
from radapt.shift.counter_rng import derived_seed, uniform
from radapt.shift.draws import Draws, check_draws, rows_of
from radapt.shift.original import OriginalShift
from radapt.shift.painting import beyond, brings_in, covered

LEVELS = 256


@dataclass(frozen=True, slots=True)
class Chain:
    """Corruptions, in the order in which they are applied; without any, the identity."""

    corruptions: tuple[Corruption, ...] = ()

    def __str__(self) -> str:
        return " + ".join(map(written, self.corruptions)) or "nothing"

    def __add__(self, other: "Chain") -> "Chain":
        return Chain(self.corruptions + other.corruptions)

    def labels(self) -> tuple[str, ...]:
        """Return a label for each corruption: its name, and for the second of a name `noise-2`, and so on."""
        names = [corruption.name for corruption in self.corruptions]
        counts = [names[:place].count(name) + 1 for place, name in enumerate(names)]
        return tuple(
            name if count == 1 else f"{name}-{count}" for name, count in zip(names, counts, strict=True)
        )

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw each image's parameters, in columns named `label.parameter`."""
        return {
            f"{label}.{column}": values
            for label, corruption in zip(self.labels(), self.corruptions, strict=True)
            for column, values in corruption.draw(keys, _own_seed(seed, label)).items()
        }

    def select(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> NDArray[np.intp]:
        """Return the rows that are left after every corruption that selects images."""
        rows = np.arange(len(images))
        for label, corruption in zip(self.labels(), self.corruptions, strict=True):
            if isinstance(corruption, SelectionCorruption):
                rows = rows[corruption.select(images.take(rows), keys[rows], _own_seed(seed, label))]
        return rows

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Apply the corruptions with drawn parameters.

        Parameters
        ----------
        pixels
            (n, height, width) uint8, on any device.
        params
            From `draw`, n rows.

        Returns
        -------
        Tensor
            (n, height, width) uint8 on the same device, rounded.

        Raises
        ------
        AskedWrongly
            If the pixels are of another type or shape, or the table has not n rows.
        """
        if pixels.dtype != torch.uint8 or pixels.ndim != 3:
            raise AskedWrongly(
                f"A shift takes uint8 images of shape (n, height, width). "
                f"Got {pixels.dtype} of shape {tuple(pixels.shape)}."
            )
        check_draws(params, params, len(pixels))
        if not self.corruptions or not pixels.numel():
            return pixels.clone()
        return geometry.in_runs(pixels, lambda rows: self._run(pixels[rows], rows_of(params, rows)))

    def _run(self, pixels: Tensor, params: Draws) -> Tensor:
        steps = self._steps(pixels, params)
        levels = _warped(pixels, steps)
        whole = levels is None  # not resampled: the grey levels are integers
        floats = pixels if levels is None else levels
        for is_mapping, group in groupby(
            steps, key=lambda step: isinstance(step.corruption, IntensityCorruption)
        ):
            if is_mapping:
                floats, whole = _mapped(floats, list(group), whole), False
                continue
            for step in group:
                if isinstance(step.corruption, BorderCorruption | PixelCorruption):
                    floats, whole = _transformed(floats, step).clamp_(0, 255), False
        return floats if whole else floats.add_(0.5).floor_().clamp_(0, 255).to(torch.uint8)

    def _steps(self, pixels: Tensor, params: Draws) -> list["_Step"]:
        """Return each corruption with its draws and the movements that come after it."""
        steps: list[_Step] = []
        after: geometry.Matrices = np.tile(np.eye(3), (len(pixels), 1, 1))
        for label, corruption in reversed(list(zip(self.labels(), self.corruptions, strict=True))):
            draws = _own_draws(label, params)
            steps.append(_Step(corruption, draws, after))
            if isinstance(corruption, GeometricCorruption):
                after = _moved(steps[-1], pixels)
        return steps[::-1]


class _Step(NamedTuple):
    corruption: Corruption
    draws: Draws
    after: geometry.Matrices  # of all movements that come after it, (n, 3, 3)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several shifts, drawn for each image."""

    shifts: tuple[Chain, ...]
    text: str  # the expression

    def __str__(self) -> str:
        return self.text

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw which shift each image gets (`which`, from 0), and its parameters for each of the shifts."""
        which = np.floor(uniform(keys, seed, "one-of", high=len(self.shifts)))
        return {"which": np.minimum(which, len(self.shifts) - 1)} | {
            f"{place}/{column}": values
            for place, shift in enumerate(self.shifts)
            for column, values in shift.draw(keys, derived_seed(seed, "one-of", place)).items()
        }

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Apply to each image the shift drawn for it; see `Chain.apply`."""
        shifted = pixels.clone()
        for place, shift in enumerate(self.shifts):
            rows = np.flatnonzero(params["which"] == place)
            if len(rows):
                chosen = torch.from_numpy(rows).to(pixels.device)
                own = {name: values[rows] for name, values in _own_draws(str(place), params, "/").items()}
                shifted[chosen] = shift.apply(pixels[chosen], own)
        return shifted


def written(corruption: Corruption) -> str:
    """Return the expression of a corruption: `noise(sigma=3)`."""
    assert is_dataclass(corruption)
    values = {field.name: getattr(corruption, field.name) for field in fields(corruption)}
    options = ", ".join(
        f"{name}={value:g}" for name, value in values.items() if isinstance(value, int | float)
    )
    return f"{corruption.name}({options})"


def _own_seed(seed: int, label: str) -> int:
    """Return the seed of a corruption; the second of a name in a chain has another."""
    _, _, again = label.rpartition("-")
    return derived_seed(seed, int(again)) if again.isdecimal() else seed


def _own_draws(label: str, params: Draws, mark: str = ".") -> Draws:
    start = f"{label}{mark}"
    return {name.removeprefix(start): values for name, values in params.items() if name.startswith(start)}


def _warped(pixels: Tensor, steps: Sequence[_Step]) -> Tensor | None:
    """Warp each image by the product of all matrices; None if the chain has no geometric corruption."""
    moving = [step for step in steps if isinstance(step.corruption, GeometricCorruption)]
    if not moving:
        return None
    total = _moved(moving[0], pixels)
    levels = geometry.warp(pixels, total)
    if any(isinstance(step.corruption, OriginalShift) for step in moving) or not brings_in(
        total, *pixels.shape[1:]
    ):
        return levels
    black = beyond(total, levels)
    for step in moving:
        if isinstance(step.corruption, BorderCorruption):  # it paints there itself
            black.sub_(beyond(_moved(step, pixels), levels))
    return covered(levels, black.clamp_(min=0), 0.0)


def _moved(step: _Step, pixels: Tensor) -> geometry.Matrices:
    """Return a corruption's matrix composed with those of all movements after it, (n, 3, 3)."""
    assert isinstance(step.corruption, GeometricCorruption)
    return step.corruption.matrix(step.draws, *pixels.shape[1:]) @ step.after


def _transformed(levels: Tensor, step: _Step) -> Tensor:
    """Apply a corruption of borders or pixels; uint8 images are copied, floats may be changed in place."""
    if isinstance(step.corruption, BorderCorruption):
        return step.corruption.paint_border(levels.float(), step.draws, step.after)
    assert isinstance(step.corruption, PixelCorruption)
    return step.corruption.transform(levels.float(), step.draws)


def _mapped(levels: Tensor, steps: Sequence[_Step], whole: bool) -> Tensor:
    """Map levels by several corruptions with one look-up table, between whole levels by interpolation."""
    count = len(levels)
    if len(steps) == 1 and not whole:
        return _mapped_by_one(levels.reshape(count, -1), steps[0]).view(levels.shape)
    table = torch.arange(LEVELS, dtype=torch.float32, device=levels.device).repeat(count, 1)
    for step in steps:
        table = _mapped_by_one(table, step)
    starts = LEVELS * torch.arange(count, dtype=torch.int32, device=levels.device)[:, None, None]
    flat = table.reshape(-1)
    if whole:
        return flat.index_select(0, (levels + starts).view(-1)).view(levels.shape)
    below = levels.to(torch.int32).clamp_(0, LEVELS - 2)
    part = levels - below
    below += starts
    low = flat.index_select(0, below.view(-1)).view(levels.shape)
    high = flat.index_select(0, (below + 1).view(-1)).view(levels.shape)
    return torch.lerp(low, high, part)


def _mapped_by_one(levels: Tensor, step: _Step) -> Tensor:
    assert isinstance(step.corruption, IntensityCorruption)
    return step.corruption.map_intensity(levels, step.draws).clamp_(0, 255)


def parts_of(shift: Chain | OneOf) -> Iterator[Corruption]:
    """Return every corruption that a shift is made of."""
    if isinstance(shift, Chain):
        yield from shift.corruptions
    else:
        for each in shift.shifts:
            yield from each.corruptions
