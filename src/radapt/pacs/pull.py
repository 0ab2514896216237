"""Fetch the chest radiographs of a PACS into a folder."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from radapt.errors import AskedWrongly, RadaptError
from radapt.files import atomic
from radapt.images.dicom.header import guarded
from radapt.images.dicom.image import SOP_CLASSES
from radapt.lock import alone_in
from radapt.pacs.server import Row, Server, Unreachable
from radapt.pacs.source import encoded, is_uid
from radapt.progress import SILENT, Steps, Watch

MODALITIES = ("CR", "DX")
_FIELDS = ("Modality", "BodyPartExamined", "SOPClassUID", "SeriesInstanceUID")
_CHEST = re.compile(r"CHEST|THORAX|LUNG")  # among the letters of a body part: PS3.16 annex L
_DATES = re.compile(r"([0-9]{8})|([0-9]{8})-([0-9]{8})?|-([0-9]{8})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which images to fetch."""

    studies: tuple[str, ...] = ()  # StudyInstanceUIDs
    patients: tuple[str, ...] = ()  # PatientIDs
    dates: str = ""  # of the study: 20240131, or 20240101-20240131
    modalities: tuple[str, ...] = MODALITIES
    any_body_part: bool = False

    def check(self) -> None:
        """Check that it asks for something, and that the server will understand it.

        Raises
        ------
        AskedWrongly
            If it does not.
        """
        if not (self.studies or self.patients or self.dates):
            raise AskedWrongly("Say which studies: --study-uid, --patient, or --date with one or two days.")
        for uid in self.studies:
            if not is_uid(uid):
                raise AskedWrongly(
                    "A --study-uid is numbers with dots between them, at most 64 letters long."
                )
        if self.dates and not _are_days(self.dates):
            raise AskedWrongly(f"--date takes 20240131 or 20240101-20240131. Got {self.dates!r}.")
        if any(each in text for text in self.patients for each in "*?\\") or "" in self.patients:
            raise AskedWrongly("A --patient is one PatientID, without *, ? or a backslash.")
        if not self.modalities or not all(re.fullmatch(r"[A-Z]{2,16}", each) for each in self.modalities):
            raise AskedWrongly("--modality takes modalities as DICOM names them, such as CR,DX.")

    def searches(self) -> Iterator[dict[str, str]]:
        """Yield the searches for studies that together find what is wanted."""
        for study in self.studies or ("",):
            for patient in self.patients or ("",):
                for modality in ("",) if study else self.modalities:
                    asked = {
                        "StudyInstanceUID": study,
                        "PatientID": patient,
                        "StudyDate": self.dates,
                        "ModalitiesInStudy": modality,
                    }
                    yield {name: value for name, value in asked.items() if value}

    def why_not(self, modality: str, sop_class: str, body_part: str) -> str:
        """Return why an image is left out; "" if it is wanted. An image that names no body part is wanted."""
        if modality not in self.modalities:
            return f"of modality {modality}" if modality.isalnum() else "of no modality"
        if sop_class not in SOP_CLASSES:
            return "no radiograph for presentation"
        if body_part and not self.any_body_part and not _CHEST.search(body_part.upper()):
            return "of another body part than the chest"
        return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where fetching ends before all is there."""

    gigabytes: float = 50.0
    images: int | None = None


@dataclass(slots=True)
class Pulled:
    """What was fetched into a folder."""

    studies: int = 0
    new: int = 0
    kept: int = 0  # that were there before
    size: int = 0  # bytes of the new ones
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    failed: list[dict[str, str]] = field(default_factory=list)  # "file" and "error"
    not_begun: int = 0  # images beyond the limits

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"left_out": dict(self.left_out)}


@dataclass(frozen=True, slots=True)
class _Found:
    """An image on the server."""

    study: str
    series: str
    instance: str

    def path(self, out: Path) -> Path:
        return out / self.study / f"{self.instance}.dcm"


def pull(
    server: Server, wanted: Wanted, out: Path, *, limits: Limits | None = None, watch: Watch = SILENT
) -> Pulled:
    """Fetch images as OUT/StudyInstanceUID/SOPInstanceUID.dcm, as the server stores them.

    Images that are there already are not fetched again, so that the same call goes on after an interruption.

    Raises
    ------
    AskedWrongly
        If nothing in particular is asked for.
    RadaptError
        If the server cannot be reached, refuses or answers something else. An image that cannot be fetched is
        named in the result, and the rest goes on.
    """
    wanted.check()
    limits, done, came = limits or Limits(), Pulled(), 0
    with alone_in(out):
        found = _find(server, wanted, done, watch)
        step = Steps(watch, "fetching images", len(found), "image")
        for each in found:
            if each.path(out).is_file():
                done.kept += 1
            elif not came < limits.gigabytes * 1e9 or done.new == limits.images:
                done.not_begun += 1
            else:
                came += _fetch(server, each, out, wanted, done)
            step()
        step.end()
    return done


def _find(server: Server, wanted: Wanted, done: Pulled, watch: Watch) -> list[_Found]:
    """Return the images to fetch, and count the others by reason."""
    studies = {_value(row, "0020000D") for asked in wanted.searches() for row in server.studies(asked)}
    found: list[_Found] = []
    step = Steps(watch, "looking for images", len(studies), "request")
    for study in sorted(studies):
        for row in server.instances(study, list(_FIELDS)) if is_uid(study) else []:
            each = _Found(study, _value(row, "0020000E"), _value(row, "00080018"))
            why = wanted.why_not(*(_value(row, tag) for tag in ("00080060", "00080016", "00180015")))
            why = why or ("" if is_uid(each.series) and is_uid(each.instance) else "without an identifier")
            if why:
                done.left_out[why] += 1
            else:
                found.append(each)
        step()
    step.end()
    done.studies = len({each.study for each in found})
    return found


def _fetch(server: Server, each: _Found, out: Path, wanted: Wanted, done: Pulled) -> int:
    """Fetch an image, unless it turns out to be another one or of another body part; return its bytes."""

    def read() -> tuple[bytes, list[str]]:
        dataset = server.retrieve(each.study, each.series, each.instance)
        names = ("SOPInstanceUID", "Modality", "SOPClassUID", "BodyPartExamined")
        return encoded(dataset), [str(dataset.get(name) or "") for name in names]

    content = b""
    try:
        content, (instance, *tags) = guarded(read)
        if instance != each.instance:
            raise RadaptError("is another image than was asked for")
    except Unreachable:
        raise
    except RadaptError as error:
        done.failed.append({"file": each.path(Path()).as_posix(), "error": str(error)})
        return len(content)
    why = wanted.why_not(*tags)
    if why:
        done.left_out[why] += 1
    else:
        with atomic(each.path(out)) as temporary:
            temporary.write_bytes(content)
        done.new += 1
        done.size += len(content)
    return len(content)


def _value(row: Row, tag: str) -> str:
    """Return the first value of an attribute of DICOM JSON; "" if it is missing."""
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return str(values[0]) if isinstance(values, list) and values and values[0] is not None else ""


def _are_days(text: str) -> bool:
    """Say whether a text is a day, or a first and a last one, of which one may be left out."""
    match = _DATES.fullmatch(text)
    days = [day for day in match.groups() if day] if match else []
    try:
        return bool(days) and days == sorted(days, key=lambda day: datetime.strptime(day, "%Y%m%d"))
    except ValueError:
        return False
