import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a thread a process, as many processes as cores

import pytest
import torch
from orthanc import orthanc
from samples import make_dataset, make_images

from radapt.cli.app import main
from radapt.device import Hardware
from radapt.images.imageset import Dataset, ImageSet
from radapt.report.pdf import find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images, which the project never copies in."""
    folder = Path(os.environ.get("RADAPT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"there are no real images at {folder}; RADAPT_SHARED says where they are")
    return folder


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of packed images that the whole run shares, with its other processes too, and no user's own."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADAPT_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PACS, which every test process has one of."""
    with orthanc(tmp_path_factory.mktemp("pacs") / "orthanc") as url:
        yield url


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    return Hardware(torch.device("cpu"), "fp32")


@pytest.fixture
def radapt(capsys, monkeypatch):
    """Run the command line as `main` runs it; give exit code, standard output and standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["radapt", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return stopped.value.code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A real browser, of which tests/browser.py says what it can look at."""
    executable = find_browser()
    if executable is None:
        pytest.skip("there is no Chromium or Chrome on this machine to look at pages with")
    from browser import start_browser

    with start_browser(executable) as started:
        yield started


@pytest.fixture
def images() -> ImageSet:
    """Twelve 16 x 16 images of six patients."""
    return make_images(12)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return make_dataset()
