"""Draw the chart of the README, docs/pictures/labels.svg, from the numbers in labels_needed.json."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NUMBERS = HERE / "labels_needed.json"
CHART = HERE.parent / "docs" / "pictures" / "labels.svg"

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 62, 742, 70, 306  # the axes
LOWEST, HIGHEST = 0.35, 0.95
STYLE = """
  .paper { fill: #ffffff } .ink { fill: #1c1c1e } .soft { fill: #55555d } .rule { stroke: #d9d9de }
  .lite0 { stroke: #1f5fcc; fill: #1f5fcc } .compact { stroke: #b04f05; fill: #b04f05 }
  text { font: 14px system-ui, sans-serif; stroke: none } .title { font-size: 16px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #131416 } .ink { fill: #e8e8ea } .soft { fill: #a9a9b1 } .rule { stroke: #3a3c41 }
    .lite0 { stroke: #79a8ff; fill: #79a8ff } .compact { stroke: #f0964a; fill: #f0964a }
  }
"""


def height_of(score: float) -> float:
    """Return where a score stands on the page, in pixels from its top."""
    return BOTTOM - (score - LOWEST) / (HIGHEST - LOWEST) * (BOTTOM - TOP)


def draw(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the chart as SVG: AUROC against the number of labelled images, a line for each model."""
    labels = sorted({row["labels"] for row in rows})
    place = {count: LEFT + (at + 0.5) * (RIGHT - LEFT) / len(labels) for at, count in enumerate(labels)}
    models = list(dict.fromkeys(row["model"] for row in rows))
    parts = [*_axes(place), *_legend(models)]
    for number, model in enumerate(models):
        of_model = [row for row in rows if row["model"] == model]
        parts += _line(of_model, {count: x + 10 * number - 5 for count, x in place.items()}, model)
    about = "AUROC on adults against labelled images: both trunks rise from chance to about 0.85."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{about}">',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _axes(place: Mapping[int, float]) -> Iterable[str]:
    yield f'<text class="ink title" x="{LEFT - 42}" y="28">From children to adults: labels it takes</text>'
    for tenth in range(4, 10):
        y = height_of(tenth / 10)
        dash = "" if tenth != 5 else ' stroke-dasharray="4 3" stroke-width="2"'
        yield f'<line class="rule" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"{dash}/>'
        yield f'<text class="soft" x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{tenth / 10}</text>'
    yield f'<text class="soft" x="{RIGHT}" y="{height_of(0.5) - 6:.1f}" text-anchor="end">chance</text>'
    for count, x in place.items():
        words = f"{count} labels" if count else "as it is"
        yield f'<text class="soft" x="{x:.1f}" y="{BOTTOM + 22}" text-anchor="middle">{words}</text>'
    middle = (LEFT + RIGHT) / 2
    yield (
        f'<text class="soft" x="{middle}" y="{BOTTOM + 44}" text-anchor="middle">labelled images of adults; '
        "AUROC with 95 % intervals, five seeds</text>"
    )


def _legend(models: Sequence[str]) -> Iterable[str]:
    about = {"lite0": "lite0, trunk from ImageNet", "compact": "compact, trunk from the children"}
    for number, model in enumerate(models):
        x = LEFT - 42 + 250 * number
        yield f'<circle class="{model}" cx="{x + 6}" cy="47" r="5"/>'
        yield f'<text class="ink" x="{x + 18}" y="52">{about[model]}</text>'


def _line(rows: Sequence[Mapping[str, Any]], place: Mapping[int, float], model: str) -> Iterable[str]:
    points = [(place[row["labels"]], row) for row in rows]
    path = " ".join(f"{x:.1f},{height_of(row['auroc']):.1f}" for x, row in points)
    yield f'<polyline class="{model}" points="{path}" style="fill: none" stroke-width="2"/>'
    for x, row in points:
        low, value, high = (height_of(row[name]) for name in ("low", "auroc", "high"))
        yield (
            f'<line class="{model}" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" '
            'stroke-width="3" opacity=".5"/>'
        )
        yield f'<circle class="{model}" cx="{x:.1f}" cy="{value:.1f}" r="5"/>'


if __name__ == "__main__":
    CHART.write_text(draw(json.loads(NUMBERS.read_text(encoding="utf-8"))["rows"]), encoding="utf-8")
