"""The shifts there are, by name: causes with five severities, and presets put together from them."""

from collections.abc import Mapping
from dataclasses import dataclass

from radapt.shift.cause import Cause
from radapt.shift.detector import Noise
from radapt.shift.exposure import Gamma
from radapt.shift.pose import Rotation

SEVERITIES = (1, 2, 3, 4, 5)  # 0 is the identity
USUAL = 3  # the severity of a name without one


@dataclass(frozen=True, slots=True)
class Kind:
    """A cause, and what it is at each severity."""

    group: str  # the cause's family, as in "pose"
    about: str  # one line, with the unit of what grows
    levels: tuple[Cause, Cause, Cause, Cause, Cause]  # severity 1 to 5


@dataclass(frozen=True, slots=True)
class Preset:
    """A composition with a name, written as it would be asked for."""

    about: str
    levels: tuple[str, str, str, str, str]  # severity 1 to 5


SHIFTS: dict[str, Kind] = {
    "rotation": Kind(
        "pose",
        "turned by up to 5 to 30 degrees either way",
        (Rotation(5), Rotation(10), Rotation(15), Rotation(22), Rotation(30)),
    ),
    "gamma": Kind(
        "exposure",
        "levels raised to a power of up to 1.2 to 3, or its inverse",
        (Gamma(1.2), Gamma(1.4), Gamma(1.7), Gamma(2.2), Gamma(3.0)),
    ),
    "noise": Kind(
        "detector",
        "electronic noise of 3 to 24 grey levels",
        (Noise(3), Noise(6), Noise(10), Noise(16), Noise(24)),
    ),
}

PRESETS: dict[str, Preset] = {}


def about_shifts() -> dict[str, tuple[str, str]]:
    """Say of every shift by its name what kind of cause it is and what it does."""
    return {name: (kind.group, kind.about) for name, kind in SHIFTS.items()} | {
        name: ("preset", preset.about) for name, preset in PRESETS.items()
    }


SUITES: Mapping[str, tuple[str, ...]] = {"all": tuple(SHIFTS)}  # what a stress test goes through
