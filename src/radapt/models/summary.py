"""A summary of a model, layer by layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its kind, output shape, number of parameters, and whether it is trained."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of its output for one image
    parameters: int  # learned numbers
    statistics: int  # running means and variances
    trains: bool


def layers(classifier: Classifier, trains: Callable[[str], bool] = lambda _: True) -> list[Layer]:
    """Return a classifier's layers in the order of the forward pass.

    Parameters
    ----------
    trains
        Returns whether the parameter of a name is trained.
    """
    rows: list[Layer] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
            own = [f"{name}.{part}" for part, _ in module.named_parameters()]
            shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            learned = sum(tensor.numel() for tensor in module.parameters())
            kept = sum(tensor.numel() for tensor in _statistics(module))
            rows.append(Layer(name, type(module).__name__, shape, learned, kept, any(map(trains, own))))

        return hook

    leaves = [(name, module) for name, module in classifier.named_modules() if not any(module.children())]
    handles = [module.register_forward_hook(note(name)) for name, module in leaves]
    try:
        with torch.no_grad():
            classifier.eval()(torch.zeros(1, classifier.spec.size, classifier.spec.size))
    finally:
        for handle in handles:
            handle.remove()
    return rows


def _statistics(module: nn.Module) -> list[Tensor]:
    return [buffer for name, buffer in module.named_buffers() if not name.endswith("num_batches_tracked")]
