"""The head is trained first, then block after block joins it."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class Gradual(Full):
    """Blocks are unfrozen one by one from the head on, within half of the epochs (Howard & Ruder 2018)."""

    unfreeze_share: float = 0.5  # the share of the epochs after which everything is trained

    about: ClassVar[str] = "the head first, then block after block joins it"

    def rate(self, place: ParameterInfo, done: float) -> float:
        """Train a block from its turn on; the first epoch has the head alone."""
        turn = (place.depth - place.block) / max(1, place.depth) * self.unfreeze_share
        return float(done >= turn)
