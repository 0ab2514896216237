"""Small models, and the files that they are exported to, made once."""

from dataclasses import replace

import pytest
from exporting_samples import Pair, exported
from samples import CLASSES, smooth_pixels

from radapt.models.table import new_spec


@pytest.fixture(scope="session")
def pair(tmp_path_factory, hardware) -> Pair:
    """A model at 32 pixels."""
    out = tmp_path_factory.mktemp("exported") / "model.onnx"
    return exported(new_spec("compact", CLASSES, size=32), out, hardware, small=True)


@pytest.fixture(scope="session")
def rich(tmp_path_factory, hardware) -> Pair:
    """Two members with two views of several findings, on padded images of spread percentiles."""
    spec = new_spec("compact", CLASSES, size=24, resize="pad", intensity="percentile", findings=True)
    out = tmp_path_factory.mktemp("rich") / "model.onnx"
    return exported(replace(spec, members=2, views=2), out, hardware, small=True)


@pytest.fixture
def raw():
    """Images larger and smaller than a model's, of other proportions."""
    return [smooth_pixels(1, *size)[0].numpy() for size in ((300, 217), (19, 80), (32, 32), (61, 24))]
