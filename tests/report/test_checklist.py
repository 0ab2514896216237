"""A checklist says what the folder knows, and leaves visibly open what it does not."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pages import SCRIPT
from samples import make_dataset

from radapt import __version__
from radapt.errors import WrongFolder
from radapt.images.imageset import Dataset
from radapt.models.checkpoint import load_classifier
from radapt.report.checklist import OPEN, checklist, write_checklist
from radapt.report.checklist_facts import run_facts, study_facts
from radapt.report.checklist_items import guidelines
from radapt.report.folder import read_run, read_study
from radapt.runs.adapt import AdaptOptions, adapt_model
from radapt.runs.train import TrainOptions, train_model
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.training.recipe import recipe_for

RECIPE = replace(recipe_for("compact"), epochs=1, steps=2)


@pytest.fixture(scope="module")
def run(dataset, hardware, tmp_path_factory):
    out = tmp_path_factory.mktemp("checklist") / "run"
    train_model(dataset, out, TrainOptions(recipe=RECIPE), hardware=hardware)
    return out


@pytest.fixture(scope="module")
def study(dataset, hardware, tmp_path_factory):
    out = tmp_path_factory.mktemp("checklist") / "study"
    plan = Plan(budgets=("8",), epochs=1, steps=1, strategies=("none", "head"))
    run_study(plan, dataset, None, out, hardware=hardware)
    return out


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each item, by guideline and number."""
    found = {}
    for part in text.split("\n## ")[1:]:
        name = part.partition(" (")[0]
        for line in part.splitlines():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells and re.fullmatch(r"\d+[a-g]?", cells[0]):
                found[f"{name} {cells[0]}"] = cells
    return found


def test_every_item_of_both_guidelines_has_its_row(run, study):
    tripod, claim = guidelines()
    numbers = [f"{guideline.name} {item.number}" for guideline in guidelines() for item in guideline.items]
    assert [item.number for item in claim.items] == [str(number) for number in range(1, 45)]
    assert {re.sub(r"\D", "", item.number) for item in tripod.items} == {str(n) for n in range(1, 28)}
    for folder in (run, study):
        rows = rows_of(checklist(folder))
        assert list(rows) == numbers
        assert all(len(cells) == 4 and cells[3] for cells in rows.values())


def test_what_a_run_knows_is_filled_in_from_its_records(run):
    rows = rows_of(checklist(run))
    scores = json.loads((run / "scores.json").read_text())["estimates"]
    auroc = next(row for row in scores if row["metric"] == "auroc")
    written = f"AUROC {auroc['value']:.3f} \\[{auroc['low']:.3f}, {auroc['high']:.3f}]"
    for item in ("TRIPOD+AI 23a", "CLAIM, 2024 update 37"):
        assert written in rows[item][3]
    assert "squares" in rows["CLAIM, 2024 update 7"][3]
    assert "by patient: none has images in two splits" in rows["CLAIM, 2024 update 20"][3]
    assert "test: 40 images of 20 patients (NORMAL 20, PNEUMONIA 20)" in rows["TRIPOD+AI 10"][3]
    assert "learning\\_rate 0.003" in rows["CLAIM, 2024 update 25"][3]
    assert f"radapt {__version__}" in rows["CLAIM, 2024 update 23"][3]
    assert rows["CLAIM, 2024 update 24"][3] == "Random weights, seed 0."
    assert "drawn within each class" in rows["CLAIM, 2024 update 29"][3]
    assert "thumbnail" in rows["CLAIM, 2024 update 30"][3]


def test_what_no_run_can_know_stays_open(run, study):
    for folder in (run, study):
        rows = rows_of(checklist(folder))
        for item in ("TRIPOD+AI 17", "TRIPOD+AI 18a", "TRIPOD+AI 6b", "CLAIM, 2024 update 11"):
            assert rows[item][3].startswith(f"**{OPEN}**")
    assert rows_of(checklist(run))["CLAIM, 2024 update 33"][3].startswith(f"**{OPEN}**")


def test_a_part_that_is_known_does_not_close_what_is_not(run):
    answer = rows_of(checklist(run))["TRIPOD+AI 8a"][3]
    assert answer.startswith("The labels NORMAL and PNEUMONIA")
    assert answer.endswith(f"**{OPEN}** how and when it was assessed")


