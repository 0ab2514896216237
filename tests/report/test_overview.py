"""The first screen of a study's page."""

import base64
import hashlib
import html
import re
from itertools import pairwise

import pytest
from pages import Page
from samples import make_dataset

from radapt.images.notice import Notice
from radapt.report.folder import read_study
from radapt.report.overview import overview, trust, typeset
from radapt.report.overview_figure import Band, _apart, _names_of
from radapt.report.render import render
from radapt.stats.estimate import Estimate
from radapt.study.experiment import run_study
from radapt.study.plan import Plan


@pytest.fixture(scope="module")
def study(tmp_path_factory, hardware):
    plan = Plan(budgets=("8", "16"), epochs=1, steps=2, strategies=("none", "head", "recalibrate"))
    out = tmp_path_factory.mktemp("overview") / "study"
    run_study(plan, make_dataset(), None, out, hardware=hardware)
    return out


def test_the_page_begins_with_the_answers_and_one_figure(study):
    text = render(study)
    page = Page(text)
    first = page.text[: page.text.index("The recommendation in full")]
    assert "squares under the shift original" in first
    for question in (
        "What is lost at",
        "What helps, and with",
        "What does it cost at",
        "Can this be trusted?",
    ):
        assert question in first
    assert re.search(r"8 labels : \w+", first)
    wide, narrow = re.findall(r"<div class=\"(wide|narrow)\"><svg role=\"img\"", text)
    assert (wide, narrow) == ("wide", "narrow")


def test_every_number_of_the_first_screen_is_in_the_results(study):
    read = read_study(study)
    screen = overview(read, [])
    base = next(
        row.estimate
        for row in read.scores
        if (row.strategy, row.domain, row.metric) == ("none", "target", "balanced-accuracy")
    )
    assert f"{100 * base.value:.1f} % [{100 * base.low:.1f}, {100 * base.high:.1f}]" in screen.answers[0].text
    assert len(screen.budgets) == 2
    assert {name for name, _ in screen.legend} == {"head", "recalibrate"}


def test_the_most_harmful_notices_answer_whether_it_can_be_trusted():
    grave, note = Notice("leak", "invalid", "..."), Notice("one-seed", "note", "...")
    assert trust([grave, note]) == "No: test images among the training images. 1 more notice below."
    assert trust([note]) == "Mostly: every model was trained once."
    assert trust([]) == "None of radapt's checks gave a warning."


def test_a_hyphen_before_a_number_becomes_a_minus_sign_and_no_other():
    assert typeset("-5.0 points [-8.1, -2.0] by last-k2") == "−5.0 points [−8.1, −2.0] by last-k2"  # noqa: RUF001


def test_bands_whose_names_would_look_the_same_are_called_by_their_domains():
    score = Estimate(0.5, 0.4, 0.6, 10, 10)

    def named(*names: str) -> list[str]:
        return _names_of(
            [Band(domain, name, score) for domain, name in zip(("source", "target"), names, strict=True)]
        )

    long = "chest_xray_of_the_children"
    assert named(f"{long}_a", f"{long}_b") == [
        "base model on chest_xr...ren_a",
        "base model on chest_xr...ren_b",
    ]
    assert named(f"{long}_a_ward", f"{long}_b_ward") == ["base model on source", "base model on target"]


@pytest.mark.parametrize("values", [[1.0, 1.1, 1.2, 5.0], [9.8, 9.9, 9.95], [0.0, 0.0, 0.0]])
def test_names_in_the_figure_are_not_written_over_one_another(values):
    places = _apart(values, 0.5, 0.0, 10.0)
    assert all(later - earlier >= 0.499 for earlier, later in pairwise(places))
    assert places[0] >= 0
    assert places[-1] <= 10


def test_the_page_allows_its_own_script_and_no_other(study):
    text = render(study)
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html.unescape(text)
