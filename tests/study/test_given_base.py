"""A run is a study's base model: its scores stand unchanged, and images that it learned from are named."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pages import Page
from programs import SIZE, Small, Tiny, Whole, save_exported, save_onnx, save_script
from samples import CLASSES, make_dataset

from radapt.cli.study_tables import print_study
from radapt.errors import AskedWrongly
from radapt.models.checkpoint import load_classifier, model_digest
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.report.render import render
from radapt.runs.imported import ImportOptions, Scaling, import_model
from radapt.runs.learned import not_known, write_learned
from radapt.study.domains import real_domains
from radapt.study.experiment import run_study
from radapt.study.given_base import check_given_base, notices_about
from radapt.study.plan import Plan


def darker(dataset):
    splits = {name: replace(part, pixels=part.pixels - 9) for name, part in dataset.splits.items()}
    return replace(dataset, splits=splits)


SOURCE, TARGET = make_dataset(), darker(make_dataset(train=24, val=8, test=20))


@pytest.fixture(scope="module")
def imported(tmp_path_factory, hardware):
    """A run of a model whose score is the mean grey level."""
    folder = tmp_path_factory.mktemp("imported")
    options = ImportOptions(CLASSES, size=SIZE, channels=1, gives="logits", scaling=Scaling(-3, 5))
    import_model(save_script(Tiny(), folder / "tiny.pt"), folder / "run", options, hardware=hardware)
    return folder / "run"


def plan_of(run, **options):
    classifier = load_classifier(run)
    made = {"strategies": ("none", "recalibrate"), "budgets": ("8",), "shift": None, **options}
    return Plan(model=classifier.spec.model, base=model_digest(classifier), **made)


def test_a_study_of_an_imported_model_scores_it_as_it_is(imported, tmp_path, hardware):
    out = tmp_path / "study"
    plan = plan_of(imported)
    result = run_study(plan, SOURCE, TARGET, out, hardware=hardware, base_models_from=imported)
    kept = Predictions.load(out / "cells/none-s0/predictions/target-test.parquet")
    own = predict(load_classifier(imported), TARGET["test"], hardware)
    np.testing.assert_array_equal(kept.scores, own.scores)
    assert not (out / "cells/none-s0/learned.npz").exists()
    assert result["plan"]["base"] == plan.base
    assert {cell["source"] for cell in result["cells"]} == {None}, "nobody knows what it learned from"
    notice = next(each for each in result["warnings"] if each["kind"] == "learned-unknown")
    assert notice["text"].startswith(not_known("the base model, the run run,"))
    assert "validation images" in notice["text"]
    assert result["source"]["notices"] == [], "they are about the images, not about the model"
    assert str(tmp_path) not in json.dumps(result)
    assert "once started from" not in Page(render(out / "cells/none-s0")).text
    page = render(out)
    assert notice["text"].split(":")[0] in page
    assert "not trained here" in page
    assert "a run that was given" in page
    again = run_study(plan, SOURCE, TARGET, out, hardware=hardware, base_models_from=imported)
    assert again == result


def test_what_limits_the_base_model_is_printed_and_stands_in_the_json(imported, tmp_path, hardware, capsys):
    out = tmp_path / "study"
    result = run_study(plan_of(imported), SOURCE, TARGET, out, hardware=hardware, base_models_from=imported)
    print_study(result, out)
    said = capsys.readouterr().err
    assert "CAUTION: Nobody knows what the model learned from. Which images the base model, the run" in said
    kept = Predictions.load(out / "cells/none-s0/predictions/target-test.parquet")
    (called,) = set(kept.decide().tolist())
    (notice,) = [each for each in result["warnings"] if " of 20 target test images" in each["text"]]
    assert (notice["kind"], notice["severity"]) == ("one-class", "caution")
    name = CLASSES[called]
    assert notice["text"].startswith(f"The base model calls 20 of 20 target test images {name} at ")
    assert f"CAUTION: Nearly all images are called one class. {notice['text']}" in said
    severities = [line.split(":")[0] for line in said.splitlines() if line.startswith(("CAUTION", "NOTE"))]
    assert severities == sorted(severities), "cautions come before notes"


def test_test_images_that_the_base_learned_from_are_counted(imported, tmp_path, hardware):
    write_learned(imported, [TARGET["test"].take(range(5)), SOURCE["train"]], [])
    try:
        plan = plan_of(imported)
        result = run_study(
            plan, SOURCE, TARGET, tmp_path / "out", hardware=hardware, base_models_from=imported
        )
    finally:
        (imported / "learned.npz").unlink()
    notices = {each["text"]: each["severity"] for each in result["warnings"] if each["kind"] == "learned"}
    assert any("has learned from 5 of the 20 target test images, pixel for pixel" in each for each in notices)
    assert not any("source test" in each for each in notices)
    assert any("source validation images, pixel for pixel: thresholds" in each for each in notices)
    assert list(notices.values()) == ["invalid", "caution"], "the most harmful first"
    assert (tmp_path / "out/cells/none-s0/learned.npz").is_file()


def test_seeds_do_not_vary_a_base_model_that_was_not_trained(imported):
    images = real_domains(SOURCE, TARGET, seed=0)
    (_, notice) = notices_about(imported, images, SOURCE, TARGET, seeds=2)
    assert "the same for every training seed" in notice.text
    (_,) = notices_about(imported, images, SOURCE, TARGET, seeds=1)


def test_what_does_not_suit_the_base_is_refused_before_anything_is_written(imported, tmp_path, hardware):
    plan = plan_of(imported)
    check_given_base(imported, plan, SOURCE)
    with pytest.raises(AskedWrongly, match="was read as"):
        check_given_base(imported, plan, make_dataset(size=32))
    with pytest.raises(AskedWrongly, match="holds imported:torchscript"):
        check_given_base(imported, Plan(model="compact", base="0" * 64, shift="original"), SOURCE)
    with pytest.raises(AskedWrongly, match="trains its own base model"):
        check_given_base(imported, plan_of(imported, protocol="original", shift="original"), SOURCE)
    with pytest.raises(AskedWrongly, match="full would train more than its head"):
        plan_of(imported, strategies=("none", "full"))
    out = tmp_path / "out"
    with pytest.raises(AskedWrongly, match="was read as"):
        run_study(
            plan,
            make_dataset(size=32),
            make_dataset(size=32),
            out,
            hardware=hardware,
            base_models_from=imported,
        )
    assert not out.exists()


def test_the_same_weights_that_take_images_otherwise_are_another_base(imported, tmp_path, hardware):
    options = ImportOptions(CLASSES, size=SIZE, channels=1, gives="logits", scaling=Scaling(-3, 6))
    import_model(imported.parent / "tiny.pt", tmp_path / "run", options, hardware=hardware)
    out, other = tmp_path / "study", tmp_path / "run"
    run_study(plan_of(imported), SOURCE, TARGET, out, hardware=hardware, base_models_from=imported)
    with pytest.raises(AskedWrongly, match="Give another --out"):
        run_study(plan_of(other), SOURCE, TARGET, out, hardware=hardware, base_models_from=other)


def test_classes_have_to_be_those_of_the_base(imported):
    plan = plan_of(imported)
    other = make_dataset()
    splits = {name: replace(part, classes=("a", "b")) for name, part in other.splits.items()}
    with pytest.raises(AskedWrongly, match="The base model knows the classes NORMAL, PNEUMONIA"):
        check_given_base(imported, plan, replace(other, splits=splits))


@pytest.mark.parametrize("kind", ["torch.export", "onnx", "state dict"])
def test_any_kind_of_file_may_be_the_base_of_a_study(kind, tmp_path, hardware):
    network, options = Small().eval(), ImportOptions(CLASSES, size=SIZE, channels=1)
    if kind == "torch.export":
        path = save_exported(Tiny(), tmp_path / "tiny.pt2")
    elif kind == "onnx":
        path = save_onnx(network, tmp_path / "network.onnx")
    else:
        path, options = tmp_path / "state.pt", replace(options, model="compact")
        torch.save(Whole().state_dict(), path)
    import_model(path, tmp_path / "run", options, hardware=hardware)
    plan = plan_of(tmp_path / "run")
    result = run_study(
        plan, SOURCE, TARGET, tmp_path / "out", hardware=hardware, base_models_from=tmp_path / "run"
    )
    assert {row["strategy"] for row in result["estimates"]} == {"none", "recalibrate"}
