import math

import matplotlib
import numpy as np
import pytest

from radapt.display.figure import curves, intervals, roc, score_histograms, steps


def test_a_figure_shows_itself_as_a_png():
    figure = curves({"loss": {"training": [2.0, 1.0], "validation": [2.5, 1.5]}}, x="epoch")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines] == [[1, 2], [1, 2]]


def test_intervals_leave_out_what_is_not_defined():
    figure = intervals({"auroc": (0.8, 0.7, 0.9), "f1": (math.nan,) * 3}, x="score")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["auroc"]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0.7, 0.9]


def test_steps_draws_each_line_over_its_own_steps():
    lines = {
        "head": [("16", (0.6, 0.5, 0.7)), ("64", (0.7, 0.6, 0.8))],
        "full": [("64", (0.9, 0.8, 1.0))],
    }
    axes = steps(lines, x="labels", y="score", levels={"base": 0.55}).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["16", "64"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["base", "head", "full"]
    assert len(axes.containers) == 2


def test_roc_and_histograms_have_a_line_or_panel_each():
    corner = np.array([0.0, 1.0])
    assert len(roc({"a": (corner, corner), "b": (corner, corner)}).axes[0].lines) == 3
    scores = np.array([0.1, 0.9, 0.8])
    panels = score_histograms({"x": (scores, scores > 0.5), "y": (1 - scores, scores < 0.5)})
    assert len(panels.axes) == 2
    assert sum(bar.get_height() for bar in panels.axes[0].containers[0]) == 2


HOSTILE = "a $x^$ b"  # which is no formula
SCORES = np.array([0.1, 0.9])
FIGURES = [
    lambda name: curves({name: {name: [2.0, 1.0]}}, x=name),
    lambda name: intervals({name: (0.8, 0.7, 0.9)}, x=name, zero=True),
    lambda name: steps({name: [(name, (0.6, 0.5, 0.7))]}, x=name, y=name, levels={name: 0.5}),
    lambda name: roc({name: (SCORES, SCORES)}),
    lambda name: score_histograms({name: (SCORES, SCORES > 0.5)}),
]


@pytest.mark.parametrize("draw", FIGURES)
def test_a_label_is_drawn_as_it_is_written(draw, tmp_path):
    figure = draw(HOSTILE)
    assert figure._repr_png_().startswith(b"\x89PNG")
    figure.savefig(tmp_path / "figure.svg")
    assert matplotlib.rcParams["text.parse_math"]


@pytest.mark.parametrize("draw", [each for each in FIGURES if each is not FIGURES[1]])
def test_a_label_that_begins_with_an_underscore_is_in_the_legend(draw):
    figure = draw("_private")
    assert figure._repr_png_().startswith(b"\x89PNG")
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "_private" in texts
