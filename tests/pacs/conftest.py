"""Radiographs as a PACS has them, and the way to one."""

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from dicoms import radiograph, uid
from orthanc import SECRET, USER

from radapt.pacs.identity import ModelIdentity
from radapt.pacs.login import Login
from radapt.pacs.server import Server


@pytest.fixture
def server(pacs) -> Server:
    return Server(pacs, Login(USER, SECRET))


@pytest.fixture
def model() -> ModelIdentity:
    return ModelIdentity("compact, head", "ab" * 32, "1.2.3")


@pytest.fixture
def write(tmp_path):
    """Write radiographs into a folder; give their paths."""

    def write(*numbers: int, **tags: object) -> list[Path]:
        folder = tmp_path / "radiographs"
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{number}-{uid(tags)}.dcm" for number in numbers]
        for number, path in zip(numbers, paths, strict=True):
            path.write_bytes(radiograph(number, **tags))
        return paths

    return write


@pytest.fixture
def read():
    """Read the object in some bytes."""
    return lambda content: pydicom.dcmread(BytesIO(content))
