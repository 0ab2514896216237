"""The command train chooses its recipe by the images that are left to train on."""

from samples import make_dataset, write_images

from radapt.runs.folder import read_record
from radapt.training.recipe import base_recipe_for


def test_epochs_are_those_of_the_images_left_without_the_fold_and_validation(tmp_path, radapt):
    data = write_images(tmp_path / "data", make_dataset(train=840, val=16, test=16))
    words = ["--size", 16, "--steps", 1, "--fold", "1/8", "--out", tmp_path / "run"]
    code, _, error = radapt("train", data, *words)
    assert code == 0, error
    record = read_record(tmp_path / "run")
    left, set_aside = record["trained_on"]["images"], record["validated_on"]["images"]
    assert 840 > left + set_aside > left
    epochs = [base_recipe_for("compact", count).epochs for count in (840, left + set_aside, left)]
    assert len(set(epochs)) == 3
    assert record["recipe"]["epochs"] == epochs[-1]
