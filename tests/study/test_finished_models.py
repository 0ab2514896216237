"""The models of a finished study are compared with others as what they are, tested out of fold or not."""

from dataclasses import replace

import pytest
from samples import make_dataset, make_images

from radapt.artefacts import STUDY
from radapt.errors import BadArtefact
from radapt.files import read_document, write_document
from radapt.images.imageset import Dataset
from radapt.study.experiment import run_study
from radapt.study.finished_models import models_of_study
from radapt.study.model_comparison import compare_models
from radapt.study.plan import Plan

TARGET = {"train": 24, "val": 8, "test": 16}


@pytest.fixture(scope="module")
def folded(tmp_path_factory, hardware):
    """A study whose best model is one of recalibrate, tested out of fold."""
    source, out = make_dataset(), tmp_path_factory.mktemp("study") / "out"
    splits = {
        name: make_images(count, seed=seed, name=f"other-{name}")
        for seed, (name, count) in enumerate(TARGET.items(), 50)
    }
    target = Dataset(splits, replace(source.origin, name="other", fingerprint="other"))
    plan = Plan(
        shift=None, strategies=("none", "recalibrate"), budgets=("8",), seeds=2, epochs=1, steps=2, folds=2
    )
    raw = run_study(plan, source, target, out, hardware=hardware)
    best = {**raw["the_best"], "strategy": "recalibrate", "budget": 8}
    write_document(out / STUDY, {**{k: v for k, v in raw.items() if k != "schema"}, "the_best": best})
    return out


def test_folds_are_one_model_a_seed_of_all_target_images(folded):
    best, none = models_of_study(folded)
    assert (best.name, none.name) == ("recalibrate with 8 labelled images", "none")
    for model in (best, none):
        assert [len(set(run.ids.tolist())) for run in model.runs] == [48, 48]
    result = compare_models([none, best])
    assert result.as_dict()["images"] == 48


def test_a_damaged_study_is_refused_in_a_sentence(folded, tmp_path):
    raw = {name: value for name, value in read_document(folded / STUDY).items() if name != "schema"}
    write_document(tmp_path / STUDY, {**raw, "plan": {}})
    with pytest.raises(BadArtefact, match="is damaged, or of another version"):
        models_of_study(tmp_path)
