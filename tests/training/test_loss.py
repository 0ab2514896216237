import numpy as np
import pytest
import torch
from samples import CLASSES, make_images

from radapt.training.batches import ImageBatches
from radapt.training.loss import class_weights, mean_loss


def test_classes_weigh_as_the_inverse_of_their_number(hardware):
    rows = ImageBatches(make_images(12).take([0, 2, 4, 1]), hardware.device)
    assert len(CLASSES) == 2
    counts = np.bincount(rows.labels)
    assert class_weights(rows, hardware).tolist() == pytest.approx((len(rows) / (2 * counts)).tolist())


def test_softmax_loss_is_the_mean_of_minus_the_log_probability():
    logits, labels = torch.tensor([[2.0, 0.0], [0.5, 1.5], [0.0, 0.0]]), torch.tensor([0, 1, 1])
    expected = -logits.softmax(1)[torch.arange(3), labels].log().mean()
    assert mean_loss(logits, labels, outputs="softmax").item() == pytest.approx(expected.item())


def test_sigmoid_loss_counts_every_class_and_weighs_images_by_theirs():
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 1.5]]), torch.tensor([0, 1])
    probabilities = logits.sigmoid()
    right = torch.tensor([[True, False], [False, True]])
    losses = -torch.where(right, probabilities, 1 - probabilities).log()
    assert mean_loss(logits, labels, outputs="sigmoid").item() == pytest.approx(losses.mean().item())
    weights = torch.tensor([1.0, 3.0])
    weighted = mean_loss(logits, labels, outputs="sigmoid", weights=weights)
    assert weighted.item() == pytest.approx((losses * weights[:, None]).mean().item())


def test_labels_that_are_missing_add_nothing_to_the_loss():
    logits = torch.tensor([[2.0, -1.0], [0.5, 9.0]])
    labels = torch.tensor([[1.0, 0.0], [0.0, torch.nan]])
    losses = torch.tensor([-logits[0, 0].sigmoid().log(), -(-logits[0, 1]).sigmoid().log()])
    third = -(-logits[1, 0]).sigmoid().log()
    assert mean_loss(logits, labels, outputs="findings").item() == pytest.approx(
        ((losses.sum() + third) / 3).item()
    )
    assert mean_loss(logits, torch.full((2, 2), torch.nan), outputs="findings").item() == 0


def test_smoothing_pulls_targets_towards_a_half():
    logits, labels = torch.tensor([[0.3, -0.2]]), torch.tensor([0])
    halves = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.full((1, 2), 0.5))
    assert mean_loss(logits, labels, outputs="sigmoid", smoothing=1.0).item() == pytest.approx(halves.item())
