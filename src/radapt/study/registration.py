"""What a study was first asked to show, kept in its folder, and whatever was changed afterwards.

`protocol.json` is written before the study scores any test image. It keeps a study to what was planned: who
deletes it can start over, as can who runs a study twice, and no file prevents that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from radapt.artefacts import CELLS, PREDICTIONS, REGISTERED, STUDY
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_json, write_json
from radapt.study.protocol import Protocol, digest


@dataclass(frozen=True, slots=True)
class Amendment:
    """Another protocol than the frozen one, that a study was given later."""

    digest: str
    changed_at: str  # ISO 8601
    differs: Mapping[str, tuple[Any, Any]]  # by field: what it says, and what the frozen one said


@dataclass(frozen=True, slots=True)
class RegisteredProtocol:
    """A protocol as a study was first given it, and what was changed since."""

    protocol: Protocol
    digest: str
    frozen_at: str  # ISO 8601
    late: bool  # whether the study had scored test images by then
    changes: tuple[Amendment, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """What every page of the study has to say; nothing where nothing was changed."""
        day = self.frozen_at[:10]
        late = f"The protocol was frozen on {day}, after this study had scored test images."
        changed = f"The protocol was changed after it was frozen on {day}: differs in"
        return (
            *((late,) if self.late else ()),
            *(f"{changed} {_differing(change)}." for change in self.changes),
        )

    def as_dict(self) -> dict[str, Any]:
        """Give what `protocol.json` holds."""
        return {
            "digest": self.digest,
            "protocol": self.protocol.as_dict(),
            "frozen_at": self.frozen_at,
            "late": self.late,
            "changes": [
                {
                    "digest": change.digest,
                    "changed_at": change.changed_at,
                    "differs": {name: list(pair) for name, pair in change.differs.items()},
                }
                for change in self.changes
            ],
        }


def register(protocol: Protocol, folder: Path, now: datetime) -> RegisteredProtocol:
    """Freeze a protocol in a study's folder, or hold it against the one that is frozen there.

    To be called once the folder is the study's own, and before any test image is scored. The protocol that
    was frozen first stays, with a list of every other one that the study was given since: a study that
    returns to the first keeps its notices.

    Raises
    ------
    BadArtefact
        If `protocol.json` is there and damaged.
    RadaptError
        If the folder cannot be written to.
    """
    path, new, moment = folder / REGISTERED, digest(protocol), now.isoformat(timespec="seconds")
    if not path.is_file():
        first = RegisteredProtocol(protocol, new, moment, _has_scores(folder))
        write_json(path, first.as_dict())
        return first
    known = read_registered(folder)
    if new in (known.digest, *(change.digest for change in known.changes)):
        return known
    known = replace(
        known, changes=(*known.changes, Amendment(new, moment, _differences(protocol, known.protocol)))
    )
    write_json(path, known.as_dict())
    return known


def read_registered(folder: Path) -> RegisteredProtocol:
    """Read the protocol that a study was first given, and what was changed since.

    Raises
    ------
    BadArtefact
        If it is missing or damaged, or its protocol was changed by hand.
    """
    path = folder / REGISTERED
    said = read_json(path)
    try:
        changes = tuple(
            Amendment(
                str(each["digest"]),
                str(each["changed_at"]),
                {name: (value, before) for name, (value, before) in each["differs"].items()},
            )
            for each in said["changes"]
        )
        protocol = Protocol.from_dict(said["protocol"], REGISTERED)
        found = RegisteredProtocol(
            protocol, str(said["digest"]), str(said["frozen_at"]), bool(said["late"]), changes
        )
    except (AskedWrongly, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadArtefact(f"{path} could not be read as a frozen protocol: {error}.") from None
    if found.digest != digest(protocol):
        raise BadArtefact(f"{path} was changed by hand: its digest is not that of the protocol in it.")
    return found


def _has_scores(folder: Path) -> bool:
    return any(folder.glob(f"{CELLS}/*/{PREDICTIONS}")) or (folder / STUDY).is_file()


def _differences(new: Protocol, first: Protocol) -> dict[str, tuple[Any, Any]]:
    says, said = new.as_dict(), first.as_dict()
    return {
        name: (value, said[name]) for name, value in says.items() if value != said[name] and name != "created"
    }


def _differing(change: Amendment) -> str:
    return ", ".join(
        f"{name} ({_written(name, value)}, was {_written(name, before)})"
        for name, (value, before) in change.differs.items()
    )


def _written(name: str, value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if value is None:
        return "not given"
    return str(value)[:12] if name.endswith("fingerprint") else str(value)
