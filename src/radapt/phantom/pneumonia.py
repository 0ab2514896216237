"""Phantom pneumonia from parameters: where fluid replaces the air of the lungs, and how it looks."""

from dataclasses import dataclass

import numpy as np

from radapt.phantom.anatomy import Chest
from radapt.phantom.canvas import Floats, Frame, cloud, edge, step


@dataclass(frozen=True, slots=True)
class Pneumonia:
    """Where fluid replaces the air of the lungs, and how it looks."""

    spots: tuple[tuple[float, float, float, float], ...]  # x, y, half-axes
    opacity: float  # share of the air that is replaced in the middle of a spot
    ragged: float  # unevenness of the border, as a share of a spot's height
    grain: float  # unevenness inside, as a share of the fluid
    bronchi: float  # contrast of the air bronchogram; 1 is average
    fissure: (
        tuple[float, float] | None
    )  # y of a fissure, and +1 if only the lung below it is ill, -1 if above


def draw_pneumonia(rng: np.random.Generator, chest: Chest) -> Pneumonia:
    """Draw a random lobar, segmental, patchy or perihilar pneumonia, from dense to barely visible."""
    uniform = rng.random(64).tolist().pop
    kind = int(4 * uniform())
    count = (1, 1 + int(2 * uniform()), 4 + int(6 * uniform()), 4)[kind]
    low, high = ((0.28, 0.50), (0.12, 0.24), (0.07, 0.14), (0.14, 0.26))[kind]
    faint, dense = ((0.50, 0.95), (0.50, 0.90), (0.50, 0.88), (0.36, 0.64))[kind]
    first, both = uniform() < 0.5, kind == 3 or (kind == 2 and uniform() < 0.6)
    spots = []
    for number in range(count):
        right = first if not both else number % 2 == 0
        across, down = 0.15 + 0.75 * uniform(), 0.15 + 0.80 * uniform()
        if kind == 3:
            across, down = 0.1 + 0.3 * uniform(), 0.35 + 0.35 * uniform()
        lung = chest.domes[0] - chest.apex
        wide = chest.width * (0.55 + 0.45 * min(1.0, 2 * down))
        x = (0.10 + across * (wide - 0.14)) * (-1 if right else 1)
        size = low + (high - low) * uniform()
        spots.append((x, chest.apex + down * lung, size, size * (0.7 + 0.6 * uniform())))
    y = spots[0][1] + (uniform() - 0.5) * 0.1
    return Pneumonia(
        spots=tuple(spots),
        opacity=faint + (dense - faint) * uniform(),
        ragged=0.15 + 0.25 * uniform(),
        grain=0.25 + 0.40 * uniform(),
        bronchi=0.4 + 1.6 * uniform(),
        fissure=(y, 1.0 if uniform() < 0.5 else -1.0) if kind == 0 and uniform() < 0.5 else None,
    )


def fluid(illness: Pneumonia, frame: Frame, rng: np.random.Generator) -> Floats:
    """Return the share of the lungs' air that fluid replaces at each pixel."""
    f, field = frame, np.zeros_like(frame.x)
    lumps, fine = cloud(rng, f.size, 9), cloud(rng, f.size, 24)
    for x, y, wide, high in illness.spots:
        window = f.window(x - 2 * wide, x + 2 * wide, y - 2 * high, y + 2 * high)
        away = ((f.x[window] - x) * (1 / wide)) ** 2 + ((f.y[window] - y) * (1 / high)) ** 2
        away *= np.maximum(1 + 2.2 * illness.ragged * lumps[window], 0.6)
        np.maximum(field[window], np.exp(-0.9 * away), out=field[window])
    field += illness.ragged * (0.7 * lumps + 1.2 * fine) * np.minimum(3 * field, 1)
    if illness.fissure is not None:
        y, sign = illness.fissure
        field *= edge((f.y - y + 0.08 * f.ax) * sign, 0.012)
    full = step((field - 0.12) * 1.4)
    full *= illness.opacity * (1 + illness.grain * (cloud(rng, f.size, 44) + fine - 0.4))
    return np.minimum(np.maximum(full, 0), 0.97)
