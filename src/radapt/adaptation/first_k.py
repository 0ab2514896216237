"""Train the first blocks; the others and the head are frozen."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adaptation.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class FirstK(Full):
    """Surgical fine-tuning of the first blocks, for input shifts (Lee et al. 2023, arXiv:2210.11466)."""

    k: int = 1  # number of blocks

    about: ClassVar[str] = "the first k blocks trained, the rest and the head frozen"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 3 for weights of the first k blocks and 0 for all others."""
        return 3.0 * (place.block < self.k)
