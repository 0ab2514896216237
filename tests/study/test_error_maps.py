"""The images that the best model got most wrong get a map each, by the model that was tested on them."""

import json

import numpy as np
import pytest
from encoders import write_onnx
from samples import CLASSES, make_images

from radapt.artefacts import ERROR_MAPS, RECORD, SCHEMA, WEIGHTS
from radapt.errors import BadArtefact
from radapt.models.checkpoint import save_classifier
from radapt.models.table import build, new_spec
from radapt.study.error_maps import error_maps


def write_run(classifier, folder):
    """As much of a run as maps need."""
    save_classifier(classifier, folder)
    (folder / RECORD).write_text(json.dumps({"schema": SCHEMA, "provenance": {"finished": folder.name}}))


@pytest.fixture
def saved(tmp_path):
    """Two models in folders."""
    for seed in (0, 1):
        write_run(build(new_spec("compact", CLASSES, size=32), seed=seed), tmp_path / str(seed))
    return tmp_path


def test_each_image_is_mapped_by_its_own_model(saved, hardware):
    images = make_images(6, size=32)
    one, other = images.take([0, 1, 2]), images.take([3, 4, 5])
    errors, targets = images.take([4, 1]), [1, 0]
    found = error_maps(errors, targets, [(saved / "0", one), (saved / "1", other)], hardware, saved)
    assert found.drawn.shape == (2, 32, 32)
    assert len(found.alike) == 2
    swapped = error_maps(errors, targets, [(saved / "1", one), (saved / "0", other)], hardware, saved)
    alone = error_maps(images.take([4]), [1], [(saved / "1", images)], hardware, saved)
    assert np.array_equal(found.drawn[0], alone.drawn[0])
    assert not np.array_equal(found.drawn, swapped.drawn)


def test_there_are_none_without_models_errors_or_gradients(saved, tmp_path, hardware):
    images = make_images(4, size=32)
    assert len(error_maps(images, [0] * 4, [], hardware, saved).drawn) == 0
    assert len(error_maps(images.take([]), [], [(saved / "0", images)], hardware, saved).drawn) == 0
    encoder = f"onnx:{write_onnx(tmp_path / 'encoder.onnx')}"
    write_run(build(new_spec(encoder, CLASSES, size=32), seed=0), tmp_path / "encoder")
    found = error_maps(images, [0] * 4, [(tmp_path / "encoder", images)], hardware, saved)
    assert (len(found.drawn), found.alike) == (0, ())


def test_they_are_kept_until_a_model_or_an_image_is_another(saved, hardware):
    images = make_images(4, size=32)
    models = [(saved / "0", images)]
    found = error_maps(images, [1] * 4, models, hardware, saved)
    (saved / "0" / WEIGHTS).unlink()  # no model is needed any more
    again = error_maps(images, [1] * 4, models, hardware, saved)
    assert np.array_equal(again.drawn, found.drawn)
    assert again.alike == found.alike
    with pytest.raises(BadArtefact, match="could not be read"):
        error_maps(images, [0] * 4, models, hardware, saved)
    (saved / ERROR_MAPS).write_bytes(b"no maps")
    with pytest.raises(BadArtefact, match="could not be read"):
        error_maps(images, [1] * 4, models, hardware, saved)
