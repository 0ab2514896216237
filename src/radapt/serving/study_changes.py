"""What a finished study shows image by image: whose answer a strategy changed, to the good or the bad."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radapt.errors import BadImage, UnknownName
from radapt.images.pixels import read_grey
from radapt.images.preprocessing import Preprocessing
from radapt.labels import join_labels
from radapt.metrics.table import metric as find_metric
from radapt.predictions import Predictions
from radapt.report.folder import Study, read_study
from radapt.report.notebook import answers_of_study
from radapt.report.wording import title
from radapt.study.plan import Cell
from radapt.text import visible

GAINED, LOST, OTHER = "gained", "lost", "other"  # right now; wrong now; wrong before and now, or not labelled
SIDE = 320  # pixels of an image on a page


@dataclass(frozen=True, slots=True)
class ChangedImage:
    """An image that a strategy answers otherwise than the base model."""

    row: int  # in the test set
    id: str
    truth: str  # "" if it is not labelled
    before: str  # the base model's label
    after: str
    before_score: float  # the probability of the true class, or of its own label if there is no truth
    after_score: float
    kind: str  # `GAINED`, `LOST` or `OTHER`


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """A strategy at a budget, as the table of a study shows it."""

    name: str  # of its folder
    strategy: str
    budget: str
    score: str  # by the study's metric on the target images, with its interval
    changed: Mapping[str, int]  # images by kind


@dataclass(frozen=True, eq=False)
class StudyView:
    """A finished study, and where its images lie.

    Attributes
    ----------
    images
        The folder of the target's images; None shows those alone that the study keeps.
    """

    study: Study
    images: Path | None = None
    _changes: dict[str, list[ChangedImage]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The source and the target."""
        return title(self.study)

    @cached_property
    def headline(self) -> str:
        """What is lost at the target, and what helps."""
        return answers_of_study(self.study)[0]

    @property
    def metric(self) -> str:
        """The metric of the scores, in words."""
        return find_metric(self.study.plan.metric).words

    @cached_property
    def cells(self) -> Mapping[str, Cell]:
        """The adapted models of the first training seed, one for each strategy and budget, by name."""
        seed = self.study.base.cell.seed
        return {
            model.cell.name: model.cell
            for model in self.study.models
            if model.cell.seed == seed and model.cell.represents_folds and not model.cell.is_base
        }

    def rows(self) -> list[StrategyRow]:
        """Return a row for the base model, and one for each strategy and budget."""
        base = self.study.base.cell
        cells = {base.name: base, **self.cells}
        return [
            StrategyRow(
                "" if cell.is_base else name,
                "no adaptation" if cell.is_base else cell.strategy,
                cell.budget,
                self._score(cell),
                {} if cell.is_base else self.counts(name),
            )
            for name, cell in cells.items()
        ]

    def changed(self, name: str) -> list[ChangedImage]:
        """Return the target images that a model answers otherwise than its base: lost ones first.

        Raises
        ------
        UnknownName
            If the study has no such model.
        """
        if name not in self.cells:
            raise UnknownName("model in this study", name, self.cells)
        if name not in self._changes:
            cell = self.cells[name]
            before = self.study.predictions(Cell("none", "", cell.seed, cell.fold), "target")
            self._changes[name] = changed_images(before, self.study.predictions(cell, "target"))
        return self._changes[name]

    def counts(self, name: str) -> dict[str, int]:
        """Return the number of changed images of each kind."""
        kinds = [each.kind for each in self.changed(name)]
        return {kind: kinds.count(kind) for kind in (GAINED, LOST, OTHER)}

    def pixels(self, image: str) -> NDArray[np.uint8] | None:
        """Return the grey levels (h, w) of an image: of its file, or as the study keeps it; else None."""
        if (path := self._file(image)) is not None:
            try:
                return read_grey(path, Preprocessing(SIDE, "pad"))
            except BadImage:
                return None
        return self._kept.get(image)

    def has_image(self, image: str) -> bool:
        """Return whether there is something to show of an image."""
        return self._file(image) is not None or image in self._kept

    @cached_property
    def _kept(self) -> dict[str, NDArray[np.uint8]]:
        groups = ("source", "worst", "target") if self.study.plan.shift else ("worst", "target")
        return {each.id: each.pixels for group in groups for each in self.study.images[group]}

    def _file(self, image: str) -> Path | None:
        if self.images is None or "\0" in image:
            return None
        root = self.images.resolve()
        path = (root / image).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None

    def _score(self, cell: Cell) -> str:
        counts = {label: each.images for label, each in self.study.budgets}
        for row in self.study.scores:
            same = row.strategy == cell.strategy and row.budget == counts.get(cell.budget, 0)
            if same and row.domain == "target" and row.metric == self.study.plan.metric:
                return str(row.estimate)
        return ""


def open_study(folder: Path, images: Path | None = None) -> StudyView:
    """Read a finished study for the service.

    Raises
    ------
    WrongFolder, BadArtefact
        As for `radapt.report.folder.read_study`.
    """
    return StudyView(read_study(folder), images)


def changed_images(before: Predictions, after: Predictions) -> list[ChangedImage]:
    """Return the images that two models of the same classes label differently, those that are lost first."""
    places = {name: row for row, name in enumerate(before.ids.tolist())}
    rows = [row for row, name in enumerate(after.ids.tolist()) if name in places]
    old, new = before.take([places[after.ids[row]] for row in rows]), after.take(rows)
    truths, olds, news = _truths(new), _decided(old), _decided(new)
    found = [
        _changed(rows[place], old, new, place, (truths[place], olds[place], news[place]))
        for place in range(len(rows))
        if olds[place] != news[place]
    ]
    order = (LOST, GAINED, OTHER)
    return sorted(found, key=lambda each: (order.index(each.kind), each.id))


def _changed(
    row: int, old: Predictions, new: Predictions, place: int, labels: tuple[str, str, str]
) -> ChangedImage:
    truth, before, after = labels
    kind = OTHER if truth not in (before, after) else GAINED if truth == after else LOST
    shown = truth if truth in new.classes else after if after in new.classes else new.classes[0]
    column = new.classes.index(shown)
    name = visible(str(new.ids[place]))
    scores = float(old.scores[place, column]), float(new.scores[place, column])
    return ChangedImage(row, name, truth, before, after, *scores, kind)


def _decided(predictions: Predictions) -> list[str]:
    """Return the label that each image is given at a threshold of 0.5."""
    decided = predictions.decide()
    if predictions.exclusive:
        return [predictions.classes[number] for number in decided.tolist()]
    return [join_labels(predictions.classes, row) for row in (decided == 1).tolist()]


def _truths(predictions: Predictions) -> list[str]:
    """Return the true label of each image; "" if a finding is not labelled."""
    if predictions.exclusive:
        return [predictions.classes[int(number)] for number in predictions.labels.tolist()]
    known = [not np.isnan(row).any() for row in predictions.labels]
    joined = [join_labels(predictions.classes, row) for row in (predictions.labels == 1).tolist()]
    return [words if whole else "" for words, whole in zip(joined, known, strict=True)]
