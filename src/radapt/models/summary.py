"""A model laid out layer by layer, as a reader wants to see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radapt.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: what it is, what it gives for one image, how many numbers it holds, whether it trains."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of its output for one image
    parameters: int  # learned numbers
    statistics: int  # running means and variances
    trains: bool


def layers(classifier: Classifier, trains: Callable[[str], bool] = lambda _: True) -> list[Layer]:
    """List a classifier's layers in the order in which an image passes them.

    Parameters
    ----------
    trains
        Says of a parameter's name whether it is trained; a layer without parameters trains nothing.
    """
    found: list[Layer] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
            own = [f"{name}.{part}" for part, _ in module.named_parameters()]
            shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            learned = sum(tensor.numel() for tensor in module.parameters())
            kept = sum(tensor.numel() for tensor in _statistics(module))
            found.append(Layer(name, type(module).__name__, shape, learned, kept, any(map(trains, own))))

        return hook

    leaves = [(name, module) for name, module in classifier.named_modules() if not any(module.children())]
    handles = [module.register_forward_hook(note(name)) for name, module in leaves]
    try:
        with torch.no_grad():
            classifier.eval()(torch.zeros(1, classifier.spec.size, classifier.spec.size))
    finally:
        for handle in handles:
            handle.remove()
    return found


def _statistics(module: nn.Module) -> list[Tensor]:
    return [buffer for name, buffer in module.named_buffers() if not name.endswith("num_batches_tracked")]
