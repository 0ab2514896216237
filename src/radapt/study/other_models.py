"""Models that are there already, scored on the target test images of a study and compared with its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from radapt.artefacts import OTHER_MODELS, OTHERS
from radapt.device import Hardware
from radapt.errors import AskedWrongly
from radapt.files import write_document
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.runs.learned import count_known, not_known, read_learned
from radapt.study.model_comparison import Model, ModelComparison, compare_models, models_of_study
from radapt.text import counted


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
