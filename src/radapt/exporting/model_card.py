"""A model card: what a model is for, what it was made and tested on, and what is not known of it.

The headings follow Mitchell et al. 2019 (arXiv:1810.03993). All comes from the records of a run, and of the
study that the run is a cell of; what they do not say is left open.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.artefacts import CELLS, PERFORMANCE, RECORD, SCORES, STRESS, STUDY
from radapt.errors import WrongFolder
from radapt.exporting.export import Exported
from radapt.exporting.licence import OPEN, licence_of
from radapt.exporting.metadata import RESEARCH_USE
from radapt.exporting.model_card_text import card_text
from radapt.files import read_document, read_if_whole, write_document, write_text
from radapt.images.preprocessing import Preprocessing
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import Spec
from radapt.version import __version__

CARD, CARD_DATA = "model_card.md", "model_card.json"
NOT_FOR = (
    "Diagnosis, triage or any decision about a patient; images of other body parts, views or modalities than "
    "those that it was tested on; hospitals whose images it was not tested on."
)
MISSING = {  # what is open where a part of a card is empty
    "data": "The images that it was trained on: this model was imported, and its maker has to say.",
    "numbers": "Scores on test images: `radapt evaluate` measures them.",
    "operating_points": "The operating point: `radapt evaluate --threshold` measures it on test images.",
    "subgroups": "Scores of subgroups such as sex, age, view or site: `radapt study --by` measures them.",
    "shifts": "What simulated shifts cost: `radapt stress` measures it, into the run's folder.",
    "baselines": "Shortcut baselines beside its scores: `radapt train` and `radapt evaluate` measure them.",
}

Facts = dict[str, Any]


def model_card(run: Path, file: Exported | None = None) -> Facts:
    """Return the card of a run, ready for strict JSON.

    Parameters
    ----------
    file
        A file that the run was exported to, whose format and digest the card then has too.

    Raises
    ------
    WrongFolder
        If there is no run.
    BadArtefact
        If its record is damaged.
    """
    if not (run / RECORD).is_file():
        raise WrongFolder(
            f"{run} holds no finished run. A model card is of one model: give the folder of a run, such as "
            f"STUDY/{CELLS}/NAME."
        )
    record = read_document(run / RECORD)
    spec = load_classifier(run).spec
    study = _study_of(run)
    scores, performance = read_if_whole(run / SCORES) or {}, read_if_whole(run / PERFORMANCE) or {}
    parts: Facts = {
        "data": _data(record, study),
        "numbers": _numbers(record, scores, study),
        "operating_points": _operating_points(performance),
        "subgroups": _subgroups(record, study),
        "shifts": _shifts(read_if_whole(run / STRESS) or {}, study),
        "baselines": _baselines(scores.get("baselines") or study.get("baselines") or []),
    }
    licence = licence_of(spec, record)
    return {
        "name": run.resolve().name,
        "radapt": __version__,
        "use": {"for": _use(spec), "not_for": NOT_FOR, "sentence": RESEARCH_USE},
        "model": _model(spec, record),
        **parts,
        "limits": _limits(record, scores, study),
        "licence": {"weights": licence, "images": f"{OPEN}: their owners' terms"},
        "file": None if file is None else _file(file),
        "made": {
            name: record.get("provenance", {}).get(name)
            for name in ("radapt", "started", "finished", "command")
        },
        "open": [*_elsewhere(parts["operating_points"], file), *_left_open(parts, licence)],
    }


def write_model_card(run: Path, folder: Path, file: Exported | None = None) -> Path:
    """Write the card of a run into a folder, as Markdown and as JSON; give the path of the former.

    That of an exported file has its name before its own, so that each file in a folder has a card.

    Raises
    ------
    WrongFolder, BadArtefact
        As `model_card`.
    RadaptError
        If it cannot be written.
    """
    card = model_card(run, file)
    before = "" if file is None else f"{file.path.name}."
    path = folder / f"{before}{CARD}"
    write_document(folder / f"{before}{CARD_DATA}", card)
    write_text(path, card_text(card))
    return path


def _study_of(run: Path) -> Facts:
    """Return the results of the study that a run is a cell of; empty without one."""
    folder = run.resolve().parent
    return (read_if_whole(folder.parent / STUDY) if folder.name == CELLS else None) or {}


def _use(spec: Spec) -> str:
    several = "any number of these findings" if spec.outputs == "findings" else "one of these classes"
    return (
        "Research on classifiers of chest radiographs, and on how they carry over to other hospitals. For a "
        f"grey image it gives the probability of {several}: {', '.join(spec.classes)}."
    )


def _model(spec: Spec, record: Mapping[str, Any]) -> Facts:
    reading: Preprocessing = spec.reading
    return {
        "network": spec.model,
        "strategy": str(record.get("strategy", "none")),
        "labels": int(record.get("images", 0)),
        "classes": list(spec.classes),
        "outputs": spec.outputs,
        "members": spec.members,
        "views": spec.views,
        "reading": reading.as_dict(),
        "began_from": record.get("pretrained") or None,
        "seed": record.get("seed"),
        "epochs": record.get("epochs"),
    }


def _data(record: Mapping[str, Any], study: Facts) -> list[Facts]:
    sets = [(role, study.get(role)) for role in ("source", "target")] if study else []
    sets = sets or [("trained and tested on", record.get("data_set"))]
    return [
        {
            "role": role,
            "name": each.get("name"),
            "fingerprint": each.get("fingerprint"),
            "split_rule": each.get("split_rule"),
            "patient_rule": each.get("patient_rule"),
            "splits": [
                {"name": name, **{key: part.get(key) for key in ("images", "patients", "classes")}}
                for name, part in (each.get("splits") or {}).items()
            ],
        }
        for role, each in sets
        if each and each.get("name")
    ]


def _estimate(row: Mapping[str, Any]) -> Facts:
    return {
        **{name: row.get(name) for name in ("metric", "value", "low", "high", "patients")},
        "images": row.get("n"),
    }


def _of_run(rows: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of a study that are about the model of a run."""
    own = (str(record.get("strategy", "none")), int(record.get("images", 0)))
    return [row for row in rows if (row.get("strategy"), row.get("budget")) == own]


