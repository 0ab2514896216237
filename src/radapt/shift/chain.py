"""Corruptions in a chain: an image is moved once, its levels are mapped together, the rest follows in turn.

All movements of a chain come first, wherever they stand in it, composed into one matrix in their order; so an
image is resampled once, and noise or compression is never blurred by a movement. What comes in from beyond
the image's edge is black, as on a display or behind a collimator (`original` alone goes on with the nearest
pixel, as Keras did); what a cause paints there is painted where it stands in the chain, and where the
movements after it take it.
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
from radapt.shift.corruption import Changing, Choosing, Corruption, Grading, Placing, Surrounding
from radapt.shift.counter_rng import derived_seed, uniform
from radapt.shift.draws import Draws, check_draws, rows_of
from radapt.shift.original import OriginalShift
from radapt.shift.painting import beyond, brings_in, covered

LEVELS = 256


@dataclass(frozen=True, slots=True)
class Chain:
    """Causes in the order in which they come; without any, the identity."""

    causes: tuple[Corruption, ...] = ()

    def __str__(self) -> str:
        return " + ".join(map(written, self.causes)) or "nothing"

    def __add__(self, other: "Chain") -> "Chain":
        return Chain(self.causes + other.causes)

    def labels(self) -> tuple[str, ...]:
        """Name each cause; the second of a name is `noise-2`, and so on."""
        names = [cause.name for cause in self.causes]
        counts = [names[:place].count(name) + 1 for place, name in enumerate(names)]
        return tuple(
            name if count == 1 else f"{name}-{count}" for name, count in zip(names, counts, strict=True)
        )

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw what each image gets; the columns are `cause.parameter`."""
        return {
            f"{label}.{column}": values
            for label, cause in zip(self.labels(), self.causes, strict=True)
            for column, values in cause.draw(keys, _own_seed(seed, label)).items()
        }

    def choose(self, images: ImageSet, keys: NDArray[np.uint64], seed: int) -> NDArray[np.intp]:
        """Give the rows that are left when every cause that takes images has taken its own."""
        rows = np.arange(len(images))
        for label, cause in zip(self.labels(), self.causes, strict=True):
            if isinstance(cause, Choosing):
                rows = rows[cause.choose(images.take(rows), keys[rows], _own_seed(seed, label))]
        return rows

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Shift images by a drawn table.

        Parameters
        ----------
        pixels
            (n, height, width) uint8, on any device.
        params
            What `draw` gave, n rows.

        Returns
        -------
        Tensor
            (n, height, width) uint8 on the same device, rounded to the nearest level.

        Raises
        ------
        AskedWrongly
            If the pixels are of another kind, or the table lacks a row.
        """
        if pixels.dtype != torch.uint8 or pixels.ndim != 3:
            raise AskedWrongly(
                f"A shift takes uint8 images of shape (n, height, width). "
                f"Got {pixels.dtype} of shape {tuple(pixels.shape)}."
            )
        check_draws(params, params, len(pixels))
        if not self.causes or not pixels.numel():
            return pixels.clone()
        return geometry.in_runs(pixels, lambda rows: self._run(pixels[rows], rows_of(params, rows)))

    def _run(self, pixels: Tensor, params: Draws) -> Tensor:
        steps = self._steps(pixels, params)
        levels = _placed(pixels, steps)
        whole = levels is None  # the levels are still those of the file
        floats = pixels if levels is None else levels
        for grading, group in groupby(steps, key=lambda step: isinstance(step.cause, Grading)):
            if grading:
                floats, whole = _graded(floats, list(group), whole), False
                continue
            for step in group:
                if isinstance(step.cause, Surrounding | Changing):
                    floats, whole = _changed(floats, step).clamp_(0, 255), False
        return floats if whole else floats.add_(0.5).floor_().clamp_(0, 255).to(torch.uint8)

    def _steps(self, pixels: Tensor, params: Draws) -> list["_Step"]:
        """Give each cause what was drawn for it, and the movements that come after it."""
        steps: list[_Step] = []
        after: geometry.Matrices = np.tile(np.eye(3), (len(pixels), 1, 1))
        for label, cause in reversed(list(zip(self.labels(), self.causes, strict=True))):
            draws = _own_draws(label, params)
            steps.append(_Step(cause, draws, after))
            if isinstance(cause, Placing):
                after = _moved(steps[-1], pixels)
        return steps[::-1]


class _Step(NamedTuple):
    cause: Corruption
    draws: Draws
    after: geometry.Matrices  # of all movements that come after it, (n, 3, 3)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several shifts, drawn for each image."""

    shifts: tuple[Chain, ...]
    text: str  # as it is asked for

    def __str__(self) -> str:
        return self.text

    def draw(self, keys: NDArray[np.uint64], seed: int) -> Draws:
        """Draw which of them each image gets (`which`, from 0), and what it would get of each."""
        which = np.floor(uniform(keys, seed, "one-of", high=len(self.shifts)))
        return {"which": np.minimum(which, len(self.shifts) - 1)} | {
            f"{place}/{column}": values
            for place, shift in enumerate(self.shifts)
            for column, values in shift.draw(keys, derived_seed(seed, "one-of", place)).items()
        }

    def apply(self, pixels: Tensor, params: Draws) -> Tensor:
        """Shift each image by its own; see `Chain.apply`."""
        shifted = pixels.clone()
        for place, shift in enumerate(self.shifts):
            rows = np.flatnonzero(params["which"] == place)
            if len(rows):
                chosen = torch.from_numpy(rows).to(pixels.device)
                own = {name: values[rows] for name, values in _own_draws(str(place), params, "/").items()}
                shifted[chosen] = shift.apply(pixels[chosen], own)
        return shifted


