"""Find the files that a table names, whether it gives their path, the end of it, or the name alone."""

import os
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

from radapt.images.folder import Entry
from radapt.images.folder_walk import DICOM_SUFFIXES, SUFFIXES, begins_as_dicom
from radapt.labels import Label

_GUESSED = (".jpg", ".png", ".jpeg", ".dcm", ".dicom")  # extensions that are tried if a table leaves them out


class NamedFiles:
    """Finds images by path, by the end of their path, or by name alone; never outside the folder.

    A name with folders matches only a file whose path ends with them. If all names begin with the same
    folder, it may be missing: a published data set may have been unpacked under another name. Of an absolute
    path below the folder, the part below it is used.
    """

    def __init__(self, root: Path, names: Iterable[str] = ()) -> None:
        self.root = root
        self.several = 0  # number of names that match several files, of which none is taken
        firsts = {parts[0] if len(parts) > 1 else "" for parts in map(_parts, names)}
        self._common = firsts.pop() if len(firsts) == 1 else ""
        self._by_name: dict[str, list[str]] | None = None

    def find(self, name: str) -> str | None:
        """Return the path below the folder of the file of this name, if there is one."""
        return self._find(_parts(self._below_root(name)))

    def entry(self, path: str, label: Label, split: str, row: int) -> Entry:
        """Return the file at this path below the folder as an entry, with its row of the table."""
        about = (self.root / path).stat()
        ending = Path(path).suffix.lower()
        is_dicom = ending in DICOM_SUFFIXES or (ending not in SUFFIXES and begins_as_dicom(self.root / path))
        return Entry(path, path, label, split, about.st_size, about.st_mtime_ns, is_dicom, row)

    def leads_out(self, name: str) -> bool:
        """Say whether a name leads out of the folder: an absolute path elsewhere, or one with `..`."""
        name = self._below_root(name)
        return _is_absolute(name) or ".." in _parts(name)

    def _below_root(self, name: str) -> str:
        """Turn an absolute path below the folder into a relative one; leave any other name as it is."""
        if not _is_absolute(name):
            return name
        for root in dict.fromkeys((self.root.absolute(), self.root.resolve())):
            if Path(name).is_relative_to(root):
                return Path(name).relative_to(root).as_posix()
        return name

    def _find(self, parts: list[str]) -> str | None:
        if not parts or ".." in parts:
            return None
        candidates = [parts]
        if self._common and parts[0] == self._common:
            candidates.append(parts[1:])
        for candidate in candidates:
            for ending in ("", *_GUESSED):
                if (self.root / f"{'/'.join(candidate)}{ending}").is_file():
                    return "/".join(candidate) + ending
        if len(candidates) > 1 and len(parts) == 2:  # a bare name could match a file of any folder
            candidates.pop()
        for candidate in candidates:
            matches = [path for path in self._names().get(candidate[-1], ()) if _ends(path, candidate)]
            self.several += len(matches) > 1
            if matches:
                return matches[0] if len(matches) == 1 else None
        return None

    def _names(self) -> dict[str, list[str]]:
        """Return the paths of all files by name, and by name without extension."""
        if self._by_name is None:
            self._by_name = {}
            for folder, _, files in os.walk(self.root):
                below = os.path.relpath(folder, self.root).replace(os.sep, "/")
                for file in files:
                    path = file if below == "." else f"{below}/{file}"
                    stem, ending = Path(file).stem, Path(file).suffix
                    for name in {file, stem} if ending.lower() in SUFFIXES else {file}:
                        self._by_name.setdefault(name, []).append(path)
        return self._by_name


def _is_absolute(name: str) -> bool:
    return Path(name).is_absolute() or PureWindowsPath(name).is_absolute()


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _ends(path: str, name: list[str]) -> bool:
    """Say whether the folders of a path end with those of a name; the file names already match."""
    folders = path.split("/")[:-1]
    last_folders = name[:-1]
    return not last_folders or folders[-len(last_folders) :] == last_folders
