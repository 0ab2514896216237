"""The head and the last blocks are trained, the first blocks frozen."""

from dataclasses import dataclass
from typing import ClassVar

from radapt.adapt.full import Full
from radapt.models.parameter_info import ParameterInfo


@dataclass(frozen=True, slots=True)
class LastK(Full):
    """The blocks nearest to the head learn what images are like here; the frozen ones are run once a view.

    How far the first blocks carry over: Yosinski et al. 2014, arXiv:1411.1792.
    """

    k: int = 1  # how many blocks

    about: ClassVar[str] = "the head and the last k blocks, the first ones frozen"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Train what is near the head, at three times what `full` has with few images."""
        return 3.0 * (place.block >= place.depth - self.k)
