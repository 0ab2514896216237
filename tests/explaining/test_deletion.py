"""A right map lets the score fall sooner than chance does, and a wrong one later."""

import numpy as np
import pytest
from bright import SQUARE, bright_classifier, bright_images

from radapt.explaining.deletion import Area, deletion_and_insertion, order_of, random_maps


def test_a_right_map_beats_every_random_order_and_its_opposite_none():
    classifier, (image,) = bright_classifier(), bright_images(1)
    right = np.zeros(image.shape, dtype=np.float32)
    right[SQUARE] = 1
    deletion, insertion = deletion_and_insertion(classifier, image, right, 1)
    assert (deletion.beaten, insertion.beaten) == (1, 1)
    assert deletion.gain > 0.1
    assert insertion.gain > 0.1
    deletion, insertion = deletion_and_insertion(classifier, image, -right, 1)
    assert (deletion.beaten, insertion.beaten) == (0, 0)
    assert deletion.gain < 0 > insertion.gain


def test_a_random_map_is_one_of_the_random_orders():
    classifier, (image,) = bright_classifier(), bright_images(1)
    deletion, insertion = deletion_and_insertion(classifier, image, random_maps(32)[2], 1)
    assert deletion.value == deletion.random[2]
    assert insertion.value == insertion.random[2]


def test_the_order_falls_and_breaks_ties_by_patches():
    drawn = np.zeros((32, 32), dtype=np.float32)
    drawn[3, 4], drawn[5, 6] = 2, 1
    order = order_of(drawn)
    assert order[:2].tolist() == [3 * 32 + 4, 5 * 32 + 6]
    assert sorted(order.tolist()) == list(range(32 * 32))
    first = np.stack(np.unravel_index(order[2:34], (32, 32)), axis=1)
    apart = np.abs(first[:, None] - first[None]).max(axis=2) + 32 * np.eye(32)
    assert len(set(first[:, 0].tolist())) > 3  # not the first rows
    assert (apart.min(axis=1) <= 1).mean() > 0.9  # and in patches


def test_ties_are_broken_by_an_order_that_no_map_is_compared_with():
    ties = order_of(np.zeros((32, 32), dtype=np.float32))
    assert not any(np.array_equal(ties, order_of(each)) for each in random_maps(32))


def test_a_map_of_one_value_beats_nothing_and_is_not_beaten():
    classifier, (image,) = bright_classifier(), bright_images(1)
    areas = deletion_and_insertion(classifier, image, np.zeros(image.shape, dtype=np.float32), 1)
    assert [each.as_dict()["beaten"] for each in areas] == [None, None]


def test_an_area_counts_what_it_beats():
    area = Area(0.4, (0.3, 0.5, 0.6, 0.4), lower_is_better=True)
    assert area.beaten == 0.5
    assert area.as_dict() == pytest.approx({"area": 0.4, "random": 0.45, "gain": 0.05, "beaten": 0.5})
    assert Area(0.4, (0.3, 0.5), lower_is_better=False).gain == pytest.approx(0)
