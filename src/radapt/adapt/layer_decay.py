"""Every weight is trained, the slower the nearer it is to the image."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class LayerDecay(Full):
    """Rates fall from the head to the image by one factor a block (Howard & Ruder 2018, arXiv:1801.06146)."""

    decay: float = 0.65  # of a block's rate, that the block before it has

    about: ClassVar[str] = "every weight, at rates that fall from the head to the image"

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train the head at the full rate."""
        return float(self.decay ** (place.depth - place.block))
