"""The files that a table names, found below a folder however much of their path it gives."""

import os
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

from radapt.images.folder import Entry
from radapt.images.folder_walk import DICOM_SUFFIXES, SUFFIXES, begins_as_dicom
from radapt.labels import Label

_GUESSED = (".jpg", ".png", ".jpeg", ".dcm", ".dicom")  # where a table leaves the ending out


class NamedFiles:
    """Finds images by path, by the end of their path, or by name alone; never outside the folder.

    A name with folders is that of a file whose path ends so, and of no other file of the same last name. The
    first folder is passed over where all names begin with it, as the folder of a published set that was
    unpacked under another name. An absolute path that leads below the folder is what is left of it there.
    """

    def __init__(self, root: Path, names: Iterable[str] = ()) -> None:
        self.root = root
        self.several = 0  # names that several files have, of which none was taken
        firsts = {parts[0] if len(parts) > 1 else "" for parts in map(_parts, names)}
        self._common = firsts.pop() if len(firsts) == 1 else ""
        self._by_name: dict[str, list[str]] | None = None

    def entry(self, name: str, label: Label, split: str) -> Entry | None:
        """Give the file of this name as an entry, if there is one."""
        path = self._find(_parts(self._below_root(name)))
        if path is None:
            return None
        about = (self.root / path).stat()
        ending = Path(path).suffix.lower()
        is_dicom = ending in DICOM_SUFFIXES or (ending not in SUFFIXES and begins_as_dicom(self.root / path))
        return Entry(path, path, label, split, about.st_size, about.st_mtime_ns, is_dicom)

    def leads_out(self, name: str) -> bool:
        """Say whether a name is a path out of the folder: an absolute one elsewhere, or one with `..`."""
        name = self._below_root(name)
        return _is_absolute(name) or ".." in _parts(name)

    def _below_root(self, name: str) -> str:
        """Give an absolute path as one below the folder, where it leads there; any other name as it is."""
        if not _is_absolute(name):
            return name
        for root in dict.fromkeys((self.root.absolute(), self.root.resolve())):
            if Path(name).is_relative_to(root):
                return Path(name).relative_to(root).as_posix()
        return name

    def _find(self, parts: list[str]) -> str | None:
        if not parts or ".." in parts:
            return None
        ways = [parts]
        if self._common and parts[0] == self._common:
            ways.append(parts[1:])
        for way in ways:
            for ending in ("", *_GUESSED):
                if (self.root / f"{'/'.join(way)}{ending}").is_file():
                    return "/".join(way) + ending
        if len(ways) > 1 and len(parts) == 2:  # a name alone could be that of any folder's file
            ways.pop()
        for way in ways:
            found = [path for path in self._names().get(way[-1], ()) if _ends(path, way)]
            self.several += len(found) > 1
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _names(self) -> dict[str, list[str]]:
        """Give the paths of all files by their name, and by their name without its ending."""
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


def _ends(path: str, way: list[str]) -> bool:
    """Say whether the folders of a path end as those of a name do; the file's own name is known to."""
    folders = path.split("/")[:-1]
    wanted = way[:-1]
    return not wanted or folders[-len(wanted) :] == wanted
