"""Registration of a study's protocol: kept in its folder from the start, with every later amendment.

`protocol.json` is written before the study scores any test image. It shows whether a study kept to its plan.
Whoever deletes it, or runs a study twice, can start over; no file prevents that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from radapt.artefacts import CELLS, PREDICTIONS, REGISTERED, STUDY
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_document, write_document
from radapt.images.notice import Notice
from radapt.study.protocol import Protocol, digest


@dataclass(frozen=True, slots=True)
class Amendment:
    """Another protocol that a study was given after its registration."""

    digest: str
    changed_at: str  # ISO 8601
    differs: Mapping[str, tuple[Any, Any]]  # by field: what it says now, and what was registered


@dataclass(frozen=True, slots=True)
class RegisteredProtocol:
    """The protocol that a study was registered with first, and its amendments."""

    protocol: Protocol
    digest: str
    registered_at: str  # ISO 8601
    late: bool  # whether the study had scored test images by then
    changes: tuple[Amendment, ...] = ()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What every page of the study has to say; nothing where nothing was changed."""
        day = self.registered_at[:10]
        late = f"The protocol was registered on {day}, after this study had scored test images."
        changed = f"The protocol was changed after its registration on {day}:"
        sentences = [late] * self.late + [f"{changed} {_differing(change)}." for change in self.changes]
        return tuple(Notice("protocol", "invalid", text) for text in sentences)

    def as_dict(self) -> dict[str, Any]:
        """Return what `protocol.json` holds."""
        return {
            "digest": self.digest,
            "protocol": self.protocol.as_dict(),
            "registered_at": self.registered_at,
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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> "RegisteredProtocol":
        """Return what `as_dict` gave, from the file named `where`, which may hold more than that.

        Raises
        ------
        AskedWrongly
            If the protocol in it is none.
        """
        changes = tuple(
            Amendment(
                str(change["digest"]),
                str(change["changed_at"]),
                {name: (value, before) for name, (value, before) in change["differs"].items()},
            )
            for change in values["changes"]
        )
        return cls(
            Protocol.from_dict(values["protocol"], where),
            str(values["digest"]),
            str(values["registered_at"]),
            bool(values["late"]),
            changes,
        )


def register(protocol: Protocol, folder: Path, now: datetime) -> RegisteredProtocol:
    """Register a protocol in a study's folder, or compare it with the one that is registered there.

    To be called once the folder is the study's own, and before any test image is scored. The protocol that
    was registered first stays, with a list of all others that the study was given since: a study that
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
        write_document(path, first.as_dict())
        return first
    known = read_registered(folder)
    if new in (known.digest, *(change.digest for change in known.changes)):
        return known
    known = replace(
        known, changes=(*known.changes, Amendment(new, moment, _differences(protocol, known.protocol)))
    )
    write_document(path, known.as_dict())
    return known


def refuse_limit(minutes: float | None, protocol: Protocol | None, folder: Path) -> None:
    """Refuse a time limit for a study with a protocol: without all of its models its claim has no verdict.

    Raises
    ------
    AskedWrongly
        If there are `minutes`, and the study has a protocol or one is registered in its folder.
    """
    if minutes is not None and (protocol is not None or (folder / REGISTERED).is_file()):
        raise AskedWrongly(
            "The study has a registered protocol, and the verdict on its claim needs all of its models: "
            "leave the time limit out."
        )


def read_registered(folder: Path) -> RegisteredProtocol:
    """Read the protocol that a study was first given, and what was changed since.

    Raises
    ------
    BadArtefact
        If it is missing or damaged, or its protocol was changed by hand.
    """
    path = folder / REGISTERED
    values = read_document(path)
    try:
        registered = RegisteredProtocol.from_dict(values, REGISTERED)
    except (AskedWrongly, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadArtefact(f"{path} could not be read as a registered protocol: {error}.") from None
    if registered.digest != digest(registered.protocol):
        raise BadArtefact(f"{path} was changed by hand: its digest is not that of the protocol in it.")
    return registered


def _has_scores(folder: Path) -> bool:
    return any(folder.glob(f"{CELLS}/*/{PREDICTIONS}")) or (folder / STUDY).is_file()


def _differences(new: Protocol, first: Protocol) -> dict[str, tuple[Any, Any]]:
    values, before = new.as_dict(), first.as_dict()
    return {
        name: (value, before[name])
        for name, value in values.items()
        if value != before[name] and name != "created"
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
