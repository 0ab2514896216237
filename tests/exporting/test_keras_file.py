"""Weights of the original CNN lie in a file as Keras lays them, and come back as they were."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from exporting_samples import AT, RECORD
from samples import CLASSES, make_images

from radapt.errors import AskedWrongly
from radapt.exporting.agreement import drawn_sample
from radapt.exporting.export import export_model
from radapt.exporting.keras_file import check_original
from radapt.exporting.metadata import KEY, parse_metadata
from radapt.models.inference import scores_of
from radapt.models.keras import load_keras
from radapt.models.table import build, new_spec


def layout(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(
            lambda name, item: found.update({name: (getattr(item, "shape", None), dict(item.attrs))})
        )
        return found, {name: item[()] for name, item in arrays(file)}


def arrays(file):
    found = []
    file.visititems(lambda name, item: found.append((name, item)) if hasattr(item, "shape") else None)
    return found


def test_what_keras_wrote_is_written_again_array_for_array(shared, tmp_path, hardware):
    golden = shared / "golden/keras_seed_cnn/weights_training_1.weights.h5"
    classifier = load_keras(golden)
    out = tmp_path / "model.weights.h5"
    sample = drawn_sample(classifier.spec.reading)
    written = export_model(classifier, RECORD, out, sample, hardware, kind="keras", thresholds=AT)
    (names, values), (wanted_names, wanted) = layout(out), layout(golden)
    assert names == wanted_names
    for name, array in wanted.items():
        np.testing.assert_array_equal(values[name], array)
    with h5py.File(out) as file:
        assert parse_metadata(file.attrs[KEY], "it") == written.metadata
    assert written.agreement.raw == 0
    assert written.agreement.largest < 1e-6


def test_a_run_comes_back_from_its_weights(tmp_path, hardware):
    classifier = build(new_spec("original-cnn", CLASSES, size=50), seed=3).eval()
    out, pixels = tmp_path / "model.weights.h5", make_images(4, size=50).pixels
    export_model(classifier, {}, out, drawn_sample(classifier.spec.reading), hardware, kind="keras")
    again, own = scores_of(load_keras(out), pixels, hardware), scores_of(classifier, pixels, hardware)
    np.testing.assert_allclose(again, own, atol=1e-6)


@pytest.mark.parametrize(
    "change", [{"model": "compact"}, {"views": 2}, {"mean": 0.5}, {"outputs": "findings"}]
)
def test_another_model_is_refused(change):
    classifier = build(new_spec("original-cnn", CLASSES, size=50))
    check_original(classifier)
    classifier.spec = replace(classifier.spec, **change)
    with pytest.raises(AskedWrongly, match="original CNN alone"):
        check_original(classifier)
