"""What a study's page shows of models that are not of the study, from its `others.json`."""

from pathlib import Path
from typing import Any

from radapt.artefacts import OTHER_MODELS
from radapt.files import read_document
from radapt.metrics.table import metric as find_metric
from radapt.report import wording
from radapt.report.folder import expected_in
from radapt.stats.estimate import Estimate


def other_models(folder: Path) -> dict[str, Any]:
    """Return names, metrics, scores, verdicts and notes for the page; empty where a study has none.

    Raises
    ------
    BadArtefact
        If the file is damaged.
    """
    path = folder / OTHER_MODELS
    if not path.is_file():
        return {}
    raw = read_document(path)
    with expected_in(path):
        metrics = list(dict.fromkeys(str(row["metric"]) for row in raw["estimates"]))
        numbers = {
            (row["model"], row["metric"]): wording.number(row["metric"], Estimate.from_dict(row))
            for row in raw["estimates"]
        }
        names = [str(model["name"]) for model in raw["models"]]
        return {
            "metrics": [find_metric(name).heading for name in metrics],
            "rows": [(name, [numbers[name, metric] for metric in metrics]) for name in names],
            "verdicts": [str(sentence) for sentence in raw["verdicts"]],
            "notes": [str(note) for note in raw["notes"]],
        }
