"""One model of a study: trained or adapted, scored and saved as a run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from radapt.adaptation.cross_validation import adapt_with_cv
from radapt.adaptation.feature_cache import FeatureCache
from radapt.adaptation.full import Full
from radapt.adaptation.head import Head
from radapt.adaptation.none import NoAdaptation
from radapt.adaptation.scratch import Scratch
from radapt.adaptation.strategy import AdaptContext, AdaptResult, Strategy
from radapt.adaptation.table import get_strategy
from radapt.adaptation.tuning import fit_all
from radapt.artefacts import CELLS, HISTORY, STATE, predictions_file
from radapt.device import Hardware
from radapt.errors import AskedWrongly, BadArtefact
from radapt.evaluation.scores import Outcome
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import Notice
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Spec
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions, join_predictions
from radapt.progress import Watch
from radapt.provenance import now
from radapt.runs.base import train_base
from radapt.runs.finish import TrainedModel, finish
from radapt.runs.folder import is_finished, read_epochs, read_record
from radapt.runs.holdout import split_off_validation
from radapt.runs.learned import write_learned
from radapt.study.domains import Domains, labelled_images
from radapt.study.given_base import given_base
from radapt.study.plan import Cell, Plan, by_fold
from radapt.training.recipe import ORIGINAL_ADAPT, ORIGINAL_BASE, Recipe, base_recipe_for


@dataclass(frozen=True, slots=True, eq=False)
class StudyContext:
    """A study under way: what is to be done, with which images, where, and on which hardware."""

    plan: Plan
    source: Dataset
    images: Domains
    out: Path
    hardware: Hardware
    watch: Watch
    target: str | None  # the fingerprint of the target's own data set, if there is one
    # A study of the same source, whose base models are used again; or the run that is the plan's base.
    base_models_from: Path | None
    notices: tuple[Notice, ...] = ()  # about a base model that is a run already
    cache: FeatureCache = field(default_factory=FeatureCache)

    def folder(self, cell: Cell) -> Path:
        """Return the run folder of a cell."""
        return self.out / CELLS / cell.name

    @property
    def base_run(self) -> Path | None:
        """The run that is the base model, where none is trained."""
        return self.base_models_from if self.plan.base else None

    def of_fold(self, fold: int | None) -> "StudyContext":
        """Return the study with the image sets of one fold; the same for None."""
        return replace(self, images=self.images.of_fold(fold))

    def base(self, seed: int) -> Path:
        """Return the run folder of the base model that was trained from a seed."""
        return self.folder(Cell("none", "", seed))

    def labelled(self, budget: str, seed: int) -> ImageSet:
        """Return the labelled target images of a budget."""
        if self.plan.protocol == "original":
            return self.source["val"]  # shifted anew for every batch, as the original did
        return labelled_images(self.images, budget, seed=seed)

    def split_budget(self, images: ImageSet, seed: int) -> tuple[ImageSet, ImageSet | None]:
        """Split the images of a budget into those that train and those that choose the epoch."""
        if self.plan.protocol == "original":
            return images, self.images.target_test  # what the report marks as optimistic
        return split_off_validation(images, seed=seed)

    def spec(self) -> Spec:
        """Describe the models of the study."""
        source = self.source
        reading = source.origin.reading.as_dict()
        spec = new_spec(self.plan.model, source.classes, findings=not source.exclusive, **reading)
        return replace(spec, outputs="sigmoid") if self.plan.protocol == "original" else spec

    def strategy(self, name: str) -> Strategy:
        """Return a strategy with its own options, or with those of the original."""
        if self.plan.protocol == "held-out":
            return get_strategy(name)
        # A view per step: what an epoch of the original showed of each image, kept for all epochs.
        views = self.plan.steps or ORIGINAL_ADAPT.steps or 1
        original: dict[str, Strategy] = {
            "none": NoAdaptation(),
            "scratch": Scratch(ORIGINAL_ADAPT),
            "head": Head(ORIGINAL_ADAPT, views=views, plain_view=False, plane=False),
            "full": Full(ORIGINAL_ADAPT),
        }
        return original.get(name) or get_strategy(name)

    def conditions(self, cell: Cell) -> AdaptContext:
        """Return how a cell is trained; the plan's epochs and steps do not hold for training on features."""
        plan, name = self.plan, "base model" if cell.is_base else cell.strategy
        fold = "" if cell.fold is None else f"fold {cell.fold} of {plan.folds}"
        whole = cell.is_base or plan.protocol == "original" or not self.strategy(cell.strategy).on_features
        return AdaptContext(
            self.hardware,
            cell.seed,
            self.folder(cell) / STATE,
            self.watch,
            " ".join(filter(None, [f"seed {cell.seed}, {name}", cell.budget, fold])),
            plan.epochs if whole else None,
            plan.steps if whole else None,
            source=self.images.source_train,
            cache=self.cache,
            pretrained=plan.pretrained,
        )


