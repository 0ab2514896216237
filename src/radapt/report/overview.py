"""The first screen of a study's page: its headline, four answers and the one figure that shows them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from radapt.evaluation.scores import Score
from radapt.images.notice import Notice
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import Study
from radapt.report.overview_figure import Band, Path, Point, draw
from radapt.report.tables import series_of
from radapt.study.answers import Questions, answer, budget_lines, domain_names, short_name
from radapt.study.decision import Decision, decide
from radapt.text import counted

ABOUT = {  # what a metric is, for those who read of it first here
    "accuracy": "Accuracy: the share of images that is right; it depends on how common the finding is.",
    "balanced-accuracy": "Balanced accuracy: the mean of the shares that are right in each class, 50 % by "
    "chance with two classes.",
    "auroc": "AUROC: how often an image with the finding scores above one without; 0.5 is chance, 1 perfect.",
}
_HYPHEN = re.compile(r"(?<!\w)-(?=\d)")


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that a reader has, and the answer in a sentence or two."""

    question: str
    text: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first screen shows."""

    headline: str
    answers: tuple[Answer, ...]
    next: str  # what to do now
    words: str  # what the metric and the brackets are
    budgets: tuple[str, ...]  # a line for each number of labelled images
    legend: tuple[tuple[str, int], ...]  # the strategies of the figure, and their colours
    figures: tuple[Markup, ...]  # the same figure for wide and narrow screens; none where nothing was scored
    caption: str


def overview(study: Study, notices: Sequence[Notice]) -> Overview:
    """Return the first screen of a study; `notices` are those of its page, the most harmful first."""
    asked = questions(study)
    answers, paths = answer(asked), _paths(study)
    decisions = decide(study.differences, asked.metric, asked.margin)
    return Overview(
        headline=typeset(answers.headline),
        answers=(
            Answer("What is lost at the target?", typeset(answers.lost)),
            Answer("What helps, and with how many labels?", typeset(answers.action)),
            Answer("What does it cost at the source?", typeset(answers.cost)),
            Answer("Can this be trusted?", trust(notices)),
        ),
        words=f"{ABOUT.get(asked.metric, '')} In brackets: 95 % intervals, by patient.".strip(),
        next=typeset(_next(answers.next, notices)),
        budgets=tuple(map(typeset, budget_lines(decisions, asked.budgets))),
        legend=tuple((path.strategy, path.series) for path in paths),
        figures=_figures(paths, asked),
        caption=_caption(asked),
    )


def typeset(text: str) -> str:
    """Return a text with minus signs in place of the hyphens before numbers."""
    return _HYPHEN.sub("\N{MINUS SIGN}", text)


def questions(study: Study) -> Questions:
    """Return what the answers of a study are made of."""
    predictions = study.predictions(study.base.cell, "target")
    target = None if study.target is None else study.target.origin.name
    names = domain_names(study.source.origin.name, target, study.plan.shift)
    return Questions(
        **names,
        scores=study.scores,
        differences=study.differences,
        loss=study.loss,
        classes=len(predictions.classes) if predictions.exclusive else 2,
        test_images=study.roles["target test"].images,
        metric=study.plan.metric,
        margin=study.plan.margin,
        quick=study.plan.quick,
        budgets=study.budget_names,
    )


def _next(text: str, notices: Sequence[Notice]) -> str:
    """Return what to do now: first of all to mend what makes the headline invalid."""
    if not notices or not notices[0].invalidates:
        return text
    return f"Mend this first, for no number here can be relied on: {_lower(notices[0].title)}"


def trust(notices: Sequence[Notice]) -> str:
    """Say in a sentence what limits the results; the notices below say it whole."""
    if not notices:
        return "None of radapt's checks gave a warning."
    worst = [notice for notice in notices if notice.severity == notices[0].severity]
    titles = list(dict.fromkeys(notice.title.rstrip(".") for notice in worst))
    more = len(notices) - len(worst)
    begin = {"invalid": "No: ", "caution": "With care: ", "note": "Mostly: "}[notices[0].severity]
    rest = f" {counted(more, 'more notice')} below." if more else ""
    return f"{begin}{'; '.join(_lower(title) for title in titles)}.{rest}"


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _caption(asked: Questions) -> str:
    words = find_metric(asked.metric).words
    return (
        f"The {words} on {asked.target} against the number of labelled images, with 95 % intervals by "
        f"patient. The bands are the base model without adaptation: dotted on {asked.source}, dashed on "
        f"{asked.target}. A ring marks the largest gain that was shown with so many labels."
    )


def _figures(paths: Sequence[Path], asked: Questions) -> tuple[Markup, ...]:
    bands = [
        Band(domain, short_name(getattr(asked, domain), asked.source), estimate)
        for domain in ("source", "target")
        if (estimate := asked.base(domain)) is not None
    ]
    if not bands or not paths:
        return ()
    metric = find_metric(asked.metric)
    about = f"{metric.heading} on {asked.target} by number of labelled images; see the table of scores."
    scale = 100.0 if wording.in_percent(asked.metric) else 1.0
    return tuple(
        draw(bands, paths, asked.budgets, unit=metric.heading, scale=scale, narrow=narrow, about=about)
        for narrow in (False, True)
    )


def _paths(study: Study) -> list[Path]:
    """Return the strategies of the figure, with their scores at the target."""
    best = {row.best.budget: row.best.strategy for row in _shown(study) if row.best is not None}
    rows = [
        row
        for row in study.scores
        if row.metric == study.plan.metric
        and (row.domain, row.strategy == "none") == ("target", False)
        and not math.isnan(row.estimate.value)
    ]
    kept = _in_colours(rows, study.plan.strategies)
    return [
        Path(
            name,
            series_of(name, study.plan.strategies),
            tuple(
                Point(row.budget, row.estimate, best.get(row.budget) == name)
                for row in rows
                if row.strategy == name
            ),
        )
        for name in study.plan.strategies
        if name in kept
    ]


def _in_colours(rows: Sequence[Score], strategies: Sequence[str]) -> set[str]:
    """Choose the strategies with the best scores, and no two that have the same colour."""
    reach = {row.strategy: max(r.estimate.gain for r in rows if r.strategy == row.strategy) for row in rows}
    kept: dict[int, str] = {}
    for name in sorted(reach, key=lambda name: -reach[name]):
        kept.setdefault(series_of(name, strategies), name)
    return set(kept.values())


def _shown(study: Study) -> list[Decision]:
    return [each for each in decide(study.differences, study.plan.metric, study.plan.margin) if each.shown]
