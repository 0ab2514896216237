"""The models of a finished study, as they are compared with others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radapt.artefacts import STUDY
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_document
from radapt.study.cells import read_predictions
from radapt.study.model_comparison import TEST, Model
from radapt.study.plan import Cell, Plan
from radapt.text import counted


def models_of_study(folder: Path) -> list[Model]:
    """Return the best model of a study and no adaptation, on its target test images.

    A model has one run a training seed; what was tested out of fold is joined to one.

    Raises
    ------
    BadArtefact
        If the study is damaged.
    """
    raw = read_document(folder / STUDY)
    try:
        sizes = {int(each["images"]): str(each["label"]) for each in raw["budgets"]}
        best, plan = raw["the_best"], Plan.from_dict(raw["plan"])
        target, models = _target_of(raw["target"]), []
        for strategy, budget in dict.fromkeys([(best["strategy"], int(best["budget"])), ("none", 0)]):
            cells = [Cell(strategy, sizes[budget] if budget else "", seed) for seed in plan.training_seeds]
            runs = tuple(read_predictions(folder, plan, cell, TEST) for cell in cells)
            name = f"{strategy} with {counted(budget, 'labelled image')}" if budget else strategy
            models.append(Model(name, runs, f"target-test of {folder.name}", target=target))
    except (KeyError, TypeError, ValueError, AskedWrongly) as error:
        raise BadArtefact(f"{folder / STUDY} is damaged, or of another version of radapt: {error}.") from None
    return models


def _target_of(target: Mapping[str, Any]) -> str:
    """Name the target of a study: its shift and seed, or the data set and its fingerprint."""
    if target.get("shift"):
        return f"{target['shift']}, seed {target['seed']}"
    return f"{target['name']} {str(target['fingerprint'])[:8]}"
