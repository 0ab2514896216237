"""The files that a table names, found below a folder however much of their path it gives."""

import os
from pathlib import Path

from radapt.images.folder import DICOM_SUFFIXES, SUFFIXES, Entry, begins_as_dicom
from radapt.labels import Label

_GUESSED = (".jpg", ".png", ".jpeg", ".dcm", ".dicom")  # where a table leaves the ending out


class NamedFiles:
    """Finds films by path, by path without its first folder, or by name alone; never outside the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.several = 0  # names that several files have, of which none was taken
        self._by_name: dict[str, str] | None = None  # "" where several files have it

    def entry(self, name: str, label: Label, split: str) -> Entry | None:
        """Give the file of this name as an entry, if there is one."""
        path = self._find(name.replace("\\", "/"))
        if path is None:
            return None
        about = (self.root / path).stat()
        ending = Path(path).suffix.lower()
        is_dicom = ending in DICOM_SUFFIXES or (ending not in SUFFIXES and begins_as_dicom(self.root / path))
        return Entry(path, path, label, split, about.st_size, about.st_mtime_ns, is_dicom)

    def _find(self, name: str) -> str | None:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            return None
        for path in {"/".join(parts): None, "/".join(parts[1:]): None}:
            for ending in ("", *_GUESSED) if path else ():
                if (self.root / f"{path}{ending}").is_file():
                    return path + ending
        found = self._names().get(parts[-1])
        self.several += found == ""
        return found or None

    def _names(self) -> dict[str, str]:
        """Give the path of every file by its name, and by its name without its ending."""
        if self._by_name is None:
            self._by_name = {}
            for folder, _, files in os.walk(self.root):
                below = os.path.relpath(folder, self.root).replace(os.sep, "/")
                for file in files:
                    path = file if below == "." else f"{below}/{file}"
                    stem, ending = Path(file).stem, Path(file).suffix
                    for name in {file, stem} if ending.lower() in SUFFIXES else {file}:
                        self._by_name[name] = "" if name in self._by_name else path
        return self._by_name