def _numbers(record: Mapping[str, Any], scores: Facts, study: Facts) -> list[Facts]:
    rows = scores.get("estimates") or study.get("estimates") or []
    return [{"on": row.get("domain"), **_estimate(row)} for row in _of_run(rows, record)]


def _operating_points(performance: Facts) -> list[Facts]:
    return [
        {
            "on": name,
            "finding": each.get("finding"),
            "threshold": each.get("threshold"),
            "prevalence": (each.get("prevalence") or {}).get("value"),
            "estimates": [_estimate(row) for row in each.get("estimates", ())],
            "expected_calibration_error": (each.get("expected_error") or {}).get("value"),
        }
        for name, findings in (performance.get("sets") or {}).items()
        for each in findings
    ]


def _subgroups(record: Mapping[str, Any], study: Facts) -> list[Facts]:
    return [
        {
            "column": row.get("column"),
            "group": group.get("group"),
            "images": group.get("images"),
            "patients": group.get("patients"),
            "estimates": [_estimate(each) for each in group.get("estimates", ())],
        }
        for row in _of_run(study.get("subgroups") or [], record)
        for group in row.get("groups", ())
    ]


def _shifts(stress: Facts, study: Facts) -> list[Facts]:
    planned = (study.get("plan") or {}).get("shift")
    found: list[Facts] = (
        [{"shift": planned, "severity": None, "metric": None, "drop": None}] if planned else []
    )
    for row in stress.get("cells") or []:
        if row.get("shift") is not None:
            drop = row.get("drop") or {}
            named = {name: row.get(name) for name in ("shift", "severity", "metric")}
            found.append({**named, "drop": {key: drop.get(key) for key in ("value", "low", "high")}})
    return found


def _baselines(rows: Sequence[Mapping[str, Any]]) -> list[Facts]:
    names = ("name", "about", "domain", "auroc", "low", "high")
    return [{name: row.get(name) for name in names} for row in rows]


def _limits(record: Mapping[str, Any], scores: Facts, study: Facts) -> list[str]:
    """Return the texts of all notices about a model, once each."""
    rows = [*record.get("notices", ()), *scores.get("warnings", ()), *scores.get("occlusion_warnings", ())]
    rows += study.get("warnings") or []
    return list(dict.fromkeys(str(row.get("text", "")) for row in rows))


def _file(file: Exported) -> Facts:
    return {
        "name": file.path.name,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "thresholds": dict(file.metadata.thresholds),
        "agreement": file.agreement.as_dict(),
        "int8": file.metadata.int8,
    }


def _elsewhere(points: Sequence[Facts], file: Exported | None) -> Iterator[str]:
    """Yield a sentence if the operating points were measured at other thresholds than the file's."""
    chosen = {} if file is None else file.metadata.chosen
    for point in points if file is not None else ():
        own, name = chosen.get(str(point["finding"])), point["finding"]
        at, measured = 0.5 if own is None else own.value, (point["threshold"] or {}).get("value")
        if measured != at:
            yield (
                f"The operating point of the file, {name} from {at:.3g} on: {point['on']} was measured at "
                f"another threshold. `radapt evaluate {file.path.name if file else ''}` measures it."
            )


def _left_open(parts: Facts, licence: str) -> list[str]:
    left = [text for name, text in MISSING.items() if not parts[name]]
    left += ["The licence of the weights that it began from."] if licence.startswith(OPEN) else []
    return [
        *left,
        "Who made it, for which clinical question, and whom to ask.",
        "The terms under which the images may be used, and their ethical approval.",
    ]
