"""Grad-CAM gives what captum gives where that works, and works on frozen networks of any kind."""

from copy import deepcopy

import captum.attr
import pytest
import torch
from encoders import write_onnx
from programs import Small, save_script
from samples import CLASSES, smooth_pixels
from torch.nn import functional

from radapt.errors import AskedWrongly
from radapt.explaining.grad_cam import grad_cam
from radapt.explaining.log_odds import LogOdds
from radapt.models.classifier import Spec
from radapt.models.ensemble import combine
from radapt.models.program import classifier_of
from radapt.models.table import build, new_spec


def test_it_is_that_of_captum():
    classifier, images = build(new_spec("compact", CLASSES, size=64), seed=0).eval(), smooth_pixels(3)
    layer = captum.attr.LayerGradCam(LogOdds(classifier), classifier.trunk.get_submodule("stage2"))
    targets = torch.tensor([0, 1, 1])
    small = layer.attribute(images.float().requires_grad_(), targets)
    wanted = functional.interpolate(small, (64, 64), mode="bilinear").squeeze(1).relu()
    assert wanted.max() > 0
    torch.testing.assert_close(grad_cam(classifier, images, targets), wanted)


def test_that_of_an_ensemble_is_made_of_its_members():
    alone, other = (build(new_spec("compact", CLASSES, size=64), seed=seed).eval() for seed in (0, 1))
    images, targets = smooth_pixels(2), torch.tensor([0, 1])
    found = grad_cam(alone, images, targets)
    assert found.max() > 0
    torch.testing.assert_close(grad_cam(combine([alone, deepcopy(alone)]).eval(), images, targets), found)
    assert not torch.allclose(grad_cam(combine([alone, other]).eval(), images, targets), found)


def test_a_program_in_a_file_is_refused_with_what_works(tmp_path):
    content = save_script(Small(), tmp_path / "small.pt").read_bytes()
    program = classifier_of(content, "small.pt", Spec("imported:torchscript", CLASSES, size=16, encoder="x"))
    encoder = build(new_spec(f"onnx:{write_onnx(tmp_path / 'encoder.onnx')}", CLASSES, size=32), seed=0)
    for classifier in (program, encoder.eval()):
        with pytest.raises(AskedWrongly, match=r"no gradient can look: give --method occlusion"):
            grad_cam(classifier, smooth_pixels(1, 16, 16), torch.tensor([0]))
