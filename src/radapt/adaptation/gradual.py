"""Gradual unfreezing: train the head first, then one block more at a time."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class Gradual(Full):
    """Unfreezes the blocks one by one, starting at the head (Howard & Ruder 2018, arXiv:1801.06146)."""

    unfreeze_share: float = 0.5  # share of the epochs after which all weights are trained

    about: ClassVar[str] = "the head trained first, then blocks unfrozen one by one"

    def rate(self, place: ParameterInfo, done: float) -> float:
        """Return 1 for weights that are unfrozen by now and 0 for all others; the head is from the start."""
        turn = (place.depth - place.block) / max(1, place.depth) * self.unfreeze_share
        return float(done >= turn)