def run_cell(study: StudyContext, cell: Cell) -> None:
    """Train one model, score it on both test sets, and write its run folder."""
    study = study.of_fold(cell.fold)
    started, conditions, images = now(), study.conditions(cell), study.images
    labelled: ImageSet | None = None
    train, valid = images.source_train, None
    if cell.is_base:
        valid = images.source_valid
        train = train if study.base_run is None else train.take([])
        result = _base_model(study, cell, conditions)
    else:
        if cell.budget:
            labelled = study.labelled(cell.budget, cell.seed)
            train, valid = study.split_budget(labelled, cell.seed)
        else:  # all target images, without their labels
            train = images.target_pool
        base = load_classifier(study.base(cell.seed))
        result = adapt_with_cv(study.strategy(cell.strategy), base, train, valid, conditions)
    about = {
        "kind": "cell",
        **{name: value for name, value in asdict(cell).items() if value is not None},
        "name": cell.name,
        "source": _learned_source(study),
        **({} if cell.is_base or study.target is None else {"data": study.target}),
        "pretrained": False if study.plan.weights is None else study.plan.weights.name,
        "images": 0 if labelled is None else len(labelled),
    }
    domain = "source" if labelled is None else "target"
    reference = {"of": f"validation images of the study's {domain}"}
    tests = {"target-test": images.target_test, "source-test": images.source_test}
    kept = reference if study.plan.protocol == "held-out" else None
    _write_learned(study, cell, [part for part in (train, valid) if part is not None])
    cache = None if study.strategy(cell.strategy).changes_trunk() else study.cache
    model = TrainedModel(result, train, valid, tests, cell.seed, started, kept, cache)
    finish(study.folder(cell), model, about, study.hardware)


def _learned_source(study: StudyContext) -> str | None:
    """Return the fingerprint of the images that the base models learned from; None where nobody knows it."""
    if study.base_run is None:
        return study.source.origin.fingerprint
    record = read_record(study.base_run) if is_finished(study.base_run) else {}
    return record.get("source")


def read_predictions(out: Path, plan: Plan, cell: Cell, domain: str) -> Predictions:
    """Read the predictions of a strategy for the test images of a domain, with those of all its folds joined.

    Source images are predicted by the model of the first fold.

    Parameters
    ----------
    out
        The study folder.
    cell
        The strategy, budget and seed; its fold does not matter.
    domain
        "source" or "target".

    Raises
    ------
    BadArtefact
        If a file is missing or damaged.
    """
    parts = by_fold(plan, replace(cell, fold=None))
    folders = [out / CELLS / part.name for part in (parts if domain == "target" else parts[:1])]
    return join_predictions([_read(folder, domain) for folder in folders])


def _read(folder: Path, domain: str) -> Predictions:
    try:
        return Predictions.load(predictions_file(folder, f"{domain}-test"))
    except BadArtefact as error:
        raise BadArtefact(f"{error} Delete {folder}: the same command makes it again.") from None


def _write_learned(study: StudyContext, cell: Cell, learned: list[ImageSet]) -> None:
    """Record which images a cell has learned from and is tested on, as they are without a shift."""
    base = study.base_run if cell.is_base else study.base(cell.seed)
    of_others = study.base_run is not None  # what a given base learned from is in its own run
    if of_others if cell.is_base else study.strategy(cell.strategy).needs == "nothing":
        learned = []
    tested = [study.images.source_test]
    if study.target is None:
        names = np.concatenate([np.empty(0, np.str_), *(images.ids for images in learned)])
        learned = [images.take(np.isin(images.ids, names)) for images in study.source.splits.values()]
    else:
        tested.append(study.images.target_test)
    write_learned(study.folder(cell), learned, tested, base=base)


def _base_model(study: StudyContext, cell: Cell, conditions: AdaptContext) -> AdaptResult:
    """Return the base model: that of the run that was given, of another study, or one that is trained."""
    if study.base_run is not None:
        return given_base(study.base_run)
    if (reused := _reuse_base_model(study, cell)) is not None:
        return reused
    classifier = build(study.spec(), seed=conditions.seed, pretrained=conditions.pretrained)
    train, valid = study.images.source_train, study.images.source_valid
    if study.plan.protocol == "original":
        recipe = conditions.adjusted(ORIGINAL_BASE)
        history = tuple(fit_all(classifier, train, valid, recipe, conditions))
        return AdaptResult(classifier.cpu().eval(), history, recipe)
    recipe = conditions.adjusted(base_recipe_for(study.plan.model, len(train)))
    return train_base(classifier, train, valid, recipe, conditions, tune=study.plan.tune)


def _reuse_base_model(study: StudyContext, cell: Cell) -> AdaptResult | None:
    """Return the base model of another study of the same source, if that trained one."""
    other = study.base_models_from
    folder = None if other is None else other / CELLS / cell.name
    if folder is None or not is_finished(folder):
        return None
    record = read_record(folder)
    if record["source"] != study.source.origin.fingerprint:
        raise AskedWrongly(f"{other} is a study of other images than {study.source.origin.name}.")
    recipe = None if record["recipe"] is None else Recipe(**record["recipe"])
    return AdaptResult(load_classifier(folder), read_epochs(folder / HISTORY), recipe)


def tested_models(
    study: StudyContext, outcome: Outcome, budgets: Mapping[str, ImageSet]
) -> list[tuple[Path, ImageSet]]:
    """Return the models of the first seed that an outcome is of, each with the images that it was tested on.

    There are several where the study has folds, and none where its plan leaves checks out.
    """
    if not study.plan.checks:
        return []
    label = next((label for label, images in budgets.items() if len(images) == outcome.budget), "")
    models = by_fold(study.plan, Cell(outcome.strategy, label, study.plan.seed))
    return [(study.folder(cell), study.of_fold(cell.fold).images.target_test) for cell in models]
