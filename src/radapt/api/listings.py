"""What there is to choose from: models, strategies and shifts; and the layers of a model."""

from radapt.adaptation.table import STRATEGIES, get_strategy, options_of
from radapt.api.given import AnyModel, model_of
from radapt.display.table import Listing
from radapt.models.parameter_info import parameter_info
from radapt.models.summary import layers
from radapt.models.table import MODELS
from radapt.shift.presets import about_shifts


def list_models() -> Listing:
    """Return the models by name, with the size of their images in pixels; `timm:NAME` names many more."""
    return Listing([{"model": name, "size": kind.size, "about": kind.about} for name, kind in MODELS.items()])


def list_strategies() -> Listing:
    """Return the strategies by name: which images each needs, what it does, and its options."""
    return Listing(
        [
            {
                "strategy": name,
                "needs": each.needs,
                "source images": each.source,
                "about": each.about,
                "options": ", ".join(f"{option}={value:g}" for option, value in options_of(each).items()),
            }
            for name, each in STRATEGIES.items()
        ]
    )


def list_shifts() -> Listing:
    """Return the simulated shifts by name; each but `original` has severities 1 to 5, as in `noise@3`."""
    return Listing(
        [{"shift": name, "cause": cause, "about": about} for name, (cause, about) in about_shifts().items()]
    )


def summary(model: AnyModel, strategy: str | None = None) -> Listing:
    """Return the layers of a model from the input on, with their output shape for one image and parameters.

    Parameters
    ----------
    model
        A run, its folder, or a `Classifier`.
    strategy
        Says of each layer with parameters whether this strategy trains it; by default all are trained.

    Raises
    ------
    UnknownName
        If there is no such strategy.
    """
    classifier = model_of(model)
    info = parameter_info(classifier)
    chosen = None if strategy is None else get_strategy(strategy)
    rows = layers(classifier, lambda name: chosen is None or chosen.trains(info[name]))
    return Listing(
        [
            {
                "layer": layer.name,
                "kind": layer.kind,
                "output": " x ".join(map(str, layer.shape)),
                "parameters": layer.parameters,
                "trains": layer.trains if layer.parameters else None,
            }
            for layer in rows
        ]
    )
