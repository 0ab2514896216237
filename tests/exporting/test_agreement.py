"""A file that does not give what its model gives is told from one that does."""

from dataclasses import replace

import numpy as np
import pytest
from exporting_samples import lively
from PIL import Image
from samples import make_images

from radapt.errors import RadaptError
from radapt.exporting.agreement import (
    Agreement,
    agreement,
    check_agreement,
    drawn_sample,
    sample_of_files,
    sample_of_set,
)
from radapt.exporting.onnx_model import read_onnx_model
from radapt.images.preprocessing import Preprocessing


def test_a_file_agrees_with_its_model_on_prepared_and_on_raw_images(pair, hardware, tmp_path):
    Image.fromarray(make_images(1, size=200).pixels[0]).save(tmp_path / "large.png")
    sixteen = (make_images(1, size=90).pixels[0].astype(np.uint16) * 257)[:, :70]
    Image.fromarray(sixteen).save(tmp_path / "deep.png")
    (tmp_path / "no.png").write_text("no image")
    sample = sample_of_files([tmp_path], pair.classifier.spec.reading)
    found = agreement(pair.classifier, read_onnx_model(pair.written.path).predict_pixels, sample, hardware)
    assert (found.images, found.raw, found.flipped) == (2, 2, 0)
    assert found.largest < 1e-6
    check_agreement(found)
    assert "2 images, 2 of them in their own size too" in str(found)
    raw = [image[::-1] for image in sample.raw]  # as a program that leaves images upside down
    turned = agreement(
        pair.classifier,
        read_onnx_model(pair.written.path).predict_pixels,
        replace(sample, raw=raw),
        hardware,
    )
    assert turned.read > 1e-4 > turned.largest
    assert "they differ from `radapt predict` by up to" in str(turned)


def test_another_model_is_refused_with_the_figure(pair, hardware):
    spec = pair.classifier.spec
    other, model = lively(spec, seed=3, small=True), read_onnx_model(pair.written.path)
    found = agreement(other, model.predict_pixels, drawn_sample(spec.reading), hardware)
    assert found.largest > 0.01
    with pytest.raises(RadaptError, match=r"16 drawn images.+ differ by at most \d.+; 0.0001 is allowed"):
        check_agreement(found)


def test_a_decision_that_differs_is_refused_however_little_the_scores_do():
    fine = Agreement(4, 0, 1e-9, 0, "4 images")
    check_agreement(fine)
    with pytest.raises(RadaptError, match="1 decision differ"):
        check_agreement(replace(fine, flipped=1))
    with pytest.raises(RadaptError, match="differ by at most nan"):
        check_agreement(replace(fine, largest=float("nan")))


def test_a_few_images_are_taken_evenly(tmp_path):
    images = make_images(40, size=32)
    sample = sample_of_set(images, most=4)
    np.testing.assert_array_equal(sample.prepared, images.pixels[[5, 15, 25, 35]])
    assert sample_of_files([tmp_path], Preprocessing(size=16)) is None
