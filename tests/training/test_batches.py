import numpy as np
import torch
from samples import make_images

from radapt.shift.augment import parse_augmentation
from radapt.training.batches import ImageBatches


def test_rows_come_as_they_are_asked_for_and_plain_without_augmentation(hardware):
    images = make_images(8)
    batches = ImageBatches(images, hardware.device)
    assert (len(batches), batches.classes) == (8, images.classes)
    assert np.array_equal(batches.batch(np.array([5, 1]), 0).numpy(), images.pixels[[5, 1]])


def test_an_augmentation_follows_from_the_image_and_the_seed_alone(hardware):
    images = make_images(8)
    batches = ImageBatches(images, hardware.device, parse_augmentation("mild"))
    first = batches.batch(np.array([5, 1]), 3)
    assert torch.equal(first[0], batches.batch(np.array([0, 2, 5]), 3)[2])
    assert not torch.equal(first, batches.batch(np.array([5, 1]), 4))
