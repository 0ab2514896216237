"""Estimate the simulated shift that makes source images most similar to target images, without labels.

Images are compared by image statistics: the distance is the Wasserstein distance of each statistic, in
standard deviations of the source, averaged over the statistics. Corruptions are added greedily, each at the
strength with the smallest distance, as long as one reduces it by more than sampling variation. Only what
the statistics measure is matched, so not anatomy, disease, prevalence, marks, devices or local changes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from radapt.errors import AskedWrongly
from radapt.files import write_text
from radapt.images.imageset import ImageSet
from radapt.shift.chain import Chain
from radapt.shift.corruption import Corruption
from radapt.shift.counter_rng import image_keys
from radapt.shift.table import CORRUPTIONS

SAMPLE = 160  # maximum images per side
MIN_IMAGES = 20  # minimum images per side
GAIN = 0.3  # minimum reduction of the distance for a corruption to be added, in units of `split_half`
HALVINGS = 2  # bisections around the best value of the grid

# The grid of values for each corruption, in the order of the chain.
SEARCHED: dict[str, tuple[float, ...]] = {
    "zoom": (1.05, 1.1, 1.2, 1.35),
    "rotation": (4, 8, 15, 25),
    "power": (0.4, 0.55, 0.7, 0.85, 1.2, 1.45, 1.8, 2.5),
    "contrast": (0.4, 0.55, 0.7, 0.85, 1.2, 1.45, 1.8),
    "brightness": (0.5, 0.65, 0.8, 0.9, 1.15, 1.35, 1.6),
    "blur": (0.5, 0.8, 1.2, 1.8, 2.7),
    "noise": (2, 4, 8, 14, 22),
    "border": (0.02, 0.05, 0.1, 0.18),
}

Table = dict[str, NDArray[np.float64]]  # for each statistic (n,) values, one per image


@dataclass(frozen=True, slots=True)
class Estimated:
    """A shift, and the distance between source and target without and with it."""

    shift: Chain  # empty if no corruption helped
    before: Mapping[str, float]  # distance per statistic, in standard deviations of the source
    after: Mapping[str, float]  # the same for the shifted source
    split_half: float  # mean distance between two halves of the target: the smallest to be expected

    @property
    def closed(self) -> float:
        """The share, 0 to 1, of the distance in excess of `split_half` that the shift removes."""
        start, end = _mean(self.before), _mean(self.after)
        return max(0.0, min(1.0, (start - end) / max(start - self.split_half, 1e-9)))


def statistics(pixels: NDArray[np.uint8]) -> Table:
    """Measure statistics of each image.

    Returns
    -------
    dict
        Arrays (n,): `mean`, `spread` (standard deviation), and `dark`, `middle` and `bright` (5, 50 and 95 %
        quantiles) of the grey levels; `noise` (standard deviation in grey levels, after Immerkaer 1996, CVIU
        64:300, but by the median); `sharpness` (log ratio of the gradient energy at full and at half
        resolution); `border` (mean grey of the outer 6 %); `tilt` (absolute angle of the principal axis of
        brightness, degrees); `width` (standard deviation of brightness across, as a share of the width).
    """
    parts = [_measured(pixels[start : start + 32]) for start in range(0, len(pixels), 32)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def estimate_shift(source: ImageSet, target: ImageSet, *, seed: int = 0) -> Estimated:
    """Estimate the shift from source to target images, from pixels alone.

    Parameters
    ----------
    source, target
        At least 20 images each, all of one size; at most 160 of each are used.
    seed
        Seed of the subsample and of the shifts.

    Raises
    ------
    AskedWrongly
        If there are too few images, or they are not of one size.
    """
    if source.pixels.shape[1:] != target.pixels.shape[1:]:
        raise AskedWrongly(
            f"Source and target images must have the same size. Got {source.pixels.shape[1:]} and "
            f"{target.pixels.shape[1:]}."
        )
    if min(len(source), len(target)) < MIN_IMAGES:
        raise AskedWrongly(
            f"A shift is estimated from at least {MIN_IMAGES} images of the source and of the target. Got "
            f"{len(source)} and {len(target)}."
        )
    source_sample, target_sample = _sample(source, seed), _sample(target, seed)
    wanted = statistics(target_sample.pixels)
    search = _Search(source_sample, wanted, statistics(source_sample.pixels), seed)
    split_half = _split_half(wanted, search.spread, seed)
    chosen: dict[str, float] = {}
    rounds: list[str] = []
    reached = search.distance(chosen)
    while True:
        tried = {name: search.best(chosen, name) for name in SEARCHED if name not in chosen}
        if not tried:
            break
        first = min(tried, key=lambda each: tried[each][1])
        value, distance = tried[first]
        if reached - distance < GAIN * split_half or len(rounds) > len(SEARCHED):
            break
        rounds.append(first)
        chosen[first] = value
        for other in tuple(chosen):  # another value of an earlier one may now be better, or none
            rest = {name: value for name, value in chosen.items() if name != other}
            without = search.distance(rest)
            chosen[other], reached = search.best(rest, other)
            if without - reached < GAIN * split_half:
                chosen, reached = rest, without
    before, after = search.distances({}), search.distances(chosen)
    return Estimated(_chain(chosen), before, after, split_half)


def write_shift(path: Path, shift: Chain, about: str) -> None:
    """Write a shift as TOML that `radapt.shift.expression.read_shift` reads, whole or not at all."""
    about_text, shift_text = (json.dumps(text, ensure_ascii=False) for text in (about, str(shift)))
    write_text(path, f"about = {about_text}\nshift = {shift_text}\n")


class _Search:
    """Measures the distance to the target for shifts of the source images."""

    def __init__(self, images: ImageSet, wanted: Table, own: Table, seed: int) -> None:
        self._pixels = torch.from_numpy(np.ascontiguousarray(images.pixels))
        self._keys = image_keys(images.ids)
        self._wanted = wanted
        self._seed = seed
        self.spread = {name: max(float(values.std()), 1e-6) for name, values in own.items()}

    def distances(self, chosen: Mapping[str, float]) -> dict[str, float]:
        shift = _chain(chosen)
        pixels = shift.apply(self._pixels, shift.draw(self._keys, self._seed)).numpy()
        return _distances(statistics(pixels), self._wanted, self.spread)

    def distance(self, chosen: Mapping[str, float]) -> float:
        return _mean(self.distances(chosen))

    def best(self, chosen: Mapping[str, float], name: str) -> tuple[float, float]:
        """Return the strength of a corruption with the smallest distance, and that distance."""

        def at(value: float) -> tuple[float, float]:
            return value, self.distance({**chosen, name: value})

        values = SEARCHED[name]
        place, nearest = min(enumerate(map(at, values)), key=lambda each: each[1][1])
        low, high = values[max(0, place - 1)], values[min(len(values) - 1, place + 1)]
        for _ in range(HALVINGS):
            best = nearest[0]
            sides = [(side + best) / 2 for side in (low, high) if side != best]
            nearest = min(
                [nearest, *(at(float(f"{value:.3g}")) for value in sides)], key=lambda each: each[1]
            )
            if nearest[0] == best:  # the minimum lies between the two midpoints
                low, high = (low + best) / 2, (high + best) / 2
            else:  # the minimum lies on the better side
                low, high = sorted((best, low if nearest[0] < best else high))
        return nearest


def _chain(chosen: Mapping[str, float]) -> Chain:
    return Chain(tuple(_made(name, chosen[name]) for name in SEARCHED if name in chosen))


def _made(name: str, value: float) -> Corruption:
    return CORRUPTIONS[name](value)  # type: ignore[call-arg]  # a corruption's first option is its strength


def _sample(images: ImageSet, seed: int) -> ImageSet:
    rows = np.random.default_rng(seed).permutation(np.argsort(images.ids))[:SAMPLE]
    return images.take(np.sort(rows))


def _distances(one: Table, other: Table, spread: Mapping[str, float]) -> dict[str, float]:
    return {name: float(wasserstein_distance(one[name], other[name]) / spread[name]) for name in one}


def _mean(distances: Mapping[str, float]) -> float:
    return float(np.mean(list(distances.values())))


def _split_half(wanted: Table, spread: Mapping[str, float], seed: int) -> float:
    """Return the mean distance between two random halves of the target's images, over eight splits."""
    rng, count = np.random.default_rng(seed), len(next(iter(wanted.values())))
    halves: list[float] = []
    for _ in range(8):
        order = rng.permutation(count)
        one, other = (
            {name: values[part] for name, values in wanted.items()}
            for part in (order[: count // 2], order[count // 2 :])
        )
        halves.append(_mean(_distances(one, other, spread)))
    return float(np.mean(halves))


def _measured(images: NDArray[np.uint8]) -> Table:
    count, height, width = images.shape
    levels = images.astype(np.float32)
    shares = np.stack([np.bincount(image.reshape(-1), minlength=256) for image in images]).cumsum(axis=1)
    dark, middle, bright = ((shares < part * height * width).sum(axis=1) for part in (0.05, 0.5, 0.95))
    edge = max(1, round(0.06 * min(height, width)))
    inner = levels[:, edge : height - edge, edge : width - edge]
    outside = levels.sum(axis=(1, 2)) - inner.sum(axis=(1, 2))
    half = levels[:, : height // 2 * 2, : width // 2 * 2]
    half = half.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    noise: NDArray[np.float64] = np.median(np.abs(residual(levels)), axis=(1, 2)) / 0.6745
    tilt, breadth = _axis(levels)
    table = {
        "mean": levels.mean(axis=(1, 2)),
        "spread": levels.std(axis=(1, 2)),
        "dark": dark,
        "middle": middle,
        "bright": bright,
        "noise": noise,
        "sharpness": np.log((_energy(levels, noise) + 1) / (_energy(half, noise / 2) + 1)),
        "border": outside / (height * width - inner[0].size),
        "tilt": tilt,
        "width": breadth,
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in table.items()}


def residual(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove smooth structure with a filter that preserves the variance of white noise."""
    second = levels[:, 2:] - 2 * levels[:, 1:-1] + levels[:, :-2]
    both: NDArray[np.float32] = (second[:, :, 2:] - 2 * second[:, :, 1:-1] + second[:, :, :-2]) / 6
    return both


def _energy(levels: NDArray[np.float32], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean squared difference of neighbouring pixels, less the contribution of the noise."""
    across, down = (np.square(np.diff(levels, axis=axis)).mean(axis=(1, 2)) for axis in (2, 1))
    total: NDArray[np.float64] = np.maximum(across + down - 4 * noise**2, 0)
    return total


def _axis(levels: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the tilt of each image's principal axis of brightness (degrees), and its spread across."""
    _, height, width = levels.shape
    x, y = np.arange(width) / width, np.arange(height) / width
    weight = levels / np.maximum(levels.sum(axis=(1, 2), keepdims=True), 1e-9)
    columns, rows = weight.sum(axis=1), weight.sum(axis=2)
    mean_x, mean_y = columns @ x, rows @ y
    xx, yy = columns @ x**2 - mean_x**2, rows @ y**2 - mean_y**2
    xy = (weight @ x) @ y - mean_x * mean_y
    lean = np.abs(np.degrees(0.5 * np.arctan2(2 * xy, np.abs(xx - yy) + 1e-9)))
    return lean, np.sqrt(np.maximum(xx, 0))


def words(estimated: Estimated) -> Sequence[str]:
    """Return sentences: the estimated shift, how far it reduces the distance, and what it cannot capture."""
    start, end = _mean(estimated.before), _mean(estimated.after)
    if not estimated.shift.corruptions:
        first = "No simulated shift made the image statistics more similar by more than sampling variation."
    else:
        first = (
            f"{estimated.shift} removes {estimated.closed:.0%} of the distance beyond sampling variation: "
            f"from {start:.2f} to {end:.2f} standard deviations of the source, where two halves of the "
            f"target are {estimated.split_half:.2f} apart."
        )
    left = sorted(estimated.after, key=lambda name: -estimated.after[name])[:3]
    worse = [
        name
        for name, value in estimated.after.items()
        if value > estimated.before[name] + estimated.split_half
    ]
    spoilt = [f"{name} {estimated.before[name]:.2f} to {estimated.after[name]:.2f}" for name in worse]
    return (
        first,
        *([f"Less similar than before: {', '.join(spoilt)}."] if spoilt else []),
        "Largest remaining distances: "
        + ", ".join(f"{name} {estimated.after[name]:.2f}" for name in left)
        + ".",
        "Anatomy, disease, prevalence, marks and devices are not measured by these statistics, nor matched.",
    )
