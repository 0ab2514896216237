"""A phantom chest from parameters: its anatomy, and the attenuation of the beam.

Positions are in body units (see `radapt.phantom.canvas`). Attenuation is the natural logarithm of incident
over transmitted intensity: 0 is air, about 2.2 a chest without lungs.
"""

from dataclasses import dataclass

import numpy as np

from radapt.phantom.canvas import (
    HEIGHTS,
    Floats,
    Frame,
    View,
    Window,
    branches,
    bump,
    chord,
    cloud,
    edge,
    splat,
    step,
)


@dataclass(frozen=True, slots=True)
class Chest:
    """One patient's anatomy, the same on all of the patient's images; lengths in body units."""

    age: float  # 0 a small child, 1 an adult
    width: float  # largest half-width of the lungs
    apex: float  # y of the lung apices
    base: float  # y of the costophrenic angles
    domes: tuple[float, float]  # y of the right and left dome of the diaphragm at full inspiration
    wall: float  # thickness of the soft tissue outside the ribs
    bulk: float  # thickness along the beam; 1 is average
    bone: float  # calcium; 1 is average
    rib_gap: float  # distance from one rib to the next
    rib_drop: float  # height of a rib's back end above its front end, in rib gaps
    rib_phase: float  # position of the first rib, in rib gaps
    rib_width: float  # half-width of a rib, in rib gaps
    bend: tuple[float, float]  # scoliosis of the spine: amplitude, and phase in radians
    stem: float  # half-width of the great vessels above the heart
    thymus: tuple[float, float]  # bulge of the thymus to the patient's right and left
    knob: float  # bulge of the aortic arch
    heart: tuple[float, float]  # how far the heart bulges to the patient's right and left
    clavicles: tuple[float, float]  # y at the sternum, rise towards the shoulder
    breasts: float  # attenuation of the breast shadows; 0 none
    markings: float  # density of the lungs' vessels; 1 is average
    haze: float  # share of the lungs' air that is replaced by tissue
    mottle: float  # unevenness of the lung tissue, in attenuation
    stomach: tuple[float, float, float, float]  # gastric bubble: x, depth under the dome, half-axes
    trees: tuple[int, int]  # number of the vessel tree of the right and of the left lung, see `branches`
    warp: tuple[
        float, float, float, float
    ]  # distortion of the trees: stretch, bow, its phase (radians), slant


