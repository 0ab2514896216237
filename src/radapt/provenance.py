"""What made a result: software, hardware, time and the command that was given."""

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
    """Give the command line without the folders that its paths lie in; `from Python` where there is none."""
    return _COMMAND.get()


@contextmanager
def under_way(line: str) -> Iterator[None]:
    """Let runs that are finished in the block record this command line."""
    before = _COMMAND.set(line)
    try:
        yield
    finally:
        _COMMAND.reset(before)


def provenance(hardware: "Hardware", started: datetime) -> dict[str, Any]:
    """Say what software and hardware did the work, and when."""
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
    """Give the time, with its zone."""
    return datetime.now(UTC)


def _revision() -> str:
    """Give the git revision of the source that runs, "" where it is not a checkout of radapt."""
    source = Path(__file__).resolve().parent
    if not (source.parents[1] / ".git").exists():
        return ""
    try:
        asked = ["git", "-C", str(source), "describe", "--always", "--dirty"]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
