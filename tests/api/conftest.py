import tempfile

import pytest
from samples import make_dataset

import radapt


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Folders of runs that name none lie among those of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="session")
def data():
    return make_dataset()


@pytest.fixture(scope="session")
def run(data, tmp_path_factory):
    return radapt.train(data, out=tmp_path_factory.mktemp("api") / "base", epochs=2, steps=2, device="cpu")


@pytest.fixture(scope="session")
def target(data):
    return radapt.shift_images(data, "noise@2")
