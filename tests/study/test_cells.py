import pytest
from samples import make_dataset

from radapt.adaptation.head import Head
from radapt.artefacts import CLASSIFIER, RECORD, SCORES, VALIDATION, prediction_files
from radapt.files import read_object
from radapt.progress import SILENT
from radapt.study.cells import StudyContext, run_cell
from radapt.study.domains import shifted_domains
from radapt.study.plan import Cell, Plan
from radapt.training.recipe import ORIGINAL_ADAPT

BASE, ADAPTED = Cell("none", "", 0), Cell("recalibrate", "8", 0)


def context(hardware, out, **plan):
    data = make_dataset()
    images = shifted_domains(data, "original", seed=0)
    plan = Plan(strategies=("none", "recalibrate"), budgets=("8",), epochs=1, steps=2, **plan)
    return StudyContext(plan, data, images, out, hardware, SILENT, None, None)


@pytest.fixture(scope="module")
def study(hardware, tmp_path_factory):
    made = context(hardware, tmp_path_factory.mktemp("study"))
    for cell in (BASE, ADAPTED):
        run_cell(made, cell)
    return made


def test_a_cell_is_a_run_with_scores_on_both_sides(study):
    for cell in (BASE, ADAPTED):
        folder = study.folder(cell)
        record, rows = read_object(folder / RECORD), read_object(folder / SCORES)["estimates"]
        assert (record["name"], record["strategy"]) == (cell.name, cell.strategy)
        assert {row["domain"] for row in rows} == {"source", "target"}
        assert {row["budget"] for row in rows} == {0 if cell.is_base else 8}
    assert read_object(study.folder(ADAPTED) / RECORD)["trained_on"]["images"] == 8


def test_what_chose_the_epoch_of_the_base_model_is_kept(study):
    assert VALIDATION in {path.stem for path in prediction_files(study.base(0))}
    assert VALIDATION not in {path.stem for path in prediction_files(study.folder(ADAPTED))}


def test_the_base_model_of_another_study_is_used_again(study, hardware, tmp_path):
    other = StudyContext(
        study.plan, study.source, study.images, tmp_path, hardware, SILENT, None, base_models_from=study.out
    )
    run_cell(other, BASE)
    first, again = (read_object(made.base(0) / CLASSIFIER) for made in (study, other))
    assert first["weights_sha256"] == again["weights_sha256"]


def test_the_plans_steps_are_not_for_training_on_features(study):
    assert study.conditions(BASE).steps == 2
    assert study.conditions(Cell("full", "8", 0)).steps == 2
    assert study.conditions(Cell("head", "8", 0)).steps is None


def test_the_original_has_strategies_of_its_own(study, hardware, tmp_path):
    original = context(hardware, tmp_path, protocol="original")
    assert original.strategy("head") == Head(ORIGINAL_ADAPT, views=2, plain_view=False, plane=False)
    assert study.strategy("head") == Head()
    assert original.spec().outputs == "sigmoid"
    assert study.spec().outputs == "softmax"
