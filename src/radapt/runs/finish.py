"""Score a model that was trained or adapted, and write its run folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.adapt.strategy import AdaptResult
from radapt.artefacts import APPRAISAL, IDENTITY, SCORES, VALIDATION
from radapt.device import Hardware
from radapt.evaluation.performance import PerformanceOptions, evaluate_performance
from radapt.evaluation.scores import score_rows
from radapt.files import read_object, write_json
from radapt.images.imageset import Dataset, ImageSet
from radapt.models.inference import predict
from radapt.models.pretrained import Weights
from radapt.provenance import provenance
from radapt.runs.folder import save_run
from radapt.shortcuts.baselines import baseline_warnings, join_baselines, measure_baselines
from radapt.shortcuts.occlusion import occlusion_record


def start_named(weights: Weights | None, out: Path) -> bool | str:
    """Name what a training into a folder starts from, as a run begun there has named it.

    A model's usual weights were once written down as True, and go by it where such work goes on.
    """
    if weights is None:
        return False
    asked = out / IDENTITY
    once = weights.start is True and asked.is_file() and read_object(asked).get("pretrained") is True
    return True if once else weights.name


def about_validation(data: Dataset) -> dict[str, str]:
    """Say which images the drift reference of a run is of."""
    return {"of": f"validation images of {data.origin.name}", "data": data.origin.fingerprint}


def finish(
    out: Path,
    trained: AdaptResult,
    radiographs: ImageSet,
    valid: ImageSet | None,
    tests: Mapping[str, ImageSet],
    record: Mapping[str, Any],
    hardware: Hardware,
    started: Any,
) -> dict[str, Any]:
    """Score a model on its test sets, write its run folder, and give its record."""
    predictions = {name: predict(trained.classifier, images, hardware) for name, images in tests.items()}
    write_json(
        out / APPRAISAL,
        {name: evaluate_performance(given, PerformanceOptions()) for name, given in predictions.items()},
    )
    rows = score_rows(predictions, strategy=str(record["strategy"]), images=int(record["images"]))
    hidden = [occlusion_record(trained.classifier, images, hardware) for images in tests.values()]
    beneath = _baselines(radiographs, tests, rows, f"the train images of {record['data_set']['name']}")
    write_json(out / SCORES, {"estimates": rows, **beneath, **(hidden[0] if hidden else {})})
    record = {
        **record,
        "recipe": trained.recipe and trained.recipe.as_dict(),
        "notes": trained.notes,
        "epochs": len(trained.history),
        "training_seconds": sum(epoch.seconds for epoch in trained.history),
        "provenance": provenance(hardware, started),
    }
    if valid is not None:  # a threshold may be chosen on these later
        predictions[VALIDATION] = predict(trained.classifier, valid, hardware)
    save_run(
        out, classifier=trained.classifier, history=trained.history, predictions=predictions, record=record
    )
    return record


def _baselines(
    radiographs: ImageSet, tests: Mapping[str, ImageSet], rows: Sequence[Mapping[str, Any]], fitted_on: str
) -> dict[str, Any]:
    """Measure shortcut baselines on the test images, and warn where they come near the model."""
    found = {name.partition("-")[0]: measure_baselines(radiographs, images) for name, images in tests.items()}
    return {
        **join_baselines(
            [baselines.as_dict(trained_on=domain, domain=domain) for domain, baselines in found.items()]
        ),
        "warnings": [
            warning
            for domain, baselines in found.items()
            for warning in baseline_warnings(
                [row for row in rows if row["domain"] == domain], baselines, fitted_on
            )
        ],
    }
