"""Fetch public data sets: download, verify checksums, unpack archives, and keep a record."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.datasets.catalogue import DataSet, Remote
from radapt.datasets.download import Download, Patience
from radapt.datasets.unpack import unpack
from radapt.errors import BadArtefact, RadaptError
from radapt.files import read_object, sha256, write_json
from radapt.lock import alone_in

if TYPE_CHECKING:
    from radapt.progress import Watch

RECORD = "radapt-fetch.json"  # beside the files: their sources and checksums

_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a fetch."""

    new: tuple[str, ...]  # files that were downloaded or unpacked
    there: tuple[str, ...]  # files that were complete already
    unpublished: dict[str, str]  # computed checksums of files without a published one


def fetch(
    data: DataSet,
    files: Sequence[Remote],
    to: Path,
    *,
    watch: "Watch",
    keep: bool = True,
    patience: Patience = _PATIENCE,
) -> Fetched:
    """Fetch files of a data set into a folder, and unpack its archives there.

    Files that are there with the right checksum are kept; interrupted downloads and unpacking are resumed.
    `radapt-fetch.json` records the source and checksum of each file. If no checksum is published, the first
    fetch records it and later ones are compared with it.

    Parameters
    ----------
    data
        The data set.
    files
        The files to fetch; see `DataSet.choose`.
    to
        The folder; it is created if it does not exist.
    watch
        Receives how many megabytes are fetched and unpacked.
    keep
        Whether to keep archives after unpacking; a later fetch knows their content in either case.
    patience
        The timeouts and retries.

    Raises
    ------
    RadaptError
        If a file cannot be fetched, there is no space for it, the folder cannot be written to, or another
        process fetches into it. What has arrived is kept.
    BadArtefact
        If a checksum is wrong, an archive is damaged or unsafe, or the record is damaged.
    """
    try:
        to.mkdir(parents=True, exist_ok=True)
        with alone_in(to, "wait until it is done, or choose another --to"):
            work = _Fetch(data, to, watch, keep, patience, _read_record(to / RECORD))
            work.check_room(files)
            whole = {folder for folder in {each.folder for each in files} - {""} if work.is_whole(folder)}
            new = [each.name for each in files if work.bring(each, unpacked=each.folder in whole)]
    except OSError as error:
        raise RadaptError(
            f"Could not write in {to}: {error.strerror or error}. What has arrived is kept, and the same "
            "command goes on from there."
        ) from None
    there = tuple(each.name for each in files if each.name not in new)
    known = work.entries
    unpublished = {each.name: known[each.name]["checksum"] for each in files if each.checksum is None}
    return Fetched(tuple(new), there, unpublished)


