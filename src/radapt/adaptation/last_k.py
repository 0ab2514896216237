"""Train the head and the last blocks; the first blocks are frozen."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class LastK(Full):
    """Trains the head and the last blocks; the outputs of the frozen blocks are computed once per view.

    On how well first blocks transfer: Yosinski et al. 2014, arXiv:1411.1792.
    """

    k: int = 1  # number of blocks

    about: ClassVar[str] = "the head and the last k blocks trained, the first blocks frozen"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 3 for weights of the head and of the last k blocks, and 0 for all others."""
        return 3.0 * (place.block >= place.depth - self.k)