def written(cause: Corruption) -> str:
    """Write a cause as it is asked for: `noise(sigma=3)`."""
    assert is_dataclass(cause)
    values = {field.name: getattr(cause, field.name) for field in fields(cause)}
    options = ", ".join(
        f"{name}={value:g}" for name, value in values.items() if isinstance(value, int | float)
    )
    return f"{cause.name}({options})"


def _own_seed(seed: int, label: str) -> int:
    """Give the seed of a cause; one that comes twice draws twice."""
    _, _, again = label.rpartition("-")
    return derived_seed(seed, int(again)) if again.isdecimal() else seed


def _own_draws(label: str, params: Draws, mark: str = ".") -> Draws:
    start = f"{label}{mark}"
    return {name.removeprefix(start): values for name, values in params.items() if name.startswith(start)}


def _placed(pixels: Tensor, steps: Sequence[_Step]) -> Tensor | None:
    """Move the images through one matrix each; None where nothing in the chain moves them."""
    moving = [step for step in steps if isinstance(step.cause, Placing)]
    if not moving:
        return None
    total = _moved(moving[0], pixels)
    levels = geometry.warp(pixels, total)
    if any(isinstance(step.cause, OriginalShift) for step in moving) or not brings_in(
        total, *pixels.shape[1:]
    ):
        return levels
    black = beyond(total, levels)
    for step in moving:
        if isinstance(step.cause, Surrounding):  # it will paint there itself
            black.sub_(beyond(_moved(step, pixels), levels))
    return covered(levels, black.clamp_(min=0), 0.0)


def _moved(step: _Step, pixels: Tensor) -> geometry.Matrices:
    """Give a cause's own movement and all that come after it, as one."""
    assert isinstance(step.cause, Placing)
    return step.cause.place(step.draws, *pixels.shape[1:]) @ step.after


def _changed(levels: Tensor, step: _Step) -> Tensor:
    """Do to images what a cause does to their pixels: of uint8 to a copy, of floats in place or not."""
    if isinstance(step.cause, Surrounding):
        return step.cause.surround(levels.float(), step.draws, step.after)
    assert isinstance(step.cause, Changing)
    return step.cause.change(levels.float(), step.draws)


def _graded(levels: Tensor, steps: Sequence[_Step], whole: bool) -> Tensor:
    """Grade levels by several causes at once: looked up where they are whole, else between two entries."""
    count = len(levels)
    if len(steps) == 1 and not whole:
        return _one_graded(levels.reshape(count, -1), steps[0]).view(levels.shape)
    table = torch.arange(LEVELS, dtype=torch.float32, device=levels.device).repeat(count, 1)
    for step in steps:
        table = _one_graded(table, step)
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


def _one_graded(levels: Tensor, step: _Step) -> Tensor:
    assert isinstance(step.cause, Grading)
    return step.cause.grade(levels, step.draws).clamp_(0, 255)


def parts_of(shift: Chain | OneOf) -> Iterator[Corruption]:
    """Give every cause that a shift is made of."""
    if isinstance(shift, Chain):
        yield from shift.causes
    else:
        for each in shift.shifts:
            yield from each.causes
