"""The head replaced by a vote of the nearest labelled images, for a handful of them."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from radapt.adaptation.feature_cache import Views
from radapt.adaptation.last_layer import scale_of, targets_of, with_inputs
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.images.imageset import ImageSet
from radapt.images.split import most_folds
from radapt.models.classifier import Classifier
from radapt.models.neighbours import Neighbours, replace_last
from radapt.models.parameter_info import ParameterInfo

NUMBERS = (1, 3, 5, 10, 20, 50)  # of neighbours, to choose from
UNCHOSEN = 5  # where a class has one patient, so that there is nothing to choose by
_ROWS = 512  # images compared with all others at a time


@dataclass(frozen=True, slots=True)
class NearestNeighbours(Strategy):
    """The vote of the k nearest labelled images, by cosine similarity of standardised frozen features.

    How votes count is said in `radapt.models.neighbours`. k has the lowest log loss where each labelled image
    is predicted by those of other patients (leave one patient out). The labelled images' features become
    part of the model. Validation images are not looked at. Nothing of such a model can be trained on but a
    calibration.
    """

    k: int = 0  # neighbours; 0: chosen

    needs: ClassVar[str] = "labelled"
    about: ClassVar[str] = "the last dense layer replaced by a vote of the nearest labelled images"
    on_features: ClassVar[bool] = True
    replaces_head: ClassVar[bool] = True

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of the head and 0 for all others."""
        return float(place.head)

    def adapt(
        self,
        base: Classifier,
        target: ImageSet,
        valid: ImageSet | None,  # noqa: ARG002
        conditions: AdaptContext,
    ) -> AdaptResult:
        """Return a copy of the base whose last layer is replaced."""
        adapted, layer, inputs = with_inputs(base, target, conditions, strategy="knn", views=Views())
        memory = _memory(inputs, *targets_of(target.labels, len(target.classes)), base.spec.outputs)
        notes: dict[str, Any] = {}
        k = min(self.k or UNCHOSEN, len(target))
        if not self.k and most_folds(target) > 1:
            losses = _leave_patients_out(memory, target.patients)
            k = min(losses, key=lambda one: losses[one])
            notes["loss_by_k"] = {str(one): round(loss, 6) for one, loss in losses.items()}
        memory.k = k
        replace_last(adapted, layer, memory)
        adapted.spec = replace(base.spec, neighbours=k)
        return AdaptResult(adapted.cpu().eval(), notes={"k": k, **notes})


def _memory(
    inputs: NDArray[np.float64], targets: NDArray[np.float64], known: NDArray[np.float64], outputs: str
) -> Neighbours:
    """Return the votes of rows (n, d) with targets and what is known of them, (n, c) both."""
    memory = Neighbours(1, outputs, (*inputs.shape, targets.shape[1]))
    mean, spread = scale_of(inputs)
    for buffer, values in (
        (memory.mean, mean),
        (memory.spread, spread),
        (memory.targets, targets),
        (memory.known, known),
    ):
        buffer.copy_(torch.from_numpy(values))
    memory.references = memory.directions(torch.from_numpy(inputs).float())
    return memory


def _leave_patients_out(memory: Neighbours, patients: NDArray[np.str_]) -> dict[int, float]:
    """Return the mean log loss, by k, of images predicted by those of other patients."""
    _, owners = np.unique(patients, return_inverse=True)
    numbers = [k for k in NUMBERS if k <= len(owners) - np.bincount(owners).max()]
    losses = dict.fromkeys(numbers, 0.0)
    for start in range(0, len(owners), _ROWS):
        here = slice(start, start + _ROWS)
        alike = memory.references[here] @ memory.references.T
        alike[torch.from_numpy(owners[here, None] == owners)] = -torch.inf
        for k in numbers:
            losses[k] += memory.loss(memory.vote(alike, k), here)
    return {k: loss / float(memory.known.sum()) for k, loss in losses.items()}
