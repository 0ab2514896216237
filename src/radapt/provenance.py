"""Provenance of a result: software, hardware, time and command line."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.version import __version__

if TYPE_CHECKING:
    from radapt.device import Hardware  # which loads torch

_COMMAND: ContextVar[str] = ContextVar("command", default="from Python")


def command() -> str:
    """Return the command line with folders removed from its paths; `from Python` if there is none."""
    return _COMMAND.get()


@contextmanager
def under_way(line: str) -> Iterator[None]:
    """Set the command line that runs finished inside the block record."""
    before = _COMMAND.set(line)
    try:
        yield
    finally:
        _COMMAND.reset(before)


def provenance(hardware: "Hardware", started: datetime) -> dict[str, Any]:
    """Return software versions, hardware, start and end time and command line, for JSON."""
    return {
        "radapt": __version__,
        "revision": _revision(),
        "versions": {name: version(name) for name in ("torch", "timm", "numpy", "pillow", "safetensors")},
        "hardware": hardware.describe(),
        "started": started.isoformat(timespec="seconds"),
        "finished": now().isoformat(timespec="seconds"),
        "command": command(),
    }


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def _revision() -> str:
    """Return the git revision of the running source code, "" if it is not a git checkout."""
    source = Path(__file__).resolve().parent
    if not (source.parents[1] / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(source), "describe", "--always", "--dirty"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
