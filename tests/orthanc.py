"""A PACS on this machine: Debian's Orthanc with its DICOMweb, on a port and in a folder of its own."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = shutil.which("Orthanc") or shutil.which("/usr/sbin/Orthanc")  # which is on the path of root alone
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, SECRET = "alice", "wonder-land"
REFUSED = "REFUSE ME"  # the StudyID of objects that the server does not take
FILTER = f"""
function ReceivedInstanceFilter(dicom, origin, info)
   return dicom.StudyID ~= '{REFUSED}'
end
"""


def missing() -> str:
    """Say what the server lacks on this machine; "" if nothing."""
    if PROGRAM is None or not PLUGIN.exists():
        return "there is no Orthanc with DICOMweb (Debian: orthanc, orthanc-dicomweb)"
    return ""


def tool(name: str) -> str:
    """Give the path of a program of DCMTK, or skip the test."""
    return shutil.which(name) or pytest.skip(f"there is no {name} (Debian: dcmtk)")


@contextmanager
def orthanc(folder: Path) -> Iterator[str]:
    """Run a server that only `USER` can log in to, until the block ends; give its address."""
    if missing():
        pytest.skip(missing())
    folder.mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (folder / "filter.lua").write_text(FILTER)
    config = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: SECRET},
        "LuaScripts": [str(folder / "filter.lua")],
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(config))
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([str(PROGRAM), folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/dicom-web/studies", process)
        yield f"http://127.0.0.1:{port}/dicom-web"
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server asks for a log-in."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url)
        except urllib.error.HTTPError:  # 401
            return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.05)
    raise AssertionError("the server did not begin")
