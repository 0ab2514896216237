"""A run with a reference, one adapted from it, and the service that answers with them."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import run_command
from dicoms import make_dicom
from PIL import Image
from samples import make_dataset, write_images
from starlette.testclient import TestClient

from radapt.serving.app import make_app
from radapt.serving.limits import Limits
from radapt.serving.run_predictor import find_base, open_run
from radapt.serving.security import Guard
from radapt.serving.service import Service

LIMITS = replace(
    Limits(),
    image_bytes=2**20,
    request_bytes=2 * 2**20,
    pixels=4_000_000,
    parts=8,
    head_seconds=0.5,
    body_seconds=0.5,
)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("served") / "images", make_dataset(train=240, size=32))


@pytest.fixture(scope="session")
def base_run(data) -> Path:
    """A run whose reference has enough patients to flag images by."""
    out = data.parent / "runs" / "base"
    run_command("train", data, "--size", "32", "--epochs", "1", "--threads", "1", "--out", out)
    return out


@pytest.fixture(scope="session")
def adapted(base_run, data) -> Path:
    out = base_run.parent / "adapted"
    run_command("adapt", base_run, data, "--strategy", "linear-probe", "--threads", "1", "--out", out)
    return out


@pytest.fixture(scope="session")
def service(adapted, hardware) -> Service:
    model = open_run(adapted, hardware)
    return Service(model, open_run(find_base(adapted), hardware), LIMITS)


@pytest.fixture(scope="session")
def client(service):
    app = Guard(make_app(service))
    with TestClient(app, base_url="http://127.0.0.1") as made:
        service.call(lambda: None).result()  # the golden image has been scored
        yield made


@pytest.fixture(scope="session")
def image(data) -> bytes:
    return next((data / "test").glob("*/*.png")).read_bytes()


@pytest.fixture(scope="session")
def deep(image) -> bytes:
    """The same image with 16 bits a value."""
    out = io.BytesIO()
    Image.fromarray(np.asarray(Image.open(io.BytesIO(image))).astype(np.uint16) * 257).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="session")
def dicom(image) -> bytes:
    return make_dicom(np.asarray(Image.open(io.BytesIO(image))).astype(np.uint16) * 16, bits=12)


@pytest.fixture(scope="session")
def study_images(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("studied") / "images", make_dataset(size=32))


@pytest.fixture(scope="session")
def study(study_images) -> Path:
    out = study_images.parent / "study"
    words = ("--shift", "original", "--size", "32", "--epochs", "1", "--strategies", "none,linear-probe")
    run_command("study", study_images, *words, "--budget", "16,32", "--threads", "1", "--out", out)
    return out
