"""A study's or a run's numbers, for scripts."""

from pathlib import Path
from typing import Any

from radapt.artefacts import SCORES, STUDY
from radapt.errors import BadArtefact, WrongFolder
from radapt.files import read_document

SHORTCUT_CHECKS = ("baselines", "baselines_left_out", "warnings")
SELECTED_MODELS = ("best", "performance", "occlusions")
NUMBERS = ("estimates", "differences", "recommendation", "curves", "recovered", "protocol", "plan")


def read_numbers(folder: Path) -> dict[str, Any]:
    """Return the results of a finished folder.

    Returns
    -------
    dict
        "estimates": a row for each strategy, budget, domain and metric with value, low, high, n, and with
        several seeds the parts of its standard error, se_test_set and se_seeds. "baselines": what can be
        predicted without the lungs; "warnings": scores that are not clearly above them. Of a study also
        "differences" (paired, against no adaptation, scratch and the strategies without training),
        "recommendation", "curves" (learning curves), "recovered" (share of the drop that was recovered),
        "protocol" (with its verdict, or None), "plan", "best" (the recommended models), and of these and the
        base model "performance" (at a threshold, calibration, decision curve) and "occlusions" (with parts of
        images hidden).

    Raises
    ------
    WrongFolder
        If the folder holds neither a finished study nor a finished run.
    """
    if (folder / STUDY).is_file():
        study = read_document(folder / STUDY)
        if lacking := [name for name in (*NUMBERS, *SELECTED_MODELS) if name not in study]:
            raise BadArtefact(
                f"{folder / STUDY} is damaged, or of another version of radapt: it lacks {lacking[0]!r}."
            )
        selected = {name: study[name] for name in SELECTED_MODELS}
        return {name: study[name] for name in NUMBERS} | selected | _shortcut_checks(study)
    if (folder / SCORES).is_file():
        scores = read_document(folder / SCORES)
        if "estimates" not in scores:
            raise BadArtefact(
                f"{folder / SCORES} is damaged, or of another version of radapt: it lacks 'estimates'."
            )
        return {"estimates": scores["estimates"], **_shortcut_checks(scores)}
    raise WrongFolder(f"{folder} holds no finished study or run: it has neither {STUDY} nor {SCORES}.")


def _shortcut_checks(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the shortcut baselines; empty lists for a run without them."""
    return {name: raw.get(name, []) for name in SHORTCUT_CHECKS}
