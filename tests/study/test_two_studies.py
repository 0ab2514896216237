"""Two studies side by side: paired where they tested the same images, and what their plans differ in."""

import json
from dataclasses import replace

import numpy as np
import pytest
from outcomes import IMAGES, predicted
from samples import make_images

from radapt.artefacts import CELLS, STUDY, predictions_file
from radapt.errors import AskedWrongly, BadArtefact
from radapt.evaluation.scores import Outcome, estimate_rows
from radapt.predictions import Predictions
from radapt.runs.learned import write_learned
from radapt.stats.inference import difference
from radapt.study.plan import Cell, Plan
from radapt.study.two_studies import compare_studies, in_a_sentence

MORE = {"strategies": ("none", "head"), "budgets": ("64",), "metric": "accuracy"}


def write_study(folder, right, *, size=64, domain="t", seed=0, **options):
    """A study whose models call these shares of the target images rightly, by strategy and budget."""
    plan, labels = Plan(**{**MORE, **options}), {}
    rows = []
    for number, (strategy, share) in enumerate(right.items()):
        label = "" if strategy == "none" else plan.budgets[0]
        images = size if label else 0
        runs = {
            "target": predicted(share, seed=seed + number, domain=domain),
            "source": predicted(0.9, seed=7, domain="s"),
        }
        for side, run in runs.items():
            run.save(predictions_file(folder / CELLS / Cell(strategy, label, 0).name, f"{side}-test"))
        rows += estimate_rows(Outcome(strategy, images, {side: [run] for side, run in runs.items()}))
        labels |= {label: images} if label else {}
    document = {
        "schema": 2,
        "radapt": "0.1.0",
        "plan": plan.as_dict(),
        "source": {"name": "a", "fingerprint": "1234567890abcdef", "preprocessing": {"size": 128}},
        "target": {"shift": "original", "seed": 0},
        "roles": {"target test": {"images": IMAGES, "patients": IMAGES}},
        "budgets": [{"label": label, "images": images} for label, images in labels.items()],
        "estimates": rows,
        "provenance": {"radapt": "0.1.0", "versions": {"torch": "2.15"}, "hardware": {"device": "cpu"}},
    }
    (folder / STUDY).write_text(json.dumps(document))
    return folder


def row_of(compared, strategy, domain="target", metric="accuracy"):
    (row,) = [
        each
        for each in compared.rows
        if (each.strategy, each.domain, each.metric) == (strategy, domain, metric)
    ]
    return row


def test_differences_on_the_same_images_are_paired(tmp_path):
    one = write_study(tmp_path / "one", {"none": 0.7, "head": 0.75})
    other = write_study(tmp_path / "other", {"none": 0.7, "head": 0.95}, seeds=1)
    compared = compare_studies(one, other)
    none, head = (row_of(compared, name) for name in ("none", "head"))
    assert {row.how for row in compared.rows} == {"paired"}
    assert none.difference.value == 0
    assert (none.verdict, head.verdict) == ("inconclusive", "better")
    wanted = difference("accuracy", [predicted(0.95, seed=1)], [predicted(0.75, seed=1)])
    assert (head.difference.value, head.difference.low, head.difference.high) == (
        wanted.value,
        wanted.low,
        wanted.high,
    )
    assert head.scores[1].value == pytest.approx(0.95, abs=0.01)
    assert in_a_sentence(head, compared.names).startswith("head (64): other scored better than one (+20")
    assert "no difference between one and other was shown" in in_a_sentence(none, compared.names)
    assert compared.differs == ()
    assert compared.notes == ()


def test_of_other_images_they_are_those_of_independent_sets(tmp_path):
    one = write_study(tmp_path / "one", {"none": 0.7, "head": 0.75})
    other = write_study(tmp_path / "other", {"none": 0.7, "head": 0.95}, domain="u")
    compared = compare_studies(one, other)
    head = row_of(compared, "head")
    assert (head.how, head.verdict) == ("unpaired", "better")
    assert "MOVER" in head.difference.method
    assert row_of(compared, "head", "source").how == "paired"
    assert compared.notes == (
        "Target images: not the same in both studies, so that differences are not paired.",
    )


def test_images_of_the_same_names_in_unrelated_data_sets_are_not_paired(tmp_path):
    one = write_study(tmp_path / "one", {"none": 0.7, "head": 0.75})
    other = write_study(tmp_path / "other", {"none": 0.7, "head": 0.95})
    about = json.loads((other / STUDY).read_text())
    about["source"]["fingerprint"] = "fedcba0987654321"
    (other / STUDY).write_text(json.dumps(about))
    base = Cell("none", "", 0).name
    for folder, seed, how in ((other, 1, "unpaired"), (other, 0, "paired")):
        for study, start in ((one, 0), (folder, seed)):
            pixels = make_images(4, size=16, seed=start)
            write_learned(study / CELLS / base, [], [pixels])
        compared = compare_studies(one, folder)
        assert {row.how for row in compared.rows} == {how}
        assert any("come from other data sets" in note for note in compared.notes) == (how == "unpaired")


def test_patients_of_both_are_counted_where_the_images_differ(tmp_path):
    one = write_study(tmp_path / "one", {"none": 0.7, "head": 0.75})
    other = write_study(tmp_path / "other", {"none": 0.7, "head": 0.95}, domain="u")
    for path in (one / CELLS, other / CELLS):
        for file in path.glob("*/predictions/target-test.parquet"):
            run = Predictions.load(file)
            replace(run, patients=np.array([f"p{row}" for row in range(len(run))])).save(file)
    (note,) = compare_studies(one, other).notes
    assert f"{IMAGES} patients of the same name are in both" in note


def test_what_differs_is_named_and_what_one_lacks_is_left_out(tmp_path):
    one = write_study(tmp_path / "one", {"none": 0.7, "head": 0.75})
    right = {"none": 0.7, "head": 0.8, "full": 0.8}
    other = write_study(tmp_path / "other", right, size=60, strategies=tuple(right), epochs=3)
    compared = compare_studies(one, other)
    assert compared.differs == (
        ("plan: strategies", "none, head", "none, head, full"),
        ("plan: epochs", "none", "3"),
    )
    assert compared.notes == ("In other alone, and not compared: full (64).",)
    assert row_of(compared, "head").images == (64, 60)
    assert json.loads(json.dumps(compared.as_dict()))["studies"] == ["one", "other"]


def test_what_cannot_be_compared_is_refused(tmp_path):
    one = write_study(tmp_path / "one", {"none": 0.7, "head": 0.75})
    with pytest.raises(AskedWrongly, match="was given twice"):
        compare_studies(one, one)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / STUDY).write_text('{"schema": 2, "plan": {}}')
    with pytest.raises(BadArtefact, match="is damaged"):
        compare_studies(one, tmp_path / "bad")
    with pytest.raises(BadArtefact, match="is damaged"):
        compare_studies(tmp_path / "bad", one)
    assert np.isfinite(
        row_of(
            compare_studies(one, write_study(tmp_path / "c", {"none": 0.6, "head": 0.6})), "head"
        ).difference.low
    )
