"""Models that are there already, scored on the target test images of a study and compared with its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from radapt.artefacts import OTHER_MODELS, OTHERS
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import write_document
from radapt.images.class_rules import matching
from radapt.images.imageset import Dataset, ImageSet
from radapt.models.classifier import Classifier, Spec
from radapt.models.inference import predict
from radapt.runs.learned import count_known, not_known, read_learned
from radapt.study.finished_models import models_of_study
from radapt.study.model_comparison import Model, ModelComparison, compare_models
from radapt.study.plan import Plan
from radapt.text import counted, listed


@dataclass(frozen=True, slots=True, eq=False)
class OtherModel:
    """A model of a run, and the test images of a study as it reads them."""

    run: Path
    classifier: Classifier
    images: ImageSet
    unshifted: ImageSet  # the same before the study's shift, if it has one

    @property
    def name(self) -> str:
        """The name of its run folder."""
        return self.run.resolve().name


def check_others(runs: Sequence[tuple[Path, Spec]], plan: Plan, source: Dataset) -> None:
    """Look, before a study begins, that other runs can be told apart and compared with its models.

    Raises
    ------
    AskedWrongly
        If two have one name, one has the name of a model of the study, or knows other classes.
    """
    names = Counter(run.resolve().name.casefold() for run, _ in runs)
    for run, spec in runs:
        name = run.resolve().name
        if names[name.casefold()] > 1:
            raise AskedWrongly(
                f"Several runs are called {name!r}, and are compared by the names of their folders. Rename "
                "all but one of these folders."
            )
        if any(name == own or name.startswith(f"{own} with ") for own in plan.strategies):
            raise AskedWrongly(
                f"The study has models of its own called {name!r}, by which runs are compared. Rename the "
                f"folder {run}."
            )
        alike = sorted(map(matching, spec.classes)) == sorted(map(matching, source.classes))
        if not alike or source.exclusive != (spec.outputs != "findings"):
            raise AskedWrongly(
                f"{run} knows the classes {listed(spec.classes)}, and {source.origin.name} has "
                f"{listed(source.classes)}: a model of the same classes can be compared."
            )


def compare_with(
    study: Path, others: Sequence[OtherModel], metric: str, hardware: Hardware
) -> ModelComparison:
    """Score other models on the target test images of a finished study, and compare them with its base.

    The base model, which is the reference, the best of the study and the others are compared as `radapt
    compare` does. What comes out is written to `others.json` of the study, and the others' predictions below
    `others`.

    Raises
    ------
    AskedWrongly
        If two of them have one name, one knows other classes, or an image of the study is missing to one.
    BadArtefact
        If the study is damaged.
    """
    own = models_of_study(study)
    models = [*own[-1:], *own[:-1]]
    ids = set(models[0].runs[0].ids.tolist())
    for other in others:
        if lacking := ids - set(other.images.ids.tolist()):
            raise AskedWrongly(
                f"{counted(len(lacking), 'test image')} of the study cannot be read at the size of "
                f"{other.run}, such as {min(lacking)!r}."
            )
        predictions = predict(other.classifier, other.images, hardware)
        (study / OTHERS).mkdir(exist_ok=True)
        predictions.save(study / OTHERS / f"{other.name}.parquet")
        models.append(Model(other.name, (predictions,), f"the run {other.name}"))
    result = compare_models(models, metric)
    result = replace(result, notes=(*result.notes, *(note for other in others for note in _learned(other))))
    write_document(study / OTHER_MODELS, result.as_dict())
    return result


def _learned(other: OtherModel) -> list[str]:
    """Return a sentence on test images that a model has learned from, or that this is not known."""
    digests = read_learned(other.run)
    if digests is None:
        return [not_known(other.name)]
    known = count_known(other.unshifted, digests["learned"])
    if not known:
        return []
    return [
        f"{other.name} has learned from {known:,} of the {counted(len(other.unshifted), 'test image')}, "
        "pixel for pixel: its scores look better than they are."
    ]
