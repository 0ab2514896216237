"""Score a model that was trained or adapted, and write its run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from radapt.adaptation.feature_cache import FeatureCache, logits_with
from radapt.adaptation.strategy import AdaptResult
from radapt.artefacts import PERFORMANCE, SCORES, VALIDATION
from radapt.device import Hardware
from radapt.drift.reference import write_reference
from radapt.evaluation.one_class import one_class_notice
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.scores import score_rows
from radapt.files import plain, write_document
from radapt.images.characteristics import characteristics
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import Notice, as_rows
from radapt.models.classifier import Classifier
from radapt.models.inference import golden_scores, predict
from radapt.predictions import Predictions
from radapt.progress import SILENT, Watch
from radapt.provenance import provenance
from radapt.runs.before_after import compare_with_before
from radapt.runs.folder import read_record, save_run
from radapt.runs.holdout import count_images
from radapt.shortcuts.baselines import baseline_warnings, join_baselines, measure_baselines
from radapt.shortcuts.occlusion import occlusion_record


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A model that was just trained or adapted, and the images that trained, chose and test it."""

    result: AdaptResult
    train: ImageSet
    valid: ImageSet | None  # which chose the epoch
    tests: Mapping[str, ImageSet]  # by the names of their predictions, such as "target-test"
    seed: int
    started: datetime
    # About the validation images, whose drift reference and predictions are kept; None where these are the
    # test images, as the original has it: then neither is kept.
    reference: Mapping[str, str] | None
    cache: FeatureCache | None = None  # of features of its test images, for models with the same trunk
    before: Classifier | None = None  # the model that was adapted, where it is to be scored too
    watch: Watch = SILENT

    def predict(self, images: ImageSet, hardware: Hardware) -> Predictions:
        """Score test images."""
        classifier = self.result.classifier
        if self.cache is None:
            return predict(classifier, images, hardware)
        logits = logits_with(self.cache, classifier, images, hardware)
        return predict(classifier, images, hardware, logits=logits)


def about_validation(data: Dataset) -> dict[str, str]:
    """Say which images the drift reference of a run is made of."""
    return {"of": f"validation images of {data.origin.name}", "data": data.origin.fingerprint}


def finish(
    out: Path,
    model: TrainedModel,
    identity: Mapping[str, Any],
    hardware: Hardware,
    *,
    baselines_on: ImageSet | None = None,
) -> dict[str, Any]:
    """Score a model on its test sets, write its run folder, and return its record.

    Parameters
    ----------
    identity
        What the record says beside how training went: at least "strategy" and "images" (labelled images that
        adapted it), and with `baselines_on` the "data_set".
    baselines_on
        Images that shortcut baselines are fitted on. With them the model is evaluated and checked for
        shortcuts here; a study does that itself, for a few of its models.
    """
    result = model.result
    predictions = {name: model.predict(images, hardware) for name, images in model.tests.items()}
    rows = score_rows(predictions, strategy=str(identity["strategy"]), images=int(identity["images"]))
    checks: dict[str, Any] = {}
    if baselines_on is not None:
        _evaluate_performance(out, predictions)
        words = f"the train images of {identity['data_set']['name']}"
        checks = _check_shortcuts(model, predictions, rows, hardware, baselines_on, words)
        if model.before is not None:
            compared = compare_with_before(model.before, predictions, model.tests, hardware)
            rows, checks["changes"] = [*compared["before"], *rows], compared["changes"]
        checks["warnings"] = as_rows([*checks["warnings"], *_one_class(predictions)])
        identity = {**identity, "characteristics": _characteristics(model)}
    write_document(out / SCORES, {"estimates": rows, **checks})
    if model.valid is not None and model.reference is not None:
        write_reference(result.classifier, model.valid, out, hardware, about=model.reference, seed=model.seed)
        predictions[VALIDATION] = predict(result.classifier, model.valid, hardware)
    record: dict[str, Any] = plain(
        {
            **identity,
            "trained_on": count_images(model.train),
            "validated_on": None if model.valid is None else count_images(model.valid),
            "recipe": result.recipe and result.recipe.as_dict(),
            "notes": result.notes,
            "epochs": len(result.history),
            "training_seconds": sum(epoch.seconds for epoch in result.history),
            "golden": golden_scores(result.classifier, hardware),
            "provenance": provenance(hardware, model.started),
        }
    )
    save_run(
        out, classifier=result.classifier, history=result.history, predictions=predictions, record=record
    )
    return read_record(out)


def _characteristics(model: TrainedModel) -> dict[str, Any]:
    """Describe the images of a run, with standardised differences of its test images."""
    groups = {"train": model.train, **({} if model.valid is None else {"validation": model.valid})}
    tests = {name.replace("-", " "): images for name, images in model.tests.items()}
    return characteristics({**groups, **tests}, ("train",), tuple(tests))


def _evaluate_performance(out: Path, predictions: Mapping[str, Predictions]) -> None:
    """Write threshold, calibration and use on every test set."""
    options = PerformanceOptions()
    sets = {name: evaluate_performance(on_test, options) for name, on_test in predictions.items()}
    write_document(out / PERFORMANCE, {"sets": sets})


def _one_class(predictions: Mapping[str, Predictions]) -> list[Notice]:
    return [
        notice
        for name, on_test in predictions.items()
        for notice in one_class_notice(on_test, "The model", f"{name.replace('-', ' ')} image")
    ]


def _check_shortcuts(
    model: TrainedModel,
    predictions: Mapping[str, Predictions],
    rows: Sequence[Mapping[str, Any]],
    hardware: Hardware,
    fitted_on: ImageSet,
    words: str,
) -> dict[str, Any]:
    """Measure shortcut baselines and occlusion on the test images, and notice where baselines come near."""
    occlusions = [
        occlusion_record(model.result.classifier, images, predictions[name], hardware, model.watch)
        for name, images in model.tests.items()
    ]
    baselines = {
        name.partition("-")[0]: measure_baselines(fitted_on, images) for name, images in model.tests.items()
    }
    return {
        **join_baselines(
            [measured.as_dict(trained_on=domain, domain=domain) for domain, measured in baselines.items()]
        ),
        "warnings": [
            notice
            for domain, measured in baselines.items()
            for notice in baseline_warnings([row for row in rows if row["domain"] == domain], measured, words)
        ],
        **(occlusions[0] if occlusions else {}),
    }
