"""The page of the service and its files, which load nothing from elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from radapt.labels import positive_class
from radapt.serving.predictor import Predictor, threshold_in_use

PARALLEL = 2  # images that the page sends at a time
USE = "Research software: it is no medical device, and no answer of it is a diagnosis or a clinical claim."


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page."""

    content: bytes
    kind: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return the files of the page by name: the style of all of radapt's pages, its own, and its script."""
    house = resources.files("radapt.report") / "templates"
    own = resources.files("radapt.serving") / "templates"
    return {
        "style.css": Asset((house / "style.css").read_bytes(), "text/css; charset=utf-8"),
        "serve.css": Asset((own / "serve.css").read_bytes(), "text/css; charset=utf-8"),
        "serve.js": Asset((own / "serve.js").read_bytes(), "text/javascript; charset=utf-8"),
    }


@cache
def templates() -> Environment:
    """Return the templates of the service, which escape every value."""
    return Environment(
        loader=PackageLoader("radapt.serving"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(model: Predictor, base: Predictor | None) -> str:
    """Return the page that takes images."""
    shown = model.classes
    if model.exclusive and len(shown) == 2:
        shown = (shown[positive_class(shown)],)
    return (
        templates()
        .get_template("serve.html.j2")
        .render(
            name=model.name,
            about=model.about,
            threshold=_threshold_words(model),
            use=USE,
            classes=list(model.classes),
            shown=list(shown),
            base="" if base is None else base.name,
            maps=model.draws_maps,
            drift=model.has_reference,
            parallel=PARALLEL,
        )
    )


def _threshold_words(model: Predictor) -> str:
    """Return a sentence on the threshold in use, and what chose it."""
    threshold, chosen = threshold_in_use(model), f", {model.chosen}" if model.chosen else ""
    if threshold is None:
        return "The likeliest class is predicted."
    if isinstance(threshold, dict):
        return f"Each finding has a threshold of its own{chosen}."
    return f"The threshold is {threshold:.3g}{chosen}."
