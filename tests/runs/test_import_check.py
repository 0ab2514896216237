"""A few labelled images tell reversed classes, another input range, and scores that are all alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from programs import SIZE, save_script
from samples import CLASSES, make_dataset, make_images
from torch import nn

from radapt.runs.import_check import check_import, few_of_each
from radapt.runs.imported import ImportOptions, Scaling, open_model


class Bright(nn.Module):
    """A probability from the share of bright pixels: made for grey levels of -1 to 1 alone."""

    def forward(self, x):
        return torch.sigmoid((x.gt(0.2) & x.lt(1.1)).float().mean(dim=(1, 2, 3)).unsqueeze(1) * 40 - 2)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return save_script(Bright(), tmp_path_factory.mktemp("bright") / "bright.pt")


IMAGES = make_images(60, size=SIZE)


def warned(path, hardware, classes=CLASSES, **scaling):
    opened = open_model(path, ImportOptions(classes, size=SIZE, channels=1, scaling=Scaling(**scaling)))
    images = IMAGES if classes == CLASSES else replace(IMAGES, classes=classes, labels=1 - IMAGES.labels)
    return check_import(opened, images, hardware)


def test_a_model_that_is_as_it_was_said_gets_no_warning(path, hardware):
    found = warned(path, hardware, low=-1, high=1)
    assert found.images == 60
    assert found.warnings == ()
    auroc = next(row for row in found.estimates if row["metric"] == "auroc")
    assert auroc["value"] == 1.0


def test_reversed_classes_are_noticed(path, hardware):
    (warning,) = warned(path, hardware, classes=CLASSES[::-1], low=-1, high=1).warnings
    assert "the other way round" in warning.text
    assert "--classes NORMAL,PNEUMONIA" in warning.text


def test_a_range_that_suits_better_is_named(path, hardware):
    warnings = warned(path, hardware, low=0, high=255).warnings
    assert any("With --range -1,1 the AUROC on these images is 1.000" in each.text for each in warnings)
    assert any("nearly the same scores" in each.text for each in warnings)


def test_a_range_is_compared_by_aurocs_whichever_class_is_which(path, hardware):
    range_, reversed_ = warned(path, hardware, classes=CLASSES[::-1], low=0, high=255).warnings[-2:]
    assert "With --range -1,1 the AUROC on these images is 1.000, against 0.5" in range_.text
    assert "each with the two classes in the order that makes it larger" in range_.text
    assert "The AUROC of 0.000 is far below 0.5" in reversed_.text


def test_at_most_so_many_images_of_each_class_are_taken():
    images = few_of_each(make_dataset(), 10)
    assert images.counts() == {"NORMAL": 10, "PNEUMONIA": 10}
    assert len(np.unique(images.ids)) == 20