def test_the_counts_at_the_head_are_those_of_the_rows(run):
    text = checklist(run)
    rows = rows_of(text)
    for guideline in guidelines():
        own = [cells[3] for name, cells in rows.items() if name.startswith(guideline.name)]
        whole = sum(OPEN not in cell for cell in own)
        shut = sum(cell.startswith(f"**{OPEN}**") for cell in own)
        partly = len(own) - whole - shut
        assert f"Of {len(own)} items {whole} are answered here, {partly} in part; {shut} are open." in text


def test_a_study_says_that_a_simulated_hospital_is_none(study):
    rows = rows_of(checklist(study))
    assert "which is not another hospital" in rows["CLAIM, 2024 update 33"][3]
    document = json.loads((study / "study.json").read_text())["recommendation"]
    assert document in rows["TRIPOD+AI 24"][3].replace("\\[", "[")
    assert "None was registered with radapt." in rows["TRIPOD+AI 18c"][3]
    assert "88 images of 44 patients" not in rows["TRIPOD+AI 17"][3]
    assert "Every model was trained once." in rows["CLAIM, 2024 update 40"][3]


def test_every_fact_that_an_item_asks_for_is_known_to_some_folder(run, study, dataset, hardware, tmp_path):
    adapt_model(
        load_classifier(run),
        dataset,
        tmp_path / "adapted",
        AdaptOptions("head", epochs=1, steps=1),
        hardware=hardware,
    )
    known = set(study_facts(read_study(study)))
    for folder in (run, tmp_path / "adapted"):
        known |= set(run_facts(read_run(folder), folder))
    assert {name for guideline in guidelines() for item in guideline.items for name in item.facts} <= known


def test_a_run_without_records_leaves_open_what_it_does_not_know(study, tmp_path):
    cell = tmp_path / "cell"
    shutil.copytree(study / "cells" / "none-s0", cell)
    (cell / "scores.json").unlink()
    rows = rows_of(checklist(cell))
    assert rows["CLAIM, 2024 update 7"][3].startswith(f"**{OPEN}**")
    assert rows["TRIPOD+AI 23a"][3].startswith(f"**{OPEN}**")


def test_patients_on_both_sides_are_owned_up_to(dataset, hardware, tmp_path):
    test = dataset["test"]
    mixed = replace(
        test, patients=np.where(np.arange(len(test)) < 2, dataset["train"].patients[0], test.patients)
    )
    data = Dataset({**dataset.splits, "test": mixed}, dataset.origin)
    train_model(data, tmp_path / "run", TrainOptions(recipe=RECIPE), hardware=hardware)
    answer = rows_of(checklist(tmp_path / "run"))["CLAIM, 2024 update 20"][3]
    assert "not by patient: 1 patient with images in two splits" in answer


def test_names_of_others_cannot_break_the_table_or_bring_marks_of_their_own(hardware, tmp_path):
    made = make_dataset()
    data = Dataset(made.splits, replace(made.origin, name=f"a|b *c* {SCRIPT}"))
    train_model(data, tmp_path / "run", TrainOptions(recipe=RECIPE), hardware=hardware)
    text = checklist(tmp_path / "run")
    assert "<script>" not in text
    assert all(len(cells) == 4 for cells in rows_of(text).values())
    assert "a\\|b \\*c\\*" in text


def test_a_checklist_is_written_into_the_folder_and_elsewhere_refused(run, radapt, tmp_path):
    assert write_checklist(run).read_text() == checklist(run)
    code, out, _ = radapt("report", run, "--checklist")
    assert (code, out) == (0, f"Checklist: {run / 'checklist.md'}\n")
    code, out, _ = radapt("report", run, "--checklist", "--json")
    assert "estimates" in json.loads(out)
    with pytest.raises(WrongFolder):
        checklist(tmp_path)


def test_a_study_says_how_its_models_were_evaluated_and_what_hiding_parts_did(study):
    facts = study_facts(read_study(study))
    assert "decision curves" in facts["performance_measures"]
    assert "the base model, PNEUMONIA: " in facts["chosen_thresholds"]
    assert "source validation images" in facts["chosen_thresholds"]
    assert "border only" in facts["occlusion"]
    assert "target images" in facts["occlusion"]
    assert facts["performance_measures"] in rows_of(checklist(study))["TRIPOD+AI 12e"][3]
