import pytest
from samples import make_dataset, write_images

import radapt
from radapt.errors import AskedWrongly, UnknownName, WrongFolder


def test_a_model_is_trained_into_a_run_that_shows_itself(run, data):
    assert len(run.history["number"]) == 2
    assert {row["tested on"] for row in run.rows()} == {"source"}
    assert run.to_frame().shape == (len(run.rows()), 9)
    assert "<td>none</td>" in run._repr_html_()
    assert len(run.plot().axes) == 2
    assert repr(run) == f"Run({run.folder}: compact, strategy none)"
    assert run.model.spec.classes == data.classes
    assert repr(radapt.read_run(str(run.folder))) == repr(run)


def test_without_a_folder_a_new_one_is_made(data):
    first, second = (radapt.train(data, epochs=1, steps=1, seed=seed, device="cpu") for seed in (0, 1))
    assert first.folder != second.folder


def test_a_path_is_read_at_the_size_of_the_model_and_then_as_the_model_reads(tmp_path, monkeypatch):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path / "cache"))
    folder = write_images(tmp_path / "images", make_dataset(train=24, val=8, test=16))
    run = radapt.train(folder, "original-cnn", epochs=1, steps=1, batch_size=4, device="cpu")
    assert run.model.spec.size == 150
    assert radapt.evaluate(run, str(folder)).details["images"] == 16


def test_a_run_is_adapted_with_a_budget_of_labels(run, target, tmp_path):
    adapted = radapt.adapt(run, target, "head", tmp_path / "head", budget=32, epochs=1, steps=2, device="cpu")
    assert adapted.record["images"] == 32
    assert adapted.record["source"] == run.record["source"]
    assert {row["strategy"] for row in adapted.rows()} == {"none", "head"}  # before and after
    frozen = dict(run.model.trunk.named_parameters())
    assert all(frozen[name].equal(tensor) for name, tensor in adapted.model.trunk.named_parameters())


def test_a_model_without_epochs_draws_its_scores(run, target):
    solved = radapt.adapt(run.folder, target, "linear-probe", budget=32)
    assert len(solved.plot().axes) == 1
    assert radapt.adapt(solved.model, target, "none").record["source"] is None


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model": "compakt"}, UnknownName, "'compakt'. Did you mean 'compact'"),
        ({"epoch": 3}, UnknownName, "'epoch'. Did you mean 'epochs'"),
        ({"epochs": 0}, AskedWrongly, "epochs is a whole number"),
        ({"tune": "head", "epochs": 3}, AskedWrongly, "epochs would do nothing"),
    ],
)
def test_wrong_options_of_training_end_in_a_sentence(data, options, error, words):
    with pytest.raises(error, match=words):
        radapt.train(data, **options)


def test_wrong_data_strategies_and_folders_end_in_a_sentence(run, data, target):
    with pytest.raises(AskedWrongly, match="Got an ImageSet"):
        radapt.train(data["train"])
    with pytest.raises(UnknownName, match="strategy"):
        radapt.adapt(run, target, "heat")
    with pytest.raises(AskedWrongly, match="source"):
        radapt.adapt(run, target, "replay")
    with pytest.raises(WrongFolder, match="There is no folder"):
        radapt.read_run("nowhere")
    with pytest.raises(WrongFolder, match="holds a run, not a study"):
        radapt.read_study(run.folder)