def draw_chest(rng: np.random.Generator, age: float) -> Chest:
    """Draw a random patient of an age (0 a small child, 1 an adult)."""
    normal, uniform = rng.standard_normal(48).tolist().pop, rng.random(24).tolist().pop

    def mix(child: float, adult: float) -> float:
        return child + (adult - child) * age

    width = mix(0.70, 0.76) * (1 + 0.05 * normal())
    apex, base = mix(-0.68, -0.74) + 0.03 * normal(), mix(0.66, 0.72) + 0.04 * normal()
    dome = base - 0.30 + 0.03 * normal()
    return Chest(
        age=age,
        width=width,
        apex=apex,
        base=base,
        domes=(dome - 0.03 + 0.015 * normal(), dome + 0.02 + 0.02 * normal()),
        wall=mix(0.09, 0.13) * (1 + 0.25 * max(-2.5, normal())),
        bulk=1 + 0.07 * normal(),
        bone=mix(0.85, 1.05) * (1 + 0.12 * normal()),
        rib_gap=(base - apex) / (mix(7.8, 8.4) + 0.3 * normal()),
        rib_drop=mix(1.7, 2.8) + 0.25 * normal(),
        rib_phase=uniform(),
        rib_width=mix(0.22, 0.20) * (1 + 0.1 * normal()),
        bend=(0.012 * normal(), 6.28 * uniform()),
        stem=mix(0.15, 0.135) * (1 + 0.12 * normal()),
        thymus=(mix(0.06, 0) * max(0.0, normal()), mix(0.06, 0) * max(0.0, normal())),
        knob=mix(0.015, 0.05) * (1 + 0.3 * normal()),
        heart=(
            width * mix(0.15, 0.12) * (1 + 0.2 * normal()),
            width * mix(0.44, 0.38) * (1 + 0.13 * normal()),
        ),
        clavicles=(mix(-0.56, -0.60) + 0.03 * normal(), mix(0.20, 0.14) + 0.04 * normal()),
        breasts=(0.12 + 0.25 * uniform()) * (uniform() < 0.5) * max(0.0, 2 * age - 1),
        markings=float(np.exp(0.25 * normal())),
        haze=0.07 * abs(normal()),
        mottle=0.05 + 0.06 * uniform(),
        stomach=(0.34 + 0.07 * normal(), 0.13 + 0.03 * normal(), 0.17 * uniform(), 0.05 + 0.06 * uniform()),
        trees=(int(64 * uniform()), int(64 * uniform())),
        warp=(0.08 * normal(), 0.02 * normal(), 6.28 * uniform(), 0.12 * normal()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Contours of one patient on one image as tables over body height, in body units."""

    lateral: Floats  # outer edge of the lungs
    medial: Floats  # inner edge of the lungs
    torso: Floats  # half-width of neck, shoulders and trunk
    depth: Floats  # thickness along the beam
    down: Floats  # 0 at the apex, 1 at the base of the lungs
    middle: tuple[Floats, Floats]  # half-width of the mediastinum to the patient's right and left
    root: float  # y of the aortic arch


def outline(chest: Chest, view: View) -> Outline:
    """Compute the contours of one patient on one image."""
    c, y = chest, HEIGHTS
    down = np.clip((y - c.apex) / (c.base - c.apex), 0, 1)
    top = 0.45 * c.width
    up = 1 - down
    round_ = np.sqrt(1 - up * up * np.sqrt(np.sqrt(up)))
    lateral = top + (c.width - top) * round_ * np.sqrt(round_) - 0.04 * step((y - c.base) / 0.5)
    medial = 0.06 + (top - 0.06) * (1 - np.sqrt(1 - np.clip(1 - down / 0.3, 0, 1) ** 2))
    shoulder = c.apex - 0.04
    neck = 0.20 + 0.05 * c.age
    flank = (c.width + c.wall) * (0.97 + 0.03 * step((y + 0.3) / 0.8))
    trapezius = neck + (1.0 - neck) * np.clip((y - shoulder + 0.40) / 0.42, 0, 1) ** 2
    below = flank + (1.0 - flank) * (1 - step((y - shoulder) / 0.6))
    torso = np.where(y < shoulder + 0.02, trapezius, below)
    depth = 0.66 + 0.34 * step((y - c.apex + 0.1) / 0.45) + 0.10 * step((y - c.domes[0]) / 0.4)
    cap = top * np.sqrt(np.clip(1 - ((c.apex - y) / 0.15) ** 2, 0.01, 1))  # for the ribs above the lungs
    root = c.apex + 0.30
    return Outline(
        lateral=np.where(y < c.apex, cap, lateral),
        medial=medial,
        torso=torso,
        depth=depth,
        down=down,
        middle=_heart(chest, view, root),
        root=root,
    )


def _heart(chest: Chest, view: View, root: float) -> tuple[Floats, Floats]:
    """Return the half-width of the mediastinum (great vessels and heart) to the patient's right and left."""
    c, y = chest, HEIGHTS
    baseline = c.domes[1] - view.breath
    stem = c.stem * (0.75 + 0.25 * step((y - root + 0.1) / 0.4))
    thymus = bump((y - root - 0.05) / 0.15)
    right = 0.85 * stem + c.thymus[0] * thymus
    left = stem + c.thymus[1] * thymus
    left = left + c.knob * (bump((y - root) / 0.08) + 0.7 * bump((y - root - 0.20) / 0.09))
    along = (y - root - 0.16) / (baseline + 0.02 - root - 0.16)
    rise = np.sin(np.pi / 2 * np.clip(along / 0.86, 0, 1))
    rise *= np.sqrt(rise)
    tip = np.sqrt(1 - np.clip((along - 0.80) / 0.36, 0, 1) ** 2)
    left = left * (1 - 0.5 * step((along - 0.8) / 0.3)) + c.heart[1] * rise * tip
    along = np.clip((y - root - 0.20) / (baseline + 0.10 - root - 0.20), 0, 1)
    right = right + c.heart[0] * np.sin(np.pi * along)
    return right, left


def flesh(chest: Chest, frame: Frame, lines: Outline, arm: Floats) -> Floats:
    """Return the soft tissue along each beam without lungs; 1 is the middle of the chest."""
    c, f = chest, frame
    ratio = f.ax / f.at(lines.torso)
    total = np.sqrt(np.maximum(1 - ratio * ratio * np.sqrt(ratio), 0)) * f.at(lines.depth)
    either: Floats = np.maximum(total, 0.62 * chord(arm * (1 / 0.20**2)))
    return either * c.bulk


def arm_distance(chest: Chest, frame: Frame) -> Floats:
    """Return each pixel's squared distance from the axis of the upper arm."""
    f, angle = frame, float(np.deg2rad(frame.view.arms))
    sine, cosine = float(np.sin(angle)), float(np.cos(angle))
    x, y = f.ax - 0.96, f.y - (chest.apex + 0.15)
    along = np.minimum(np.maximum(x * sine + y * cosine, 0), 1.6)
    x, y = x - along * sine, y - along * cosine
    return x * x + y * y


def air(chest: Chest, frame: Frame, lines: Outline) -> tuple[Floats, Floats]:
    """Return the air along each beam (at most 1), and each pixel's height above the diaphragm."""
    c, f = chest, frame
    square = f.ax / f.at(lines.lateral)
    square *= square
    total = chord(square * square)
    total *= edge(f.ax - f.at(lines.medial), 0.02)
    dome = f.sided(c.domes[0] - f.view.breath, c.domes[1] - f.view.breath)
    away = (f.ax - 0.42 * c.width) * (1 / (0.60 * c.width))
    steep = (c.base - c.domes[0]) * (0.25 + 0.75 * (away > 0).astype(np.float32))
    away *= away
    above = dome + steep * away * np.sqrt(np.sqrt(away)) - f.y
    open_ = edge(above, 0.012)
    behind = (1 - open_) * np.exp(np.minimum(above, 0) * 10) * edge(c.base - f.y, 0.03)
    total *= open_ + 0.30 * behind
    total *= f.at((0.72 + 0.28 * step(lines.down / 0.45)) * (c.apex < HEIGHTS))
    return total, above


def heart(chest: Chest, frame: Frame, lines: Outline) -> tuple[Window, Floats]:
    """Return the share of each beam's lung that the mediastinum displaces, and the window that it covers."""
    f, c = frame, chest
    right, left = lines.middle
    window = f.window(-float(right.max()) - 0.1, float(left.max()) + 0.1, -9, c.base)
    x = f.x[window] - np.float32(0.7 * f.view.turn)
    rows = f.rows[window]
    half = left.take(rows)
    half += (right.take(rows) - half) * (x < 0)
    ratio = x / np.maximum(half, 0.01)
    ratio *= ratio
    return window, chord(ratio * ratio)


def ribs(chest: Chest, frame: Frame, lines: Outline, above: Floats) -> tuple[Window, Floats]:
    """Return the ribs' attenuation and its window; ribs are tilted hoops, lower in front than at the back."""
    c, f = chest, frame
    window = f.window(-c.width - 0.05, c.width + 0.05, c.apex - 0.2, 9)
    lateral = lines.lateral.take(f.rows[window])
    across = f.ax[window] / lateral
    place = np.minimum(across * (1 / 1.03), 1)
    facing = np.sqrt(np.maximum(1 - place * place, 0.02))  # 1 where the rib lies across the beam
    drop = 0.5 * c.rib_drop
    level = f.y[window] * (1 / c.rib_gap) + (0.75 - c.apex / c.rib_gap - c.rib_phase)
    slope = (drop * c.rib_gap) * place / (np.maximum(lateral, 0.1) * facing)
    half = np.minimum(c.rib_width * np.sqrt(1 + np.minimum(slope * slope, 6)), 0.42)
    soft = 0.6 * f.pixel / c.rib_gap + 0.04
    back = level - drop * (1 - facing) + 1.4 * place * (1 - place)
    front = level - drop * (1 + facing)
    thick = 0.30 / np.sqrt(np.maximum(facing, 0.25))
    total = np.zeros_like(across)
    for phase, last, amount in ((back, 12, thick), (front, 9, 0.55 * thick * edge(across - 0.5, 0.12))):
        number = np.floor(phase)
        inside = half - np.abs(phase - number - 0.5)
        bone = 0.62 * edge(inside, soft) + 0.42 * bump((inside - 0.05) * 16)
        total += bone * amount * ((number >= 0) & (number < last))
    through = 0.35 + 0.65 * edge(above[window], 0.08)  # ribs are faint in front of the abdomen
    return window, total * through * edge(1.03 - across, 0.012) * c.bone


def spine(chest: Chest, frame: Frame) -> tuple[Window, Floats]:
    """Return the attenuation of the vertebrae, and the window that they cover."""
    c, f = chest, frame
    window = f.window(-0.22, 0.22, -9, 9)
    curve = c.bend[0] * np.sin(2.2 * HEIGHTS + c.bend[1])
    x = f.x[window] - curve.take(f.rows[window]) + np.float32(0.3 * f.view.turn)
    level = f.y[window] * (1 / (0.92 * c.rib_gap))
    part = level - np.floor(level)
    off = np.abs(part - 0.5)  # 0 in the middle of a vertebra, 0.5 in the disc
    ratio = np.abs(x) * (1 / (0.088 + 0.012 * c.age)) * (1.04 - 0.12 * off)
    square = ratio * ratio
    body = chord(square * square)
    disc = bump((off - 0.5) * 12)
    plates = bump((off - 0.40) * 22)
    pedicles = bump((ratio - 0.62) * 5.5) * bump((part - 0.40) * 7)
    process = bump(x * (1 / 0.018)) * bump((part - 0.75) * 5.5)
    joints = bump((part - 0.45) * 7.5) * edge(1.9 - ratio, 0.25)
    bone = body * (0.42 - 0.26 * disc + 0.16 * plates) + 0.22 * pedicles + 0.18 * process + 0.22 * joints
    return window, bone * c.bone


def clavicles(chest: Chest, view: View, x: Floats, y: Floats) -> Floats:
    """Return the attenuation of the clavicles."""
    across = np.abs(x - view.turn)
    height, rise = chest.clavicles
    line = height - across * (rise / 0.75) - 0.035 * np.sin(across * np.float32(2 * np.pi / 0.75))
    half = 0.024 + 0.006 * chest.age + 0.012 * bump((across - 0.08) * 16)
    off = np.abs(y - line) / half
    bone = 0.7 * chord(off * off) + 0.35 * bump((off - 0.85) * 5)
    return 0.55 * chest.bone * bone * edge(across - 0.06, 0.015) * edge(0.85 - across, 0.03)


def scapulae(chest: Chest, view: View, ax: Floats, y: Floats) -> Floats:
    """Return the attenuation of the scapulae; lifted arms move them off the lungs."""
    y = y - (chest.apex + 0.05)
    out = 0.09 * min(view.arms / 100, 1.2)
    inner = ax - (0.64 + out) - 0.10 * y
    outer = (1.0 + out) - 0.42 * y - ax
    inside = np.minimum(np.minimum(inner, outer), y)
    ridge = bump((y - 0.16 + 0.5 * (ax - 0.66)) * 28) * edge(inner, 0.03) * edge(outer + 0.08, 0.05)
    rim = bump(inside * 55) * edge(0.75 - y, 0.1) * edge(y - 0.08, 0.08)
    return chest.bone * (0.10 * edge(inside, 0.012) + 0.15 * rim + 0.16 * ridge)


def vessels(chest: Chest, frame: Frame, root: float) -> Floats:
    """Return the thickness of the lungs' vessels in body units; the bronchi run along them."""
    f = frame
    stretch, bow, phase, slant = chest.warp
    points = []
    for side, tree in zip((-1, 1), chest.trees, strict=True):
        x, y, weight = branches(tree, f.size)
        x, y = x * (1 + side * stretch) + bow * np.sin(9 * y + np.float32(phase)), y + slant * x
        x = side * (x + 0.15) + np.float32(0.3 * f.view.turn)
        y = y + np.float32(root + 0.22 + 0.02 * side - 0.4 * f.view.breath)
        points.append((*f.place(x, y), weight))
    column, row, weight = (np.concatenate(values) for values in zip(*points, strict=True))
    return splat(f.size, column, row, weight * np.float32(1 / f.pixel**2))


def others(chest: Chest, frame: Frame, lines: Outline, above: Floats, rough: Floats, total: Floats) -> None:
    """Add trachea, gastric bubble, breasts and chin to an attenuation, in place."""
    c, f, v = chest, frame, frame.view
    part = f.window(-0.15, 0.15, -9, lines.root + 0.2)
    pipe = chord(((f.x[part] + (0.01 - 0.4 * v.turn)) * (1 / 0.042)) ** 2)
    total[part] -= 0.36 * pipe * edge(lines.root + 0.12 - f.y[part], 0.05)
    if c.breasts > 0:
        part = f.window(-9, 9, -0.15, 0.6)
        away = np.sqrt((f.ax[part] - 0.42) ** 2 + (f.y[part] - 0.22) ** 2)
        total[part] += c.breasts * edge(0.30 - away, 0.03) * edge(f.y[part] + 0.1, 0.25)
    x, under, wide, high = c.stomach
    if wide > 0.08:
        y = c.domes[1] - v.breath + under
        part = f.window(x - 2 * wide, x + 2 * wide, y - 2 * high, y + 2 * high)
        away = ((f.x[part] - x) * (1 / wide)) ** 2 + ((f.y[part] - y) * (1 / high)) ** 2
        total[part] -= 0.5 * edge(0.8 - away + rough[part], 0.6) * edge(-above[part], 0.02)
    if v.chin > -1.3:
        part = f.window(-0.5, 0.5, -9, v.chin)
        away = (f.x[part] * (1 / 0.42)) ** 2 + ((f.y[part] - (v.chin - 0.34)) * (1 / 0.34)) ** 2
        total[part] += 0.8 * np.sqrt(chord(away))


def attenuation(
    chest: Chest, frame: Frame, rng: np.random.Generator, wet: Floats | float = 0.0, bronchi: float = 1.0
) -> Floats:
    """Sum the attenuation of all parts of the chest.

    Parameters
    ----------
    wet : array (size, size) or float
        Share of the lungs' air that is replaced by fluid. There vessels are invisible, and the air-filled
        bronchi along them appear dark (air bronchogram).
    bronchi : float
        Contrast of the air bronchogram; 1 is average.

    Returns
    -------
    array (size, size)
        Attenuation: the natural logarithm of incident over transmitted intensity.
    """
    c, f, v = chest, frame, frame.view
    lines, arm = outline(c, v), arm_distance(c, f)
    lungs, above = air(c, f, lines)
    window, solid = heart(c, f, lines)
    lungs[window] *= 1 - 0.94 * solid
    rough = cloud(rng, f.size, 12) + cloud(rng, f.size, 28)
    lungs *= 1 - c.haze + c.mottle * rough
    cords = 7 * c.markings * vessels(c, f, lines.root) * lungs * (1 - (1.2 + 0.8 * bronchi) * wet)
    lungs *= 1 - wet
    total = 2.15 * flesh(c, f, lines, arm) - 1.42 * lungs + cords
    for window, bone in (ribs(c, f, lines, above), spine(c, f)):
        total[window] += bone
    height, rise = c.clavicles
    window = f.window(-1, 1, height - rise - 0.15, height + 0.1)
    total[window] += clavicles(c, v, f.x[window], f.y[window])
    window = f.window(-2, 2, c.apex, c.apex + 0.9)
    total[window] += scapulae(c, v, f.ax[window], f.y[window])
    total += (0.5 * c.bone) * chord(arm * (1 / 0.065**2))
    window = f.window(-0.5, 0.5, lines.root, lines.root + 0.5)
    x, y = np.abs(f.x[window] - 0.3 * v.turn) - 0.19, (f.y[window] - (lines.root + 0.24)) * 0.7
    total[window] += 0.25 * np.exp((x * x + y * y) * (-1 / 0.09**2)) * lungs[window]
    others(c, f, lines, above, rough, total)
    return total
