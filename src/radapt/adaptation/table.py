"""The strategies by name, from no adaptation to training from scratch."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from radapt.adaptation.coral import Coral
from radapt.adaptation.first_k import FirstK
from radapt.adaptation.full import Full
from radapt.adaptation.gradual import Gradual
from radapt.adaptation.head import Head
from radapt.adaptation.knn import NearestNeighbours
from radapt.adaptation.l2_sp import L2SP
from radapt.adaptation.last_k import LastK
from radapt.adaptation.layer_decay import LayerDecay
from radapt.adaptation.linear_probe import LinearProbe
from radapt.adaptation.lora import Lora
from radapt.adaptation.lp_ft import LinearThenFull
from radapt.adaptation.none import NoAdaptation
from radapt.adaptation.norm_affine import NormAffine
from radapt.adaptation.norm_refresh import NormRefresh
from radapt.adaptation.prototype import Prototype
from radapt.adaptation.recalibrate import Recalibrate
from radapt.adaptation.refresh_recalibrate import RefreshThenRecalibrate
from radapt.adaptation.replay import Replay
from radapt.adaptation.scratch import Scratch
from radapt.adaptation.self_train import SelfTrain
from radapt.adaptation.strategy import Strategy
from radapt.adaptation.tent import Tent
from radapt.adaptation.tta import TestTimeAugmentation
from radapt.adaptation.wise_ft import WiseFT
from radapt.errors import AskedWrongly, UnknownName
from radapt.models.classifier import Spec
from radapt.models.program import PREFIX, WITH_FEATURES, gives_features, is_imported
from radapt.models.table import is_frozen
from radapt.text import listed

STRATEGIES: dict[str, Strategy] = {
    "none": NoAdaptation(),
    "tta": TestTimeAugmentation(),
    "norm-refresh": NormRefresh(),
    "tent": Tent(),
    "coral": Coral(),
    "self-train": SelfTrain(),
    "recalibrate": Recalibrate(),
    "refresh-recalibrate": RefreshThenRecalibrate(),
    "knn": NearestNeighbours(),
    "prototype": Prototype(),
    "linear-probe": LinearProbe(),
    "head": Head(),
    "last-k": LastK(),
    "first-k": FirstK(),
    "norm-affine": NormAffine(),
    "full": Full(),
    "gradual": Gradual(),
    "lp-ft": LinearThenFull(),
    "layer-decay": LayerDecay(),
    "l2-sp": L2SP(),
    "replay": Replay(),
    "wise-ft": WiseFT(),
    "lora": Lora(),
    "scratch": Scratch(),
}

_WRITTEN = re.compile(r"([\w-]+)(?:\((.*)\))?")


def get_strategy(text: str) -> Strategy:
    """Look a strategy up, as `head` or with options, as `last-k(k=2)`.

    Raises
    ------
    UnknownName
        If there is none of that name.
    AskedWrongly
        If it has no such option, or the option is no number.
    """
    match = _WRITTEN.fullmatch(text.replace(" ", ""))
    name, options = (match[1], match[2] or "") if match else (text, "")
    if name not in STRATEGIES:
        raise UnknownName("strategy", name, STRATEGIES)
    strategy = STRATEGIES[name]
    values = dict(part.partition("=")[::2] for part in options.split(",") if part)
    return with_options(name, strategy, values) if values else strategy


def suitable(model: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the strategies that work on a model.

    On a frozen encoder these are those that leave the trunk alone, and on an imported file without features
    those that need nothing but scores.
    """
    return tuple(name for name in names if _suits(model, get_strategy(name)))


def _suits(model: str, strategy: Strategy) -> bool:
    if is_imported(model) and not gives_features(model):
        return strategy.on_scores
    return not is_frozen(model) or not strategy.changes_trunk()


