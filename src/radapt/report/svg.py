"""Matplotlib figures as inline SVG: text stays text, colours follow the page, output is reproducible."""

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What is drawn in such a colour takes the value that the style sheet gives the name, in light and in dark.
INK, SOFT, RULE = "#1c1c1e", "#6a6a70", "#d9d9de"
SERIES = ("#6f7480", "#b04f05", "#1f5fcc", "#0d7d62", "#7b3fd1", "#8a6300", "#b6256b", "#0b7490")
MARKERS = ("s", "D", "o", "^", "v", "P", "X", "p")
MARK_PATHS = (  # the same marks in a box of 12, for the legend
    "M2 2h8v8h-8z",
    "M6 1l5 5-5 5-5-5z",
    "M6 1.5a4.5 4.5 0 1 0 .01 0z",
    "M6 1l5 9h-10z",
    "M6 11l5-9h-10z",
    "M4 1h4v3h3v4h-3v3h-4v-3h-3v-4h3z",
    "M3 1l3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3-3-3z",
    "M6 1l5 4-2 6h-6l-2-6z",
)

_NAMES = {INK: "ink", SOFT: "soft", RULE: "rule"} | {c: f"series-{i}" for i, c in enumerate(SERIES)}
_COLOUR = re.compile("|".join(_NAMES))
_FAMILY = re.compile(
    r"font-family: [^;\"]+;? ?|(?<=px) '[^;\"]+(?=[;\"])"
)  # Matplotlib 3.11; 3.10 writes `font:`
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class may be called $x$
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so widths are the same everywhere
    "font.size": 12.5,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 11.5,
    "ytick.labelsize": 11.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.edgecolor": RULE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "lines.linewidth": 1.6,
    "path.simplify": True,
}
_ONE_AT_A_TIME = threading.Lock()  # Matplotlib's settings belong to the whole process


@contextmanager
def drawing(salt: str) -> Iterator[None]:
    """Apply the report's Matplotlib settings; `salt` makes the ids of a figure unique on its page."""
    import matplotlib  # takes a second; who draws nothing need not wait for it

    settings: Any = {**_SETTINGS, "svg.hashsalt": salt}  # newer Matplotlib types every key
    with _ONE_AT_A_TIME, matplotlib.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of this size in CSS pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72, height / 72), dpi=72)


def svg(figure: "Figure", about: str) -> Markup:
    """Return a figure as an SVG element to put into a page; call it inside `drawing`.

    Parameters
    ----------
    about
        What the figure shows, for those who do not see it.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    inner = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text.getvalue(), flags=re.DOTALL)
    inner = inner[inner.index(">", inner.index("<svg")) + 1 :]
    inner = re.sub(r'<g id="[^"]*"', "<g", inner).replace("xlink:href", "href")
    inner = _FAMILY.sub(lambda match: "" if match[0].startswith("font") else " var(--sans)", inner)
    inner = _COLOUR.sub(lambda match: f"var(--{_NAMES[match[0]]})", inner)
    width, height = (72 * side for side in figure.get_size_inches())
    box = f'viewBox="0 0 {width:g} {height:g}" style="width: {width:g}px"'
    return Markup(f'<svg role="img" aria-label="{escape(about)}" {box}>{inner.strip()}')


def quiet_axes(axes: "Axes", *, grid: str = "y") -> None:
    """Style axes: a faint grid, no ticks, and spines only where there is a scale."""
    axes.tick_params(length=0)
    axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines["left" if grid == "y" else "bottom"].set_visible(False)
