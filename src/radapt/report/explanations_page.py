"""Explanations as one page: every image beside its map, with the checks that say what the map is worth."""

from pathlib import Path
from typing import Any

from radapt.display.grid import image_address
from radapt.explaining.deletion import Area
from radapt.explaining.explanation import Explained, Explanations
from radapt.explaining.overlay import LEGEND, RESEARCH_USE
from radapt.report.example_images import map_legend
from radapt.report.render import environment
from radapt.text import counted

METHODS = {  # in words, and what a map of it is
    "grad-cam": "Grad-CAM: the last map of features that is fine enough, weighted by what raises the score.",
    "integrated-gradients": "Integrated gradients: what each pixel adds to the score on the way from plain "
    "grey to the image, spread over its neighbourhood.",
    "occlusion": "Occlusion: what the score loses where a grey square hides the image.",
}


def render_explanations(found: Explanations) -> str:
    """Return explanations as one self-contained HTML page."""
    method, layer = found.about["method"], found.about["layer"]
    page = {
        "title": f"{counted(len(found.images), 'image')} explained",
        "lead": [METHODS[method], *([f"The map is that of {layer}."] if layer else [])],
        "warnings": found.notices,
        "legend": map_legend(),
        "legend_words": LEGEND,
        "research_use": RESEARCH_USE,
        "images": list(map(_shown, found.images)),
        "failed": found.failed,
    }
    return environment().get_template("explanations.html.j2").render(page)


def _shown(each: Explained) -> dict[str, Any]:
    alike = "not known" if each.alike is None else f"{each.alike:.2f}"
    return {
        "name": Path(each.path).name,
        "target": each.target,
        "plain": image_address(each.plain),
        "drawn": image_address(each.overlay),
        "is_empty": each.is_empty,
        "file": f"{each.stem}.png",
        "facts": [
            ("Scores", ", ".join(f"{name} {score:.3f}" for name, score in each.scores.items())),
            ("Deletion (lower is better)", _words(each.deletion)),
            ("Insertion (higher is better)", _words(each.insertion)),
            ("Alike with random weights", alike),
        ],
    }


def _words(area: Area) -> str:
    orders = len(area.random)
    words = f"{area.value:.3f}; {sum(area.random) / orders:.3f} in random orders"
    if area.beaten is None:
        return f"{words}; the map has one value, and so no order of its own"
    return f"{words}, of which {round(area.beaten * orders)} of {orders} are beaten"
