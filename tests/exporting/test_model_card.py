"""A model card says what the records of a run and of its study say, and leaves open what they do not."""

import json
from dataclasses import replace

import pytest
from exporting_samples import lively
from samples import CLASSES

from radapt.artefacts import CELLS, PERFORMANCE, RECORD, SCORES, STRESS, STUDY
from radapt.errors import WrongFolder
from radapt.exporting.model_card import CARD, CARD_DATA, model_card, write_model_card
from radapt.files import write_document
from radapt.models.checkpoint import save_classifier
from radapt.models.table import new_spec

INTERVAL = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 40, "patients": 20}
PARTS = {"test": {"images": 40, "patients": 20, "classes": {"NORMAL": 20, "PNEUMONIA": 20}}}
SET = {
    "name": "a | b",
    "fingerprint": "ab12",
    "split_rule": "folders",
    "patient_rule": "name",
    "splits": PARTS,
}


def row(strategy, budget, metric="auroc", **more):
    return {"strategy": strategy, "budget": budget, "domain": "target", "metric": metric, **INTERVAL, **more}


def write_run(folder, **record):
    folder.mkdir(parents=True)
    save_classifier(lively(new_spec("compact", CLASSES, size=16)), folder)
    about = {"strategy": "none", "images": 0, "pretrained": False, "seed": 3, "epochs": 2, "notices": []}
    write_document(folder / RECORD, about | record)
    return folder


def test_a_run_that_was_imported_leaves_most_open(tmp_path):
    card = model_card(write_run(tmp_path / "run"))
    assert (card["data"], card["numbers"], card["baselines"], card["shifts"]) == ([], [], [], [])
    assert [text.split(":")[0] for text in card["open"]][:2] == [
        "The images that it was trained on",
        "Scores on test images",
    ]


def test_a_run_says_what_it_knows(tmp_path):
    run = write_run(
        tmp_path / "run", data_set=SET, notices=[{"kind": "k", "severity": "note", "text": "Few."}]
    )
    baseline = {"name": "grey", "about": "levels", "domain": "source", "auroc": 0.7, "low": 0.6, "high": 0.8}
    write_document(run / SCORES, {"estimates": [row("none", 0)], "baselines": [baseline], "warnings": []})
    drop = {"shift": "noise", "severity": 3, "metric": "auroc", "drop": {"value": 0.1, "low": 0, "high": 0.2}}
    write_document(run / STRESS, {"cells": [{**drop, "shift": None}, drop]})
    path = write_model_card(run, run)
    text, card = path.read_text(), json.loads((run / CARD_DATA).read_text())
    assert path.name == CARD
    assert card["numbers"] == [
        {
            "on": "target",
            "metric": "auroc",
            "value": 0.8,
            "low": 0.7,
            "high": 0.9,
            "patients": 20,
            "images": 40,
        }
    ]
    assert (card["limits"], [each["shift"] for each in card["shifts"]]) == (["Few."], ["noise"])
    for words in (
        "no medical device",
        "a \\| b (trained and tested on)",
        "| target | AUROC | 0.800 | 0.700 to 0.900 | 40 | 20 |",
        "| noise | 3 | auroc | 0.100 | 0.000 to 0.200 |",
        "| grey | levels | source | 0.700 | 0.600 to 0.800 |",
        "- Few.",
        "weights: none: all weights were drawn at random",
    ):
        assert words in text
    assert "- Scores on test images" not in text


def test_a_cell_of_a_study_takes_its_own_rows_of_it(tmp_path):
    run = write_run(tmp_path / CELLS / "head-16-s0", strategy="head", images=16)
    group = {"group": "F", "images": 9, "patients": 9, "estimates": [{"metric": "auroc", **INTERVAL}]}
    study = {
        "plan": {"shift": "noise@3"},
        "source": SET,
        "target": None,
        "estimates": [row("none", 0), row("head", 16, value=0.85), row("head", 64)],
        "subgroups": [
            {"strategy": name, "budget": 16, "column": "sex", "groups": [group]} for name in ("head", "full")
        ],
        "baselines": [],
        "warnings": [],
    }
    write_document(tmp_path / STUDY, study)
    card = model_card(run)
    assert [each["value"] for each in card["numbers"]] == [0.85]
    assert [(each["column"], each["group"]) for each in card["subgroups"]] == [("sex", "F")]
    assert [each["name"] for each in card["data"]] == ["a | b"]
    assert [each["shift"] for each in card["shifts"]] == ["noise@3"]


def test_each_exported_file_has_a_card_and_says_where_its_threshold_was_not_measured(tmp_path, pair):
    run = write_run(tmp_path / "run")
    point = {"finding": "PNEUMONIA", "threshold": {"value": 0.5, "chosen_on": "fixed"}, "estimates": []}
    write_document(run / PERFORMANCE, {"sets": {"target-test": [point]}})
    for name in ("a.onnx", "b.onnx"):
        path = write_model_card(run, tmp_path, replace(pair.written, path=tmp_path / name))
        assert path.name == f"{name}.{CARD}"
        assert json.loads((tmp_path / f"{name}.{CARD_DATA}").read_text())["file"]["name"] == name
        text = path.read_text()
        assert "The operating point of the file, PNEUMONIA from 0.3 on" in text
        assert "- PNEUMONIA from 0.3 on, fixed beforehand" in text
    point["threshold"]["value"] = 0.3
    write_document(run / PERFORMANCE, {"sets": {"target-test": [point]}})
    assert not any("operating point of the file" in row for row in model_card(run, pair.written)["open"])


def test_a_card_is_of_one_model(tmp_path):
    with pytest.raises(WrongFolder, match="of one model"):
        model_card(tmp_path)
