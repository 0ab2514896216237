import pytest
import torch
from samples import make_dataset

from radapt.artefacts import predictions_file
from radapt.errors import AskedWrongly
from radapt.models.checkpoint import load_classifier
from radapt.models.classifier import VIEWS, _moved
from radapt.models.inference import embed, logits_of, predict
from radapt.predictions import Predictions
from radapt.runs.learned import count_known, read_learned
from radapt.runs.train import TrainOptions, train_model
from radapt.training.recipe import Recipe

QUICK = Recipe(epochs=1, batch_size=16)


@pytest.fixture(scope="module")
def trained(hardware, tmp_path_factory):
    out = tmp_path_factory.mktemp("train") / "run"
    return out, train_model(make_dataset(), out, TrainOptions(recipe=QUICK), hardware=hardware)


def test_a_run_counts_its_images_and_knows_them_again(trained, dataset):
    out, record = trained
    assert (record["strategy"], record["images"], record["pretrained"]) == ("none", 0, False)
    counts = [record[name]["images"] for name in ("trained_on", "validated_on")]
    assert sum(counts) == 96, "16 val images are too few to choose an epoch by"
    digests = read_learned(out)
    assert count_known(dataset["train"], digests["learned"]) == 96
    assert count_known(dataset["test"], digests["tested"]) == 40
    assert len(Predictions.load(predictions_file(out, "source-test"))) == 40


def test_the_same_request_returns_the_same_run_and_another_is_refused(trained, hardware):
    out, record = trained
    assert train_model(make_dataset(), out, TrainOptions(recipe=QUICK), hardware=hardware) == record
    with pytest.raises(AskedWrongly, match="it differs in seed"):
        train_model(make_dataset(), out, TrainOptions(recipe=QUICK, seed=1), hardware=hardware)


def test_a_fold_is_left_out_of_training_and_scored_instead_of_the_test_images(hardware, tmp_path, dataset):
    options = TrainOptions(recipe=QUICK, fold=(2, 4))
    record = train_model(dataset, tmp_path / "run", options, hardware=hardware)
    tested = Predictions.load(predictions_file(tmp_path / "run", "source-test"))
    assert record["fold"] == "2/4"
    assert len(tested) + record["trained_on"]["images"] + record["validated_on"]["images"] == 96
    assert set(tested.ids) <= set(dataset["train"].ids)
    with pytest.raises(AskedWrongly, match="Got 5/4"):
        train_model(dataset, tmp_path / "no", TrainOptions(recipe=QUICK, fold=(5, 4)), hardware=hardware)


def test_a_model_averages_so_many_views_of_each_image_wherever_it_is_used(
    trained, hardware, tmp_path, dataset
):
    out = tmp_path / "run"
    train_model(dataset, out, TrainOptions(recipe=QUICK, test_views=3), hardware=hardware)
    model, one = load_classifier(out), load_classifier(trained[0])
    assert (model.spec.views, one.spec.views) == (3, 1)
    kept = Predictions.load(predictions_file(out, "source-test"))
    assert (predict(model, dataset["test"], hardware).scores == kept.scores).all()
    pixels = torch.from_numpy(dataset["test"].pixels)
    views = [
        logits_of(model.head, embed(model, _moved(pixels, *view), hardware), hardware) for view in VIEWS[:3]
    ]
    torch.testing.assert_close(
        logits_of(model, pixels, hardware), torch.stack(views).mean(0), atol=1e-4, rtol=1e-4
    )
