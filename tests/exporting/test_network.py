"""A classifier with its preprocessing is one program of torch.export, whose sizes stay open."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from encoders import write_onnx
from exporting_samples import lively
from samples import CLASSES, smooth_pixels

from radapt.errors import AskedWrongly
from radapt.exporting.network import WholeModel, export_program
from radapt.models.inference import scores_of
from radapt.models.table import build, new_spec


def test_a_program_takes_any_number_of_images_of_any_size():
    whole = WholeModel(lively(new_spec("compact", CLASSES, size=16), small=True))
    program = export_program(whole.classifier).module()
    for count, height, width in ((1, 16, 16), (4, 90, 33), (2, 7, 121)):
        images = smooth_pixels(count, height, width).unsqueeze(1)
        with torch.no_grad():
            torch.testing.assert_close(program(images=images), whole(images))


def test_its_probabilities_are_the_models_own(hardware):
    spec = replace(new_spec("compact", CLASSES, size=16, findings=True), members=2, views=3)
    classifier, pixels = lively(spec, small=True), smooth_pixels(3, 16, 16)
    with torch.no_grad():
        given = WholeModel(classifier)(pixels.unsqueeze(1)).numpy()
    np.testing.assert_allclose(given, scores_of(classifier, pixels.numpy(), hardware), atol=1e-6)


def test_a_network_that_is_a_file_itself_is_refused(tmp_path):
    path = write_onnx(tmp_path / "encoder.onnx")
    with pytest.raises(AskedWrongly, match="is a file itself"):
        export_program(build(new_spec(f"onnx:{path}", CLASSES, size=32)))


def test_what_pytorch_cannot_export_is_said_in_one_sentence():
    class Unstable(torch.nn.Module):
        def forward(self, x):
            return x.mean(dim=(2, 3)) * (2.0 if float(x.sum()) > 0 else 1.0)

    classifier = lively(new_spec("compact", CLASSES, size=16), small=True)
    classifier.trunk = Unstable()
    with pytest.raises(AskedWrongly, match=r"^The network 'compact' cannot be exported by PyTorch \(.+\)\.$"):
        export_program(classifier)
