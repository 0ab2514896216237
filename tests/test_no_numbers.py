"""A score that is no number is an error, and never a class."""

import json
import math

import numpy as np
import pytest
import torch
from samples import make_images, write_images

from radapt.errors import AskedWrongly, BadArtefact, RadaptError
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.inference import predict
from radapt.models.table import build, new_spec
from radapt.training.recipe import Recipe

SPEC = new_spec("compact", ("NORMAL", "PNEUMONIA"), size=16)


def overflowing():
    model = build(SPEC)
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.fill_(3e38)
    return model


def test_finite_weights_that_overflow_name_no_class(hardware, tmp_path, dataset, radapt):
    with pytest.raises(RadaptError, match="gives no number for 4 images of 4"):
        predict(overflowing(), make_images(4), hardware)
    save_classifier(overflowing(), tmp_path / "run")
    images = write_images(tmp_path / "images", dataset)
    code, out, err = radapt("predict", tmp_path / "run", images / "test", "--json")
    assert (code, out) == (1, "")
    assert "gives no number" in err


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_no_numbers_are_not_saved(tmp_path, bad):
    model = build(SPEC)
    with torch.no_grad():
        next(model.head.parameters()).view(-1)[0] = bad
    with pytest.raises(RadaptError, match="not saved"):
        save_classifier(model, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("mean", math.nan), ("std", 0), ("std", math.inf), ("std", -1)])
def test_images_are_scaled_by_numbers(tmp_path, name, value):
    save_classifier(build(SPEC), tmp_path)
    about = json.loads((tmp_path / "classifier.json").read_text())
    (tmp_path / "classifier.json").write_text(json.dumps({**about, name: value}))
    with pytest.raises(BadArtefact, match="cannot be scaled"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("rate", [math.inf, math.nan, 0.0, -1.0])
def test_a_rate_that_is_no_number_is_refused(rate):
    with pytest.raises(AskedWrongly, match="learning_rate"):
        Recipe(learning_rate=rate)


def test_a_keras_file_with_a_bias_that_is_none_is_refused():
    from radapt.models.keras import _put

    layer = torch.nn.Linear(2, 1)
    with pytest.raises(AskedWrongly, match="not finite numbers"):
        _put(layer, np.ones((1, 2), np.float32), np.array([np.nan], np.float32))
    assert torch.isfinite(layer.bias).all()
