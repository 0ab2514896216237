"""The base model of a study that is a run already: what has to fit, and whose images it learned from."""

from pathlib import Path

import numpy as np

from radapt.adaptation.strategy import AdaptResult
from radapt.adaptation.table import check_base
from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset
from radapt.images.notice import Notice
from radapt.models.checkpoint import load_classifier, model_digest
from radapt.models.classifier import Spec
from radapt.runs.learned import count_known, not_known, read_learned
from radapt.study.domains import Domains
from radapt.study.plan import Plan
from radapt.text import counted, listed

LIMITS = {  # what it means that a base model has learned from images of a role, and how much harm it does
    "source validation": ("thresholds that are chosen on them suit other images less", "caution"),
    "source test": ("scores on them look better than they are", "invalid"),
    "target test": ("scores on them look better than they are", "invalid"),
    "labelled target": ("adapting to them shows less than images would that it has not seen", "caution"),
}
OF_THRESHOLDS = "The same holds for the source validation images, which thresholds are chosen on."
SEEDS = (
    "The base model is one run and the same for every training seed: intervals and seeds show no variation "
    "of its training."
)


def check_given_base(folder: Path, plan: Plan, source: Dataset) -> None:
    """Look that a run is the base model of a plan, and suits its images and strategies.

    Raises
    ------
    AskedWrongly
        If it is another model, knows other classes, reads images otherwise, or does not suit a strategy.
    BadArtefact, WrongFolder
        If the folder holds no model that can be read.
    """
    classifier = load_classifier(folder)
    spec = classifier.spec
    if plan.protocol == "original":
        raise AskedWrongly("The original's protocol trains its own base model: leave the base out.")
    if (plan.model, plan.base) != (spec.model, model_digest(classifier)):
        raise AskedWrongly(
            f"The plan is for the base model {plan.model} with the digest {plan.base[:12]}, but {folder} "
            f"holds {spec.model} with the digest {model_digest(classifier)[:12]}."
        )
    check_base(spec, plan.strategies)
    _check_images(spec, source)


def _check_images(spec: Spec, source: Dataset) -> None:
    if source.classes != spec.classes or source.exclusive != (spec.outputs != "findings"):
        raise AskedWrongly(
            f"The base model knows the classes {listed(spec.classes)}. {source.origin.name} has: "
            f"{listed(source.classes)}."
        )
    if source.origin.reading != spec.reading:
        raise AskedWrongly(
            f"The base model reads images as {spec.reading}, and {source.origin.name} was read as "
            f"{source.origin.reading}."
        )


def given_base(folder: Path) -> AdaptResult:
    """Return the model of a run as a base model that was not trained here."""
    return AdaptResult(load_classifier(folder))


def notices_about(
    folder: Path, images: Domains, source: Dataset, target: Dataset | None, seeds: int = 1
) -> tuple[Notice, ...]:
    """Return notices of images of a study that its base model has learned from, and of its seeds.

    Images are compared as they are without a shift.
    """
    name, digests = folder.resolve().name, read_learned(folder)
    alike = (Notice("one-base", "note", SEEDS),) if seeds > 1 else ()
    if digests is None:
        text = f"{not_known(f'the base model, the run {name},')} {OF_THRESHOLDS}"
        return (Notice("learned-unknown", "caution", text), *alike)
    notices = []
    for role, scored, data in (
        ("source validation", images.source_valid, source),
        ("source test", images.source_test, source),
        ("target test", images.target_test, target or source),
        ("labelled target", images.target_pool, target or source),
    ):
        parts = [part.take(np.isin(part.ids, scored.ids)) for part in data.splits.values()]
        known = sum(count_known(part, digests["learned"]) for part in parts if len(part))
        if known:
            of, (limit, severity) = counted(len(scored), f"{role} image"), LIMITS[role]
            text = (
                f"The base model, the run {name}, has learned from {known:,} of the {of}, pixel for pixel: "
                f"{limit}."
            )
            notices.append(Notice("learned", severity, text))
    return (*notices, *alike)
