"""Batches of training data: images, or features computed from them."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.images.imageset import ImageSet
from radapt.labels import Labels
from radapt.shift.augment import Augmentation, Unchanged
from radapt.shift.counter_rng import image_keys


class BatchSource(Protocol):
    """Labelled inputs, read by row number."""

    @property
    def labels(self) -> Labels:
        """The labels of every row, (n,) or (n, k), see `radapt.labels`."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that labels refer to."""
        ...

    def __len__(self) -> int: ...

    def batch(self, rows: NDArray[np.intp], seed: int) -> Tensor:
        """Return the inputs of these rows; their random changes depend on `seed` alone."""
        ...


class ImageBatches:
    """Images on the training device, augmented anew for every batch."""

    def __init__(self, images: ImageSet, device: torch.device, augment: Augmentation | None = None) -> None:
        self.labels = images.labels
        self.classes = images.classes
        self._keys = image_keys(images.ids)
        self._augment = augment or Unchanged()
        self._device = device
        # On a CPU the array (or memory map) is read batch by batch; a GPU holds all of it.
        self._pixels = images.pixels
        self._held = torch.from_numpy(np.array(images.pixels)).to(device) if device.type != "cpu" else None

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: NDArray[np.intp], seed: int) -> Tensor:
        """Return these images as (n, h, w) grey levels in 0..255, on the device."""
        if self._held is None:
            pixels = torch.from_numpy(self._pixels[rows])
        else:
            pixels = self._held[torch.from_numpy(rows).to(self._device)]
        return self._augment(pixels, self._keys[rows], seed)
