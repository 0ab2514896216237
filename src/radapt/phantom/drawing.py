"""Phantom chest images from parameters, of hospitals with known differences."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from radapt.errors import UnknownName
from radapt.phantom.anatomy import attenuation, draw_chest
from radapt.phantom.canvas import Floats, Frame, View, cords, edge, smooth, splat
from radapt.phantom.pneumonia import draw_pneumonia, fluid

CLASSES = ("NORMAL", "PNEUMONIA")

DRAWING = 1  # version: increased whenever the same parameters give another image


@dataclass(frozen=True, slots=True)
class Hospital:
    """The patients of a hospital, and how it positions, exposes and processes images; spreads are s.d."""

    age: float  # mean, 0 for small children to 1 for adults: the proportions of the chest
    age_spread: float
    field: float  # half-width of the image in body units; above 1 the patient appears smaller
    tilt: float  # s.d. of the body's rotation on the image, in degrees
    shift: float  # s.d. of the body's offset, in half-widths of the image
    turn: float  # s.d. of the offset of front and back by rotation about the long axis, in body units
    breath: float  # scale of the diaphragm's height above full inspiration (half-normal), in body units
    arms_up: float  # share of patients with lifted arms
    exposure: float  # attenuation that is shown as mid grey; lower gives a whiter image
    exposure_spread: float
    contrast: float  # slope of the characteristic curve at mid grey, per unit of attenuation
    contrast_spread: float  # relative
    scatter: float  # scattered radiation as a share of the open beam
    heel: float  # s.d. of the heel effect: difference in attenuation from the middle to a side
    noise: float  # s.d. of quantum noise where the attenuation is 2, in units of attenuation
    sharpening: float  # gain of unsharp masking; below 0 the image is blurred
    shutters: float  # mean width that collimation hides on each side, in half-widths of the image
    marker: str  # letter of the side marker, "R" or "L"; "" for none
    marker_share: float  # share of images with a side marker
    wires: float  # mean number of leads and tubes per image


HOSPITALS: dict[str, Hospital] = {
    "children": Hospital(
        age=0.12, age_spread=0.08, field=0.98, tilt=1.5, shift=0.025, turn=0.018, breath=0.04, arms_up=0.4,
        exposure=1.35, exposure_spread=0.14, contrast=1.9, contrast_spread=0.08, scatter=0.02, heel=0.08,
        noise=0.05, sharpening=0.3, shutters=0.0, marker="R", marker_share=0.9, wires=0.05,
    ),
    "digital": Hospital(
        age=0.95, age_spread=0.08, field=0.98, tilt=1.0, shift=0.02, turn=0.015, breath=0.03, arms_up=0.0,
        exposure=1.35, exposure_spread=0.08, contrast=1.65, contrast_spread=0.05, scatter=0.01, heel=0.03,
        noise=0.025, sharpening=1.0, shutters=0.01, marker="L", marker_share=1.0, wires=0.05,
    ),
    "portable": Hospital(
        age=0.95, age_spread=0.1, field=1.06, tilt=6.0, shift=0.06, turn=0.06, breath=0.12, arms_up=0.0,
        exposure=1.15, exposure_spread=0.25, contrast=1.5, contrast_spread=0.12, scatter=0.08, heel=0.25,
        noise=0.12, sharpening=-0.6, shutters=0.06, marker="L", marker_share=0.8, wires=2.5,
    ),
}  # fmt: skip

# letters as polylines, in units of their height from the upper left corner
LETTERS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "L": (((0, 0), (0, 1), (0.55, 1)),),
    "R": (
        ((0, 1), (0, 0), (0.45, 0), (0.6, 0.12), (0.6, 0.36), (0.45, 0.5), (0, 0.5)),
        ((0.3, 0.5), (0.62, 1)),
    ),
}


def _view(rng: np.random.Generator, hospital: Hospital) -> View:
    normal, h = rng.standard_normal(8).tolist().pop, hospital
    lifted = rng.random() < h.arms_up
    return View(
        tilt=min(max(h.tilt * normal(), -60.0), 60.0),
        shift=(h.shift * normal(), h.shift * normal()),
        scale=h.field * float(np.exp(0.04 * normal())),
        turn=h.turn * normal(),
        breath=h.breath * abs(normal()),
        arms=(145 if lifted else 14) + 6 * normal(),
        chin=-0.95 + 0.08 * normal() - 0.2 * h.age,
    )


def _shadows(rng: np.random.Generator, frame: Frame, total: Floats) -> None:
    """Add smooth shadows (skin folds, braids, blankets) at random positions."""
    for _ in range(int(rng.poisson(0.7))):
        across, down, wide, high, lean, dense = rng.random(6).tolist()
        x, y = 1.6 * across - 0.8, 1.3 * down - 0.7
        wide, high = 0.08 + 0.2 * wide, 0.08 + 0.2 * high
        window = frame.window(x - 2.5 * wide, x + 2.5 * wide, y - 2.5 * high, y + 2.5 * high)
        right, low = (frame.x[window] - x) * (1 / wide), (frame.y[window] - y) * (1 / high)
        right += (lean - 0.5) * low
        total[window] += (0.06 + 0.30 * dense * dense) * np.exp(-(right * right + low * low))


def _line(points: NDArray[np.float64], size: int) -> tuple[Floats, Floats]:
    """Return columns and rows (1, points) along a line through (k, 2) positions (-1 to 1), in pixels."""
    path = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, path[-1], max(3, int(path[-1] * size / 2) + 2))
    pixels = [(np.interp(at, path, axis) + 1) * (size / 2) - 0.5 for axis in points.T]
    return pixels[0][None].astype(np.float32), pixels[1][None].astype(np.float32)


def _wires(rng: np.random.Generator, hospital: Hospital, size: int, total: Floats) -> None:
    """Add leads and tubes with an electrode at the end; their position is relative to the image."""
    for _ in range(int(rng.poisson(hospital.wires))):
        end = rng.uniform(-0.65, 0.65, 2)
        start = np.array([rng.choice([-1.05, 1.05]), rng.uniform(-0.9, 0.9)])
        first, second = rng.uniform(-0.8, 0.8, (2, 2))
        at = np.linspace(0, 1, 40)[:, None]
        bends = 3 * at * (1 - at) * ((1 - at) * first + at * second)
        curve = (1 - at) ** 3 * start + bends + at**3 * end
        for points, radius, dense in ((curve, 0.007, 30.0), (curve[-3:], 0.022, 12.0)):
            column, row = _line(points, size)
            thick = splat(size, *cords(column, row, np.full_like(column, radius * size / 2)))
            total += np.float32(dense * 2 / size) * thick


@lru_cache(maxsize=16)
def _letter(letter: str, size: int) -> tuple[Floats, Floats, Floats]:
    """Return the points of a letter, in pixels from its upper left corner, and their weights."""
    parts = []
    for stroke in LETTERS[letter]:
        column, row = _line(0.11 * np.array(stroke, float) - 1, size)
        parts.append(cords(column + 0.5, row + 0.5, np.full_like(column, 0.011 * size / 2)))
    column, row, weight = (np.concatenate(values) for values in zip(*parts, strict=True))
    return column, row, weight


def _marker(rng: np.random.Generator, hospital: Hospital, size: int, grey: Floats) -> None:
    """Draw the side marker, R on the left of the image and L on its right."""
    side = -1.0 if hospital.marker == "R" else 1.0
    across, down, turn = rng.normal((0.86 * side - 0.03, -0.55, 0.0), (0.03, 0.12, 0.05)).tolist()
    column, row, weight = _letter(hospital.marker, size)
    column, row = column - turn * row, row + turn * column
    half = size / 2
    cover = splat(size, column + (across + 1) * half, row + (down + 1) * half, weight)
    grey += np.minimum(cover, 1) * np.maximum(0.93 - grey, 0)


def _expose(total: Floats, hospital: Hospital, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Convert attenuation to grey levels: scatter, heel, sharpening, noise, curve, marker, collimation."""
    h, size = hospital, len(total)
    normal = rng.standard_normal(16).tolist().pop
    line = ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1)[None]
    total = total + h.heel * normal() * line + h.heel * normal() * line.T
    total = -np.log(np.exp(-total) + h.scatter)
    total += h.sharpening * (total - smooth(total, 0.010 * size))
    # the sum of four bytes is nearly normal, and much faster to draw
    speckle = rng.integers(2**64, size=(size * size + 1) // 2, dtype=np.uint64).view(np.uint8)
    speckle = speckle[: 4 * size * size].reshape(4, size, size)
    total += h.noise * np.exp(0.5 * total - 1) * (speckle.sum(axis=0, dtype=np.float32) * (1 / 147.8) - 3.45)
    middle = h.exposure + h.exposure_spread * normal()
    steep = h.contrast * float(np.exp(h.contrast_spread * normal()))
    black = 1 / (1 + float(np.exp(steep * middle)))
    grey = (1 / (1 + np.exp(-steep * (total - middle))) - black) * (0.98 / (1 - black))
    if h.marker and rng.random() < h.marker_share:
        _marker(rng, h, size, grey)
    if h.shutters > 0:
        left, right, top, bottom = (h.shutters * rng.gamma(1.0, size=4)).tolist()
        open_ = edge(line + 1 - left, 0.008) * edge(1 - right - line, 0.008)
        grey *= open_ * (edge(line + 1 - top, 0.008) * edge(1 - bottom - line, 0.008)).T
    image: NDArray[np.uint8] = np.minimum(np.maximum(grey * 255, 0), 255).astype(np.uint8)
    return image


def _image(
    seed: int, patient: int, number: int, ill: bool, hospital: Hospital, size: int
) -> NDArray[np.uint8]:
    rng = np.random.default_rng((seed, patient, 0))
    rng.random()  # skips the draw that decides the number of images, see `roster`
    chest = draw_chest(rng, float(np.clip(hospital.age + hospital.age_spread * rng.standard_normal(), 0, 1)))
    illness = draw_pneumonia(rng, chest) if ill else None
    rng = np.random.default_rng((seed, patient, number + 1))
    frame = Frame(_view(rng, hospital), size)
    if illness is None:
        total = attenuation(chest, frame, rng)
    else:
        total = attenuation(chest, frame, rng, fluid(illness, frame, rng), illness.bronchi)
    _shadows(rng, frame, total)
    _wires(rng, hospital, size, total)
    return _expose(total, hospital, rng)


def roster(count: int, prevalence: float, seed: int, first: int) -> list[tuple[int, int, bool]]:
    """Return (patient, image of that patient, ill) for `count` images, patients numbered from `first`.

    A shorter list is a prefix of a longer one.
    """
    images: list[tuple[int, int, bool]] = []
    start, patient = np.random.default_rng(seed).random(), first
    while len(images) < count:
        # multiples of the golden ratio cover 0 to 1 evenly, so any range of patients has this prevalence
        ill = bool((start + patient * 0.6180339887498949) % 1 < prevalence)
        chance = np.random.default_rng((seed, patient, 0)).random()
        images += [(patient, image, ill) for image in range(1 + (chance > 0.6) + (chance > 0.85))]
        patient += 1
    return images[:count]


def find_hospital(hospital: str | Hospital) -> Hospital:
    """Return the hospital of this name, or the given one.

    Raises
    ------
    UnknownName
        If there is no such hospital, or its marker is none of `LETTERS`.
    """
    if isinstance(hospital, str):
        if hospital not in HOSPITALS:
            raise UnknownName("hospital", hospital, HOSPITALS)
        return HOSPITALS[hospital]
    if hospital.marker and hospital.marker not in LETTERS:
        raise UnknownName("side marker", hospital.marker, LETTERS)
    return hospital


def draw_pixels(
    images: list[tuple[int, int, bool]], hospital: Hospital, size: int, seed: int
) -> NDArray[np.uint8]:
    """Draw the images of a roster, uint8 (n, size, size)."""
    pixels = np.empty((len(images), size, size), np.uint8)
    for row, (patient, number, ill) in enumerate(images):
        pixels[row] = _image(seed, patient, number, ill, hospital, size)
    return pixels
