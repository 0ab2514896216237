"""Fine-tune all weights, with lower learning rates nearer to the input."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class LayerDecay(Full):
    """Layer-wise learning rate decay from the head to the input (Howard & Ruder 2018, arXiv:1801.06146)."""

    decay: float = 0.65  # learning rate of a block divided by that of the next block

    about: ClassVar[str] = "all weights fine-tuned, at learning rates that fall from the head to the input"

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for the head and `decay` times as much for each block further from it."""
        return float(self.decay ** (place.depth - place.block))
