"""Integrated gradients and occlusion find what a classifier is known to look at."""

import builtins

import numpy as np
import pytest
import torch
from bright import bright_classifier, bright_images, share_in_square
from programs import Small, save_script
from samples import CLASSES, smooth_pixels

from radapt.errors import AskedWrongly
from radapt.explaining.attributions import integrated_gradients, occlusion, plain_grey
from radapt.explaining.log_odds import LogOdds
from radapt.models.classifier import Spec
from radapt.models.program import classifier_of


def test_integrated_gradients_sum_to_what_the_image_adds_to_grey():
    classifier, images = bright_classifier(), torch.from_numpy(bright_images())
    found = integrated_gradients(classifier, images, torch.tensor([1, 1]))
    module = LogOdds(classifier)
    with torch.no_grad():
        added = (module(images) - module(plain_grey(images)))[:, 1]
    assert added.min() > 0.5
    torch.testing.assert_close(found.sum(dim=(1, 2)), added, rtol=0.05, atol=0)
    assert share_in_square(found.numpy()).min() > 0.99


def test_occlusion_takes_away_what_is_hidden():
    classifier, images = bright_classifier(), torch.from_numpy(bright_images())
    found = occlusion(classifier, images, torch.tensor([1, 0]))
    assert share_in_square(found[:1].numpy())[0] > 0.9
    torch.testing.assert_close(
        found[0], -found[1], atol=0.2, rtol=0
    )  # what speaks for one is against the other


def test_occlusion_takes_a_program_in_a_file(tmp_path):
    content = save_script(Small(), tmp_path / "small.pt").read_bytes()
    program = classifier_of(content, "small.pt", Spec("imported:torchscript", CLASSES, size=16, encoder="x"))
    images = smooth_pixels(1, 16, 16)
    assert occlusion(program, images, torch.tensor([1])).abs().max() > 0
    with pytest.raises(AskedWrongly, match="give --method occlusion"):
        integrated_gradients(program, images, torch.tensor([1]))


def test_grey_is_the_median_of_each_image():
    grey = plain_grey(torch.from_numpy(np.array([[[1, 9, 9]], [[4, 2, 3]]], dtype=np.uint8)))
    assert grey.tolist() == [[[9, 9, 9]], [[3, 3, 3]]]


def test_without_captum_one_sentence_says_what_to_install(monkeypatch):
    known = builtins.__import__

    def without(name, *rest, **named):
        if name.startswith("captum"):
            raise ImportError(name)
        return known(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(AskedWrongly, match=r"pip install 'radapt\[explain\]', or give --method grad-cam"):
        occlusion(bright_classifier(), torch.from_numpy(bright_images()), torch.tensor([1, 1]))
