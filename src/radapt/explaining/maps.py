"""Maps of what speaks for a class in an image (positive) and against it (negative)."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radapt.errors import AskedWrongly, UnknownName
from radapt.explaining.attributions import integrated_gradients, occlusion
from radapt.explaining.grad_cam import grad_cam
from radapt.models.classifier import Classifier
from radapt.models.inference import device_of, evaluating

BATCH = 8  # images whose maps are made at once
Method = Callable[[Classifier, Tensor, Tensor, str | None], Tensor]
METHODS: Mapping[str, Method] = {
    "grad-cam": grad_cam,
    "integrated-gradients": integrated_gradients,
    "occlusion": occlusion,
}
METHOD = "grad-cam"  # where none is asked for: it takes every network, and no further package


def explain(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    *,
    method: str = METHOD,
    target: str | Sequence[int] | None = None,
    layer: str | None = None,
) -> NDArray[np.float32]:
    """Return a map for each image; the classifier, trainable or frozen, stays as it is.

    It runs on the device that the classifier lies on, in full precision.

    Parameters
    ----------
    pixels
        n images of the classifier's size, (n, h, w).
    method
        One of `METHODS`.
    target
        The class that is explained: its name, the index of one for each image, or None for the likeliest.
    layer
        The block whose map Grad-CAM takes, as `radapt models RUN` lists them; None: the last that serves.

    Returns
    -------
    array
        (n, h, w), in log odds of the class. That of Grad-CAM is nowhere negative.

    Raises
    ------
    UnknownName
        If there is no such method, class or block.
    AskedWrongly
        If the method does not suit the model, captum is not installed, or the images are of another size.
    """
    if method not in METHODS:
        raise UnknownName("method of explaining", method, METHODS)
    found = [np.zeros((0, *pixels.shape[1:]), dtype=np.float32)]
    with evaluating(classifier):
        for start in range(0, len(pixels), BATCH):
            images = torch.from_numpy(np.array(pixels[start : start + BATCH])).to(device_of(classifier))
            wanted = target if target is None or isinstance(target, str) else target[start : start + BATCH]
            targets = targets_of(classifier, images, wanted)
            found.append(METHODS[method](classifier, images, targets, layer).detach().cpu().numpy())
    return np.concatenate(found)


def targets_of(classifier: Classifier, images: Tensor, target: str | Sequence[int] | None) -> Tensor:
    """Return the index of the class that is explained of each image, (n,), on the device of the images.

    Raises
    ------
    UnknownName
        If there is no class of that name.
    AskedWrongly
        If there is not one class for each image.
    """
    classes = classifier.spec.classes
    if target is None:
        with torch.no_grad():
            logits: Tensor = classifier(images)
            return logits.argmax(dim=1)
    if isinstance(target, str):
        if target not in classes:
            raise UnknownName("class of this model", target, classes)
        target = [classes.index(target)] * len(images)
    if len(target) != len(images) or not all(0 <= each < len(classes) for each in target):
        raise AskedWrongly(
            f"A map is of one class for each image, from 0 to {len(classes) - 1}. Got {list(target)[:8]} for "
            f"{len(images)} images."
        )
    return torch.tensor(list(target), dtype=torch.int64, device=images.device)
