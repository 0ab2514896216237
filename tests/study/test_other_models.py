"""Further runs are scored on a study's target test images, as they read them, and compared with its base."""

from dataclasses import replace

import numpy as np
import pytest
from programs import SIZE, Tiny, save_script
from samples import CLASSES, make_dataset, make_images

from radapt.errors import AskedWrongly
from radapt.files import read_document
from radapt.models.checkpoint import load_classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.report.render import render
from radapt.runs.imported import ImportOptions, Scaling, import_model
from radapt.runs.learned import not_known, write_learned
from radapt.study.experiment import run_study
from radapt.study.other_models import OtherModel, check_others, compare_with
from radapt.study.plan import Plan

SOURCE = make_dataset()


@pytest.fixture(scope="module")
def study(tmp_path_factory, hardware):
    out = tmp_path_factory.mktemp("study") / "out"
    plan = Plan(strategies=("none", "recalibrate"), budgets=("8",), shift="noise@1", epochs=1, steps=2)
    run_study(plan, SOURCE, None, out, hardware=hardware)
    return out


@pytest.fixture(scope="module")
def other(tmp_path_factory, hardware):
    folder = tmp_path_factory.mktemp("vendor")
    options = ImportOptions(CLASSES, size=SIZE, channels=1, gives="logits", scaling=Scaling(-30, 50))
    import_model(save_script(Tiny(), folder / "tiny.pt"), folder / "vendor", options, hardware=hardware)
    test = SOURCE["test"]
    return OtherModel(folder / "vendor", load_classifier(folder / "vendor"), test, test)


def test_a_further_model_is_compared_with_the_base_on_the_same_images(study, other, hardware):
    result = compare_with(study, [other], "auroc", hardware)
    assert result.models[0].name == "none"
    assert result.models[-1].name == "vendor"
    own = predict(other.classifier, other.images, hardware)
    kept = Predictions.load(study / "others/vendor.parquet")
    np.testing.assert_array_equal(kept.scores, own.scores)
    document = read_document(study / "others.json")
    assert {row["model"] for row in document["differences"]} >= {"vendor"}
    assert any("vendor" in sentence and "none" in sentence for sentence in document["verdicts"])
    assert document["notes"] == [not_known("vendor")]
    page = render(study)
    assert "Other models" in page
    assert document["notes"][0] in page


def test_test_images_that_it_learned_from_are_counted(study, other, hardware):
    write_learned(other.run, [SOURCE["test"].take(range(4))], [])
    try:
        notes = compare_with(study, [other], "auroc", hardware).notes
    finally:
        (other.run / "learned.npz").unlink()
    assert any("learned from 4 of the 40 test images" in note for note in notes)


def test_an_image_of_the_study_that_it_cannot_read_is_named(study, other, hardware):
    few = OtherModel(other.run, other.classifier, make_images(4, name="test"), make_images(4, name="test"))
    with pytest.raises(AskedWrongly, match="36 test images of the study cannot be read"):
        compare_with(study, [few], "auroc", hardware)
    with pytest.raises(AskedWrongly, match="a name of its own"):
        compare_with(study, [other, other], "auroc", hardware)


def test_runs_that_cannot_be_compared_are_refused_before_a_study_begins(other, tmp_path):
    plan = Plan(strategies=("none", "recalibrate"), budgets=("8",), shift="noise@1")
    twin, own, labelled = tmp_path / "vendor", tmp_path / "recalibrate", tmp_path / "none with 8"
    spec = other.classifier.spec
    check_others([(other.run, spec)], plan, SOURCE)
    with pytest.raises(AskedWrongly, match="Several runs are called 'vendor'"):
        check_others([(other.run, spec), (twin, spec)], plan, SOURCE)
    for folder in (own, labelled):
        with pytest.raises(AskedWrongly, match=f"models of its own called '{folder.name}'"):
            check_others([(folder, spec)], plan, SOURCE)
    named = {name: replace(part, classes=("a", "b")) for name, part in SOURCE.splits.items()}
    with pytest.raises(AskedWrongly, match="knows the classes NORMAL, PNEUMONIA, and .* has a, b"):
        check_others([(twin, spec)], plan, replace(SOURCE, splits=named))
