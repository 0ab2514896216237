"""The strategies by name."""

from radapt.adapt.head import Head
from radapt.adapt.strategy import Strategy
from radapt.adapt.whole import Full, NoAdaptation, Scratch
from radapt.errors import UnknownName

STRATEGIES: dict[str, Strategy] = {
    "none": NoAdaptation(),
    "scratch": Scratch(),
    "head": Head(),
    "full": Full(),
}


def get_strategy(name: str) -> Strategy:
    """Look a strategy up.

    Raises
    ------
    UnknownName
        If there is none of that name.
    """
    if name not in STRATEGIES:
        raise UnknownName("strategy", name, STRATEGIES)
    return STRATEGIES[name]
