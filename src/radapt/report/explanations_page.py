"""Explanations as one page: every image beside its map, with the checks that say what the map is worth."""

from pathlib import Path
from typing import Any

from radapt.display.grid import picture_address
from radapt.explaining.deletion import Area
from radapt.explaining.explanation import Explained, Explanations
from radapt.explaining.folder import stems
from radapt.explaining.overlay import LEGEND, RESEARCH_USE, small_picture
from radapt.files import write_text
from radapt.report.example_images import map_legend
from radapt.report.render import environment
from radapt.text import counted

SIDE = 420  # pixels of an image on the page
METHODS = {  # in words, and what a map of it is
    "grad-cam": "Grad-CAM: the last map of features that is fine enough, weighted by what raises the score.",
    "integrated-gradients": "Integrated gradients: what each pixel adds to the score on the way from plain "
    "grey to the image, spread over its neighbourhood.",
    "occlusion": "Occlusion: what the score loses where a grey square hides the image.",
}


def write_explanations_page(found: Explanations, path: Path) -> None:
    """Write the page of explanations, whole or not at all.

    Raises
    ------
    RadaptError
        If it cannot be written there.
    """
    write_text(path, render_explanations(found))


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
        "images": [_shown(each, stem) for each, stem in zip(found.images, stems(found), strict=True)],
        "failed": found.failed,
    }
    return environment().get_template("explanations.html.j2").render(page)


def _shown(each: Explained, stem: str) -> dict[str, Any]:
    alike = "not known" if each.alike is None else f"{each.alike:.2f}"
    return {
        "name": Path(each.path).name,
        "target": each.target,
        "plain": picture_address(small_picture(each.image.original, SIDE)),
        "drawn": picture_address(small_picture(each.overlay, SIDE)),
        "is_empty": each.is_empty,
        "file": f"{stem}.png",
        "facts": [
            ("Scores", ", ".join(f"{name} {score:.3f}" for name, score in each.scores.items())),
            ("Deletion (lower is better)", _words(each.deletion)),
            ("Insertion (higher is better)", _words(each.insertion)),
            ("Alike with random weights", alike),
        ],
    }


def _words(area: Area) -> str:
    beaten, orders = round(area.beaten * len(area.random)), len(area.random)
    mean = sum(area.random) / orders
    return f"{area.value:.3f}; {mean:.3f} in random orders, of which {beaten} of {orders} are beaten"
