"""Only the first blocks are trained, the rest and the head frozen."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class FirstK(Full):
    """The blocks nearest to the image learn how images look here; what they mean is left as it was.

    Surgical fine-tuning, for shifts of the image (Lee et al. 2023, arXiv:2210.11466).
    """

    k: int = 1  # how many blocks

    about: ClassVar[str] = "the first k blocks alone, the head frozen"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train what is near the image, at three times what `full` has with few images."""
        return 3.0 * (place.block < self.k)