def _on_features() -> list[str]:
    """Return the strategies that work on an imported file only where it gives features."""
    model = f"{PREFIX}onnx"
    without = suitable(model, STRATEGIES)
    return [name for name in suitable(model + WITH_FEATURES, STRATEGIES) if name not in without]


def check_suits(model: str, names: Sequence[str]) -> None:
    """Refuse strategies that would change a trunk that cannot be changed, or need features that it lacks.

    Raises
    ------
    AskedWrongly
        If the model is a frozen encoder, and one of the strategies does more than use its features; or an
        imported file without features, and one needs more than scores.
    """
    working = suitable(model, names)
    if changing := [name for name in names if name not in working]:
        works = f"These work on it: {listed(suitable(model, STRATEGIES), len(STRATEGIES))}."
        if is_imported(model):
            raise AskedWrongly(
                f"{model} comes from a file that radapt does not train, and {listed(changing)} would train "
                f"more than its head. {works} If the file also gives features (radapt import --features "
                f"NAME), {listed(_on_features())} work too. To train all weights, import them as a state "
                "dict (--model NAME)."
            )
        raise AskedWrongly(
            f"The encoder of {model} is frozen, and {listed(changing)} would change it. {works}"
        )


def suitable_for(spec: Spec, names: Iterable[str]) -> tuple[str, ...]:
    """Return the strategies that work on a trained model; of an ensemble, or one that votes, few do."""
    working = suitable(spec.model, names)
    if spec.members > 1:
        return tuple(name for name in working if get_strategy(name).needs == "nothing")
    return tuple(name for name in working if not spec.neighbours or _leaves_features(name))


def check_base(spec: Spec, names: Sequence[str]) -> None:
    """Refuse strategies that a trained model cannot be adapted by, as `check_suits` does of any model.

    Raises
    ------
    AskedWrongly
        Also if it is an ensemble, and a strategy is for one network; or if its head votes by neighbours
        (`knn`), and a strategy would train a layer or move the features.
    """
    check_suits(spec.model, names)
    working = suitable_for(spec, names)
    if training := [name for name in names if name not in working]:
        if spec.members > 1:
            raise AskedWrongly(
                f"The model is an ensemble of {spec.members} networks, and {listed(training)} adapts one: "
                "train a model without --ensemble for that. These work on it: "
                f"{listed(suitable_for(spec, STRATEGIES))}."
            )
        raise AskedWrongly(
            f"The model was made by knn, which has no head to train, so {listed(training)} cannot adapt it. "
            f"These work on it: {listed(suitable_for(spec, STRATEGIES))}. Or adapt the run that it was made "
            "from."
        )


def _leaves_features(name: str) -> bool:
    strategy = get_strategy(name)
    changing = strategy.changes_trunk() or strategy.on_features or strategy.source
    return strategy.reinitialises or not changing


def with_options(name: str, strategy: Strategy, values: dict[str, Any]) -> Strategy:
    """Return a strategy with these options instead of its defaults.

    Raises
    ------
    AskedWrongly
        If it has no such option, or the option is no number above 0.
    """
    known = options_of(strategy)
    for option in values:
        if option not in known:
            raise AskedWrongly(
                f"The strategy {name!r} has no option {option!r}. It has: {listed(known) or 'none'}."
            )
    try:
        made: dict[str, Any] = {option: type(known[option])(value) for option, value in values.items()}
    except ValueError:
        made = {}
    if not made or min(made.values()) <= 0:
        written = ", ".join(f"{option}={value}" for option, value in values.items())
        raise AskedWrongly(
            f"The options of a strategy are numbers above 0, as in {name}(k=2). Got {written}."
        )
    return replace(strategy, **made)  # type: ignore[type-var]


def options_of(strategy: Strategy) -> dict[str, int | float]:
    """Return the numeric options of a strategy with their values."""
    values = {field.name: getattr(strategy, field.name) for field in fields(strategy)}  # type: ignore[arg-type]
    return {name: value for name, value in values.items() if type(value) in (int, float)}
