"""A result as a DICOM Structured Report: a Measurement Report by TID 1500 of PS3.16."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from radapt.pacs.codes import (
    ABSENT,
    CHEST,
    CHEST_RADIOGRAPHY,
    COMMENT,
    DECISION,
    NO_UNITS,
    PRESENT,
    PROBABILITY,
    THRESHOLD,
    TITLE,
    code_of_class,
    concept,
    private_scheme,
)
from radapt.pacs.identity import NOT_CLINICAL, RESEARCH_ONLY, ModelIdentity, uid_of
from radapt.pacs.source import in_characters

if TYPE_CHECKING:
    from highdicom.sr import (
        AlgorithmIdentification,
        ComprehensiveSR,
        MeasurementsAndQualitativeEvaluations,
        ObservationContext,
    )
    from pydicom.dataset import Dataset

SERIES_NUMBER = 9101  # of the reports on a series, beyond those that modalities count to


@dataclass(frozen=True, slots=True)
class ScoredClass:
    """What a model says of one class of an image."""

    name: str
    probability: float
    is_predicted: bool
    threshold: float | None = None  # None where the likeliest class was taken


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What a model says of an image."""

    classes: tuple[ScoredClass, ...]
    decided: str  # in words: at which threshold, and on what it was chosen
    warning: str = ""  # why the image is none to be judged

    @property
    def key(self) -> str:
        """What a decision depends on besides the image and the model."""
        return "|".join((*(f"{each.name}={each.threshold!r}" for each in self.classes), self.decided))


def structured_report(source: "Dataset", result: ImageResult, model: ModelIdentity) -> "ComprehensiveSR":
    """Return the report on an image, of the same patient and study.

    Its identifiers are made of those of the image, its model, the thresholds and how they were chosen: the
    same result gets the same ones on every machine.

    Parameters
    ----------
    source
        The header of the image, see `radapt.pacs.source.read_source`.

    Raises
    ------
    ValueError
        If the header holds what the standard does not allow.
    """
    from highdicom.sr import ComprehensiveSR, MeasurementReport

    names = (model.digest, model.radapt, result.key)
    image = str(source.SOPInstanceUID)
    report = MeasurementReport(
        observation_context=_observer(model),
        procedure_reported=concept(CHEST_RADIOGRAPHY),
        imaging_measurements=list(_groups(source, result, model)),
        title=concept(TITLE),
    )
    made = ComprehensiveSR(
        evidence=[source],
        content=report,
        series_instance_uid=uid_of("sr series", str(source.SeriesInstanceUID), *names),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of("sr", image, *names),
        instance_number=instance_number(source),
        manufacturer="radapt",
        manufacturer_model_name=model.name,
        software_versions=model.radapt,
        series_description=RESEARCH_ONLY,
        is_complete=True,
        coding_schemes=[private_scheme()],
        specific_character_set=None,
    )
    own = [model.name, result.decided, result.warning, *(each.name for each in result.classes)]
    return in_characters(made, source, own)


def instance_number(source: "Dataset") -> int:
    """Return the number of the image in its series, from 1 on; 1 if it has none."""
    return max(1, int(source.get("InstanceNumber") or 1))


def _observer(model: ModelIdentity) -> "ObservationContext":
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        uid=uid_of("model", model.digest),
        name="radapt",
        manufacturer_name="radapt",
        model_name=model.name,
        serial_number=model.digest,
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=device
        )
    )


def _groups(
    source: "Dataset", result: ImageResult, model: ModelIdentity
) -> Iterator["MeasurementsAndQualitativeEvaluations"]:
    """Yield a measurement group (TID 1501) for each class."""
    from highdicom.sr import (
        FindingSite,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )

    algorithm = _algorithm(result, model)
    for each in result.classes:
        tracked = uid_of("finding", str(source.SOPInstanceUID), model.digest, each.name)
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid=tracked, identifier=code_of_class(each.name)[2]),
            finding_type=concept(code_of_class(each.name)),
            algorithm_id=algorithm,
            finding_sites=[FindingSite(anatomic_location=concept(CHEST))],
            measurements=_measurements(each),
            qualitative_evaluations=[
                QualitativeEvaluation(concept(DECISION), concept(PRESENT if each.is_predicted else ABSENT))
            ],
            source_images=[
                SourceImageForMeasurementGroup(str(source.SOPClassUID), str(source.SOPInstanceUID))
            ],
        )
        group[0].ContentSequence.extend(_comments([NOT_CLINICAL, result.warning]))
        yield group


def _algorithm(result: ImageResult, model: ModelIdentity) -> "AlgorithmIdentification":
    from highdicom.sr import AlgorithmIdentification

    return AlgorithmIdentification(
        name=model.name,
        version=model.version,
        parameters=[f"sha256 of the model: {model.digest}", f"Decision: {result.decided}"],
        manufacturer="radapt",
    )


def _measurements(scored: ScoredClass) -> list[Any]:
    from highdicom.sr import Measurement

    values = [(PROBABILITY, scored.probability)]
    if scored.threshold is not None:
        values.append((THRESHOLD, scored.threshold))
    return [Measurement(concept(name), round(float(value), 6), concept(NO_UNITS)) for name, value in values]


def _comments(texts: Sequence[str]) -> list[Any]:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return [
        TextContentItem(concept(COMMENT), text, relationship_type=RelationshipTypeValues.CONTAINS)
        for text in texts
        if text
    ]
