"""Shifts as a user writes them: `rotation(10) + noise(sigma=3)`, `phone-photo@4`, or a TOML file.

A term is the name of a corruption or a preset, followed either by options in brackets (in the order of the
corruption's fields, or by name; the rest keep their defaults), or by `@` and a severity of 0 to 5. A name
alone has severity 3. Terms are joined by `+`. `original` is the shift of the original demonstration,
which has one strength.

In TOML a shift is a list of steps, or a text::

    about = "our old portable unit"
    shift = "noise(sigma=9) + blur@2"      # or:

    [[steps]]
    name = "noise"
    sigma = 9
    [[steps]]
    name = "blur"
    severity = 2
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from radapt.errors import AskedWrongly, UnknownName
from radapt.files import read_toml
from radapt.shift.chain import Chain, OneOf
from radapt.shift.corruption import Corruption, Shift
from radapt.shift.original import OriginalShift
from radapt.shift.presets import MIXED, about_shifts, composed
from radapt.shift.table import CORRUPTIONS, SHIFTS, USUAL
from radapt.text import listed

_TERM = re.compile(r"([A-Za-z][\w-]*)\s*(?:\(([^()]*)\)|@\s*(\d{1,9}))?")
MAX_TERMS, MAX_LETTERS = 50, 10_000  # of one shift


def parse_shift(text: str) -> Shift:
    """Read a shift as a user writes it; see the module.

    Raises
    ------
    UnknownName
        If a name or an option is unknown; the message suggests the nearest.
    AskedWrongly
        If it is written in another way, or a number is out of its range.
    """
    if text.strip() == OriginalShift.name:
        return OriginalShift()
    if text.strip() == str(Chain()):
        return Chain()
    chain, parts = Chain(), _terms(text)
    for part in parts:
        match = _TERM.fullmatch(part)
        if match is None:
            raise AskedWrongly(
                f"{part!r} is no shift. One is written like 'rotation(10)', 'noise(sigma=3)' or 'blur@2', "
                "several with + between."
            )
        name, options, severity = match.groups()
        if options is not None:
            chain += Chain((_made(name, _options(name, options)),))
        elif name == OriginalShift.name and severity is None:
            chain += Chain((OriginalShift(),))
        else:
            shift = at(name, USUAL if severity is None else int(severity))
            if isinstance(shift, OneOf):
                if len(parts) > 1:
                    raise AskedWrongly(
                        f"{name!r} draws one shift for each image, so it stands alone. Got {text!r}."
                    )
                return shift
            chain += shift
    return chain


def names() -> tuple[str, ...]:
    """Name every corruption and preset there is."""
    return tuple(about_shifts())


def at(name: str, severity: int) -> Chain | OneOf:
    """Return a corruption or a preset at a severity from 0 (the identity) to 5.

    Raises
    ------
    UnknownName
        If there is none of that name.
    AskedWrongly
        If the severity is another, or the shift has none.
    """
    if name == OriginalShift.name:
        raise AskedWrongly("The shift 'original' has one strength: it takes no severity.")
    if name not in names():
        raise UnknownName("shift", name, names())
    if not 0 <= severity <= 5:
        raise AskedWrongly(f"A severity is 0 to 5. Got {name}@{severity}.")
    if severity == 0:
        return Chain()
    if name in SHIFTS:
        return Chain((SHIFTS[name].levels[severity - 1],))
    if name in MIXED:
        return OneOf(tuple(_composition(each, severity) for each in MIXED[name][1]), f"{name}@{severity}")
    return _composition(name, severity)


def _composition(name: str, severity: int) -> Chain:
    preset = composed(name)
    assert preset is not None
    shift = parse_shift(preset.levels[severity - 1])
    assert isinstance(shift, Chain)
    return shift


def resolved(text: str) -> str:
    """Return the expression of a shift, which is read from a file if `text` ends in .toml."""
    return str(read_shift(Path(text))) if text.lower().endswith(".toml") else text


def read_shift(path: Path) -> Shift:
    """Read a shift from a TOML file, see the module.

    Raises
    ------
    AskedWrongly
        If the file cannot be read, or does not say a shift.
    """
    value = read_toml(path)
    strange = sorted(value.keys() - {"about", "shift", "steps"})
    if strange:
        raise UnknownName(f"key in {path.name}", strange[0], ("about", "shift", "steps"))
    if isinstance(value.get("shift"), str) and "steps" not in value:
        return parse_shift(value["shift"])
    steps = value.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise AskedWrongly(f'{path} defines no shift. It needs a line shift = "..." or tables [[steps]].')
    _check_terms(len(steps))
    chain = Chain()
    for step in steps:
        chain += _step(path, step)
    return chain


def _step(path: Path, step: Mapping[str, Any]) -> Chain:
    options = dict(step)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise AskedWrongly(f'A step of {path} has no name. It needs a line such as name = "noise".')
    if "severity" in options:
        severity = options.pop("severity")
        if options or type(severity) is not int:
            raise AskedWrongly(
                f"The step {name!r} of {path} takes either a whole severity or options, and not both."
            )
        return _one_chain(name, severity)
    if not options:
        return _one_chain(name, USUAL)
    for option, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise AskedWrongly(f"The option {option!r} of {name!r} in {path} is a number. Got {value!r}.")
        if abs(value) > sys.float_info.max:
            raise AskedWrongly(
                f"The option {option!r} of {name!r} in {path} is larger than any number can be."
            )
    return Chain((_made(name, {option: float(value) for option, value in options.items()}),))


def _one_chain(name: str, severity: int) -> Chain:
    shift = at(name, severity)
    if isinstance(shift, OneOf):
        raise AskedWrongly(f"{name!r} draws one shift for each image, so it is no step of a file.")
    return shift


def _terms(text: str) -> list[str]:
    """Split an expression at every + that stands outside brackets."""
    if len(text) > MAX_LETTERS:
        raise AskedWrongly(f"A shift is written in {MAX_LETTERS:,} letters at most. Got {len(text):,}.")
    parts = [part.strip() for part in re.split(r"\+(?![^(]*\))", text)]
    if not all(parts):
        raise AskedWrongly(f"{text!r} is no shift: there is nothing on one side of a +, or nothing at all.")
    _check_terms(len(parts))
    return parts


def _check_terms(count: int) -> None:
    if count > MAX_TERMS:
        raise AskedWrongly(f"A shift has {MAX_TERMS} terms at most, one after another. Got {count:,}.")


def _options(name: str, text: str) -> dict[str, float]:
    kind = _kind(name)
    known = _known(kind)
    values: dict[str, float] = {}
    for place, part in enumerate(filter(None, (part.strip() for part in text.split(",")))):
        option, mark, value = (piece.strip() for piece in part.rpartition("="))
        if not mark:
            if place >= len(known):
                raise AskedWrongly(f"{name} has {len(known)} options: {listed(known)}. Got more: {text}.")
            option = known[place]
        if option in values:
            raise AskedWrongly(f"The option {option!r} of {name!r} is given twice.")
        try:
            values[option] = float(value)
        except ValueError:
            raise AskedWrongly(f"The option {option!r} of {name!r} is a number. Got {value!r}.") from None
    return values


def _made(name: str, options: Mapping[str, float]) -> Corruption:
    kind = _kind(name)
    known = _known(kind)
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {name!r}", option, known)
    try:
        return kind(**options)
    except AskedWrongly as error:
        raise AskedWrongly(f"{name}: {error}") from None


def _kind(name: str) -> type[Corruption]:
    if name == OriginalShift.name:
        return OriginalShift
    if name in names() and name not in CORRUPTIONS:
        raise AskedWrongly(f"The preset {name!r} takes no options but a severity, as in '{name}@3'.")
    if name not in CORRUPTIONS:
        raise UnknownName("shift", name, [*names(), *CORRUPTIONS])
    return CORRUPTIONS[name]


def _known(kind: type[Corruption]) -> list[str]:
    """Return the names of a corruption's numeric options."""
    assert is_dataclass(kind)
    return [field.name for field in fields(kind) if isinstance(field.default, int | float)]