@dataclass(frozen=True, slots=True)
class _Fetch:
    """The state of a fetch."""

    data: DataSet
    to: Path
    watch: "Watch"
    keep: bool
    patience: Patience
    record: dict[str, Any]

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The record of each file of the data set."""
        about = {"licence": self.data.licence, "citation": self.data.citation, "page": self.data.page}
        entry = self.record.setdefault(self.data.title, {**about, "files": {}})
        files: dict[str, dict[str, Any]] = entry["files"]
        return files

    def is_whole(self, folder: str) -> bool:
        """Say whether a folder holds at least as many files and bytes as were unpacked into it."""
        known = [each for each in self.entries.values() if each.get("folder") == folder]
        unpacked = [each["unpacked"] for each in known if "unpacked" in each]
        files, size = _measure(self.to / folder)
        return bool(
            files >= sum(each["files"] for each in unpacked)
            and size >= sum(each["bytes"] for each in unpacked)
        )

    def bring(self, remote: Remote, *, unpacked: bool) -> bool:
        """Fetch and unpack a file if needed; say whether anything was done."""
        known = self.entries.get(remote.name, {})
        if unpacked and "unpacked" in known and known["checksum"] == self.checksum(remote):
            return False
        path, arrived = self.retrieve(remote)
        entry: dict[str, Any] = {"url": remote.url, "bytes": path.stat().st_size}
        entry["checksum"] = self.checksum(remote) or f"sha256:{sha256(path)}"
        if remote.folder:
            content = unpack(path, self.to, watch=self.watch)
            if not (self.to / remote.folder).is_dir():
                raise BadArtefact(f"{path} holds no folder {remote.folder}, and is another archive now.")
            entry |= {"folder": remote.folder, "unpacked": {"files": content.files, "bytes": content.size}}
        self.entries[remote.name] = entry
        write_json(self.to / RECORD, self.record)
        if remote.folder and not self.keep:
            path.unlink()
        return arrived or bool(remote.folder)

    def retrieve(self, remote: Remote) -> tuple[Path, bool]:
        """Return the path of a verified file, and whether it had to be fetched."""
        import pooch

        pooch.get_logger().setLevel("ERROR")
        part = _part(self.to / remote.name)
        download = Download(remote.name, part, remote.size, self.data.page, self.watch, self.patience)
        arrived = False

        def downloader(url: str, output: str, of: object) -> None:
            nonlocal arrived
            arrived = True
            download(url, output, of)

        try:
            path = pooch.retrieve(
                remote.url, self.checksum(remote), remote.name, self.to, downloader=downloader
            )
        except ValueError:
            hint = f"Try again, or see {self.data.page}."
            if remote.checksum is None:
                hint = f"If it may be another, take {self.to / RECORD} away, and fetch again."
            raise BadArtefact(
                f"{remote.name} arrived, but its checksum is not {self.checksum(remote)}: it was damaged on "
                f"the way, or is another file now. It was deleted. {hint}"
            ) from None
        return Path(path), arrived

    def checksum(self, remote: Remote) -> str | None:
        """Return the checksum that a file must have: the published one, or that of its first download."""
        known: str | None = self.entries.get(remote.name, {}).get("checksum")
        return remote.checksum or known

    def check_room(self, files: Sequence[Remote]) -> None:
        """Check that the disk has room for the files.

        Raises
        ------
        RadaptError
            If it has not.
        """
        missing, packed = [0], [0]
        for remote in files:
            path = self.to / remote.name
            if "unpacked" in self.entries.get(remote.name, {}):
                continue
            have = next((each.stat().st_size for each in (path, _part(path)) if each.exists()), 0)
            missing.append(max(0, remote.size - have))
            packed.append(remote.size if remote.folder else 0)  # unpacked images are about as large
        need = (sum if self.keep else max)(missing) + sum(packed)
        free = shutil.disk_usage(self.to).free
        if need > free:
            fewer = ", or see --delete-archives and --parts" if len(packed) - packed.count(0) > 1 else ""
            raise RadaptError(
                f"{self.data.title} needs another {need / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free in "
                f"{self.to}. Nothing was fetched; make room or give another folder{fewer}."
            )


def _part(path: Path) -> Path:
    """Return the path of an incomplete download."""
    return path.with_name(f"{path.name}.part")


def _read_record(path: Path) -> dict[str, Any]:
    record = read_object(path) if path.exists() else {}
    if not isinstance(record, dict) or not all(map(_is_entry, record.values())):
        raise BadArtefact(f"{path} was not written by radapt. Move it away, or give another folder.")
    return record


def _is_entry(entry: object) -> bool:
    """Return whether the record of a data set is one that `fetch` writes."""
    files = entry.get("files") if isinstance(entry, dict) else None
    if not isinstance(files, dict):
        return False
    for file in files.values():
        unpacked = file.get("unpacked", {"files": 0, "bytes": 0}) if isinstance(file, dict) else None
        if not isinstance(unpacked, dict) or not isinstance(file.get("checksum"), str):
            return False
        if not all(isinstance(unpacked.get(count), int) for count in ("files", "bytes")):
            return False
    return True


def _measure(folder: Path) -> tuple[int, int]:
    """Count the files below a folder, and their bytes."""
    files = size = 0
    for where, _, names in os.walk(folder):
        files += len(names)
        size += sum((Path(where) / name).stat().st_size for name in names)
    return files, size
