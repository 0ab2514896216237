"""Every kind of page in a real browser: names and contrast, light and dark, a telephone, the keyboard."""

import shutil
from pathlib import Path

import pytest
from audits import audit_of
from browser import assert_accessible, assert_fits, assert_keyboard_reaches_controls, visit
from prediction_samples import random_two
from samples import make_dataset, write_images

from radapt.evaluation.evaluate import EvaluateOptions, evaluate_table
from radapt.evaluation.performance import PerformanceOptions
from radapt.evaluation.score_table import ScoreTable
from radapt.evaluation.stress import StressOptions, stress_model
from radapt.explaining.explanation import ExplainOptions, explain_files
from radapt.models.checkpoint import load_classifier
from radapt.report.audit_page import write_audit
from radapt.report.evaluation_page import write_evaluation
from radapt.report.explanations_page import render_explanations
from radapt.report.multi_target import write_overview
from radapt.report.render import write_report
from radapt.report.two_studies_page import write_two_studies
from radapt.study.multi_target import Target, grid, run_several
from radapt.study.plan import Plan
from radapt.study.two_studies import compare_studies

PLAN = Plan(shift=None, budgets=("8",), epochs=1, steps=1, strategies=("none", "linear-probe"))


@pytest.fixture(scope="module")
def pages(browser, hardware, tmp_path_factory) -> dict[str, Path]:  # noqa: ARG001
    """A page of each kind."""
    folder, dataset = tmp_path_factory.mktemp("pages"), make_dataset(train=60, test=24)
    members = grid([PLAN], {PLAN.model: (dataset, [Target("original")])})
    studies = [
        folder / "several" / name for name, _ in run_several(members, folder / "several", hardware=hardware)
    ]
    run = next((studies[0] / "cells").glob("linear-probe-*"))
    options = StressOptions("noise", severities=(1, 3), draws=50)
    stress_model(load_classifier(run), dataset["test"], run / "stress-mine", options, hardware=hardware)
    predictions = random_two(80, 20, seed=3)
    table = ScoreTable("scores.csv", predictions, predictions.patients, {}, True, ())
    result = evaluate_table(table, EvaluateOptions(part="all", performance=PerformanceOptions()))
    images = write_images(folder / "images", dataset)
    made = {
        "several": write_overview(folder / "several"),
        "study": write_report(studies[0]),
        "run": write_report(run),
        "audit": folder / "audit.html",
        "evaluation": folder / "evaluation.html",
        "two studies": folder / "two_studies.html",
        "explanations": folder / "explanations.html",
    }
    again = shutil.copytree(studies[0], folder / "again")
    write_two_studies(compare_studies(studies[0], again), made["two studies"])
    write_audit(audit_of(images), made["audit"])
    found = explain_files(load_classifier(run), [min(images.rglob("*.png"))], ExplainOptions(), hardware)
    made["explanations"].write_text(render_explanations(found), encoding="utf-8")
    write_evaluation(made["evaluation"], {**result, "notices": []}, "scores.csv", predictions=predictions)
    return made


@pytest.mark.parametrize(
    "kind", ["several", "study", "run", "audit", "evaluation", "two studies", "explanations"]
)
def test_a_page_can_be_read_and_used_by_everybody(pages, browser, kind):
    with visit(browser, pages[kind].as_uri()) as page:
        assert_fits(page)
        assert_keyboard_reaches_controls(page)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert_accessible(page)
        assert_fits(page)
        assert_keyboard_reaches_controls(page)
