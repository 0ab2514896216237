"""Send DICOM files to a PACS."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.errors import AskedWrongly, BadImage, RadaptError, WrongFolder
from radapt.images.dicom.header import guarded
from radapt.pacs.server import NotStored, Server, Unreachable
from radapt.pacs.source import check_names, encoded, is_dicom_file, is_uid, refuse_deflated
from radapt.progress import SILENT, Steps, Watch

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_REASONS = {  # of a failure: PS3.18 section I.2.2, and PS3.4 annex B.2.3
    0x0110: "it could not process the object",
    0x0117: "the identifier of the object is invalid",
    0x0122: "it takes no objects of this kind",
    0x0124: "this log-in may not store",
    0xC122: "it does not read this transfer syntax",
}
_RANGES = {  # by their first digits
    0xA7: "it has no room left",
    0xA9: "the object is not of the kind that it says",
    0xC0: "it does not understand the object",
}

LOST = "is not found there, although the server says that it stored it (some take a while, some filter)"


LAST = "was sent last, and got no answer that it is stored"


@dataclass(slots=True)
class Pushed:
    """What a server stored."""

    stored: int = 0  # objects that the server says it stored, without those that a search did not find
    changed: int = 0  # of these, those that the server says it has altered
    unchecked: int = 0  # of these, those that could not be searched for
    failed: list[dict[str, str]] = field(default_factory=list)  # "path" and "error"
    not_sent: int = 0  # objects that were left when the server stopped answering
    stopped: str = ""  # why it did, a sentence; "" if all were sent


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the DICOM files to send: files as given, and all DICOM files below folders.

    Raises
    ------
    WrongFolder
        If a path is missing, or a folder holds no DICOM file.
    AskedWrongly
        If a file is no DICOM file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [each for each in sorted(path.rglob("*")) if each.name[0] != "." and is_dicom_file(each)]
            if not inside:
                raise WrongFolder(f"The folder {path} holds no DICOM file.")
            found += inside
        elif not path.exists():
            raise WrongFolder(f"There is no file or folder {path}. Give DICOM files, or folders of them.")
        elif not is_dicom_file(path):
            raise AskedWrongly(f"{path} is not a DICOM file, and a PACS stores no others.")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def push(server: Server, files: Sequence[Path], *, watch: Watch = SILENT) -> Pushed:
    """Send files one after the other; those that are refused are named in the result, and the rest goes on.

    Where the server stops answering or refuses the log-in, the result says so, and what was stored before.
    """
    done, sent = Pushed(), dict[Path, tuple[str, str]]()
    step = Steps(watch, "sending objects", len(files), "object")
    for number, path in enumerate(files):
        try:
            sent[path] = _send(server, path, done)
        except NotStored as error:
            done.failed.append({"path": str(path), "error": why_refused(error)})
        except Unreachable as error:
            done.failed.append({"path": str(path), "error": LAST})
            done.stopped, done.not_sent = str(error), len(files) - number - 1
            break
        except RadaptError as error:
            done.failed.append({"path": str(path), "error": str(error)})
        step()
    step.end()
    _confirm(server, sent, done)
    return done


def _send(server: Server, path: Path, done: Pushed) -> tuple[str, str]:
    """Send a file; return its study and its own name."""
    dataset = _read(path)
    answer = server.store(dataset)
    if answer.get("FailedSOPSequence") or answer.get("OtherFailuresSequence"):
        raise NotStored(202, answer)  # a good answer that says of its only object that it was not stored
    done.changed += any("WarningReason" in each for each in _items(answer, "ReferencedSOPSequence"))
    return str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)


def _confirm(server: Server, sent: dict[Path, tuple[str, str]], done: Pushed) -> None:
    """Count what the server has of what it said that it stored, by study and name; the rest has failed."""
    answers, studies = not done.stopped, dict[str, dict[Path, str]]()
    for path, (study, name) in sent.items():
        studies.setdefault(study, {})[path] = name
    for study, paths in studies.items():
        there: set[str] | None = None
        try:
            there = server.names_in(study) if answers else None
        except Unreachable:
            answers = False
        except RadaptError:  # not every server that stores can be searched
            pass
        lost = [path for path, name in paths.items() if there is not None and name not in there]
        done.unchecked += len(paths) if there is None else 0
        done.stored += len(paths) - len(lost)
        done.failed += [{"path": str(path), "error": LOST} for path in lost]


def _read(path: Path) -> "Dataset":
    """Return a whole file; one that a PACS has no place for, or that cannot be written again, is refused."""

    def read() -> "Dataset":
        import pydicom

        with path.open("rb") as file:
            refuse_deflated(file)
        dataset = pydicom.dcmread(path)
        check_names(dataset)
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            if not is_uid(str(dataset[name].value)):
                raise BadImage(f"has a {name} that is no identifier (numbers with dots, at most 64 letters)")
        encoded(dataset)
        return dataset

    return guarded(read)


def why_refused(error: NotStored) -> str:
    """Return why a server refused an object, in words, with the code that the standard has for it."""
    code = _code(error.answer)
    if code is None:
        return f"is refused (HTTP {error.status}, without a reason)"
    why = _REASONS.get(code) or _RANGES.get(code >> 8) or "the server gives a reason of its own"
    return f"is refused: {why} (code {code:#06x})"


def _code(answer: Any) -> int | None:
    for name in ("FailedSOPSequence", "OtherFailuresSequence"):
        for item in _items(answer, name):
            reason = item.get("FailureReason")
            return int(reason) if isinstance(reason, int) else None
    return None


def _items(answer: Any, name: str) -> "list[Dataset]":
    """Return the items of a sequence of an answer; none of what is no sequence."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence as Items

    given = answer.get(name) if isinstance(answer, Dataset) else None
    return list(given) if isinstance(given, Items) else []
